#include "run/run_scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "load/transport/sim_loop.h"
#include "run/test_support.h"

namespace squadload::run {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

using Delay = std::function<std::chrono::milliseconds(std::uint64_t request)>;

std::chrono::milliseconds twenty_ms(std::uint64_t) {
    return std::chrono::milliseconds{20};
}

// Answers every request with one status.
class SimpleServer : public transport::SimServer {
  public:
    SimpleServer(std::string status, std::function<void(std::uint64_t)> before_reply, Delay delay)
        : status_(std::move(status)),
          before_reply_(std::move(before_reply)),
          delay_(std::move(delay)) {}
    void on_bytes(transport::SimConnection& connection, std::span<const char>) override {
        before_reply_(requests_);
        connection.reply(delay_(requests_++),
                         "HTTP/1.1 " + status_ + "\r\nContent-Length: 2\r\n\r\nok");
    }

  private:
    std::string status_;
    std::function<void(std::uint64_t)> before_reply_;
    Delay delay_;
    std::uint64_t requests_ = 0;
};

// Simulated time runs ahead of the thread that watches: where a stop is due, it waits for it.
void await_stop(const engine::StopSwitch& stop_switch) {
    const auto limit = mono_now() + std::chrono::seconds{20};
    while (!stop_switch.stopped() && mono_now() < limit) std::this_thread::yield();
}

// Makes the kernel refuse io_uring to the calling thread, for good.
bool forbid_io_uring() {
    std::array<sock_filter, 4> rules{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),  // seccomp_data::nr
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{rules.size(), rules.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// A scenario of 10 requests per second for 20 s with one bound and one to fail fast on.
scenario::Scenario twenty_seconds() {
    auto s = open(10, 10, false);
    s.duration = std::chrono::seconds{20};
    s.rates = {{s.duration, 10, 10}};
    s.target.host = "http://api.test";
    scenario::UserClass user;
    user.name = "User";
    scenario::Task task;
    task.name = task.entry_name = "get";
    task.path = scenario::Template::constant("/");
    user.tasks = {task};
    s.classes = {user};
    s.thresholds = {{"success_rate_min", "0.99", {}}};
    s.fail_fast = {true, {{"success_rate_min", "0.99", {}}}, std::chrono::seconds{3}, 10};
    return s;
}

struct Simulated {
    result::ScenarioResult result;
    std::size_t logged = 0;  // lines of the series log
};

Simulated simulate(const std::string& status, const scenario::Scenario& scenario,
                   std::optional<std::uint64_t> stopped_by = std::nullopt,
                   Delay delay = twenty_ms) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("squadload_run_" + std::to_string(::getpid()));
    const Capture out;
    const Terminal terminal(out.fd(), out.fd(), environment_of({}));
    Display display(terminal, true);
    const Options options;
    engine::StopSwitch stop_switch;
    SimpleServer server(
        status,
        [&](std::uint64_t request) {
            if (request == stopped_by) await_stop(stop_switch);
        },
        std::move(delay));
    auto log = report::SeriesLog::open(folder.string(), "test");
    EXPECT_TRUE(log) << log.error().text();
    const auto judged = compile_bounds(scenario);
    EXPECT_TRUE(judged) << judged.error().text();
    const engine::Plan plan{
        scenario, {false, "api.test", *transport::Address::parse("127.0.0.1", 80), "api.test"}, ""};
    const engine::LoopFactory factory =
        [&](std::uint32_t) -> Result<std::unique_ptr<transport::Loop>> {
        return std::unique_ptr<transport::Loop>(transport::SimLoop::make(server));
    };
    auto result =
        run_scenario(plan, *judged, {options, factory, "simulated", stop_switch, display, &*log});
    EXPECT_TRUE(result) << result.error().text();
    std::ifstream lines(log->path());
    const auto logged = std::count(std::istreambuf_iterator<char>(lines), {}, '\n');
    log->finish();
    std::filesystem::remove_all(folder);
    return {std::move(result->result), static_cast<std::size_t>(logged)};
}

TEST(RunScenario, GoodTargetPasses) {
    const auto run = simulate("200 OK", twenty_seconds());
    EXPECT_EQ(run.result.verdict, result::Verdict::pass) << run.result.verdict_reason;
    EXPECT_EQ(run.result.totals.outcomes.ok(), 200U);
    EXPECT_EQ(run.result.stop_reason, "schedule_ended");
    EXPECT_EQ(run.logged, run.result.series.size());
    EXPECT_GE(run.logged, 20U);
}

TEST(RunScenario, BrokenFailFastBoundEndsItEarly) {
    const auto run = simulate("500 Oops", twenty_seconds(), 100);
    EXPECT_EQ(run.result.verdict, result::Verdict::fail);
    EXPECT_EQ(run.result.stop_reason, "fail_fast");
    EXPECT_LT(run.result.totals.outcomes.scheduled(), 200U);
    EXPECT_EQ(run.result.totals.outcomes.ok(), 0U);
    ASSERT_THAT(run.result.thresholds, SizeIs(2));
    EXPECT_TRUE(run.result.thresholds[0].first_broken_at_s) << "when the run's own bound broke";
    EXPECT_TRUE(run.result.thresholds[1].first_broken_at_s);
}

TEST(RunScenario, WithoutFailFastTheScheduleIsPlayedToItsEnd) {
    auto s = twenty_seconds();
    s.fail_fast.enabled = false;
    const auto run = simulate("500 Oops", s);
    EXPECT_EQ(run.result.verdict, result::Verdict::fail);
    EXPECT_EQ(run.result.stop_reason, "schedule_ended");
    EXPECT_EQ(run.result.totals.outcomes.scheduled(), 200U);
}

TEST(RunScenario, StragglersAfterTheScheduleDoNotFailFast) {
    // 5 % of the requests take 15 s: those of the last seconds end one by one after the schedule,
    // and then a window holds nothing else.
    auto s = twenty_seconds();
    s.thresholds = {{"p95_latency_max_ms", "16000", {}}};
    s.fail_fast = {true, {{"p50_latency_max_ms", "3000", {}}}, std::chrono::seconds{5}, 2};
    for (const bool by_requests : {false, true}) {
        if (by_requests) {
            s.requests = 200;
            s.duration = std::chrono::hours{1};
            s.rates = {{s.duration, 10, 10}};
        }
        const auto run = simulate("200 OK", s, std::nullopt, [](std::uint64_t request) {
            return std::chrono::milliseconds{request % 20 == 0 ? 15'000 : 20};
        });
        EXPECT_EQ(run.result.verdict, result::Verdict::pass) << run.result.verdict_reason;
        EXPECT_EQ(run.result.stop_reason, "schedule_ended");
    }
}

TEST(RunScenario, UnknownBoundIsAnError) {
    auto s = twenty_seconds();
    s.thresholds = {{"p95_latency_max", "100", {"my.yaml", 4, 3}}};
    const auto judged = compile_bounds(s);
    ASSERT_FALSE(judged);
    EXPECT_THAT(judged.error().text(), HasSubstr("my.yaml:4:3"));
    s = twenty_seconds();
    s.fail_fast.bounds = {{"succes_rate_min", "0.9", {}}};
    EXPECT_FALSE(compile_bounds(s));
}

TEST(RunScenario, HeaderLine) {
    Options options;
    options.tool_version = "0.1.0";
    auto s = twenty_seconds();
    EXPECT_EQ(header_line(options, s, "epoll"),
              "squadload 0.1.0 · spike · open 10/s constant · http://api.test · epoll, 1 worker");
    s.workers = 2;
    EXPECT_THAT(header_line(options, s, "epoll"), HasSubstr("epoll, 2 workers"));
    s.users = 1;
    EXPECT_THAT(header_line(options, s, "epoll"), HasSubstr("epoll, 1 worker"));
}

TEST(Backend, ByName) {
    EXPECT_EQ(choose_backend("epoll")->name, "epoll");
    EXPECT_EQ(choose_backend("epoll")->note, "");
    const auto unknown = choose_backend("epol");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
    EXPECT_THAT(unknown.error().message, HasSubstr("did you mean epoll?"));
    EXPECT_THAT(choose_backend("kqueue").error().message, HasSubstr("auto, io_uring or epoll"));
}

TEST(Backend, AutoIsIoUringWhereTheKernelAllowsIt) {
    const auto chosen = choose_backend("auto");
    ASSERT_TRUE(chosen) << chosen.error().text();
    const auto forced = choose_backend("io_uring");
    EXPECT_EQ(chosen->name, forced ? "io_uring" : "epoll");
    EXPECT_EQ(chosen->note, forced ? "" : "the event loop is epoll: " + forced.error().message);
    EXPECT_EQ((*chosen->make_loop(0))->name(), chosen->name);
}

TEST(Backend, WithoutIoUringAutoIsEpollAndSaysWhy) {
    Result<Backend> chosen = fail(ErrorKind::internal, "");
    Result<Backend> forced = chosen;
    bool forbidden = false;
    std::thread([&] {  // the filter stays with its thread
        forbidden = forbid_io_uring();
        if (!forbidden) return;
        chosen = choose_backend("auto");
        forced = choose_backend("io_uring");
    })
        .join();
    if (!forbidden) GTEST_SKIP() << "no seccomp filters here";
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->name, "epoll");
    EXPECT_THAT(chosen->note, HasSubstr("the event loop is epoll: io_uring is not available: "));
    ASSERT_FALSE(forced);
    EXPECT_EQ(forced.error().kind, ErrorKind::resources);
}

}  // namespace
}  // namespace squadload::run
