#include "target/llm/provider_error.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "target/llm/error_shape.h"
#include "target/llm/json_view.h"
#include "target/llm/utf8.h"

namespace squadload::llm {
namespace {

using Kind = ProviderErrorKind;

// Words are looked for in this much of a message.
constexpr std::size_t kSearchedBytes = 4096;

struct StatusWord {
    std::string_view word;
    int status;
};
// google.rpc.Code and its HTTP status (google/rpc/code.proto).
constexpr std::array kStatusWords{
    StatusWord{"INVALID_ARGUMENT", 400},  StatusWord{"FAILED_PRECONDITION", 400},
    StatusWord{"UNAUTHENTICATED", 401},   StatusWord{"PERMISSION_DENIED", 403},
    StatusWord{"NOT_FOUND", 404},         StatusWord{"RESOURCE_EXHAUSTED", 429},
    StatusWord{"INTERNAL", 500},          StatusWord{"UNAVAILABLE", 503},
    StatusWord{"DEADLINE_EXCEEDED", 504},
};

constexpr std::array<std::string_view, 3> kNoMoney{"insufficient_quota", "billing_not_active",
                                                   "billing_hard_limit_reached"};

template <class Words>
bool is_one_of(std::string_view text, const Words& words) {
    return std::ranges::find(words, text) != std::ranges::end(words);
}

bool any_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return is_one_of(text, words);
}

bool says(std::string_view text, std::initializer_list<std::string_view> parts) {
    text = text.substr(0, kSearchedBytes);
    return std::ranges::any_of(
        parts, [&](std::string_view part) { return contains_ignoring_case(text, part); });
}

// Whether an item of error.details, or of the violations in them, has a text with `part` in it.
bool has_detail(JsonView error, std::string_view key, std::string_view part) {
    bool found = false;
    const auto has = [&](JsonView object) {
        const auto text = object[key].text();
        found = found || (text && text->find(part) != std::string_view::npos);
        return !found;
    };
    error["details"].each([&](JsonView detail) {
        if (has(detail)) detail["violations"].each(has);
        return !found;
    });
    return found;
}

bool is_quota_of_a_day(const ErrorShape& shape) {
    return says(shape.message, {"per day", "per-day", "(rpd)", "(tpd)"}) ||
           has_detail(shape.error, "quotaId", "PerDay");
}

bool is_too_long(const ErrorShape& shape) {
    return any_of(shape.code,
                  {"context_length_exceeded", "string_above_max_length", "request_too_large"}) ||
           says(shape.message, {"maximum context length", "request too large",
                                "reduce the length of the messages"});
}

bool is_bad_key(const ErrorShape& shape) {
    return any_of(shape.code, {"invalid_api_key", "wrong_api_key"}) ||
           has_detail(shape.error, "reason", "API_KEY_INVALID") ||
           says(shape.message, {"api key not valid"});
}

Kind kind_of_429(const ErrorShape& shape) {
    if (any_of(shape.code, {"queue_exceeded", "slow_down"})) return Kind::overloaded;
    if (is_too_long(shape)) return Kind::too_large;
    return is_quota_of_a_day(shape) ? Kind::quota_exhausted : Kind::rate_limited;
}

Kind kind_of(int status, const ErrorShape& shape) {
    if (status == 402 || is_one_of(shape.code, kNoMoney) || is_one_of(shape.type, kNoMoney))
        return Kind::quota_exhausted;
    switch (status) {
        case 400:
        case 422:
            if (is_bad_key(shape)) return Kind::unauthorized;
            return is_too_long(shape) ? Kind::too_large : Kind::bad_request;
        case 401:
        case 403:
            return Kind::unauthorized;
        case 404:
            return Kind::not_found;
        case 413:
            return Kind::too_large;
        case 429:
            return kind_of_429(shape);
        case 498:  // Groq: no capacity in the flex tier
        case 503:
        case 529:  // Anthropic: overloaded
            return Kind::overloaded;
        default:
            break;
    }
    // An error inside a 200 that does not say which: the request was not at fault.
    const bool of_server = status == 200 || status == 408 || (status >= 500 && status <= 599);
    return of_server ? Kind::server_error : Kind::other;
}

bool is_key_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '*';
}

