#include "integration/engine_run.h"

#include <fmt/core.h>
#include <sched.h>

#include "load/transport/epoll_loop.h"

namespace squadload::integration {

engine::Plan plan_for(const test_support::TestServer& server) {
    engine::Plan plan;
    plan.address = transport::Address::parse(server.host(), server.port()).value();
    plan.authority = fmt::format("target:{}", server.port());
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

std::vector<LoopKind> loop_kinds() {
    return {{"epoll", [](std::uint32_t) { return transport::make_epoll_loop(); }}};
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

}  // namespace

engine::Measurements run_undisturbed(const std::function<engine::Plan()>& prepare,
                                     const LoopKind& loop) {
    ask_for_precedence();
    double lag_ms = 0;
    for (int attempt = 0; attempt < 5; ++attempt) {
        const engine::Plan plan = prepare();
        auto m = run(plan, loop);
        lag_ms = to_ms(all(m).generator_lag.percentile(0.999));
        if (lag_ms < 1) return m;
    }
    ADD_FAILURE() << "the machine is too busy to compare times: generator lag p99.9 " << lag_ms
                  << " ms in the last of five runs";
    return {};
}

measure::TaskStats all(const engine::Measurements& m) {
    measure::TaskStats sum;
    for (const auto& task : m.tasks) sum.merge(task);
    return sum;
}

}  // namespace squadload::integration
