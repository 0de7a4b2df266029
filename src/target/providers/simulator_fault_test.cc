// Each fault over a real connection, injected through the control endpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "target/llm/provider_error.h"
#include "target/llm/reply.h"
#include "target/llm/retry_after.h"
#include "target/providers/beds_for_tests.h"

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;
using arrivals::Arrival;
using llm::Dialect;
using nlohmann::json;
using service::FailureKind;
using testing::HasSubstr;

// Two providers, groq and other, so that faults show which they strike.
Settings two_providers() {
    Settings settings = with(plain_profile());
    settings.profiles.push_back(plain_profile("other", Dialect::openai));
    return settings;
}

class FaultsTest : public testing::Test {
  protected:
    std::uint64_t inject(const std::string& fault) {
        const Answer answer = bed_.send(bed_.request("POST", "/control/faults", fault));
        EXPECT_EQ(answer.status, 200) << answer.body;
        return json::parse(answer.body).value("id", std::uint64_t{0});
    }
    Answer call_other() {
        return bed_.send(bed_.request("POST", "/other/v1/chat/completions", chat_body(),
                                      {{"authorization", "Bearer secret"}}));
    }
    // What a call that fails without a status failed by.
    static FailureKind failure(const Answer& answer) {
        EXPECT_FALSE(answer.ok()) << answer.status;
        return answer.ok() ? FailureKind::resolve : answer.failure->kind;
    }

    Bed bed_{two_providers()};
};

TEST_F(FaultsTest, OutageIs503AndNoOtherProviders) {
    inject(R"({"provider": "groq", "kind": "outage"})");
    const Answer answer = bed_.call();
    EXPECT_EQ(answer.status, 503);
    const auto error = llm::read_error(Dialect::groq, answer.status, {}, answer.body, wall_now());
    EXPECT_EQ(error.kind, llm::ProviderErrorKind::overloaded);
    const Arrival arrival = bed_.last();
    EXPECT_EQ(arrival.reason, "outage");
    EXPECT_EQ(arrival.status, 503);
    EXPECT_FALSE(arrival.admitted);
    EXPECT_EQ(call_other().status, 200);
}

TEST(FaultsAndQuotaTest, OutagesAndStormsUseNone) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.algorithm = limits::Algorithm::sliding_log;
    quota.requests = 3;
    set_quota(profile, quota);
    Bed bed(with(profile));
    for (const char* fault : {R"({"provider": "groq", "kind": "outage"})",
                              R"({"provider": "groq", "kind": "storm", "retry_after": "1s"})"}) {
        ASSERT_EQ(bed.send(bed.request("POST", "/control/faults", fault)).status, 200);
        for (int i = 0; i < 5; ++i) EXPECT_GE(bed.call().status, 429);
        EXPECT_EQ(bed.simulator().clear_faults(), 1U);
    }
    for (int i = 0; i < 3; ++i) EXPECT_EQ(bed.call().status, 200);
    EXPECT_EQ(bed.call().status, 429);  // the quota is one that can be used up
    const json calls = json::parse(bed.simulator().summary())["calls"];
    EXPECT_EQ(calls[0]["by_reason"]["outage"], 5);
    EXPECT_EQ(calls[0]["by_reason"]["storm"], 5);
}

