#include "load/measure/provider_stats.h"

#include <gtest/gtest.h>

namespace squadload::measure {
namespace {

using std::chrono::milliseconds;

Claim served(std::string_view provider, bool fallback) {
    Claim c;
    c.provider = provider;
    c.ok = true;
    c.fallback = fallback ? Claim::Fallback::yes : Claim::Fallback::no;
    c.fallback_reason = fallback ? "quota" : "";
    c.calls = 1;
    c.prompt_tokens = 10;
    c.completion_tokens = 20;
    return c;
}

TEST(ProviderStats, CountWhatResponsesSaid) {
    ProviderTable table;
    table.record(served("groq", false), milliseconds{300});
    table.record(served("cerebras", true), milliseconds{200});
    auto failed = served("groq", false);
    failed.ok = false;
    failed.calls = 0;
    table.record(failed, milliseconds{9});
    ASSERT_EQ(table.all().size(), 2U);
    const auto& groq = table.all()[0];
    EXPECT_EQ(groq.responses, 2U);
    EXPECT_EQ(groq.ok, 1U);
    EXPECT_EQ(groq.response_time.count(), 1U);
    EXPECT_EQ(groq.with_attempts, 1U);
    EXPECT_EQ(groq.prompt_tokens, 20);
    const auto& cerebras = table.all()[1];
    EXPECT_EQ(cerebras.fallbacks, 1U);
    EXPECT_EQ(cerebras.reasons, (std::vector<ProviderStats::Reason>{{"quota", 1}}));
}

TEST(ProviderStats, MergeAddsUpAndClearKeepsNothingToMerge) {
    ProviderTable sum, one;
    one.record(served("groq", true), milliseconds{300});
    sum.merge(one);
    sum.merge(one);
    EXPECT_EQ(sum.all()[0].responses, 2U);
    EXPECT_EQ(sum.all()[0].reasons[0].count, 2U);
    one.clear();
    ProviderTable empty;
    empty.merge(one);
    EXPECT_TRUE(empty.all().empty());
    one.record(served("groq", false), milliseconds{300});
    sum.merge(one);
    EXPECT_EQ(sum.all()[0].reasons[0].count, 2U);
    EXPECT_EQ(sum.all()[0].response_time.count(), 3U);
}

TEST(ProviderStats, NamesAreBounded) {
    ProviderTable table;
    for (int i = 0; i < 1000; ++i) {
        auto claim = served("p", true);
        const std::string name = "p" + std::to_string(i), reason = "r" + std::to_string(i);
        claim.provider = name;
        table.record(claim, milliseconds{1});
        claim.provider = "p0";
        claim.fallback_reason = reason;
        table.record(claim, milliseconds{1});
    }
    EXPECT_EQ(table.all().size(), ProviderTable::kMostProviders + 1);
    EXPECT_EQ(table.all().back().name, ProviderTable::kOthers);
    EXPECT_EQ(table.all()[0].reasons.size(), ProviderTable::kMostReasons + 1);
    std::uint64_t sum = 0;
    for (const auto& p : table.all()) sum += p.responses;
    EXPECT_EQ(sum, 2000U) << "nothing is lost";
}

}  // namespace
}  // namespace squadload::measure
