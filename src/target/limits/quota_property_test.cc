// Quota against brute force over random schedules on simulated time.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "target/limits/oracles_for_tests.h"
#include "target/limits/quota.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;
using oracle::Calls;

// Every limit by its definition, from the list of what was admitted.
class QuotaModel {
  public:
    explicit QuotaModel(const QuotaSettings& settings) : settings_(settings) {}

    struct Call {
        MonoTime at;
        std::int64_t tokens = 0;  // what counts
        bool open = true;
        bool cancelled = false;
    };
    std::vector<Call> calls;

    [[nodiscard]] Calls sent(bool by_tokens) const {
        Calls sent;
        for (const Call& call : calls) {
            if (!call.cancelled) sent.push_back({call.at, by_tokens ? call.tokens : 1});
        }
        return sent;
    }

    [[nodiscard]] bool may(std::int64_t tokens, MonoTime now) const {
        const QuotaSettings& s = settings_;
        Calls requests = sent(false);
        std::int64_t open = 0;
        for (const Call& call : calls) open += call.open ? 1 : 0;
        if (s.concurrency > 0 && open >= s.concurrency) return false;
        if (s.requests > 0 && oracle::weight_in(requests, now, s.window) >= s.requests)
            return false;
        if (s.tokens > 0 && oracle::weight_in(sent(true), now, s.window) + tokens > s.tokens) {
            return false;
        }
        if (s.requests_day > 0 && today(requests, now) >= s.requests_day) return false;
        requests.push_back({now, 1});
        return s.burst == 0 ||
               bucket_holds_at(requests, requests.size() - 1, {s.requests, s.window}, s.burst);
    }

  private:
    [[nodiscard]] std::int64_t today(const Calls& requests, MonoTime now) const {
        std::optional<MonoTime> start;
        std::int64_t count = 0;
        for (const oracle::Call& call : requests) {
            if (!start || call.at - *start >= settings_.day) {
                start = call.at;
                count = 0;
            }
            ++count;
        }
        return start && now - *start < settings_.day ? count : 0;
    }

    QuotaSettings settings_;
};

QuotaSettings some_settings(Random& random) {
    QuotaSettings settings;
    settings.window = Nanos{random.between(1'000, 10'000)};
    settings.requests = random.between(1, 40);
    if (random.below(2) == 0) settings.burst = random.between(1, settings.requests);
    if (random.below(2) == 0) settings.requests_day = random.between(1, 100);
    settings.day = Nanos{random.between(10'000, 50'000)};
    if (random.below(2) == 0) settings.tokens = random.between(10, 300);
    if (random.below(2) == 0) settings.tokens_accounting = TokenAccounting::settle;
    if (random.below(2) == 0) settings.concurrency = random.between(1, 10);
    return settings;
}

// Runs a random schedule. Without cancels the decisions are exactly the model's; a cancelled call's
// token of a bucket may stay taken, so then no decision is more generous than the model's.
void run_schedule(std::uint64_t seed, bool with_cancels) {
    Random random = oracle::random(seed);
    QuotaSettings settings = some_settings(random);
    // A day that began with a call that never was stays where it is (fixed_window.h).
    if (with_cancels) settings.requests_day = 0;
    Quota quota(settings, at(0s));
    QuotaModel model(settings);
    std::vector<Ticket> tickets;
    Nanos now{};
    for (int i = 0; i < 300; ++i) {
        if (random.below(3) == 0) now += Nanos{random.between(0, settings.window.count() / 5)};
        for (std::size_t k = 0; k < tickets.size(); ++k) {
            QuotaModel::Call& call = model.calls[k];
            if (!call.open || random.below(8) != 0) continue;
            call.open = false;
            if (with_cancels && random.below(2) == 0) {
                quota.cancel(tickets[k], at(now));
                call.cancelled = true;
                continue;
            }
            const std::int64_t used = random.between(0, 25);
            quota.finish(tickets[k], used, at(now));
            if (settings.tokens_accounting == TokenAccounting::settle) call.tokens = used;
        }
        const std::int64_t tokens = random.between(0, 30);
        const bool may = model.may(tokens, at(now));
        const Admission check = quota.check(tokens, at(now));
        const Admission admission = quota.admit(tokens, at(now));
        ASSERT_EQ(check.admitted, admission.admitted);
        ASSERT_EQ(check.refused_by, admission.refused_by);
        if (with_cancels && settings.burst > 0) {
            ASSERT_LE(admission.admitted, may) << seed << " " << i;
        } else {
            ASSERT_EQ(admission.admitted, may) << seed << " " << i;
        }
        // Nobody else comes: it may go in after the wait, and not before.
        if (admission.wait > 0ns && admission.wait < Nanos::max()) {
            ASSERT_FALSE(quota.check(tokens, at(now + admission.wait - 1ns)).admitted) << seed;
            const Limit then = quota.check(tokens, at(now + admission.wait)).refused_by;
            ASSERT_TRUE(then == Limit::none || then == Limit::concurrency) << seed;
            now += admission.wait;  // asked about that time: it has come
        }
        if (!admission.admitted) continue;
        tickets.push_back(admission.ticket);
        model.calls.push_back({at(now), tokens});
    }
    const Calls sent = model.sent(false);
    EXPECT_LE(oracle::most_in_window(sent, settings.window), settings.requests) << seed;
    if (settings.burst > 0) {
        EXPECT_TRUE(
            oracle::bucket_holds(sent, {settings.requests, settings.window}, settings.burst))
            << seed;
    }
}

