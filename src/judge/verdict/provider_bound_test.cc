#include "judge/verdict/provider_bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::verdict {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;
using ::testing::HasSubstr;

WitnessCheck row(std::string check, std::string provider, WitnessAnswer answer) {
    WitnessCheck c;
    c.check = std::move(check);
    c.provider = std::move(provider);
    c.answer = answer;
    c.sentence = "because";
    return c;
}

result::ScenarioResult two_providers() {
    result::ScenarioResult s;
    s.providers.resize(2);
    auto& groq = s.providers[0];
    groq.name = "groq";
    groq.limit_per_minute = 1560;
    groq.ok = 70;
    groq.responses_429 = 5;
    groq.peak_per_minute = 1560;
    for (int i = 1; i <= 100; ++i) groq.time.record(std::chrono::milliseconds{i});
    auto& cerebras = s.providers[1];
    cerebras.name = "cerebras";
    cerebras.limit_per_minute = 900;
    cerebras.ok = cerebras.served_as_fallback = 25;
    cerebras.peak_per_minute = 901;
    s.witness = {row("window", "groq", WitnessAnswer::kept),
                 row("window", "cerebras", WitnessAnswer::broken),
                 row("bucket", "groq", WitnessAnswer::within_jitter),
                 row("throttle", "groq", WitnessAnswer::not_exercised)};
    return s;
}

Result<std::vector<ProviderBound>> compiled(const std::string& text) {
    return compile_provider_bounds({{"", text, SourceMark{"f.yaml", 3, 5}}});
}

result::ThresholdResult judged(const std::string& text,
                               const result::ScenarioResult& s = two_providers()) {
    const auto bounds = compiled(text);
    EXPECT_TRUE(bounds) << (bounds ? "" : bounds.error().text());
    EXPECT_EQ(bounds->size(), 1U) << text;
    return judge(bounds->front(), s);
}

TEST(ProviderBound, FiguresOfOneProvider) {
    struct Case {
        const char* text;
        bool pass;
        const char* bound;
        const char* actual;
    };
    const Case cases[] = {
        {"provider(groq).rpm <= limit", true, "≤ 1,560", "1,560"},
        {"provider(groq).rpm < limit", false, "< 1,560", "1,560"},
        {"provider(cerebras).rpm <= limit", false, "≤ 900", "901"},
        {"provider(groq).rpm <= 1559", false, "≤ 1,559", "1,560"},
        {"provider(groq).calls == 75", true, "= 75", "75"},
        {"provider(groq).responses_429 > 0", true, "> 0", "5"},
        {" provider( groq ) . share >= 75% ", true, "≥ 75 %", "75.00 %"},
        {"provider(cerebras).fallbacks>0", true, "> 0", "25"},
        {"provider(groq).p95 < 94ms", false, "< 94 ms", "95.0 ms"},
        {"provider(groq).p95 <= 95ms", true, "≤ 95 ms", "95.0 ms"},
        {"provider(groq).max < 1s", true, "< 1,000 ms", "100 ms"},
        {"provider(cerebras).mean < 1s", false, "< 1,000 ms", "no samples"},
        {"fallbacks > 0", true, "> 0", "25"},
        {"fallbacks == 0", false, "= 0", "25"},
    };
    for (const auto& c : cases) {
        const auto t = judged(c.text);
        EXPECT_EQ(t.pass, c.pass) << c.text;
        EXPECT_EQ(t.bound, c.bound) << c.text;
        EXPECT_EQ(t.actual, c.actual) << c.text;
    }
}

TEST(ProviderBound, EveryProviderIsHeldAgainstItsOwnLimit) {
    const auto t = judged("provider(*).rpm <= limit");
    EXPECT_FALSE(t.pass);
    EXPECT_EQ(t.actual, "901 (cerebras)");
    EXPECT_EQ(t.bound, "≤ limit");
    auto fine = two_providers();
    fine.providers[1].peak_per_minute = 900;
    EXPECT_TRUE(judged("provider(*).rpm <= limit", fine).pass);
    fine.providers[1].limit_per_minute = 0;
    EXPECT_FALSE(judged("provider(*).rpm <= limit", fine).pass) << "no limit is no bound kept";
}

