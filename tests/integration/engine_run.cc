#include "integration/engine_run.h"

#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "load/transport/epoll_loop.h"
#include "load/transport/uring_loop.h"

namespace squadload::integration {

engine::Plan plan_for(const test_support::TestServer& server) {
    engine::Plan plan;
    plan.origin.address = transport::Address::parse(server.host(), server.port()).value();
    plan.origin.authority = fmt::format("target:{}", server.port());
    plan.scenario.name = "integration";
    scenario::Task task;
    task.name = "get";
    task.entry_name = "/";
    task.path = scenario::Template::constant("/");
    plan.scenario.classes.push_back({"User", 1, {}, {task}});
    return plan;
}

engine::Plan open_plan(const test_support::TestServer& server, double rate, Nanos duration) {
    engine::Plan plan = plan_for(server);
    plan.scenario.model = scenario::Model::open;
    plan.scenario.users = 1000;
    plan.scenario.duration = duration;
    plan.scenario.rates = {{duration, rate, rate}};
    return plan;
}

test_support::Certificates& certificates() {
    static test_support::Certificates all;
    return all;
}

test_support::ServerOptions tls_server(test_support::ServerCertificate certificate) {
    test_support::ServerOptions options;
    options.tls.emplace();
    options.tls->certificate = certificates().server(certificate);
    return options;
}

engine::Plan tls_plan(const test_support::TestServer& server, double rate, Nanos duration) {
    engine::Plan plan = open_plan(server, rate, duration);
    plan.origin.tls = true;
    plan.origin.host = "localhost";
    plan.scenario.target.tls.ca_file = certificates().authority();
    return plan;
}

std::vector<LoopKind> loop_kinds() {
    return {{"epoll", [](std::uint32_t) { return transport::make_epoll_loop(); }},
            {"io_uring", [](std::uint32_t) { return transport::make_uring_loop(); }}};
}

void LoopTest::SetUp() {
    if (const auto loop = GetParam().make(0); !loop) GTEST_SKIP() << loop.error().text();
}

std::string loop_name(const ::testing::TestParamInfo<LoopKind>& info) {
    return info.param.name;
}

engine::Measurements run(const engine::Plan& plan, const LoopKind& loop) {
    engine::StopSwitch stop;
    return run(plan, loop, stop, nullptr);
}

engine::Measurements run(const engine::Plan& plan, const LoopKind& loop, engine::StopSwitch& stop,
                         const engine::Observer& observer) {
    auto m = engine::run_engine(plan, loop.make, stop, observer);
    EXPECT_TRUE(m) << m.error().text();
    return m ? std::move(*m) : engine::Measurements{};
}

namespace {

// Ahead of other programs on the machine, where the user may say so (root); the threads made later
// inherit it.
void ask_for_precedence() {
    const sched_param real_time{.sched_priority = 10};
    static_cast<void>(sched_setscheduler(0, SCHED_RR, &real_time));
}

// A thread that does nothing but wake every millisecond. How late it wakes is the machine's doing,
// never the engine's: what else runs here, a hypervisor, a limit on CPU time.
class Bystander {
  public:
    Bystander() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}
    double stop_and_tell_lag_ms() {  // p99.9
        thread_.request_stop();
        thread_.join();
        std::sort(lags_.begin(), lags_.end());
        return lags_.empty() ? 0 : to_ms(lags_[lags_.size() * 999 / 1000]);
    }

  private:
    void watch(const std::stop_token& stop) {
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any waker;
        for (MonoTime due = mono_now(); !stop.stop_requested();
             due += std::chrono::milliseconds(1)) {
            waker.wait_until(lock, stop, due, [] { return false; });
            lags_.push_back(mono_now() - due);
        }
    }
    std::vector<Nanos> lags_;
    std::jthread thread_;
};

}  // namespace

std::optional<engine::Measurements> run_undisturbed(const std::function<engine::Plan()>& prepare,
                                                    const LoopKind& loop) {
    constexpr int kAttempts = 5;
    constexpr double kDisturbedMs = 1;
    ask_for_precedence();
    int busy = 0;
    std::string lags;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        const engine::Plan plan = prepare();
        Bystander bystander;
        auto m = run(plan, loop);
        const double lag_ms = to_ms(all(m).generator_lag.percentile(0.999));
        if (lag_ms < kDisturbedMs) return m;
        const double bystander_ms = bystander.stop_and_tell_lag_ms();
        if (bystander_ms >= kDisturbedMs) ++busy;
        lags += fmt::format(" {:.2f} ({:.2f})", lag_ms, bystander_ms);
    }
    const std::string account =
        fmt::format("lag p99.9 in ms of the engine (and of an idle thread beside it):{}", lags);
    if (2 * busy > kAttempts) {
        [&] { GTEST_SKIP() << "the machine is too busy to compare times; " << account; }();
    } else {
        ADD_FAILURE() << "the engine is late on a machine that is not busy; " << account;
    }
    return std::nullopt;
}

std::string first_message(const engine::Measurements& m) {
    return m.failures.groups().empty() ? "" : m.failures.groups().front().message;
}

measure::TaskStats all(const engine::Measurements& m) {
    measure::TaskStats sum;
    for (const auto& task : m.tasks) sum.merge(task);
    return sum;
}

}  // namespace squadload::integration
