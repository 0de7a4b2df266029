#include "worker/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "base/units.h"
#include "judge/result/figures.h"
#include "judge/verdict/verdict.h"
#include "load/scenario/entries.h"
#include "report/console.h"
#include "report/files.h"
#include "run/outputs.h"
#include "run/preflight.h"
#include "run/providers_side.h"

namespace squadload::worker {
namespace {

constexpr std::uint64_t kUsersPerWorker = 1'000'000;
constexpr std::uint64_t kNumbersPerWorker = 1'000'000'000'000;
constexpr std::uint32_t kLineEvery = 10;                    // seconds
constexpr Nanos kInStep = std::chrono::milliseconds{1500};  // a start so late is none

std::vector<locust::ScenarioClass> classes_of(const scenario::Scenario& scenario) {
    std::vector<locust::ScenarioClass> out;
    for (const auto& one : scenario.classes) out.push_back({one.name, one.weight});
    return out;
}

std::vector<locust::EntryLabel> labels_of(const scenario::Scenario& scenario) {
    const auto sequences = scenario::number_sequences(scenario);
    std::vector<locust::EntryLabel> out;
    for (const auto& entry : scenario::number_entries(scenario)) {
        const auto& request = scenario::request_of(scenario, sequences[entry.sequence], entry.step);
        out.push_back({request.method, request.entry_name});
    }
    return out;
}

}  // namespace

Load::Load(const Common& common, std::int64_t index)
    : common_(common),
      index_(std::max<std::int64_t>(index, 0)),
      map_(classes_of(common.scenario)),
      steering_(std::max<std::uint32_t>(1, common.scenario.workers)),
      report_(labels_of(common.scenario)) {}

Load::~Load() {
    if (thread_.joinable()) thread_.join();
}

scenario::Scenario Load::scenario_for(const locust::Spawn& spawn) const {
    scenario::Scenario s = common_.scenario;
    if (!spawn.host.empty()) {
        s.target.host = spawn.host;
        s.target.host_mark = SourceMark{"the master's host", 0, 0};
    }
    // Workers with one seed would all send the same.
    if (index_ > 0)
        s.seed = Random(s.seed, RandomStream::user, static_cast<std::uint64_t>(index_)).next();
    return s;
}

void Load::start(const locust::Spawn& spawn) {
    spawn_ = spawn;
    begun_ = mono_now();
    for (const auto& name : map_.strangers(spawn.users))
        log::info(
            fmt::format("the scenario has no user class {}: its users are spread over the "
                        "scenario's classes by weight",
                        name));
    set_target();
    thread_ = std::thread([this, s = scenario_for(spawn)]() mutable { run(std::move(s)); });
}

void Load::steer(const locust::Spawn& spawn) {
    spawn_ = spawn;
    set_target();
}

void Load::note(const locust::TestFacts& facts) {
    const bool same = facts_ && facts_->users == facts.users;
    facts_ = facts;
    facts_at_ = mono_now();
    if (!same) set_target();
}

void Load::set_target() {
    engine::LoadTarget target;
    target.users = map_.of_scenario(spawn_.users);
    const auto ours = static_cast<double>(locust::sum(spawn_.users));
    const auto total = facts_ && facts_->users > 0 ? facts_->users : spawn_.total_users;
    if (total <= 0 && !total_unknown_said_ && common_.scenario.model == scenario::Model::open) {
        total_unknown_said_ = true;
        log::warning(
            "the master does not say how many users the whole test has: this worker takes the "
            "scenario's whole rate; its file should be that of squadload locustfile");
    }
    target.share = ours <= 0    ? 0
                   : total <= 0 ? 1
                                : std::min(1.0, ours / static_cast<double>(total));
    if (facts_) {
        const Nanos ahead = begun_ - (facts_at_ - from_seconds(facts_->elapsed_s));
        target.ahead = ahead > kInStep ? ahead : Nanos{0};
    }
    {
        const std::lock_guard lock(mutex_);
        most_users_ = std::max(most_users_, static_cast<std::uint64_t>(ours));
        most_share_ = std::max(most_share_, target.share);
    }
    const auto room = common_.limits.connections(common_.scenario.workers);
    if (common_.scenario.model == scenario::Model::closed && ours > static_cast<double>(room))
        log::warning(fmt::format(
            "the master asks for {} users here, but this machine can hold {} connections: raise "
            "the limit on open files (ulimit -n), or add workers",
            result::thousands(static_cast<std::uint64_t>(ours)), result::thousands(room)));
    steering_.set(std::move(target));
}

void Load::stop(Nanos grace) {
    steering_.set_grace(grace);
    stop_switch_.stop(engine::StopReason::schedule_ended);
}

bool Load::users_taken() const {
    return engine_begun_.load(std::memory_order_acquire) && steering_.taken_by_all();
}

locust::Value Load::take_stats(const locust::UserCounts& users) {
    const std::lock_guard lock(mutex_);
    return report_.take(wall_now(), users);
}

void Load::closed_at_master() {
    closed_.store(true, std::memory_order_release);
}

void Load::run(scenario::Scenario scenario) {
    auto judged = run::compile_bounds(std::move(scenario));
    const auto done = judged ? run_scenario(*std::move(judged)) : tl::unexpected(judged.error());
    if (!done) error_ = done.error();
    measured_.store(true, std::memory_order_release);
}

Result<void> Load::run_scenario(run::Judged judged) {
    const auto started = wall_now();
    const auto stamp = utc_file_stamp(started);
    auto checked = judged.scenario;
    const auto users = checked.users;
    // How many users come is the master's to say, and said where they are too many.
    if (checked.model == scenario::Model::closed) checked.users = 1;
    auto plan = run::preflight(std::move(checked), common_.limits, common_.network);
    if (!plan) return tl::unexpected(plan.error());
    if (plan->scenario.model == scenario::Model::closed) plan->scenario.users = users;
    plan->steering = &steering_;
    plan->first_user = static_cast<std::uint64_t>(index_) * kUsersPerWorker;
    plan->first_number = static_cast<std::uint64_t>(index_) * kNumbersPerWorker;
    judged.scenario = plan->scenario;
    auto log = report::SeriesLog::open(common_.options.output_dir, stamp);
    if (!log) return tl::unexpected(log.error());
    run::ProvidersSide side(common_.network, {});
    if (auto begun = side.begin(*plan); !begun) return begun;
    const auto each_second = [&](const engine::Progress& p) {
        if (const std::lock_guard lock(mutex_); true) report_.add(p.interval);
        if (p.point.second % kLineEvery != kLineEvery - 1) return;
        log::info(fmt::format(
            "{} users, {} requests/s, p95 {} ms, {} not ok of {}", result::thousands(p.point.users),
            result::thousands(p.point.outcomes.requests()), result::ms(p.point.p95_ms),
            result::thousands(p.point.outcomes.requests() - p.point.outcomes.ok()),
            result::thousands(p.point.outcomes.requests())));
    };
    if (const std::lock_guard lock(mutex_); true) report_.begin(wall_now());
    engine_begun_.store(true, std::memory_order_release);
    run::Surroundings around{common_.options,     common_.backend.make_loop, common_.backend.name,
                             stop_switch_,        common_.display,           &*log,
                             common_.metrics_page};
    around.each_second = each_second;
    auto ran = run::run_scenario(*plan, judged, around);
    if (!ran) return tl::unexpected(ran.error());
    side.finish(judged, common_.options.policy, *ran);
    describe(ran->result);
    if (ran->result.verdict == result::Verdict::void_run) void_reason_ = ran->result.verdict_reason;
    measured_.store(true, std::memory_order_release);

    result::RunResult run;
    run.tool_version = common_.options.tool_version;
    run.command = common_.options.command;
    run.started_at = utc_iso8601(started);
    run.scenarios.push_back(std::move(ran->result));
    write(std::move(run), *log);
    return {};
}

void Load::describe(result::ScenarioResult& result) const {
    const std::lock_guard lock(mutex_);
    const bool open = common_.scenario.model == scenario::Model::open;
    result.load_description =
        open ? fmt::format("open, up to {} % of {}", result::short_number(most_share_ * 100, 2),
                           verdict::load_description(common_.scenario))
             : fmt::format("closed, up to {} users", result::thousands(most_users_));
    result.notes.push_back(
        fmt::format("part of a test of the Locust master at {}, as worker {} ({})", common_.master,
                    index_, common_.node_id));
}

void Load::write(result::RunResult run, report::SeriesLog& log) {
    auto& scenario = run.scenarios.front();
    if (closed_.load(std::memory_order_acquire)) {
        const std::lock_guard lock(mutex_);
        const auto all = scenario.totals.outcomes.requests();
        if (const auto told = report_.told(); told < all)
            scenario.notes.push_back(fmt::format(
                "the master was not told of {}: they were in flight when it ended the test",
                result::plural(all - told, "request")));
    }
    verdict::conclude_run(run, false);
    common_.terminal.out(report::summary(scenario, common_.terminal.out_style()));
    std::vector<Error> errors;
    const auto named = run::write_outputs(run, common_.options.outputs, errors);
    for (const auto& error : errors) log::error(error.text());
    const auto stamp = utc_file_stamp(*from_utc_iso8601(run.started_at));
    const auto path = report::write_metrics(run, common_.options.output_dir, stamp);
    if (!path) {
        log::error(fmt::format("{}; the series is in {}", path.error().text(), log.path()));
        return;
    }
    log.finish();
    common_.terminal.out(*path + "\n");
    if (const auto page = report::write_page(run, *path))
        common_.terminal.out(*page + "\n");
    else
        log::error(page.error().text());
    for (const auto& file : named) common_.terminal.out(file + "\n");
}

}  // namespace squadload::worker