// Whatever a dialect gives its hint in, a storm tells its own, and nothing beside it says
// otherwise.
TEST(FaultsAndQuotaTest, AStormTellsItsHintInEveryDialect) {
    struct Case {
        Dialect dialect;
        const char* path;
    };
    for (const Case& c : {Case{Dialect::groq, "/p/openai/v1/chat/completions"},
                          Case{Dialect::cerebras, "/p/v1/chat/completions"},
                          Case{Dialect::openrouter, "/p/api/v1/chat/completions"},
                          Case{Dialect::openai, "/p/v1/chat/completions"},
                          Case{Dialect::gemini, "/p/v1beta/models/large:generateContent"}}) {
        SCOPED_TRACE(llm::dialect_name(c.dialect));
        Profile profile = plain_profile("p", c.dialect);
        profile.quota.requests = 60;
        set_quota(profile, profile.quota);
        Bed bed(with(profile));
        const std::string body = c.dialect == Dialect::gemini
                                     ? R"({"contents":[{"role":"user","parts":[{"text":"hi"}]}]})"
                                     : chat_body();
        const auto call = [&] {
            return bed.send(
                bed.request("POST", c.path, body, {{"authorization", "Bearer secret"}}));
        };
        const auto hint_of = [&](const Answer& answer) {
            const auto find = [&](std::string_view name) { return answer.headers.find(name); };
            return llm::find_retry_after(c.dialect, find, answer.body, wall_now());
        };
        FaultSpec storm;
        storm.kind = FaultKind::storm;
        storm.retry_after = 5s;
        ASSERT_TRUE(bed.simulator().inject("p", storm));
        Answer answer = call();
        ASSERT_EQ(answer.status, 429) << answer.body;
        const auto hint = hint_of(answer);
        ASSERT_TRUE(hint);
        // Where it is an instant, some time has passed since it was written.
        EXPECT_GT(*hint, 4s);
        EXPECT_LE(*hint, 6s);
        EXPECT_NEAR(to_seconds(bed.last().retry_after.value_or(Nanos{})), to_seconds(*hint), 1);
        bed.simulator().clear_faults();
        storm.retry_after.reset();
        ASSERT_TRUE(bed.simulator().inject("p", storm));
        answer = call();
        ASSERT_EQ(answer.status, 429);
        EXPECT_FALSE(hint_of(answer));
        EXPECT_FALSE(bed.last().retry_after);
    }
}

TEST(FaultsAndTimeTest, SlowDownsBeyondAllTimesStillTakeSome) {
    Bed bed(with(plain_profile(), 1));
    FaultSpec slow;
    slow.kind = FaultKind::slow_down;
    slow.factor = 1000;
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(bed.simulator().inject("groq", slow));
    const Answer answer = bed.call(chat_body(), 300ms);
    ASSERT_TRUE(answer.failure);
    EXPECT_EQ(answer.failure->kind, FailureKind::timeout);
    const json faults = json::parse(bed.get("/control/faults").body)["faults"];
    for (const json& fault : faults) EXPECT_EQ(fault["struck"], 1);
}

TEST_F(FaultsTest, OutageAsResetsAndAsSilence) {
    const auto id = inject(R"({"provider": "groq", "kind": "outage", "how": "reset"})");
    EXPECT_EQ(failure(bed_.call()), FailureKind::closed);
    EXPECT_EQ(bed_.last().status, 0);
    EXPECT_EQ(bed_.last().reason, "outage");
    EXPECT_TRUE(bed_.simulator().remove_fault(id));
    inject(R"({"provider": "groq", "kind": "outage", "how": "hang"})");
    EXPECT_EQ(failure(bed_.call(chat_body(), 300ms)), FailureKind::timeout);
    ASSERT_TRUE(bed_.until([&] { return bed_.simulator().log_counts().open == 0; }));
    EXPECT_EQ(bed_.last().reason, "outage");
    EXPECT_EQ(bed_.last().status, 0);
}

