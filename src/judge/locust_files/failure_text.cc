#include "judge/locust_files/failure_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace squadload::locust_files {
namespace {

using measure::Outcome;

constexpr int kMostWrappings = 4;

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// "'it\\'s'" → "it's", as Python's repr() quotes; none: not quoted.
std::optional<std::string> unquoted(std::string_view text) {
    if (text.size() < 2 || (text.front() != '\'' && text.front() != '"')) return std::nullopt;
    if (text.back() != text.front()) return std::nullopt;
    std::string out;
    const auto inner = text.substr(1, text.size() - 2);
    for (std::size_t i = 0; i < inner.size(); ++i) {
        const bool escape = inner[i] == '\\' && i + 1 < inner.size() &&
                            (inner[i + 1] == '\\' || inner[i + 1] == '\'' || inner[i + 1] == '"');
        out += escape ? inner[++i] : inner[i];
    }
    return out;
}

// Three digits at the front, no fourth; 0: none.
int status_at(std::string_view text) {
    if (text.size() < 3 || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2])) return 0;
    if (text.size() > 3 && is_digit(text[3])) return 0;
    return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

// "HTTPError" of "HTTPError('…')"; "" for what is no exception.
std::string_view exception_name(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                                 text[end] == '_' || text[end] == '.'))
        ++end;
    const bool named = end > 0 && !is_digit(text[0]) && end < text.size() && text[end] == '(';
    return named && text.back() == ')' ? text.substr(0, end) : std::string_view();
}

bool is_http_error(std::string_view text) {
    return status_at(text) != 0 && (text.substr(3).starts_with(" Client Error") ||
                                    text.substr(3).starts_with(" Server Error"));
}

int status_of(std::string_view text) {
    constexpr std::string_view kStatus = "status ", kCode = "code=";
    if (text.starts_with(kStatus)) return status_at(text.substr(kStatus.size()));
    if (is_http_error(text)) return status_at(text);
    const auto name = exception_name(text);
    if (name.empty()) return 0;
    auto inside = text.substr(name.size() + 1);
    if (name.ends_with("BadStatusCode")) {
        const auto at = inside.find(kCode);
        return at == std::string_view::npos ? 0 : status_at(inside.substr(at + kCode.size()));
    }
    if (!inside.empty() && (inside.front() == '\'' || inside.front() == '"'))
        inside.remove_prefix(1);
    return is_http_error(inside) ? status_at(inside) : 0;
}

struct Word {
    std::string_view text;
    Outcome outcome;
};

// What squadload writes, from the beginning.
constexpr std::array kOurs{
    Word{"no complete response within ", Outcome::timeout},
    Word{"no first byte within ", Outcome::timeout},
    Word{"no connection within ", Outcome::timeout},
    Word{"connected, but no TLS handshake within ", Outcome::timeout},
    Word{"connected to the proxy, but no tunnel within ", Outcome::timeout},
    Word{"connection closed ", Outcome::connection_closed},
    Word{"connection reset ", Outcome::connection_closed},
    Word{"connect to ", Outcome::connect_error},
    Word{"TLS with ", Outcome::connect_error},
    Word{"the proxy ", Outcome::connect_error},
    Word{"out of file descriptors", Outcome::connect_error},
    Word{"out of local ports", Outcome::connect_error},
    Word{"the kernel is out of memory for sockets", Outcome::connect_error},
    Word{"still in flight when graceful_stop ended", Outcome::abandoned},
    Word{"waiting after a 429 when graceful_stop ended", Outcome::abandoned},
    Word{"bytes after the end of the response", Outcome::protocol_error},
};

// Anywhere in the repr() of an exception; the first that fits decides.
constexpr std::array kInExceptions{
    Word{"Timeout", Outcome::timeout},
    Word{"timed out", Outcome::timeout},
    Word{"timeout(", Outcome::timeout},
    Word{"ConnectionRefused", Outcome::connect_error},
    Word{"Connection refused", Outcome::connect_error},
    Word{"NewConnectionError", Outcome::connect_error},
    Word{"NameResolution", Outcome::connect_error},
    Word{"gaierror", Outcome::connect_error},
    Word{"No route to host", Outcome::connect_error},
    Word{"unreachable", Outcome::connect_error},
    Word{"SSL", Outcome::connect_error},
    Word{"ProxyError", Outcome::connect_error},
    Word{"RemoteDisconnected", Outcome::connection_closed},
    Word{"ConnectionReset", Outcome::connection_closed},
    Word{"Connection reset", Outcome::connection_closed},
    Word{"ConnectionAborted", Outcome::connection_closed},
    Word{"Connection aborted", Outcome::connection_closed},
    Word{"BrokenPipe", Outcome::connection_closed},
    Word{"Broken pipe", Outcome::connection_closed},
    Word{"IncompleteRead", Outcome::connection_closed},
    Word{"ConnectionClosed", Outcome::connection_closed},
    Word{"BadStatusLine", Outcome::protocol_error},
    Word{"LineTooLong", Outcome::protocol_error},
    Word{"HTTPParseError", Outcome::protocol_error},
    Word{"InvalidChunkLength", Outcome::protocol_error},
    Word{"InvalidHeader", Outcome::protocol_error},
    Word{"ConnectionError", Outcome::connect_error},
};

}  // namespace

std::string unwrapped(std::string_view text) {
    constexpr std::string_view kCatch = "CatchResponseError(";
    std::string out(text);
    for (int i = 0; i < kMostWrappings; ++i) {
        if (auto inner = unquoted(out)) {
            out = *std::move(inner);
        } else if (out.starts_with(kCatch) && out.ends_with(')')) {
            out = out.substr(kCatch.size(), out.size() - kCatch.size() - 1);
        } else {
            break;
        }
    }
    return out;
}

Told outcome_of(std::string_view wrapped) {
    const std::string text = unwrapped(wrapped);
    if (const int status = status_of(text); status != 0) {
        if (status == 429) return {Outcome::rate_limited, status};
        if (status >= 500) return {Outcome::server_error, status};
        return {status >= 400 ? Outcome::client_error : Outcome::check_failed, status};
    }
    for (const auto& [words, outcome] : kOurs)
        if (text.starts_with(words)) return {outcome, 0};
    if (exception_name(text).empty()) return {};
    for (const auto& [words, outcome] : kInExceptions)
        if (text.find(words) != std::string::npos) return {outcome, 0};
    return {};
}

}  // namespace squadload::locust_files
