#include "report/capacity_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::report {
namespace {

using result::LimitCause;
using result::Verdict;
using ::testing::HasSubstr;
using ::testing::Not;

result::Capacity sample() {
    result::Capacity c;
    c.from_per_s = 50;
    c.to_per_s = 1000;
    c.precision = 0.03;
    c.step_s = 10;
    c.bounds = {"p95 < 500ms"};
    const auto step = [&](double rate, double p95, LimitCause cause) {
        result::CapacityStep s;
        s.rate_per_s = rate;
        s.requests = s.ok = static_cast<std::uint64_t>(rate * 10);
        s.ok_per_s = rate;
        s.p50_ms = p95 / 2;
        s.p95_ms = p95;
        s.max_ms = p95 * 2;
        s.cause = cause;
        if (cause != LimitCause::none)
            s.sentence = "p95 response 812 ms where < 500 ms is asked for";
        c.steps.push_back(s);
    };
    step(50, 100, LimitCause::none);
    step(200, 812, LimitCause::latency);
    step(100, 120, LimitCause::none);
    c.limit_per_s = 100;
    c.broken_per_s = 200;
    c.cause = LimitCause::latency;
    c.sentence = "100/s holds; 200/s does not: p95 response 812 ms where < 500 ms is asked for";
    return c;
}

TEST(CapacityTable, TheAnswerFirstThenTheCurveByRate) {
    Style style;
    style.width = 100;
    const auto text = capacity_summary(sample(), Verdict::pass, style);
    EXPECT_THAT(text, HasSubstr("PASS  capacity is 100/s, ended by latency\n"));
    EXPECT_THAT(text, HasSubstr("asked for: p95 < 500ms; each rate for 10 s"));
    const auto fifty = text.find("50.0"), hundred = text.find("✔     100"),
               two = text.find("✘     200");
    EXPECT_LT(fifty, hundred) << text;
    EXPECT_LT(hundred, two) << text;
    EXPECT_NE(two, std::string::npos) << text;
}

TEST(CapacityTable, FitsNarrowTerminals) {
    for (const int width : {40, 60, 80}) {
        Style style;
        style.width = width;
        const auto text = capacity_summary(sample(), Verdict::pass, style);
        std::size_t begin = 0;
        while (begin < text.size()) {
            const auto end = text.find('\n', begin);
            std::size_t columns = 0;
            for (std::size_t i = begin; i < end; ++i)
                columns += (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 ? 1U : 0U;
            EXPECT_LE(columns, static_cast<std::size_t>(width)) << text;
            begin = end + 1;
        }
    }
}

TEST(CapacityTable, WithoutALimitItSaysHowFarItCame) {
    auto c = sample();
    c.broken_per_s.reset();
    c.cause = LimitCause::none;
    EXPECT_THAT(capacity_summary(c, Verdict::pass, {}), HasSubstr("capacity is at least 100/s\n"));
    c.limit_per_s.reset();
    EXPECT_THAT(capacity_summary(c, Verdict::fail, {}), HasSubstr("FAIL  no capacity found\n"));
}

TEST(CapacityTable, ALinePerRate) {
    const auto c = sample();
    EXPECT_THAT(capacity_line(c.steps[0], {}), HasSubstr("50.0/s"));
    EXPECT_THAT(capacity_line(c.steps[0], {}), Not(HasSubstr("812")));
    Style wide;
    wide.width = 120;
    EXPECT_THAT(capacity_line(c.steps[1], wide), HasSubstr("p95 response 812 ms where"));
}

}  // namespace
}  // namespace squadload::report