TEST_F(FaultsTest, ErrorRateStrikesItsShare) {
    inject(R"({"provider": "groq", "kind": "error_rate", "share": "25%", "status": 502})");
    std::map<int, int> statuses;
    for (const Answer& answer : bed_.call_all(1'000)) ++statuses[answer.status];
    EXPECT_EQ(statuses[200] + statuses[502], 1'000);
    EXPECT_NEAR(statuses[502], 250, 4 * std::sqrt(1'000 * 0.25 * 0.75));
    const json calls = json::parse(bed_.simulator().summary())["calls"];
    EXPECT_EQ(calls[0]["by_reason"]["error_rate"], statuses[502]);
    EXPECT_EQ(calls[0]["by_reason"]["served"], statuses[200]);
    const json faults = json::parse(bed_.get("/control/faults").body)["faults"];
    EXPECT_EQ(faults[0]["struck"], statuses[502]);
}

TEST_F(FaultsTest, StormSaysWhenToComeBack) {
    inject(R"({"provider": "groq", "kind": "storm", "retry_after": "7.66s"})");
    const Answer answer = bed_.call();
    EXPECT_EQ(answer.status, 429);
    const auto find = [&](std::string_view name) { return answer.headers.find(name); };
    const auto hint = llm::find_retry_after(Dialect::groq, find, answer.body, wall_now());
    ASSERT_TRUE(hint);
    EXPECT_GE(*hint, 7'660ms);
    EXPECT_LE(*hint, 8s);
    EXPECT_EQ(bed_.last().retry_after, hint);
    EXPECT_EQ(bed_.last().reason, "storm");
    EXPECT_FALSE(bed_.last().admitted);
}

TEST(FaultsAndTimeTest, HintsOfAShortenedStoryCarryFractions) {
    Settings settings = with(plain_profile());
    settings.fractional_hints = true;
    Bed bed(settings);
    ASSERT_EQ(
        bed.send(bed.request("POST", "/control/faults",
                             R"({"provider": "groq", "kind": "storm", "retry_after": "120ms"})"))
            .status,
        200);
    const Answer answer = bed.call();
    EXPECT_EQ(answer.headers.get("retry-after"), "0.12");
    EXPECT_EQ(bed.last().retry_after, 120ms);
}

TEST_F(FaultsTest, StormWithoutAHint) {
    inject(R"({"provider": "groq", "kind": "storm", "retry_after": null})");
    const Answer answer = bed_.call();
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(answer.headers.get("retry-after"), "");
    EXPECT_FALSE(bed_.last().retry_after);
}

TEST_F(FaultsTest, ResetTruncatedMalformed) {
    auto id = inject(R"({"provider": "groq", "kind": "reset"})");
    EXPECT_EQ(failure(bed_.call()), FailureKind::closed);
    EXPECT_EQ(bed_.last().reason, "reset");
    EXPECT_EQ(bed_.last().status, 0);
    EXPECT_TRUE(bed_.last().admitted);
    EXPECT_TRUE(bed_.simulator().remove_fault(id));

    id = inject(R"({"provider": "groq", "kind": "truncated"})");
    EXPECT_EQ(failure(bed_.call()), FailureKind::closed);
    EXPECT_EQ(bed_.last().reason, "truncated");
    EXPECT_EQ(bed_.last().status, 200);
    EXPECT_TRUE(bed_.simulator().remove_fault(id));

    inject(R"({"provider": "groq", "kind": "malformed"})");
    const Answer answer = bed_.call();
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(json::accept(answer.body));
    EXPECT_FALSE(llm::read_reply(Dialect::groq, {}, answer.body, wall_now()));
    EXPECT_EQ(bed_.last().reason, "malformed");
    EXPECT_EQ(bed_.last().status, 200);
}

TEST_F(FaultsTest, HangIsOpenUntilTheClientGoes) {
    inject(R"({"provider": "groq", "kind": "hang"})");
    EXPECT_EQ(failure(bed_.call(chat_body(), 300ms)), FailureKind::timeout);
    ASSERT_TRUE(bed_.until([&] { return bed_.simulator().log_counts().open == 0; }));
    const Arrival arrival = bed_.last();
    EXPECT_EQ(arrival.reason, "hang");
    EXPECT_TRUE(arrival.admitted);
    EXPECT_EQ(arrival.status, 0);
    EXPECT_GT(*arrival.done, arrival.at);
}

// However slow the machine is: calls that came before a moment got the one status, those after it
// the other. The moment is known to lie between two times of the log's clock.
void expect_change(Bed& bed, int before, int after, Nanos earliest, Nanos latest) {
    Answer answer;
    const MonoTime patience = mono_now() + kPatience;
    do {
        answer = bed.call();
        const Arrival arrival = bed.last();
        EXPECT_EQ(arrival.status, answer.status);
        if (answer.status == before) {
            EXPECT_LT(arrival.at, latest);
        } else {
            EXPECT_EQ(answer.status, after);
            EXPECT_GE(arrival.at, earliest);
        }
        bed.pass(5ms);
    } while (answer.status == before && mono_now() < patience);
    EXPECT_EQ(answer.status, after);
}

TEST_F(FaultsTest, FaultsEndByThemselves) {
    const Nanos earliest = mono_now() - bed_.simulator().log_start() + 100ms;
    inject(R"({"provider": "groq", "kind": "outage", "for": "100ms"})");
    const Nanos latest = mono_now() - bed_.simulator().log_start() + 100ms;
    expect_change(bed_, 503, 200, earliest, latest);
    EXPECT_EQ(json::parse(bed_.get("/control/faults").body)["faults"].size(), 0U);
}

TEST_F(FaultsTest, FaultsBeginLater) {
    const Nanos earliest = mono_now() - bed_.simulator().log_start() + 100ms;
    inject(R"({"provider": "groq", "kind": "outage", "after": "100ms"})");
    const Nanos latest = mono_now() - bed_.simulator().log_start() + 100ms;
    expect_change(bed_, 200, 503, earliest, latest);
    EXPECT_EQ(json::parse(bed_.get("/control/faults").body)["faults"][0]["active"], true);
    inject(R"({"provider": "other", "kind": "outage", "after": "1h"})");
    EXPECT_EQ(json::parse(bed_.get("/control/faults").body)["faults"][1]["active"], false);
}

TEST_F(FaultsTest, ListAndRemove) {
    const auto first = inject(R"({"provider": "groq", "kind": "outage"})");
    inject(R"({"provider": "other", "kind": "slow_down", "factor": 3, "for": 5})");
    inject(R"({"provider": "other", "kind": "storm"})");
    const json faults = json::parse(bed_.get("/control/faults").body)["faults"];
    ASSERT_EQ(faults.size(), 3U);
    EXPECT_EQ(faults[0]["kind"], "outage");
    EXPECT_EQ(faults[0]["how"], "503");
    EXPECT_EQ(faults[0]["ends_in_s"], nullptr);
    EXPECT_EQ(faults[1]["factor"], 3.0);
    EXPECT_NEAR(faults[1]["ends_in_s"].get<double>(), 5, 1);
    const auto remove = [&](const std::string& query) {
        return bed_.send(bed_.request("DELETE", "/control/faults" + query));
    };
    EXPECT_EQ(remove("?id=" + std::to_string(first)).status, 200);
    EXPECT_EQ(remove("?id=" + std::to_string(first)).status, 400);
    EXPECT_EQ(remove("?provider=nobody").status, 400);
    EXPECT_EQ(json::parse(remove("?provider=other").body)["removed"], 2);
    EXPECT_EQ(json::parse(remove("").body)["removed"], 0);
    EXPECT_EQ(bed_.call().status, 200);
}

TEST(FaultPlansTest, AProfilesFaultsAreThereFromTheStart) {
    Profile profile = plain_profile();
    profile.faults.push_back(FaultSpec{});
    profile.faults[0].lasts = 100ms;
    const MonoTime before = mono_now();
    Bed bed(with(profile));
    const MonoTime zero = bed.simulator().log_start();
    expect_change(bed, 503, 200, before - zero + 100ms, mono_now() - zero + 100ms);
}

TEST(FaultPlansTest, SlowDownMultipliesTheTime) {
    Profile profile = plain_profile();
    set_latency(profile, {20ms, 20ms, 1'000'000, 1, 1});
    Bed bed(with(profile, 1));
    FaultSpec slow;
    slow.kind = FaultKind::slow_down;
    slow.factor = 5;
    ASSERT_TRUE(bed.simulator().inject("groq", slow));
    EXPECT_EQ(bed.call().status, 200);
    EXPECT_GE(*bed.last().done - bed.last().at, 100ms);
    EXPECT_EQ(bed.last().reason, "");
}

TEST(FaultPlansTest, AQuotaCutHoldsForOldKeysAndIsRestored) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.requests = 100;
    set_quota(profile, quota);
    Bed bed(with(profile));
    const auto put = [&](const std::string& body) {
        return bed.send(bed.request("PUT", "/control/quota", body));
    };
    EXPECT_EQ(bed.call().status, 200);
    ASSERT_EQ(put(R"({"provider": "groq", "requests": 5})").status, 200);
    int served = 0;
    for (const Answer& answer : bed.call_all(20)) served += answer.status == 200 ? 1 : 0;
    EXPECT_EQ(served, 4);
    const json shown = json::parse(bed.get("/control/quota").body)["quotas"][0];
    EXPECT_EQ(shown["models"]["large"]["requests"], 5);
    EXPECT_EQ(shown["changes"][0]["requests"], 5);
    EXPECT_EQ(bed.send(bed.request("DELETE", "/control/quota?provider=groq")).status, 200);
    EXPECT_EQ(bed.call().status, 200);
    const MonoTime zero = bed.simulator().log_start();
    const Nanos earliest = mono_now() - zero + 80ms;
    ASSERT_EQ(put(R"({"provider": "groq", "requests": 5, "for": "80ms"})").status, 200);
    expect_change(bed, 429, 200, earliest, mono_now() - zero + 80ms);
}

}  // namespace
}  // namespace squadload::providers
