#include "target/providers/profile.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;

constexpr auto kProfile = R"(provider: acme
dialect: groq
dated: 2026-11-23
documented:
  - {model: large, tier: free, requests_per_minute: 30, tokens_per_minute: 6000,
     source: "https://acme.example/limits", read: 2026-11-20}
scope: key_model
other_models: refuse
quota:
  {algorithm: token_bucket, requests: 100, burst: 5, tokens: 1000, tokens_accounting: settle,
   align: multiples}
latency:
  ttft: {p50: 80ms, p99: 0.3}
  tokens_per_s: 250
  completion_tokens: {min: 10, max: 20}
serving: {concurrency: 7, queue: 9}
models:
  large: {}
  small:
    quota:
      {requests: 50, algorithm: fixed_window, requests_day: 900, concurrency: 3,
       tokens_algorithm: sliding_log}
    latency: {tokens_per_s: 500}
faults:
  - {kind: outage, after: 30s, for: 20s, how: reset}
  - {kind: storm, share: 30%, retry_after: 7.66, model: small}
  - {kind: error_rate, status: 502, share: 0.1}
  - {kind: slow_down, factor: 3.5}
)";

TEST(ProfileTest, ReadsEverything) {
    const auto profile = parse_profile(kProfile, "acme.yaml");
    ASSERT_TRUE(profile) << profile.error().text();
    EXPECT_EQ(profile->provider, "acme");
    EXPECT_EQ(profile->dialect, llm::Dialect::groq);
    EXPECT_EQ(profile->dated, "2026-11-23");
    ASSERT_EQ(profile->documented.size(), 1U);
    EXPECT_EQ(profile->documented[0].requests_per_minute, 30);
    EXPECT_EQ(profile->documented[0].requests_per_day, std::nullopt);
    EXPECT_EQ(profile->documented[0].read, "2026-11-20");
    EXPECT_EQ(profile->quota.algorithm, limits::Algorithm::token_bucket);
    EXPECT_EQ(profile->quota.requests, 100);
    EXPECT_EQ(profile->quota.burst, 5);
    EXPECT_EQ(profile->quota.tokens_accounting, limits::TokenAccounting::settle);
    EXPECT_EQ(profile->quota.align, limits::Align::multiples);
    EXPECT_EQ(profile->latency, (LatencySettings{80ms, 300ms, 250, 10, 20}));
    EXPECT_EQ(profile->concurrency, 7);
    EXPECT_EQ(profile->queue, 9);
    ASSERT_EQ(profile->models.size(), 2U);
    EXPECT_EQ(profile->models[0].quota, profile->quota);
    const ModelProfile& small = *profile->model("small");
    EXPECT_EQ(small.quota.requests, 50);
    EXPECT_EQ(small.quota.burst, 5);  // what a model does not say is the provider's
    EXPECT_EQ(small.quota.algorithm, limits::Algorithm::fixed_window);
    EXPECT_EQ(small.quota.tokens_algorithm, limits::Algorithm::sliding_log);
    EXPECT_EQ(small.quota.requests_day, 900);
    EXPECT_EQ(small.quota.concurrency, 3);
    EXPECT_EQ(small.latency, (LatencySettings{80ms, 300ms, 500, 10, 20}));
    EXPECT_EQ(profile->model("huge"), nullptr);
    ASSERT_EQ(profile->faults.size(), 4U);
    EXPECT_EQ(profile->faults[0].how, How::reset);
    EXPECT_EQ(profile->faults[0].after, 30s);
    EXPECT_EQ(profile->faults[0].lasts, 20s);
    EXPECT_EQ(profile->faults[1].share, 0.3);
    EXPECT_EQ(profile->faults[1].retry_after, 7'660ms);
    EXPECT_EQ(profile->faults[1].model, "small");
    EXPECT_EQ(profile->faults[1].lasts, std::nullopt);
    EXPECT_EQ(profile->faults[2].status, 502);
    EXPECT_EQ(profile->faults[3].factor, 3.5);
}

// The profile with one piece of text in place of another.
std::string replaced(std::string_view from, std::string_view to) {
    std::string text(kProfile);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

TEST(ProfileTest, ErrorsNameThePlace) {
    const struct {
        const char* from;
        const char* to;
        const char* error;
    } cases[] = {
        {"dialect: groq", "dialekt: groq",
         "acme.yaml:2:1: dialekt: unknown key; did you mean 'dialect'?"},
        {"dialect: groq\n", "", "acme.yaml:1:1: a provider's profile needs dialect"},
        {"dialect: groq", "dialect: acme",
         "acme.yaml:2:10: dialect: expected groq, cerebras, gemini, openrouter or openai, not "
         "'acme'"},
        {"provider: acme", "provider: Acme Inc",
         "acme.yaml:1:11: provider: expected a name of lower-case letters, digits, '_' and '-' "
         "which "
         "is not one of the simulator's own paths (arrivals, control, health)"},
        {"provider: acme", "provider: control",
         "acme.yaml:1:11: provider: expected a name of lower-case letters, digits, '_' and '-' "
         "which "
         "is not one of the simulator's own paths (arrivals, control, health)"},
        {"dated: 2026-11-23", "dated: today",
         "acme.yaml:3:8: dated: expected a date such as 2026-11-23, not 'today'"},
        {"{model: large, tier", "{model: larger, tier",
         "acme.yaml:5:13: documented[0].model: there is no such model in models"},
        {"source: \"https://acme.example/limits\", ", "",
         "acme.yaml:5:5: documented[0]: needs source"},
        {"\"https://acme", "\"acme",
         "acme.yaml:6:14: documented[0].source: expected a URL that begins with https://"},
        {"requests: 100", "requests: many",
         "acme.yaml:10:39: quota.requests: expected a whole number from 0 to 1,000,000,000,000, "
         "not "
         "'many'"},
        {"token_bucket", "leaky_bucket",
         "acme.yaml:10:15: quota.algorithm: expected token_bucket, sliding_log or fixed_window, "
         "not "
         "'leaky_bucket'"},
        {"p50: 80ms", "p50: 80 parsecs",
         "acme.yaml:13:15: latency.ttft.p50: expected a duration in seconds or with units, up to "
         "10,000 "
         "h, such as 30, 250ms, 5m or 1h30m, not '80 parsecs'"},
        {"p50: 80ms", "p50: 8", "acme.yaml:13:9: latency.ttft: p99 is below p50"},
        {"tokens_per_s: 250", "tokens_per_s: 0",
         "acme.yaml:14:17: latency.tokens_per_s: expected a number from 0.01 to 1,000,000, not "
         "'0'"},
        {"min: 10", "min: 30", "acme.yaml:15:22: latency.completion_tokens: max is below min"},
        {"concurrency: 7", "concurrency: -1",
         "acme.yaml:16:24: serving.concurrency: expected a whole number from 0 to 1,000,000, not "
         "'-1'"},
        {"  large: {}\n", "  large: {}\n  large: {}\n", "acme.yaml:19:3: "},
        {"kind: outage", "kind: outrage",
         "acme.yaml:25:12: faults[0].kind: expected outage, storm, error_rate, reset, hang, "
         "truncated, "
         "malformed or slow_down, not 'outrage'"},
        {"how: reset", "status: 500",
         "acme.yaml:25:50: faults[0].status: a fault of kind outage has no status"},
        {"scope: key_model", "scope: key",
         "acme.yaml:21:7: models.small.quota: with scope key all models share one quota; it "
         "stands "
         "at the top"},
    };
    for (const auto& c : cases) {
        const auto profile = parse_profile(replaced(c.from, c.to), "acme.yaml");
        ASSERT_FALSE(profile) << c.to;
        EXPECT_EQ(profile.error().kind, ErrorKind::config);
        EXPECT_EQ(profile.error().text().substr(0, std::string(c.error).size()), c.error);
    }
}

TEST(ProfileTest, WithoutModelsItMustAcceptAny) {
    const auto none = parse_profile(
        "provider: a\ndialect: groq\ndated: 2026-01-01\nquota: {requests: 1}\nmodels: {}\n",
        "a.yaml");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().text(),
              "a.yaml:1:1: models: a provider needs at least one, or other_models: accept");
    const auto any = parse_profile(
        "provider: a\ndialect: groq\ndated: 2026-01-01\nquota: {requests: 1}\n"
        "models: {}\nother_models: accept\n",
        "a.yaml");
    ASSERT_TRUE(any) << any.error().text();
}

TEST(ProfileTest, FilesAndFolders) {
    namespace fs = std::filesystem;
    const fs::path folder =
        fs::path(testing::TempDir()) / ("profiles-" + std::to_string(::getpid()));
    fs::create_directories(folder / "empty");
    const auto write = [&](const char* name, const char* provider) {
        std::ofstream(folder / name) << "provider: " << provider
                                     << "\ndialect: openai\ndated: 2026-01-01\n"
                                        "quota: {requests: 1}\nmodels: {m: {}}\n";
        return (folder / name).string();
    };
    const std::string b = write("b.yaml", "beta");
    const std::string a = write("a.yaml", "alpha");
    write("notes.txt", "gamma");
    const auto load = [&](std::vector<std::string> paths) { return load_profiles(paths); };
    const auto all = load({folder.string()});
    ASSERT_TRUE(all) << all.error().text();
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ((*all)[0].provider, "alpha");
    EXPECT_EQ(load({b})->front().provider, "beta");
    EXPECT_EQ(load({b, a, b}).error().text(), b + ": there is a profile of beta already");
    EXPECT_EQ(load({(folder / "empty").string()}).error().text(),
              (folder / "empty").string() + " holds no provider's profile (*.yaml)");
    EXPECT_FALSE(load({(folder / "none.yaml").string()}));
    fs::remove_all(folder);
}

TEST(ProfileTest, DocumentedLimitsCanBeEnforced) {
    auto profile = parse_profile(kProfile, "acme.yaml");
    ASSERT_TRUE(profile);
    ASSERT_TRUE(enforce_documented(*profile));
    EXPECT_EQ(profile->models[0].quota.requests, 30);
    EXPECT_EQ(profile->models[0].quota.tokens, 6'000);
    EXPECT_EQ(profile->models[0].quota.requests_day, 0);  // not documented: no limit
    EXPECT_EQ(profile->models[0].quota.burst, 0);
    EXPECT_EQ(profile->models.size(), 1U);  // nothing is documented of the other
    EXPECT_FALSE(profile->other_models);
    profile->documented.clear();
    EXPECT_EQ(enforce_documented(*profile).error().message,
              "acme documents no limits to be enforced");
}

TEST(ProfileTest, EnforcedScalesAMinute) {
    limits::QuotaSettings quota;
    quota.requests = 30;
    const auto scaled = enforced(quota, 500ms, MonoTime{7s});
    EXPECT_EQ(scaled.requests, 30);
    EXPECT_EQ(scaled.window, 500ms);
    EXPECT_EQ(scaled.day, 720s);
    EXPECT_EQ(scaled.origin, MonoTime{7s});
}

}  // namespace
}  // namespace squadload::providers
