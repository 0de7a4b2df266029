#include "target/providers/arrival_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;
using arrivals::Arrival;

Arrival logged(int n) {
    Arrival arrival;
    arrival.at = n * 1ms;
    arrival.provider = "groq";
    arrival.key = "0123456789ab";
    arrival.model = "model-" + std::to_string(n % 3);
    arrival.prompt_tokens = n;
    arrival.max_tokens = 100 + n;
    arrival.reserved_tokens = 110 + n;
    arrival.admitted = n % 4 != 0;
    arrival.in_flight = n % 7;
    arrival.correlation_id = "request-" + std::to_string(n);
    arrival.agent = n % 2 == 0 ? "tech_support" : "";
    arrival.attempt = 1 + n % 2;
    return arrival;
}

void end(Arrival& arrival) {
    arrival.reason = arrival.admitted ? "" : "requests";
    arrival.status = arrival.admitted ? 200 : 429;
    arrival.completion_tokens = arrival.admitted ? 80 : 0;
    if (!arrival.admitted) arrival.retry_after = 1500ms;
    arrival.done = arrival.at + 400ms;
}

TEST(ArrivalLogTest, GivesBackWhatItWasTold) {
    ArrivalLog log(20'000);
    std::vector<Arrival> told;
    for (int n = 0; n < 10'000; ++n) {  // several chunks
        told.push_back(logged(n));
        log.open(told.back());
    }
    for (int n = 9'999; n >= 0; n -= 2) {  // the other half stays open
        end(told[static_cast<std::size_t>(n)]);
        log.close(told[static_cast<std::size_t>(n)]);
    }
    EXPECT_EQ(told[0].seq, 1u);
    EXPECT_EQ(told[9'999].seq, 10'000u);
    const auto page = log.page(0, 20'000);
    EXPECT_EQ(page.arrivals, told);
    EXPECT_FALSE(page.more);
    EXPECT_EQ(page.counts.open, 5'000u);
    EXPECT_EQ(log.take(), told);
    EXPECT_TRUE(log.page(0, 10).arrivals.empty());
}

TEST(ArrivalLogTest, PagesFollowOneAnother) {
    ArrivalLog log(1'000);
    for (int n = 0; n < 25; ++n) {
        Arrival arrival = logged(n);
        log.open(arrival);
    }
    std::vector<std::uint64_t> seqs;
    std::uint64_t since = 0;
    for (int i = 0; i < 3; ++i) {
        const auto page = log.page(since, 10);
        for (const Arrival& arrival : page.arrivals) seqs.push_back(arrival.seq);
        since = page.next_since;
        EXPECT_EQ(page.more, i < 2);
    }
    ASSERT_EQ(seqs.size(), 25u);
    for (std::size_t i = 0; i < 25; ++i) EXPECT_EQ(seqs[i], i + 1);
    EXPECT_EQ(log.page(since, 10).next_since, 25u);
    EXPECT_EQ(log.page(1'000, 10).next_since, 25u);  // a reader of an earlier log
    EXPECT_TRUE(log.page(25, 10).arrivals.empty());
}

TEST(ArrivalLogTest, OverflowKeepsTheEarliestAndIsCounted) {
    ArrivalLog log(10);
    std::vector<Arrival> told;
    for (int n = 0; n < 15; ++n) {
        told.push_back(logged(n));
        log.open(told.back());
    }
    for (Arrival& arrival : told) {
        end(arrival);
        log.close(arrival);
    }
    auto counts = log.counts();
    EXPECT_EQ(counts.recorded, 15u);
    EXPECT_EQ(counts.kept, 10u);
    EXPECT_EQ(counts.first_kept, 1u);
    EXPECT_EQ(counts.overflow, 5u);
    EXPECT_EQ(counts.open, 0u);
    const auto page = log.page(0, 100);
    ASSERT_EQ(page.arrivals.size(), 10u);
    EXPECT_EQ(page.arrivals.back(), told[9]);
    EXPECT_EQ(page.next_since, 10u);

    log.clear();
    Arrival late = logged(15);
    log.open(late);
    EXPECT_EQ(late.seq, 16u);
    counts = log.counts();
    EXPECT_EQ(counts.first_kept, 16u);
    EXPECT_EQ(counts.kept, 1u);
    EXPECT_EQ(counts.overflow, 5u);
    EXPECT_EQ(log.page(0, 10).arrivals.at(0).correlation_id, "request-15");
}

TEST(ArrivalLogTest, AnEndThatComesAfterTheTakeHarmsNothing) {
    ArrivalLog log(10);
    Arrival early = logged(1);
    log.open(early);
    ASSERT_EQ(log.take().size(), 1u);
    Arrival late = logged(2);
    log.open(late);
    end(early);
    log.close(early);
    const auto page = log.page(0, 10);
    ASSERT_EQ(page.arrivals.size(), 1u);
    EXPECT_EQ(page.arrivals[0], late);
    EXPECT_EQ(page.counts.open, 1u);
}

TEST(ArrivalLogTest, NoMemoryAtAllStillCounts) {
    ArrivalLog log(0);
    Arrival arrival = logged(1);
    log.open(arrival);
    end(arrival);
    log.close(arrival);
    EXPECT_EQ(log.counts().overflow, 1u);
    EXPECT_EQ(log.counts().first_kept, 0u);
    EXPECT_TRUE(log.take().empty());
}

TEST(ArrivalLogTest, LongTextsAreCut) {
    ArrivalLog log(10);
    Arrival arrival = logged(1);
    arrival.correlation_id = std::string(5'000, 'x');
    arrival.model = std::string(5'000, 'm');
    log.open(arrival);
    const auto kept = log.page(0, 1).arrivals.at(0);
    EXPECT_EQ(kept.correlation_id, std::string(kMaxLoggedText, 'x'));
    EXPECT_EQ(kept.model, std::string(kMaxLoggedText, 'm'));
    EXPECT_EQ(kept.agent, arrival.agent);
}

TEST(ArrivalLogTest, TheLastLineSaysWhatIsMissing) {
    LogCounts counts;
    counts.recorded = 15;
    counts.open = 1;
    counts.kept = 10;
    counts.first_kept = 1;
    counts.overflow = 5;
    counts.capacity = 10;
    std::string line;
    to_line(counts, 10, 2'500us, line);
    EXPECT_EQ(line.back(), '\n');
    const auto read = nlohmann::json::parse(line);
    EXPECT_EQ(read.at("log").at("overflow"), 5);
    EXPECT_EQ(read.at("log").at("next_since"), 10);
    EXPECT_EQ(read.at("log").at("now_ns"), 2'500'000);
    EXPECT_FALSE(arrivals::from_line(line).has_value());
}

TEST(ArrivalLogTest, IsReadWhileItIsWritten) {
    constexpr int kCalls = 20'000;
    ArrivalLog log(100'000);
    std::vector<Arrival> taken;
    std::thread writer([&] {
        for (int n = 0; n < kCalls; ++n) {
            Arrival arrival = logged(n);
            log.open(arrival);
            end(arrival);
            log.close(arrival);
        }
    });
    while (taken.size() < kCalls) {
        EXPECT_LE(log.page(0, 10).arrivals.size(), 10u);
        for (Arrival& arrival : log.take()) taken.push_back(std::move(arrival));
    }
    writer.join();
    for (std::size_t i = 0; i < taken.size(); ++i) ASSERT_EQ(taken[i].seq, i + 1);
}

}  // namespace
}  // namespace squadload::providers
