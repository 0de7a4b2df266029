#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "arrivals/read_internal.h"
#include "base/random.h"

namespace squadload::arrivals {
namespace {

using namespace std::chrono_literals;

std::string line_of(const Arrival& arrival) {
    std::string line;
    to_line(arrival, line);
    return line;
}

Arrival sample() {
    Arrival arrival;
    arrival.seq = 7;
    arrival.at = 1'234'567'890ns;
    arrival.provider = "groq";
    arrival.key = "0123456789ab";
    arrival.model = "llama-3.3-70b-versatile";
    arrival.prompt_tokens = 120;
    arrival.max_tokens = 256;
    arrival.reserved_tokens = 376;
    arrival.reason = "tokens";
    arrival.status = 429;
    arrival.in_flight = 3;
    arrival.correlation_id = "req-1";
    arrival.agent = "tech_support";
    arrival.attempt = 2;
    arrival.retry_after = 7'660ms;
    arrival.done = 1'234'600'000ns;
    return arrival;
}

TEST(ArrivalTest, ALineIsTheKeysInOrder) {
    EXPECT_EQ(line_of(sample()),
              R"({"seq":7,"at_ns":1234567890,"provider":"groq","key":"0123456789ab",)"
              R"("model":"llama-3.3-70b-versatile","prompt_tokens":120,"max_tokens":256,)"
              R"("reserved_tokens":376,)"
              R"("admitted":false,"reason":"tokens","status":429,"in_flight":3,)"
              R"("correlation_id":"req-1","agent":"tech_support","attempt":2,)"
              R"("completion_tokens":0,"retry_after_ms":7660,"done_ns":1234600000})"
              "\n");
    Arrival open;
    open.admitted = true;
    EXPECT_NE(line_of(open).find(R"("admitted":true)"), std::string::npos);
    EXPECT_NE(line_of(open).find(R"("retry_after_ms":null,"done_ns":null})"), std::string::npos);
}

TEST(ArrivalTest, LinesAreAppended) {
    std::string lines = "before\n";
    to_line(sample(), lines);
    to_line(sample(), lines);
    EXPECT_EQ(lines, "before\n" + line_of(sample()) + line_of(sample()));
}

TEST(ArrivalTest, HintsKeepEveryNanosecond) {
    const std::vector<std::pair<Nanos, std::string>> cases = {
        {0ns, "0"},
        {7'660ms, "7660"},
        {1ns, "0.000001"},
        {12'500us, "12.5"},
        {1'000'010ns, "1.00001"},
        {-1'500us, "-1.5"},
        {Nanos::max(), "9223372036854.775807"},
        {Nanos::min(), "-9223372036854.775808"},
    };
    for (const auto& [hint, text] : cases) {
        Arrival arrival;
        arrival.retry_after = hint;
        const std::string line = line_of(arrival);
        EXPECT_NE(line.find("\"retry_after_ms\":" + text + ","), std::string::npos) << line;
        EXPECT_EQ(from_line(line).value().retry_after, hint);
    }
}

TEST(ArrivalTest, StringsAreEscapedAndMadeUtf8) {
    const std::string bad = "\xef\xbf\xbd";  // U+FFFD
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", ""},
        {"plain é 漢 😀 \x7f", "plain é 漢 😀 \x7f"},
        {"say \"\\\"", R"(say \"\\\")"},
        {"\b\f\n\r\t", R"(\b\f\n\r\t)"},
        {std::string("\0\x01\x1f", 3), R"(\u0000\u0001\u001f)"},
        // One replacement for each maximal ill-formed part: table 3-8 of the Unicode standard.
        {"\x80", bad},
        {"a\xff"
         "b",
         "a" + bad + "b"},
        {"\xc0\xaf", bad + bad},                      // overlong
        {"\xe0\x80\xaf", bad + bad + bad},            // overlong
        {"\xed\xa0\x80", bad + bad + bad},            // a surrogate
        {"\xf4\x90\x80\x80", bad + bad + bad + bad},  // beyond U+10FFFF
        {"\xf5\x80", bad + bad},
        {"\xe2\x82", bad},  // cut off
        {"\xf0\x9f\x98", bad},
        {"\xf0\x9f\x98"
         "A",
         bad + "A"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
         "A",
         bad + bad + bad + bad + "A"},
        {"\xc2"
         "\"",
         bad + R"(\")"},
        {"\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\xf4\x8f\xbf\xbf\xed\x9f\xbf"},  // the last of their kind
    };
    for (const auto& [text, written] : cases) {
        Arrival arrival;
        arrival.model = text;
        const std::string line = line_of(arrival);
        EXPECT_NE(line.find("\"model\":\"" + written + "\","), std::string::npos) << line;
        EXPECT_EQ(line.find('\n'), line.size() - 1);
    }
}

// Of whole characters, or bytes of all kinds among them.
std::string some_text(Random& random, bool utf8) {
    const std::vector<std::string> pieces = {
        "a",  "\"", "\\",   "\n",   std::string(1, '\0'), "é",           "漢",
        "😀", "/",  "\x1b", "\xff", "\xe2\x82",           "\xed\xa0\x80"};
    std::string text;
    for (auto n = random.below(12); n > 0; --n) {
        const bool one_byte = random.below(2) == 0;
        if (one_byte) text += static_cast<char>(random.below(utf8 ? 128 : 256));
        if (!one_byte) text += pieces[random.below(utf8 ? 10 : pieces.size())];
    }
    return text;
}

std::int64_t some_integer(Random& random) {
    switch (random.below(4)) {
        case 0:
            return std::numeric_limits<std::int64_t>::max();
        case 1:
            return std::numeric_limits<std::int64_t>::min();
        case 2:
            return random.between(-5, 5);
        default:
            return static_cast<std::int64_t>(random.next());
    }
}

Arrival some_arrival(Random& random, bool utf8) {
    Arrival arrival;
    arrival.seq = random.below(3) == 0 ? ~std::uint64_t{0} : random.next();
    arrival.at = Nanos{some_integer(random)};
    for (std::string* text : {&arrival.provider, &arrival.key, &arrival.model, &arrival.reason,
                              &arrival.correlation_id, &arrival.agent}) {
        *text = some_text(random, utf8);
    }
    for (std::int64_t* number :
         {&arrival.prompt_tokens, &arrival.max_tokens, &arrival.reserved_tokens, &arrival.status,
          &arrival.in_flight, &arrival.attempt, &arrival.completion_tokens}) {
        *number = some_integer(random);
    }
    arrival.admitted = random.below(2) == 0;
    if (random.below(2) == 0) arrival.retry_after = Nanos{some_integer(random)};
    if (random.below(2) == 0) arrival.done = Nanos{some_integer(random)};
    return arrival;
}

TEST(ArrivalTest, WhatIsWrittenIsRead) {
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        Random random(seed, RandomStream::test, 1);
        const bool utf8 = seed % 2 == 0;
        const Arrival arrival = some_arrival(random, utf8);
        const std::string line = line_of(arrival);
        ASSERT_EQ(line.find('\n'), line.size() - 1);
        // A parser that is not ours to test accepts it, UTF-8 included.
        const auto json = nlohmann::json::parse(line, nullptr, false);
        ASSERT_FALSE(json.is_discarded()) << line;
        ASSERT_EQ(json.size(), 18U);
        const Result<Arrival> read = from_line(line);
        ASSERT_TRUE(read) << read.error().text();
        if (utf8) {
            ASSERT_EQ(*read, arrival);
        }
        // Only what was no UTF-8 may differ, and what was read is written as the same line.
        Arrival numbers = *read;
        for (std::string Arrival::* text :
             {&Arrival::provider, &Arrival::key, &Arrival::model, &Arrival::reason,
              &Arrival::correlation_id, &Arrival::agent}) {
            ASSERT_EQ((arrival.*text).empty(), (*read.*text).empty());
            numbers.*text = arrival.*text;
        }
        ASSERT_EQ(numbers, arrival);
        ASSERT_EQ(line_of(*read), line);
    }
}

// The sample's line with the value of one key replaced; "" takes the key away.
std::string with(const std::string& key, const std::string& value) {
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(line_of(sample()));
    json.erase(key);
    std::string line = json.dump();
    if (!value.empty()) line.insert(line.size() - 1, ",\"" + key + "\":" + value);
    return line;
}

TEST(ArrivalTest, UnknownKeysAreIgnoredAndOrderDoesNotMatter) {
    const std::string more =
        with("extra", R"({"seq":"x","deep":[{"status":[1,2,{"at_ns":null}]}]})");
    EXPECT_EQ(from_line(more).value(), sample());
    EXPECT_EQ(from_line(with("list", "[1.5,null,true,\"x\",[]]")).value(), sample());
    EXPECT_EQ(from_line(with("seq", "7")).value(), sample());  // now the last key
    EXPECT_EQ(from_line("  " + with("", "") + "\r\n").value(), sample());
    EXPECT_EQ(from_line(with("retry_after_ms", "7660.000000")).value(), sample());
    EXPECT_EQ(from_line(with("retry_after_ms", "7.66e0")).has_value(), false);
}

TEST(ArrivalTest, EveryKeyIsNeeded) {
    const nlohmann::json json = nlohmann::json::parse(line_of(sample()));
    ASSERT_EQ(json.size(), 18U);
    for (const auto& [key, value] : json.items()) {
        const auto read = from_line(with(key, ""));
        ASSERT_FALSE(read) << key;
        EXPECT_EQ(read.error().kind, ErrorKind::io);
        EXPECT_EQ(read.error().message, "arrival log: \"" + key + "\" is missing");
        // And none takes a value of any other kind.
        int accepted = 0;
        for (const std::string kind : {"1", "1.5", "\"x\"", "true", "null", "[]", "{}"}) {
            const auto other = from_line(with(key, kind));
            accepted += other ? 1 : 0;
            if (other) continue;
            EXPECT_EQ(other.error().message.find("arrival log: \"" + key + "\" must be "), 0U);
        }
        EXPECT_EQ(accepted, key == "retry_after_ms" ? 3 : key == "done_ns" ? 2 : 1) << key;
    }
}

TEST(ArrivalTest, ProblemsArePlainSentences) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "not valid JSON near byte 1"},
        {"nonsense", "not valid JSON near byte 2"},
        {line_of(sample()).substr(0, 40), "not valid JSON near byte 41"},
        {with("", "") + with("", ""), ""},
        {"[]", "an arrival must be a JSON object, not a list"},
        {"7", "an arrival must be a JSON object"},
        {"null", "an arrival must be a JSON object"},
        {"\"x\"", "an arrival must be a JSON object"},
        {"1.5", "an arrival must be a JSON object"},
        {"true", "an arrival must be a JSON object"},
        {"{}", "\"seq\" is missing"},
        {R"({"seq":1,"seq":1})", "\"seq\" stands twice"},
        {with("seq", "-1"), "\"seq\" must be a whole number from 0, not -1"},
        {with("status", "\"200\""), "\"status\" must be a whole number, not a string"},
        {with("status", "9223372036854775808"),
         "\"status\" must be a whole number, not 9223372036854775808"},
        {with("at_ns", "1e3"), "\"at_ns\" must be a whole number, not 1e3"},
        {with("agent", "null"), "\"agent\" must be a string, not null"},
        {with("agent", "{}"), "\"agent\" must be a string, not an object"},
        {with("admitted", "1"), "\"admitted\" must be true or false, not 1"},
        {with("done_ns", "[]"), "\"done_ns\" must be a whole number or null, not a list"},
        {with("retry_after_ms", "0.0000001"),
         "\"retry_after_ms\" must be milliseconds (down to 0.000001) or null, not 0.0000001"},
        {with("retry_after_ms", "9223372036854.775808"),
         "\"retry_after_ms\" must be milliseconds (down to 0.000001) or null, not "
         "9223372036854.775808"},
    };
    for (const auto& [line, sentence] : cases) {
        const auto read = from_line(line);
        ASSERT_FALSE(read) << line;
        if (sentence.empty()) continue;
        EXPECT_EQ(read.error().message, "arrival log: " + sentence) << line;
    }
}

