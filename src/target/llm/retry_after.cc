#include "target/llm/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "target/llm/decimal.h"
#include "target/llm/error_shape.h"
#include "target/llm/go_duration.h"
#include "target/llm/instant.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;

// What is further away than this is no hint but a mistake.
constexpr Nanos kMeaningless = std::chrono::years{10};
// Longer texts are no durations.
constexpr std::size_t kLongestText = 64;
// A message is searched this far.
constexpr std::size_t kSearchedBytes = 4096;

std::optional<Nanos> bounded(std::optional<Nanos> time) {
    if (!time || *time < 0ns || *time > kMeaningless) return std::nullopt;
    return std::min(*time, kLongestHint);
}

std::optional<Nanos> until(std::optional<WallTime> instant, WallTime now) {
    // Both are within 292 years of 1970, their difference need not be.
    if (!instant || *instant < now) return std::nullopt;
    if (now.time_since_epoch() < 0ns && *instant > WallTime::max() + now.time_since_epoch())
        return std::nullopt;
    return *instant - now;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

std::optional<Nanos> seconds_or_duration(std::string_view value) {
    const auto seconds = parse_decimal(value, 1s);
    return bounded(seconds ? seconds : parse_go_duration(value));
}

struct WordUnit {
    std::string_view word;
    Nanos length;
};
constexpr std::array kWordUnits{
    WordUnit{"second", 1s},
    WordUnit{"sec", 1s},
    WordUnit{"s", 1s},
    WordUnit{"minute", 1min},
    WordUnit{"min", 1min},
    WordUnit{"m", 1min},
    WordUnit{"hour", 1h},
    WordUnit{"h", 1h},
    WordUnit{"day", 24h},
    WordUnit{"ms", 1ms},
    WordUnit{"millisecond", 1ms},
};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "1m2.5s. Need more": the longest run of what durations are made of, without a final stop.
std::optional<Nanos> duration_at_front(std::string_view text) {
    constexpr std::string_view kMade = "0123456789.nums\xc2\xb5\xce\xbch";
    std::string_view run = text.substr(0, text.find_first_not_of(kMade));
    while (run.ends_with('.')) run.remove_suffix(1);
    return run.size() <= kLongestText ? parse_go_duration(run) : std::nullopt;
}

// "6 seconds", "20 s", and a bare "6" where the sentence ends.
std::optional<Nanos> words_at_front(std::string_view text) {
    text = text.substr(0, kLongestText);
    std::string_view rest = text;
    if (!take_decimal(rest, 1ns)) return std::nullopt;
    const std::string_view number = text.substr(0, text.size() - rest.size());
    rest = trim_blanks(rest);
    if (rest.empty() || number.ends_with('.')) return parse_decimal(number, 1s);
    const auto* end = std::ranges::find_if_not(rest, is_letter);
    std::string_view word(rest.data(), static_cast<std::size_t>(end - rest.data()));
    if (word.size() > 2 && word.ends_with('s')) word.remove_suffix(1);
    const auto* unit = std::ranges::find(kWordUnits, word, &WordUnit::word);
    return unit != kWordUnits.end() ? parse_decimal(number, unit->length) : std::nullopt;
}

// "retryDelay": "26s" somewhere in a text, however the quotes are escaped.
std::optional<Nanos> delay_in_text(std::string_view text) {
    constexpr std::string_view kKey = "retryDelay";
    text = text.substr(0, kSearchedBytes);
    const std::size_t at = text.find(kKey);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + kKey.size());
    const std::size_t skipped = text.find_first_not_of("\\\": ");
    if (skipped == std::string_view::npos) return std::nullopt;
    return bounded(duration_at_front(text.substr(skipped)));
}

std::optional<Nanos> retry_info(JsonView error) {
    std::optional<Nanos> delay;
    error["details"].each([&](JsonView detail) {
        const auto text = detail["retryDelay"].text();
        if (text && text->size() <= kLongestText) delay = seconds_or_duration(*text);
        return !delay;
    });
    return delay;
}

std::optional<Nanos> reset_of(JsonView value, WallTime now) {
    if (const auto text = value.text()) return parse_reset(*text, now);
    const auto number = value.whole();
    return number ? parse_reset(std::to_string(*number), now) : std::nullopt;
}

// openrouter.ai/docs/api-reference/limits: the headers it would have sent stand in the body.
std::optional<Nanos> metadata_hint(JsonView error, WallTime now) {
    const JsonView headers = error["metadata"]["headers"];
    for (const std::string_view name : {"Retry-After", "retry-after"}) {
        const auto text = headers[name].text();
        const auto hint = text ? parse_retry_after(*text, now) : std::nullopt;
        if (hint) return hint;
    }
    for (const std::string_view name :
         {"X-RateLimit-Reset", "x-ratelimit-reset", "X-Ratelimit-Reset"}) {
        if (const auto hint = reset_of(headers[name], now)) return hint;
    }
    return std::nullopt;
}

std::optional<Nanos> header_hint(HeaderLookup headers, WallTime now) {
    if (const auto text = headers("retry-after-ms")) {
        const auto hint = bounded(parse_decimal(text->substr(0, kLongestText), 1ms));
        if (hint) return hint;
    }
    const auto text = headers("retry-after");
    return text ? parse_retry_after(*text, now) : std::nullopt;
}

enum class Subject { unknown, requests, tokens };

