// Many calls at once, other threads, and the log's file.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "target/providers/beds_for_tests.h"
#include "target/service/service_thread.h"

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;
using arrivals::Arrival;
using nlohmann::json;

TEST(ManyCallsTest, AThousandAtOnceWithFaultsAreAllAccountedFor) {
    Profile profile = plain_profile();
    set_latency(profile, {100ms, 200ms, 10'000, 10, 50});
    profile.concurrency = 200;
    profile.queue = 100;
    for (const FaultKind kind : {FaultKind::error_rate, FaultKind::storm, FaultKind::reset,
                                 FaultKind::truncated, FaultKind::malformed}) {
        FaultSpec fault;
        fault.kind = kind;
        fault.share = 0.05;
        profile.faults.push_back(fault);
    }
    Bed bed(with(profile, 1));
    const auto answers = bed.call_all(1'000);
    std::map<int, int> seen;
    for (const Answer& answer : answers) ++seen[answer.ok() ? answer.status : 0];
    const auto calls = bed.simulator().take_arrivals();
    ASSERT_EQ(calls.size(), 1'000U);
    std::map<int, int> logged;
    for (const Arrival& arrival : calls) {
        ASSERT_TRUE(arrival.done);
        // Half an answer is none for the client.
        const bool whole = arrival.reason != "truncated";
        ++logged[whole ? static_cast<int>(arrival.status) : 0];
    }
    EXPECT_EQ(seen, logged);
    EXPECT_GT(seen[200], 200);
    EXPECT_GT(seen[503], 0);  // 200 at work and 100 waiting leave no room for the rest
    EXPECT_EQ(bed.simulator().log_counts().open, 0U);
    const json provider = json::parse(bed.simulator().summary())["providers"][0];
    EXPECT_EQ(provider["in_flight"], 0);
    EXPECT_EQ(provider["waiting"], 0);
}

TEST(ManyCallsTest, TheEndOfTheSimulatorEndsItsCalls) {
    Profile profile = plain_profile();
    profile.concurrency = 5;
    profile.queue = 100;
    set_latency(profile, {1h, 1h, 1'000, 1, 1});
    FaultSpec hang;
    hang.kind = FaultKind::hang;
    hang.share = 0.3;
    profile.faults.push_back(hang);
    Bed bed(with(profile, 1));
    std::vector<ClientRequest> requests;
    for (int i = 0; i < 50; ++i) requests.push_back(bed.chat(chat_body()));
    bed.when([&] { return bed.simulator().log_counts().open == 50; },
             [&] { bed.simulator().stop(); });
    for (const Answer& answer : bed.send_all(std::move(requests))) EXPECT_FALSE(answer.ok());
    ASSERT_TRUE(bed.until([&] { return bed.simulator().log_counts().open == 0; }));
    for (const Arrival& arrival : bed.simulator().take_arrivals()) {
        EXPECT_TRUE(arrival.reason == "stopped" || arrival.reason == "hang") << arrival.reason;
        EXPECT_EQ(arrival.status, 0);
    }
}

TEST(ManyCallsTest, DrainAnswersWhatIsInFlight) {
    Profile profile = plain_profile();
    set_latency(profile, {300ms, 300ms, 1'000'000, 1, 1});
    Bed bed(with(profile, 1));
    std::vector<ClientRequest> requests;
    for (int i = 0; i < 20; ++i) requests.push_back(bed.chat(chat_body()));
    std::optional<bool> whole;
    const auto drain = [&] {
        asio::co_spawn(bed.io, bed.simulator().drain(10s),
                       [&](const std::exception_ptr&, bool all) { whole = all; });
    };
    bed.when([&] { return bed.simulator().log_counts().recorded == 20; }, drain);
    for (const Answer& answer : bed.send_all(std::move(requests))) EXPECT_EQ(answer.status, 200);
    ASSERT_TRUE(bed.until([&] { return whole.has_value(); }));
    EXPECT_TRUE(*whole);
}

TEST(EmbeddedTest, TheLogIsReadFromAnotherThread) {
    service::ServiceThread thread("simulator");
    auto simulator =
        thread.call([&] { return Simulator::start(thread.io(), with(plain_profile())); });
    ASSERT_TRUE(simulator);
    asio::io_context io;
    auto client = service::Client::create(io, {});
    ASSERT_TRUE(client);
    constexpr std::size_t kCalls = 500;
    std::size_t served = 0;
    std::size_t left = kCalls;
    std::vector<Arrival> taken;
    for (std::size_t i = 0; i < kCalls; ++i) {
        ClientRequest request;
        request.method = "POST";
        request.origin = {false, "127.0.0.1", (*simulator)->port()};
        request.target = "/groq/openai/v1/chat/completions";
        request.headers = {{"authorization", "Bearer secret"}};
        request.body = chat_body();
        asio::co_spawn(io, (*client)->send(std::move(request), mono_now() + kPatience),
                       [&](const std::exception_ptr&, const Answer& answer) {
                           served += answer.status == 200 ? 1 : 0;
                           --left;
                           for (Arrival& a : (*simulator)->take_arrivals()) taken.push_back(a);
                       });
    }
    while (left > 0 && io.run_one() > 0) {
    }
    EXPECT_EQ(served, kCalls);
    for (Arrival& arrival : (*simulator)->take_arrivals()) taken.push_back(std::move(arrival));
    ASSERT_EQ(taken.size(), kCalls);
    for (std::size_t i = 0; i < kCalls; ++i) EXPECT_EQ(taken[i].seq, i + 1);
    EXPECT_EQ((*simulator)->log_counts().recorded, kCalls);
    EXPECT_EQ((*simulator)->arrivals(0, 10).counts.kept, 0U);
    thread.call([&] { simulator->reset(); });
}

TEST(LogFileTest, HoldsEveryCallAlsoThoseMemoryHasNoRoomFor) {
    const auto file = std::filesystem::path(testing::TempDir()) /
                      ("simulator-" + std::to_string(::getpid()) + ".ndjson");
    std::filesystem::remove(file);
    Settings settings = with(plain_profile());
    settings.log_capacity = 10;
    settings.arrivals_file = file.string();
    FaultSpec hang;
    hang.kind = FaultKind::hang;
    hang.model = "small";
    settings.profiles[0].faults.push_back(hang);
    Bed bed(std::move(settings));
    static_cast<void>(bed.call_all(200));
    std::vector<ClientRequest> hanging;
    hanging.push_back(bed.chat(chat_body("small")));
    bed.when([&] { return bed.simulator().log_counts().recorded == 201; },
             [&] { bed.simulator().stop(); });
    static_cast<void>(bed.send_all(std::move(hanging)));

    std::map<std::uint64_t, Arrival> calls;
    std::ifstream in(file);
    std::string line;
    json log;
    while (std::getline(in, line)) {
        if (line.starts_with(R"({"log":)")) {
            log = json::parse(line)["log"];
            continue;
        }
        const auto arrival = arrivals::from_line(line);
        ASSERT_TRUE(arrival) << line;
        EXPECT_TRUE(calls.emplace(arrival->seq, *arrival).second);
    }
    ASSERT_EQ(calls.size(), 201U);
    EXPECT_EQ(calls.begin()->first, 1U);
    EXPECT_EQ(calls.rbegin()->first, 201U);
    EXPECT_EQ(calls.rbegin()->second.model, "small");
    EXPECT_EQ(log["recorded"], 201);
    EXPECT_EQ(log["overflow"], 191);
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace squadload::providers