// Providers repeat the key they refuse, mostly masked; messages are logged.
std::string without_keys(std::string text) {
    constexpr std::size_t kShortestKey = 12;
    constexpr std::array<std::string_view, 4> kPrefixes{"sk-", "gsk_", "csk-", "AIza"};
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i;
        while (end < text.size() && is_key_character(text[end])) ++end;
        const std::string_view word(text.data() + i, end - i);
        const bool key = word.size() >= kShortestKey &&
                         std::ranges::any_of(kPrefixes, [&](std::string_view prefix) {
                             return word.starts_with(prefix);
                         });
        if (key) {
            text.replace(i, word.size(), "(key)");
            end = i + 5;
        }
        i = end + 1;
    }
    return text;
}

std::string message_of(int status, const ErrorShape& shape, std::string_view body) {
    std::string text = one_line(shape.message, kMaxErrorMessage);
    if (!shape.raw.empty()) text = one_line(text + ": " + one_line(shape.raw, 300), 400);
    if (text.empty()) text = one_line(body.substr(0, kSearchedBytes), kMaxErrorMessage);
    if (text.empty()) return fmt::format("status {} without a message", status);
    return without_keys(std::move(text));
}

std::string code_of(const ErrorShape& shape) {
    for (const std::string_view word : {shape.code, shape.status, shape.type}) {
        if (!word.empty()) return one_line(word, kMaxErrorCode);
    }
    return shape.number ? std::to_string(*shape.number) : "";
}

bool may_succeed_later(Kind kind) {
    return kind == Kind::rate_limited || kind == Kind::quota_exhausted ||
           kind == Kind::overloaded || kind == Kind::server_error;
}

ProviderError error_of(Dialect dialect, int status, HeaderLookup headers, const ErrorShape& shape,
                       std::string_view body, WallTime now) {
    ProviderError error;
    error.status = status;
    error.kind = kind_of(status, shape);
    error.message = message_of(status, shape, body);
    if (may_succeed_later(error.kind))
        error.retry_after = hint_of(dialect, headers, shape, body, now);
    error.code = code_of(shape);
    return error;
}

// The status an error inside a 200 stands for; 200 when it does not say.
int status_inside(const ErrorShape& shape) {
    if (shape.number && *shape.number >= 400 && *shape.number <= 599)
        return static_cast<int>(*shape.number);
    const auto* word = std::ranges::find(kStatusWords, shape.status, &StatusWord::word);
    if (word != kStatusWords.end()) return word->status;
    if (any_of(shape.code, {"rate_limit_exceeded"})) return 429;
    return any_of(shape.type, {"server_error", "internal_server_error"}) ? 500 : 200;
}

}  // namespace

std::string_view kind_name(ProviderErrorKind kind) {
    switch (kind) {
        case Kind::rate_limited:
            return "rate_limited";
        case Kind::quota_exhausted:
            return "quota_exhausted";
        case Kind::bad_request:
            return "bad_request";
        case Kind::unauthorized:
            return "unauthorized";
        case Kind::not_found:
            return "not_found";
        case Kind::too_large:
            return "too_large";
        case Kind::overloaded:
            return "overloaded";
        case Kind::server_error:
            return "server_error";
        case Kind::invalid_reply:
            return "invalid_reply";
        case Kind::other:
            return "other";
    }
    return "";
}

std::optional<ProviderError> error_inside(Dialect dialect, HeaderLookup headers, JsonView root,
                                          WallTime now) {
    ErrorShape shape = error_shape(root);
    if (!shape.named) {
        // A choice may have failed on its own, after it began.
        const JsonView choice = root["choices"].front();
        if (!choice["error"].is_object() && choice["finish_reason"].text() != "error")
            return std::nullopt;
        shape = error_shape(choice);
        if (shape.message.empty()) shape.message = "the provider ended the answer with an error";
        const int status = status_inside(shape);
        return error_of(dialect, status == 200 ? 502 : status, headers, shape, "", now);
    }
    return error_of(dialect, status_inside(shape), headers, shape, "", now);
}

ProviderError read_error(Dialect dialect, int status, HeaderLookup headers, std::string_view body,
                         WallTime now) {
    const JsonDocument document(body);
    return error_of(dialect, status, headers, error_shape(document.root()), body, now);
}

std::optional<ProviderError> find_error(Dialect dialect, HeaderLookup headers,
                                        std::string_view body, WallTime now) {
    const JsonDocument document(body);
    return error_inside(dialect, headers, document.root(), now);
}

}  // namespace squadload::llm