struct ResetFamily {
    std::string_view reset;
    std::string_view remaining;
    Subject subject;
    bool of_day;
};
constexpr std::array kResets{
    ResetFamily{"x-ratelimit-reset-requests-minute", "x-ratelimit-remaining-requests-minute",
                Subject::requests, false},
    ResetFamily{"x-ratelimit-reset-requests", "x-ratelimit-remaining-requests", Subject::requests,
                false},
    ResetFamily{"x-ratelimit-reset-requests-day", "x-ratelimit-remaining-requests-day",
                Subject::requests, true},
    ResetFamily{"x-ratelimit-reset-tokens-minute", "x-ratelimit-remaining-tokens-minute",
                Subject::tokens, false},
    ResetFamily{"x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", Subject::tokens, false},
    ResetFamily{"x-ratelimit-reset-tokens-day", "x-ratelimit-remaining-tokens-day", Subject::tokens,
                true},
    ResetFamily{"x-ratelimit-reset", "x-ratelimit-remaining", Subject::unknown, false},
    ResetFamily{"ratelimit-reset", "ratelimit-remaining", Subject::unknown, false},
};

Subject subject_of(const ErrorShape& shape) {
    const auto about = [&](std::string_view word) {
        return shape.type == word || shape.code.starts_with(word.substr(0, word.size() - 1)) ||
               contains_ignoring_case(shape.message.substr(0, kSearchedBytes), word);
    };
    if (about("tokens")) return Subject::tokens;
    return about("requests") ? Subject::requests : Subject::unknown;
}

// The longest reset of what is used up; when the answer shows nothing used up (a reservation larger
// than what is left), the reset of what the error is about. A reset of a quota with something left
// is no hint: every ordinary answer has those.
std::optional<Nanos> reset_headers(Dialect dialect, HeaderLookup headers, const ErrorShape& shape,
                                   WallTime now) {
    std::optional<Nanos> longest;
    std::optional<Nanos> about;
    const Subject subject = subject_of(shape);
    const bool day = contains_ignoring_case(shape.message.substr(0, kSearchedBytes), "per day");
    for (const ResetFamily& family : kResets) {
        const auto text = headers(family.reset);
        const auto reset = text ? parse_reset(*text, now) : std::nullopt;
        if (!reset) continue;
        const auto left = headers(family.remaining);
        if (left && parse_decimal(left->substr(0, kLongestText), 1ns) == Nanos{0})
            longest = std::max(longest.value_or(*reset), *reset);
        // Groq's plain "requests" are a day's.
        const bool of_day = family.of_day || (dialect == Dialect::groq &&
                                              family.reset == "x-ratelimit-reset-requests");
        const bool meant = subject != Subject::unknown && subject == family.subject;
        const bool plain = family.subject == Subject::unknown && !left;
        if (!about && ((meant && of_day == day) || plain)) about = reset;
    }
    return longest ? longest : about;
}

}  // namespace

std::optional<Nanos> parse_retry_after(std::string_view value, WallTime now) {
    value = trim_blanks(value);
    if (value.empty() || value.size() > kLongestText) return std::nullopt;
    if (const auto hint = seconds_or_duration(value)) return hint;
    return bounded(until(parse_http_date(value, now), now));
}

std::optional<Nanos> parse_reset(std::string_view value, WallTime now) {
    constexpr std::int64_t kFirstSeconds = 1'000'000'000;  // 2001; as milliseconds, 12 days
    constexpr std::int64_t kFirstMs = 100'000'000'000;     // 1973; as seconds, the year 5138
    value = trim_blanks(value);
    if (value.empty() || value.size() > kLongestText) return std::nullopt;
    const auto number = whole_number(value);
    if (!number || *number < kFirstSeconds) return seconds_or_duration(value);
    const std::int64_t milliseconds = *number < kFirstMs ? *number * 1000 : *number;
    return bounded(until(from_epoch_ms(milliseconds), now));
}

std::optional<Nanos> find_wait_in_message(std::string_view message) {
    message = message.substr(0, kSearchedBytes);
    for (const std::string_view phrase :
         {"try again in ", "retry in ", "retry after ", "try again after ", "retrying in "}) {
        const auto same = [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        };
        const auto found = std::ranges::search(message, phrase, same);
        if (found.empty()) continue;
        const std::string_view rest = trim_blanks(std::string_view(found.end(), message.end()));
        const auto duration = duration_at_front(rest);
        const auto hint = bounded(duration ? duration : words_at_front(rest));
        if (hint) return hint;
    }
    return std::nullopt;
}

std::optional<Nanos> hint_of(Dialect dialect, HeaderLookup headers, const ErrorShape& shape,
                             std::string_view body, WallTime now) {
    const std::string_view message = shape.message.empty() ? body : shape.message;
    auto said = find_wait_in_message(message);
    if (!said) said = find_wait_in_message(shape.raw);
    auto hint = header_hint(headers, now);
    if (!hint) hint = retry_info(shape.error);
    if (!hint) hint = metadata_hint(shape.error, now);
    if (!hint) hint = delay_in_text(shape.raw.empty() ? message : shape.raw);
    if (!hint) return said ? said : reset_headers(dialect, headers, shape, now);
    const bool cut = *hint % 1s == 0ns && said && *said > *hint && *said < *hint + 1s;
    return cut ? said : hint;
}

std::optional<Nanos> find_retry_after(Dialect dialect, HeaderLookup headers, std::string_view body,
                                      WallTime now) {
    const JsonDocument document(body);
    return hint_of(dialect, headers, error_shape(document.root()), body, now);
}

}  // namespace squadload::llm
