// Provider bodies, headers and paths: nothing crashes, what is kept is clean and bounded, and what
// was once read is written and read again the same. Input: one byte for the dialect, the value of
// every header up to a newline, a path up to a newline, the body.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "target/llm/go_duration.h"
#include "target/llm/provider_error.h"
#include "target/llm/reply.h"
#include "target/llm/request.h"
#include "target/llm/retry_after.h"
#include "target/llm/utf8.h"

namespace {

using namespace squadload;
using namespace squadload::llm;

constexpr WallTime kNow{std::chrono::seconds{1'795'575'600}};

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

bool is_clean(std::string_view text, std::size_t max_bytes) {
    return text.size() <= max_bytes && valid_utf8(text) == text;
}

void check_hint(std::optional<Nanos> hint) {
    SQUADLOAD_CHECK(!hint || (*hint >= Nanos{0} && *hint <= kLongestHint));
}

void check_error(const ProviderError& error) {
    SQUADLOAD_CHECK(!error.message.empty() && is_clean(error.message, kMaxErrorMessage));
    SQUADLOAD_CHECK(is_clean(error.code, kMaxErrorCode));
    check_hint(error.retry_after);
}

void check_request(Dialect dialect, std::string_view path, std::string_view body) {
    const auto request = read_request(dialect, path, body);
    if (!request) {
        SQUADLOAD_CHECK(is_clean(request.error().message, 500));
        return;
    }
    // Gemini's system messages move to the front, or become a user's: from then on all stays.
    const WireRequest first = render_request(dialect, *request, "key");
    SQUADLOAD_CHECK(nlohmann::json::accept(first.body));
    const auto again = read_request(dialect, first.path, first.body);
    SQUADLOAD_CHECK(again.has_value());
    if (dialect != Dialect::gemini) SQUADLOAD_CHECK(*again == *request);
    const WireRequest second = render_request(dialect, *again, "key");
    SQUADLOAD_CHECK(second.body == render_request(dialect, *again, "key").body);
    const auto third = read_request(dialect, second.path, second.body);
    SQUADLOAD_CHECK(third.has_value() && *third == *again);
}

void check_reply(Dialect dialect, HeaderLookup headers, std::string_view body) {
    const auto reply = read_reply(dialect, headers, body, kNow);
    if (!reply) {
        check_error(reply.error());
        return;
    }
    SQUADLOAD_CHECK(nlohmann::json::accept(body) || body.starts_with("\xef\xbb\xbf"));
    const auto again = read_reply(dialect, {}, render_reply(dialect, *reply, {}), kNow);
    SQUADLOAD_CHECK(again.has_value());
    SQUADLOAD_CHECK(again->content == reply->content && again->usage == reply->usage);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (text.empty()) return 0;
    const Dialect dialect = kDialects[static_cast<unsigned char>(text[0]) % kDialects.size()];
    text.remove_prefix(1);
    const std::string_view value = take_line(text);
    const std::string_view path = take_line(text);
    const auto headers = [&](std::string_view) {
        return value.empty() ? std::nullopt : std::optional(value);
    };
    for (const int status : {400, 429, 503})
        check_error(read_error(dialect, status, headers, text, kNow));
    check_hint(parse_retry_after(value, kNow));
    check_hint(parse_reset(value, kNow));
    check_hint(find_wait_in_message(text));
    if (const auto time = parse_go_duration(value))
        SQUADLOAD_CHECK(parse_go_duration(format_go_duration(*time)) == time);
    check_request(dialect, path, text);
    check_reply(dialect, headers, text);
    return 0;
}
