// Quotas, queues and the order of the log, over real connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "target/providers/beds_for_tests.h"

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;
using arrivals::Arrival;
using llm::Dialect;
using nlohmann::json;

TEST(AdmissionTest, LimitHeadersAreLive) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.algorithm = limits::Algorithm::sliding_log;
    quota.requests = 5;
    quota.requests_day = 1'000;
    quota.tokens = 10'000;
    set_quota(profile, quota);
    Bed bed(with(profile));
    std::uint64_t tokens_before = 10'001;
    for (int i = 1; i <= 5; ++i) {
        const Answer answer = bed.call(chat_body("large", 100));
        ASSERT_EQ(answer.status, 200);
        // Groq's requests are per day (console.groq.com/docs/rate-limits).
        EXPECT_EQ(answer.headers.get("x-ratelimit-limit-requests"), "1000");
        EXPECT_EQ(answer.headers.get("x-ratelimit-remaining-requests"), std::to_string(1'000 - i));
        EXPECT_EQ(answer.headers.get("x-ratelimit-limit-tokens"), "10000");
        const auto tokens =
            std::stoull(std::string(answer.headers.get("x-ratelimit-remaining-tokens")));
        EXPECT_EQ(tokens_before - tokens, i == 1 ? 111U : 110U);  // prompt 10, answer 100
        tokens_before = tokens;
    }
    const Answer refused = bed.call();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.headers.get("x-ratelimit-remaining-requests"), "995");
    EXPECT_FALSE(refused.headers.get("retry-after").empty());
}

TEST(AdmissionTest, ABurstShowsInWhatRemains) {
    Profile profile = plain_profile("groq", Dialect::cerebras);
    limits::QuotaSettings quota;
    quota.algorithm = limits::Algorithm::token_bucket;
    quota.requests = 60;
    quota.burst = 3;
    set_quota(profile, quota);
    Bed bed(with(profile));
    const auto call = [&] {
        return bed.send(bed.request("POST", "/groq/v1/chat/completions", chat_body(),
                                    {{"authorization", "Bearer secret"}}));
    };
    for (const char* remaining : {"2", "1", "0"}) {
        const Answer answer = call();
        ASSERT_EQ(answer.status, 200);
        EXPECT_EQ(answer.headers.get("x-ratelimit-limit-requests-minute"), "60");
        EXPECT_EQ(answer.headers.get("x-ratelimit-remaining-requests-minute"), remaining);
    }
    const Answer refused = call();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(json::parse(refused.body)["code"], "request_quota_exceeded");
    EXPECT_EQ(bed.last().reason, "requests");
}

TEST(AdmissionTest, OneRequestAboveTheWholeLimitNeverGoesThrough) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.requests = 100;
    quota.tokens = 500;
    set_quota(profile, quota);
    Bed bed(with(profile));
    const Answer answer = bed.call(chat_body("large", 1'000));
    EXPECT_EQ(answer.status, 413) << answer.body;
    EXPECT_EQ(bed.last().reason, "too_large");
    EXPECT_FALSE(bed.last().retry_after);
    EXPECT_EQ(bed.call(chat_body("large", 400)).status, 200);
    EXPECT_EQ(bed.call(chat_body("large", 400)).status, 429);
    EXPECT_EQ(bed.last().reason, "tokens");
}

TEST(AdmissionTest, SettledUsageGivesTokensBack) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.requests = 1'000;
    quota.tokens = 500;
    quota.tokens_accounting = limits::TokenAccounting::settle;
    set_quota(profile, quota);
    Bed bed(with(profile));
    // 10 of the prompt and at most 20 of the answer are used, 410 are reserved.
    for (int i = 0; i < 3; ++i) EXPECT_EQ(bed.call(chat_body("large", 400)).status, 200);
}

TEST(AdmissionTest, QuotasAreKeptUnderAFloodAndTheLogCountsThem) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.algorithm = limits::Algorithm::sliding_log;
    quota.requests = 50;
    quota.burst = 10;
    set_quota(profile, quota);
    Settings settings = with(profile);
    settings.window = 500ms;
    Bed bed(std::move(settings));
    std::map<int, std::size_t> statuses;
    const MonoTime end = mono_now() + 1'700ms;
    while (mono_now() < end) {
        for (const Answer& answer : bed.call_all(20)) ++statuses[answer.status];
    }
    const auto calls = bed.simulator().take_arrivals();
    ASSERT_EQ(calls.size(), statuses[200] + statuses[429]);
    std::vector<Nanos> admitted;
    for (const Arrival& arrival : calls) {
        if (arrival.admitted) admitted.push_back(arrival.at);
        EXPECT_EQ(arrival.reason, arrival.admitted            ? ""
                                  : arrival.reason == "burst" ? "burst"
                                                              : "requests");
    }
    EXPECT_EQ(admitted.size(), statuses[200]);
    // In no half-open window more than the limit; nowhere more than burst + rate × length.
    const auto fits = [&](std::size_t n, Nanos since) {
        const bool in_window = since >= 500ms || n <= 50;
        return in_window && static_cast<double>(n) <= 10 + 100 * to_seconds(since) + 1e-6;
    };
    for (std::size_t i = 0; i < admitted.size(); ++i) {
        for (std::size_t j = i; j < admitted.size(); ++j) {
            EXPECT_TRUE(fits(j - i + 1, admitted[j] - admitted[i]));
        }
    }
    // And nothing is wasted: each that was refused would have broken one of the two.
    for (const Arrival& arrival : calls) {
        if (arrival.admitted) continue;
        std::size_t n = 1;
        bool justified = false;
        for (std::size_t i = admitted.size(); i-- > 0;) {
            if (admitted[i] > arrival.at) continue;
            justified = justified || !fits(++n, arrival.at - admitted[i]);
        }
        EXPECT_TRUE(justified) << arrival.seq;
    }
    EXPECT_GT(admitted.size(), 50U);  // more than one window's
}

