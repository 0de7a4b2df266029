#include "target/squad_api/stores/redis_url.h"

#include <fmt/core.h>

#include <charconv>
#include <optional>

namespace squadload::squad_api {
namespace {

tl::unexpected<Error> bad(std::string_view why) {
    return fail(ErrorKind::config, fmt::format("the Redis URL {}", why));
}

template <class Number>
std::optional<Number> number_in(std::string_view text, Number low, Number high) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (value < low || value > high) return std::nullopt;
    return value;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size()) return std::nullopt;
        const char* const digits = text.data() + i + 1;
        if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) return std::nullopt;
        decoded += static_cast<char>(static_cast<unsigned char>(value));
        i += 2;
    }
    return decoded;
}

// Takes "[user]:password@" or "user@" off the front of `rest`.
bool take_credentials(std::string_view& rest, std::size_t authority, RedisAddress& address) {
    const std::size_t at = rest.substr(0, authority).rfind('@');
    if (at == std::string_view::npos) return true;
    const std::string_view credentials = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    const std::size_t colon = credentials.find(':');
    const auto user = percent_decoded(credentials.substr(0, colon));
    const auto password = colon == std::string_view::npos
                              ? std::optional<std::string>("")
                              : percent_decoded(credentials.substr(colon + 1));
    if (!user || !password) return false;
    address.user = *user;
    address.password = *password;
    return true;
}

bool read_database(std::string_view text, RedisAddress& address) {
    if (text.empty()) return true;
    const auto database = number_in<int>(text, 0, 9999);
    if (database) address.database = *database;
    return database.has_value();
}

Result<RedisAddress> read_path(std::string_view rest, RedisAddress address) {
    const std::size_t question = rest.find('?');
    address.path = std::string(rest.substr(0, question));
    if (address.path.empty() || address.path.front() != '/') {
        return bad("has no absolute path of a socket after unix://");
    }
    if (question == std::string_view::npos) return address;
    std::string_view query = rest.substr(question + 1);
    if (!query.starts_with("db=")) return bad("has a query other than db=NUMBER");
    query.remove_prefix(3);
    if (query.empty() || !read_database(query, address)) {
        return bad("has no database number (0 to 9999) after db=");
    }
    return address;
}

Result<RedisAddress> read_host(std::string_view rest, RedisAddress address) {
    const std::size_t slash = rest.find('/');
    std::string_view host = rest.substr(0, slash);
    std::string_view port;
    if (host.starts_with('[')) {
        const std::size_t bracket = host.find(']');
        if (bracket == std::string_view::npos) return bad("has a [ without a ] in its host");
        port = host.substr(bracket + 1);
        host = host.substr(1, bracket - 1);
        if (!port.empty() && port.front() != ':') return bad("has text between ] and the port");
    } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
        port = host.substr(colon);
        host = host.substr(0, colon);
    }
    if (host.empty()) return bad("has no host");
    address.host = std::string(host);
    if (!port.empty()) {
        const auto number = number_in<std::uint16_t>(port.substr(1), 1, 65535);
        if (!number) return bad("has a port that is not a number from 1 to 65535");
        address.port = *number;
    }
    if (slash != std::string_view::npos && !read_database(rest.substr(slash + 1), address)) {
        return bad("has a database that is not a number from 0 to 9999 after its host");
    }
    return address;
}

}  // namespace

std::string RedisAddress::text() const {
    if (host.empty()) return path;
    const bool ipv6 = host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}/{}", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port, database);
}

Result<RedisAddress> parse_redis_url(std::string_view url) {
    RedisAddress address;
    if (url.starts_with("rediss://")) {
        return bad("asks for TLS (rediss://), which is not spoken: use redis://");
    }
    const bool socket = url.starts_with("unix://");
    if (!socket && !url.starts_with("redis://")) {
        return bad("does not begin with redis:// or unix://");
    }
    std::string_view rest = url.substr(socket ? 7 : 8);
    // A password may hold anything but what ends the host; where it does, it is to be encoded.
    if (!take_credentials(rest, rest.find_first_of("/?#"), address)) {
        return bad("has a % without two hex digits in its user or password");
    }
    if (rest.find('@') != std::string_view::npos) {
        return bad("has a password with a /, ? or # in it: write %2F, %3F or %23");
    }
    return socket ? read_path(rest, std::move(address)) : read_host(rest, std::move(address));
}

}  // namespace squadload::squad_api
