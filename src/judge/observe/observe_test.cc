#include "judge/observe/observe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "judge/observe/exposition.h"

namespace squadload::observe {
namespace {

using ::testing::HasSubstr;

TEST(Exposition, SamplesWithTheirLabels) {
    const auto samples = parse_exposition(
        "# HELP a_total Things\n# TYPE a_total counter\n"
        "a_total{provider=\"groq\",why=\"a \\\"b\\\"\\n\\\\\"} 12 1700000000\n"
        "b 1.5e3\n\n  c{} 7\nd{x=\"y\",} +Inf\ne{x=\"never closed} 1\nf{x} 1\n{} 3\ng\n"
        "h{x=\"1\"} NaN\n");
    ASSERT_EQ(samples.size(), 3U);
    EXPECT_EQ(samples[0].name, "a_total");
    EXPECT_EQ(samples[0].label("why"), "a \"b\"\n\\");
    EXPECT_EQ(samples[0].label("none"), "");
    EXPECT_EQ(samples[0].value, 12);
    EXPECT_EQ(samples[1].value, 1500);
    EXPECT_EQ(samples[2].name, "c");
}

TEST(Exposition, IsBounded) {
    std::string text;
    for (std::size_t i = 0; i < kMostSamples + 10; ++i) text += "a 1\n";
    EXPECT_EQ(parse_exposition(text).size(), kMostSamples);
}

std::string metrics(int groq, int fallbacks, int refused) {
    return "squad_requests_total{provider=\"groq\",agent=\"a\",status=\"200\"} " +
           std::to_string(groq) +
           "\nsquad_requests_total{provider=\"cerebras\",agent=\"a\",status=\"200\"} " +
           std::to_string(fallbacks) +
           "\nsquad_requests_total{provider=\"none\",agent=\"a\",status=\"429\"} 3\n"
           "squad_provider_calls_total{provider=\"groq\",agent=\"a\",status=\"200\"} " +
           std::to_string(groq) +
           "\nsquad_provider_calls_total{provider=\"groq\",agent=\"a\",status=\"429\"} " +
           std::to_string(refused) + "\nsquad_provider_429_total{provider=\"groq\"} " +
           std::to_string(refused) +
           "\nsquad_fallbacks_total{provider=\"cerebras\",reason=\"quota\"} " +
           std::to_string(fallbacks) + "\n";
}

constexpr const char* kHealth =
    R"({"status":"healthy","providers":{"groq":{"rpm_current":1200,"rpm_limit":1560,)"
    R"("latency_avg_ms":391.5,"last_429_time":"2026-11-23T09:15:46Z"},)"
    R"("cerebras":{"rpm_current":null}}})";

TEST(Observe, CountsAreTakenBetweenTheFirstLookAndTheLast) {
    Timeline timeline;
    timeline.add(read_snapshot("squad", metrics(100, 5, 0), kHealth));
    timeline.add(read_snapshot("squad", metrics(150, 5, 1), "{}"));
    timeline.add(read_snapshot("squad", metrics(200, 25, 4), kHealth));
    EXPECT_TRUE(timeline.any());
    const auto groq = timeline.of("groq");
    EXPECT_EQ(groq.served, 100U);
    EXPECT_EQ(groq.calls, 104U) << "all statuses";
    EXPECT_EQ(groq.responses_429, 4U);
    EXPECT_EQ(groq.rpm_peak, 1200);
    EXPECT_EQ(groq.rpm_limit, 1560);
    EXPECT_EQ(groq.last_429_time, "2026-11-23T09:15:46Z");
    EXPECT_EQ(timeline.of("cerebras").fallbacks, 20U);
    EXPECT_FALSE(timeline.of("cerebras").rpm_peak);
    EXPECT_EQ(timeline.delta().fallbacks, 20U);
}

TEST(Observe, WhatIsFirstSeenLaterBeganAtZero) {
    Timeline timeline;
    timeline.add(
        read_snapshot("squad", "squad_requests_total{provider=\"groq\",status=\"200\"} 1\n", ""));
    timeline.add(read_snapshot("squad", metrics(10, 7, 0), ""));
    EXPECT_EQ(timeline.of("cerebras").fallbacks, 7U);
}

TEST(Observe, ARestartedTargetIsNoMeasure) {
    Timeline timeline;
    timeline.add(read_snapshot("squad", metrics(100, 5, 0), ""));
    timeline.add(read_snapshot("squad", metrics(3, 0, 0), ""));
    EXPECT_TRUE(timeline.restarted());
    EXPECT_FALSE(timeline.of("groq").served);
}

TEST(Observe, WhatIsNotToldIsAbsent) {
    for (const char* body :
         {"", "nonsense", "[1]", "{\"providers\":[]}", "{\"providers\":{\"x\":1}}"}) {
        const auto s = read_snapshot("squad", body, body);
        EXPECT_FALSE(s.any) << body;
        EXPECT_TRUE(s.counts.providers.empty());
    }
    EXPECT_FALSE(has_metrics("openai"));
    EXPECT_TRUE(read_snapshot("openai", metrics(1, 1, 1), kHealth).counts.providers.empty());
}

measure::ProviderTable responses(int groq, int fallbacks) {
    measure::ProviderTable table;
    measure::Claim c;
    c.ok = true;
    c.provider = "groq";
    for (int i = 0; i < groq; ++i) table.record(c, std::chrono::milliseconds{1});
    c.provider = "cerebras";
    c.fallback = measure::Claim::Fallback::yes;
    for (int i = 0; i < fallbacks; ++i) table.record(c, std::chrono::milliseconds{1});
    return table;
}

result::ReportedCounts reported(int groq, int fallbacks) {
    Timeline timeline;
    timeline.add(read_snapshot("squad", metrics(1, 1, 0), ""));
    timeline.add(read_snapshot("squad", metrics(1 + groq, 1 + fallbacks, 0), ""));
    return timeline.delta();
}

TEST(Observe, ReportsAreHeldAgainstResponses) {
    EXPECT_EQ(compare(reported(100, 20), responses(100, 20)).answer, result::WitnessAnswer::kept);
    const auto wrong = compare(reported(100, 20), responses(97, 23));
    EXPECT_EQ(wrong.answer, result::WitnessAnswer::broken);
    EXPECT_THAT(wrong.sentence, HasSubstr("groq served: 100 reported, 97 in responses"));
    EXPECT_THAT(wrong.sentence, HasSubstr("cerebras served as fallback: 20 reported, 23"));
    EXPECT_THAT(compare(reported(200, 20), responses(100, 20)).sentence,
                HasSubstr("others used the target"));
    EXPECT_EQ(compare({}, responses(1, 1)).answer, result::WitnessAnswer::not_exercised);
    EXPECT_EQ(compare(reported(1, 1), {}).answer, result::WitnessAnswer::not_exercised);
}

}  // namespace
}  // namespace squadload::observe
