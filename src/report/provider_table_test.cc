#include "report/provider_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::report {
namespace {

using result::Criterion;
using result::CriterionAnswer;
using result::WitnessAnswer;
using ::testing::HasSubstr;
using ::testing::Not;

const Style kPlain{.colour = false, .unicode = true, .width = 110};

result::ScenarioResult spike() {
    result::ScenarioResult s;
    s.providers.resize(2);
    auto& groq = s.providers[0];
    groq.name = "groq";
    groq.limit_per_minute = 1560;
    groq.peak_per_minute = 1560;
    groq.ok = 3060;
    groq.responses_429 = 5;
    groq.spikes = {{41, 2, 5}};
    auto& cerebras = s.providers[1];
    cerebras.name = "cerebras";
    cerebras.ok = cerebras.served_as_fallback = 1788;
    cerebras.responses.fallback_reasons = {{"quota", 1700}, {"rate_limited", 88}};
    cerebras.responses.attempts = 1876;
    cerebras.responses.with_attempts = 1788;
    s.events = {{"groq: quota 1,040 requests", "groq", std::chrono::seconds{40},
                 std::chrono::seconds{80}, ""}};
    return s;
}

result::WitnessCheck row(std::string check, std::string provider, WitnessAnswer answer,
                         std::string actual) {
    result::WitnessCheck c;
    c.check = std::move(check);
    c.provider = std::move(provider);
    c.answer = answer;
    c.actual = std::move(actual);
    c.sentence = "because it is so";
    return c;
}

TEST(ProviderTable, SaysWhoServedAndWhatHappened) {
    const std::string text = provider_table(spike(), kPlain);
    EXPECT_THAT(text, HasSubstr("1,560 / 1,560"));
    EXPECT_THAT(text, HasSubstr("0 / not reported")) << "no limit is known";
    EXPECT_THAT(text, HasSubstr(" fallbacks 1,788 (quota 1,700, rate_limited 88) · 1.05 attempts"));
    EXPECT_THAT(text, HasSubstr(" 429 spike on groq at 00:41: 5 in 2.0 s"));
    EXPECT_THAT(text, HasSubstr(" event 00:40–01:20 groq: quota 1,040 requests"));
}

TEST(ProviderTable, ColumnsCanBeSwitchedOff) {
    auto s = spike();
    s.provider_columns = {false, false, false};
    const std::string text = provider_table(s, kPlain);
    EXPECT_THAT(text, Not(HasSubstr("rpm")));
    EXPECT_THAT(text, Not(HasSubstr("429")));
    EXPECT_THAT(text, Not(HasSubstr("fallback")));
    EXPECT_THAT(text, HasSubstr("3,065"));
}

TEST(ProviderTable, AnEventThatFailedSaysSo) {
    result::ScenarioResult s;
    EXPECT_EQ(provider_table(s, kPlain), "");
    s.events = {{"groq: outage", "groq", {}, {}, "nobody answered"}};
    EXPECT_EQ(provider_table(s, kPlain),
              "\n event 00:00 groq: outage: did not come to pass: nobody answered\n");
}

TEST(WitnessTable, BrokenFirstThenOneLinePerCheck) {
    const std::string text =
        witness_table({row("window", "groq", WitnessAnswer::kept, "peak 1,560"),
                       row("window", "cerebras", WitnessAnswer::kept, "peak 620"),
                       row("retry_after", "groq", WitnessAnswer::broken, "3 early"),
                       row("bucket", "groq", WitnessAnswer::within_jitter, "52.1"),
                       row("tokens", "", WitnessAnswer::not_exercised, ""),
                       row("chain_order", "", WitnessAnswer::not_exercised, "")},
                      kPlain);
    EXPECT_EQ(text.find("\n ✘ retry after of groq: because it is so\n"), 0U) << text;
    EXPECT_THAT(text, HasSubstr("groq peak 1,560 · cerebras peak 620"));
    EXPECT_THAT(text, HasSubstr("within jitter"));
    EXPECT_THAT(text, HasSubstr(" not exercised: tokens, chain order\n"));
    EXPECT_EQ(witness_table({}, kPlain), "");
}

TEST(CriteriaTable, WhatIsNotMetComesFirst) {
    const std::string text = criteria_table(
        {{"AC-3", "success", "spike", "> 99 %", "99.98 %", CriterionAnswer::met, ""},
         {"AC-4", "max", "spike", "< 5,000 ms", "6,000 ms", CriterionAnswer::not_met, "it broke"},
         {"AC-6", "throttle", "", "", "", CriterionAnswer::not_exercised, "no 429 came"}},
        kPlain);
    EXPECT_LT(text.find("6,000 ms; it broke"), text.find("not exercised: no 429 came"));
    EXPECT_LT(text.find("not exercised: no 429 came"), text.find("99.98 %"));
    EXPECT_EQ(criteria_table({}, kPlain), "");
}

}  // namespace
}  // namespace squadload::report
