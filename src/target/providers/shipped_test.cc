// The shipped profiles: what is in the program is what stands in config/providers, and the numbers
// are those the shipped load tests were made for.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "target/providers/profile.h"
#include "target/providers/settings.h"

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;

const Profile& profile_of(const std::vector<Profile>& profiles, std::string_view name) {
    return *std::find_if(profiles.begin(), profiles.end(),
                         [&](const Profile& p) { return p.provider == name; });
}

TEST(ShippedProfilesTest, AreTheFilesOfTheFolder) {
    ASSERT_EQ(shipped_profile_texts().size(), 5U);
    for (const ShippedProfile& shipped : shipped_profile_texts()) {
        std::ifstream in(std::string(SQUADLOAD_SOURCE_DIR) + "/" + std::string(shipped.file_name));
        std::stringstream text;
        text << in.rdbuf();
        EXPECT_EQ(text.str(), shipped.text) << shipped.file_name;
    }
    const std::string folder = std::string(SQUADLOAD_SOURCE_DIR) + "/config/providers";
    const auto read = load_profiles(std::vector<std::string>{folder});
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->size(), 5U);
}

TEST(ShippedProfilesTest, QuotasAreTheStorys) {
    const auto profiles = shipped_profiles();
    ASSERT_TRUE(profiles) << profiles.error().text();
    const std::map<std::string, std::int64_t> requests = {
        {"groq", 1'560}, {"cerebras", 900}, {"gemini", 780}, {"openrouter", 480}};
    for (const auto& [name, n] : requests) {
        const Profile& profile = profile_of(*profiles, name);
        EXPECT_EQ(profile.quota.requests, n);
        EXPECT_EQ(profile.quota.burst, n / 30);  // two seconds of the rate
        EXPECT_GE(profile.quota.tokens, n * 4'000);
        EXPECT_GE(profile.quota.requests_day, n * 1'440);
        for (const ModelProfile& model : profile.models) EXPECT_EQ(model.quota, profile.quota);
    }
}

TEST(ShippedProfilesTest, EveryNumberOfTheRealProviderHasASource) {
    const auto profiles = shipped_profiles();
    ASSERT_TRUE(profiles);
    for (const Profile& profile : *profiles) {
        EXPECT_FALSE(profile.documented.empty()) << profile.provider;
        for (const Documented& row : profile.documented) {
            EXPECT_TRUE(row.source.starts_with("https://"));
            EXPECT_EQ(row.read.size(), 10U);
            EXPECT_TRUE(row.requests_per_minute || row.requests_per_day);
        }
    }
}

// Percentiles of whole answers, in milliseconds.
std::pair<double, double> median_and_p99(const Profile& profile) {
    std::vector<double> times;
    for (std::uint64_t number = 1; number <= 50'000; ++number) {
        const Draw drawn = draw(profile.latency, 1, number, 0);
        times.push_back(to_ms(answer_time(profile.latency, drawn, 1)));
    }
    std::sort(times.begin(), times.end());
    return {times[25'000], times[49'500]};
}

TEST(ShippedProfilesTest, AnswersTakeWhatTheLoadTestsExpect) {
    const auto profiles = shipped_profiles();
    ASSERT_TRUE(profiles);
    const auto [groq, groq_p99] = median_and_p99(profile_of(*profiles, "groq"));
    EXPECT_GT(groq, 350);
    EXPECT_LT(groq, 450);
    EXPECT_LT(groq_p99, 1'200);
    const auto [cerebras, cerebras_p99] = median_and_p99(profile_of(*profiles, "cerebras"));
    const auto [gemini, gemini_p99] = median_and_p99(profile_of(*profiles, "gemini"));
    const auto [openrouter, openrouter_p99] = median_and_p99(profile_of(*profiles, "openrouter"));
    EXPECT_LT(cerebras, groq);
    EXPECT_LT(groq, gemini);
    EXPECT_LT(gemini, openrouter);
    EXPECT_LT(openrouter_p99, 3'000);
}

}  // namespace
}  // namespace squadload::providers