TEST(QuotaPropertyTest, DecidesAsTheDefinitionsSayAtEveryCall) {
    for (std::uint64_t seed = 0; seed < 400; ++seed) run_schedule(seed, false);
}

TEST(QuotaPropertyTest, CancelsNeverMakeItGenerous) {
    for (std::uint64_t seed = 1000; seed < 1400; ++seed) run_schedule(seed, true);
}

// Five times the quota for three windows, a call refused being gone.
struct Flood {
    Calls requests;
    Calls tokens;
};
Flood flood(Quota& quota, Nanos from, Nanos to, Nanos gap, std::int64_t tokens) {
    Flood flood;
    for (Nanos now = from; now < to; now += gap) {
        const Admission admission = quota.admit(tokens, at(now));
        if (!admission.admitted) continue;
        flood.requests.push_back({at(now), 1});
        flood.tokens.push_back({at(now), tokens});
        quota.finish(admission.ticket, tokens, at(now));
    }
    return flood;
}

TEST(QuotaPropertyTest, UnderBacklogTheBindingLimitIsUsedUp) {
    for (const Algorithm algorithm :
         {Algorithm::sliding_log, Algorithm::fixed_window, Algorithm::token_bucket}) {
        QuotaSettings settings;
        settings.algorithm = algorithm;
        settings.requests = 1560;
        settings.burst = 52;
        Quota by_requests(settings, at(0s));
        const Flood calls = flood(by_requests, 0s, 180s, 7'692us, 10);
        EXPECT_GE(static_cast<double>(calls.requests.size()), 0.99 * 3 * 1560);
        EXPECT_TRUE(oracle::bucket_holds(calls.requests, {1560, 60s}, 52));
        EXPECT_LE(oracle::most_in_window(calls.requests, 60s),
                  algorithm == Algorithm::token_bucket ? 1560 + 52 : 1560 + 51);

        settings.requests = 0;
        settings.tokens = 100'000;
        Quota by_tokens(settings, at(0s));
        const Flood tokens = flood(by_tokens, 0s, 180s, 60ms, 499);
        std::int64_t sum = 0;
        for (const oracle::Call& call : tokens.tokens) sum += call.weight;
        EXPECT_GE(static_cast<double>(sum), 0.99 * 3 * 100'000);
    }
}

TEST(QuotaPropertyTest, ACutAndARestoreUnderFlood) {
    QuotaSettings settings;
    settings.requests = 1200;
    Quota quota(settings, at(0s));
    flood(quota, 0s, 60s, 10ms, 0);
    settings.requests = 600;
    quota.change(settings, at(60s));
    Flood cut = flood(quota, 60s, 180s, 10ms, 0);
    EXPECT_LE(oracle::most_in_window(cut.requests, 60s), 600);
    EXPECT_GE(static_cast<double>(cut.requests.size()), 0.99 * 2 * 600);
    settings.requests = 1200;
    quota.change(settings, at(180s));
    const Flood restored = flood(quota, 180s, 300s, 10ms, 0);
    EXPECT_GE(static_cast<double>(restored.requests.size()), 0.99 * 2 * 1200);
    cut.requests.insert(cut.requests.end(), restored.requests.begin(), restored.requests.end());
    EXPECT_LE(oracle::most_in_window(cut.requests, 60s), 1200);  // across the change, too
}

TEST(QuotaPropertyTest, AFarJumpInTimeGivesOneWindowNotTwo) {
    for (const Algorithm algorithm :
         {Algorithm::sliding_log, Algorithm::fixed_window, Algorithm::token_bucket}) {
        QuotaSettings settings;
        settings.algorithm = algorithm;
        settings.requests = 100;
        Quota quota(settings, at(0s));
        EXPECT_EQ(flood(quota, 0s, 1s, 1ms, 0).requests.size(),
                  algorithm == Algorithm::token_bucket ? 101U : 100U);
        EXPECT_EQ(flood(quota, 240h, 240h + 1us, 1ns, 0).requests.size(), 100U);
        EXPECT_EQ(flood(quota, 0s, 1s, 1ms, 0).requests.size(), 0U);  // and none for going back
    }
}

}  // namespace
}  // namespace squadload::limits