TEST(ArrivalTest, DeepAndBrokenInputIsHarmless) {
    EXPECT_FALSE(from_line(std::string(1'000'000, '[')));
    EXPECT_FALSE(from_line(R"({"x":)" + std::string(1'000'000, '[')));
    const std::string line = line_of(sample());
    for (std::size_t cut = 0; cut + 2 < line.size(); ++cut) {
        EXPECT_FALSE(from_line(line.substr(0, cut))) << cut;
    }
    EXPECT_FALSE(from_line("{\"model\":\"\xff\"}"));  // not UTF-8
}

// What the quick way accepts, the other accepts with the same values; and it accepts our own lines.
TEST(ArrivalTest, TheQuickWayAndTheOtherAgree) {
    Random random(1, RandomStream::test, 5);
    std::size_t quick = 0;
    const std::string bytes = "0123456789.-,:\"{}nul tre\\e\n\x01\xc3";
    for (int i = 0; i < 20'000; ++i) {
        Arrival arrival = sample();
        arrival.seq = random.next() >> random.below(64);
        arrival.at = Nanos{static_cast<std::int64_t>(random.next() >> 1)};
        arrival.status = random.between(0, 600);
        arrival.agent = i % 7 == 0 ? "" : "agent";
        if (i % 3 == 0) arrival.done.reset();
        if (i % 5 == 0) arrival.retry_after.reset();
        if (i % 5 == 1) arrival.retry_after = Nanos{random.between(-5'000'000, 90'000'000'000)};
        std::string line = line_of(arrival);
        Arrival own;
        ASSERT_TRUE(internal::read_own_line(line, own)) << line;
        ASSERT_EQ(own, arrival) << line;
        // A few bytes changed, lost or put in.
        for (auto n = random.below(3) + 1; n > 0; --n) {
            const auto at = random.below(line.size());
            const char c = bytes[random.below(bytes.size())];
            if (random.below(3) == 0)
                line.erase(at, 1);
            else if (random.below(2) == 0)
                line[at] = c;
            else
                line.insert(at, 1, c);
        }
        if (!internal::read_own_line(line, own)) continue;
        ++quick;
        const auto any = internal::read_any_line(line);
        ASSERT_TRUE(any) << line << any.error().message;
        EXPECT_EQ(own, *any) << line;
    }
    EXPECT_GT(quick, 1000U);
}

}  // namespace
}  // namespace squadload::arrivals