TEST(ProviderBound, WhatIsNotKnownMeetsNothing) {
    EXPECT_FALSE(judged("provider(openrouter).calls >= 0").pass);
    EXPECT_THAT(judged("provider(openrouter).calls >= 0").note,
                HasSubstr("nothing is known of provider openrouter"));
    EXPECT_FALSE(judged("fallbacks >= 0", {}).pass);
    EXPECT_FALSE(judged("witness(all) == kept", {}).pass);
    EXPECT_THAT(judged("witness(all) == kept", {}).note, HasSubstr("no witness"));
}

TEST(ProviderBound, TheWitnessIsAskedByCheckAndProvider) {
    EXPECT_FALSE(judged("witness(window) == kept").pass) << "cerebras broke it";
    EXPECT_EQ(judged("witness(window) == kept").note, "cerebras: because");
    EXPECT_TRUE(judged("witness(window, groq) == kept").pass);
    EXPECT_TRUE(judged("witness(bucket) == kept").pass) << "within jitter accuses nobody";
    EXPECT_EQ(judged("witness(bucket) == kept").actual, "within jitter");
    EXPECT_FALSE(judged("witness(throttle) == kept").pass) << "not exercised is not kept";
    EXPECT_FALSE(judged("witness(throttle) == kept").actual_value);
    EXPECT_FALSE(judged("witness(tokens) == kept").pass);
    EXPECT_FALSE(judged("witness(all) == kept").pass);
    EXPECT_TRUE(judged("witness(all, groq) == kept").pass);
}

TEST(ProviderBound, MistakesAreNamedWithTheirPlace) {
    const std::pair<const char*, const char*> cases[] = {
        {"provider(groq).rps <= 5", "a provider has no figure 'rps'; did you mean 'rpm'?"},
        {"provider(groq) <= 5", "a figure is missing here: provider(groq).rpm"},
        {"provider.rpm <= 5", "provider needs a name"},
        {"provider(groq.rpm <= 5", "never closed"},
        {"provider().rpm <= 5", "a name is missing"},
        {"provider(groq).calls <= limit", "only rpm has a limit"},
        {"provider(groq).calls <= many", "'many' is no count"},
        {"provider(groq).p95 <= 300", "'300' is no time"},
        {"provider(groq).p100 <= 3s", "no figure 'p100'"},
        {"provider(groq).share <= 300%", "is no share"},
        {"provider(groq).rpm", "a comparison is missing"},
        {"provider(groq).rpm =", "write =="},
        {"provider(groq).rpm <=", "a value is missing"},
        {"fallbacks(groq) > 0", "fallbacks takes nothing"},
        {"witness(windows) == kept", "no check 'windows'; did you mean 'window'?"},
        {"witness(window) == broken", "== kept"},
        {"witness(window) > kept", "== kept"},
        {"witness(window) x == kept", "nothing belongs between"},
    };
    for (const auto& [text, sentence] : cases) {
        const auto bounds = compiled(text);
        ASSERT_FALSE(bounds) << text;
        EXPECT_EQ(bounds.error().kind, ErrorKind::config);
        EXPECT_THAT(bounds.error().text(), HasSubstr("f.yaml:3:5")) << text;
        EXPECT_THAT(bounds.error().text(), HasSubstr(sentence)) << text;
    }
}

TEST(ProviderBound, BoundsOnRequestsAreLeftToTheOthers) {
    for (const char* text : {"p95 < 2s", "rate(ok) > 99%", "requests >= 5", "", "prov < 3"}) {
        EXPECT_FALSE(is_provider_expression(text)) << text;
        EXPECT_EQ(compiled(text)->size(), 0U);
    }
}

}  // namespace
}  // namespace squadload::verdict