TEST(AdmissionTest, TheLogsOrderIsTheOrderOfAdmission) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.requests = 300;
    set_quota(profile, quota);
    set_latency(profile, {5ms, 30ms, 10'000, 10, 20});
    Bed bed(with(profile, 1));
    const auto answers = bed.call_all(1'000);
    std::size_t served = 0;
    for (const Answer& answer : answers) served += answer.status == 200 ? 1 : 0;
    EXPECT_EQ(served, 300U);
    const auto calls = bed.simulator().take_arrivals();
    ASSERT_EQ(calls.size(), 1'000U);
    std::int64_t peak = 0;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        EXPECT_EQ(calls[i].seq, i + 1);
        // With one quota and no time for it to come back, the first are the admitted ones.
        EXPECT_EQ(calls[i].admitted, i < 300) << i;
        if (i > 0) {
            EXPECT_GE(calls[i].at, calls[i - 1].at);
        }
        ASSERT_TRUE(calls[i].done);
        peak = std::max(peak, calls[i].in_flight);
    }
    EXPECT_GT(peak, 100);
    const json summary = json::parse(bed.simulator().summary());
    EXPECT_EQ(summary["providers"][0]["in_flight"], 0);
    EXPECT_GE(summary["providers"][0]["in_flight_peak"].get<std::int64_t>(), peak);
    EXPECT_EQ(summary["calls"][0]["by_status"]["200"], 300);
    EXPECT_EQ(summary["calls"][0]["by_status"]["429"], 700);
    EXPECT_EQ(summary["calls"][0]["peak_in_window"]["arrivals"], 1'000);
    EXPECT_EQ(summary["calls"][0]["peak_in_window"]["admitted"], 300);
}

TEST(AdmissionTest, CallsQueueForAPlaceAndOverflowIsTheProvidersOverload) {
    Profile profile = plain_profile();
    profile.concurrency = 2;
    profile.queue = 3;
    limits::QuotaSettings quota;
    quota.algorithm = limits::Algorithm::sliding_log;
    quota.requests = 7;
    set_quota(profile, quota);
    set_latency(profile, {250ms, 250ms, 1'000'000, 1, 1});
    Bed bed(with(profile, 1));
    std::map<int, int> statuses;
    for (const Answer& answer : bed.call_all(10)) ++statuses[answer.status];
    EXPECT_EQ(statuses[200], 5);
    EXPECT_EQ(statuses[503], 5);
    auto calls = bed.simulator().take_arrivals();
    // Two at once, then two, then one.
    std::vector<Nanos> done;
    for (const Arrival& arrival : calls) {
        EXPECT_EQ(arrival.reason, arrival.admitted ? "" : "overloaded");
        if (arrival.admitted) done.push_back(*arrival.done);
    }
    std::sort(done.begin(), done.end());
    ASSERT_EQ(done.size(), 5U);
    EXPECT_GE(done[2] - done[0], 240ms);
    EXPECT_GE(done[4] - done[2], 240ms);
    // What was refused for want of a place has not used up the quota.
    statuses.clear();
    for (const Answer& answer : bed.call_all(3)) ++statuses[answer.status];
    EXPECT_EQ(statuses[200], 2);
    EXPECT_EQ(statuses[429], 1);
}

TEST(AdmissionTest, AClientThatGoesAwayGivesItsPlaceBack) {
    Profile profile = plain_profile();
    profile.concurrency = 1;
    profile.queue = 1;
    limits::QuotaSettings quota;
    quota.requests = 1'000;
    quota.concurrency = 2;
    set_quota(profile, quota);
    set_latency(profile, {10s, 10s, 1'000, 1, 1});
    Bed bed(with(profile, 1));
    // One at work, one in the queue; both lose patience.
    std::vector<ClientRequest> two;
    two.push_back(bed.chat(chat_body()));
    two.push_back(bed.chat(chat_body()));
    for (const Answer& answer : bed.send_all(std::move(two), 300ms)) {
        ASSERT_FALSE(answer.ok());
        EXPECT_EQ(answer.failure->kind, service::FailureKind::timeout);
    }
    ASSERT_TRUE(bed.until([&] { return bed.simulator().log_counts().open == 0; }));
    for (const Arrival& arrival : bed.simulator().take_arrivals()) {
        EXPECT_TRUE(arrival.admitted);
        EXPECT_EQ(arrival.reason, "client_gone");
        EXPECT_EQ(arrival.status, 0);
        EXPECT_EQ(arrival.completion_tokens, 0);
    }
    EXPECT_FALSE(bed.call(chat_body(), 300ms).ok());  // admitted again, not refused
    const json summary = json::parse(bed.simulator().summary());
    EXPECT_EQ(summary["calls"][0]["admitted"], 3);
}

TEST(AdmissionTest, ConcurrencyOfAQuota) {
    Profile profile = plain_profile();
    limits::QuotaSettings quota;
    quota.concurrency = 3;
    set_quota(profile, quota);
    set_latency(profile, {250ms, 250ms, 1'000'000, 1, 1});
    Bed bed(with(profile, 1));
    std::size_t served = 0;
    for (const Answer& answer : bed.call_all(10)) served += answer.status == 200 ? 1 : 0;
    EXPECT_EQ(served, 3U);
    EXPECT_EQ(bed.call().status, 200);
    EXPECT_EQ(bed.simulator().arrivals(0, 10).arrivals[9].reason, "concurrency");
}

}  // namespace
}  // namespace squadload::providers
