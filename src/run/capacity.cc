#include "run/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <thread>

#include "base/log.h"
#include "judge/verdict/capacity.h"
#include "judge/verdict/rate_search.h"
#include "report/capacity_table.h"
#include "run/embedded.h"
#include "run/signals.h"

namespace squadload::run {
namespace {

// After a rate that was too high the target gets a rest, to work off what it has taken on.
constexpr Nanos kLongestRest = std::chrono::seconds{2};
constexpr Nanos kRestTurn = std::chrono::milliseconds{50};
constexpr Nanos kShortestAwait = std::chrono::seconds{5};

class Search {
  public:
    Search(const ScenarioAtRate& at_rate, const CapacitySettings& settings, const Options& options,
           const Terminal& terminal, const Network& network)
        : at_rate_(at_rate),
          settings_(settings),
          options_(options),
          terminal_(terminal),
          network_(network),
          search_(settings.from_per_s, settings.to_per_s, settings.precision) {}

    Result<int> run();

  private:
    Result<Judged> prepare(double rate);
    Result<void> try_rate(double rate);
    Result<result::ScenarioResult> measure(double rate);
    void rest() const;
    Result<int> conclude();

    const ScenarioAtRate& at_rate_;
    const CapacitySettings& settings_;
    const Options& options_;
    const Terminal& terminal_;
    const Network& network_;
    verdict::RateSearch search_;
    SignalGuard signals_;
    EmbeddedStack stack_;
    ProcessLimits limits_;
    Backend backend_;
    std::optional<result::ScenarioResult> shown_;  // what goes into the metrics file
    result::RunResult run_;
    result::Capacity capacity_;
};

Result<Judged> Search::prepare(double rate) {
    auto scenario = at_rate_(rate, settings_.step);
    if (!scenario) return tl::unexpected(scenario.error());
    if (auto given = stack_.give_target(*scenario); !given) return tl::unexpected(given.error());
    const auto url = target_url(scenario->target);
    if (!url) return tl::unexpected(url.error());
    if (auto checked = check_tls(scenario->target, *url); !checked)
        return tl::unexpected(checked.error());
    scenario->events.clear();
    scenario->fail_fast.enabled = false;
    // What is still in flight long after the schedule was not kept up with.
    scenario->graceful_stop =
        std::min(scenario->graceful_stop, std::max(settings_.step, kShortestAwait));
    if (auto fits = fit_connections(*scenario, limits_); !fits) return tl::unexpected(fits.error());
    for (const auto& bound : scenario->thresholds)
        if (bound.name.empty() && verdict::is_provider_expression(bound.value))
            return fail_at(
                bound.mark,
                fmt::format("'{}' is about providers, which a search does not watch", bound.value));
    auto judged = compile_bounds(std::move(*scenario));
    if (!judged) return tl::unexpected(judged.error());
    if (judged->thresholds.empty())
        return fail(ErrorKind::usage,
                    "there is no bound to search with: --threshold 'p95 < 500ms'");
    return judged;
}

Result<result::ScenarioResult> Search::measure(double rate) {
    auto judged = prepare(rate);
    if (!judged) return tl::unexpected(judged.error());
    auto plan = preflight(judged->scenario, limits_, network_);
    if (!plan) return tl::unexpected(plan.error());
    if (capacity_.bounds.empty()) {
        for (const auto& t : judged->scenario.thresholds)
            capacity_.bounds.push_back(t.name.empty() ? t.value : t.name + " " + t.value);
        if (!options_.quiet)
            terminal_.err(
                fmt::format("{}\n", header_line(options_, judged->scenario, backend_.name)));
    }
    engine::StopSwitch stop_switch;
    Display silent(terminal_, true);
    signals_.watch(stop_switch);
    auto ran =
        run_scenario(*plan, *judged,
                     {options_, backend_.make_loop, backend_.name, stop_switch, silent, nullptr});
    signals_.unwatch();
    if (!ran) return tl::unexpected(ran.error());
    return std::move(ran->result);
}

Result<void> Search::try_rate(double rate) {
    auto measured = measure(rate);
    if (!measured) return tl::unexpected(measured.error());
    if (signals_.received() != 0) return {};
    // One hiccup of this machine does not end a search.
    if (measured->verdict == result::Verdict::void_run) {
        rest();
        measured = measure(rate);
        if (!measured) return tl::unexpected(measured.error());
        if (signals_.received() != 0) return {};
    }
    auto step = verdict::judge_step(*measured, rate);
    search_.tried(rate, step.held());
    const bool best = step.held() && rate >= search_.held().value_or(rate);
    if (best || !search_.held()) shown_ = std::move(*measured);
    if (!options_.quiet) terminal_.err(report::capacity_line(step, terminal_.err_style()));
    capacity_.steps.push_back(std::move(step));
    if (!capacity_.steps.back().held() && search_.next()) rest();
    return {};
}

void Search::rest() const {
    const Nanos length = std::min(kLongestRest, settings_.step / 4);
    for (Nanos t{}; t < length && signals_.received() == 0; t += kRestTurn)
        std::this_thread::sleep_for(kRestTurn);
}

Result<int> Search::run() {
    const auto started = wall_now();
    run_.tool_version = options_.tool_version;
    run_.command = options_.command;
    run_.started_at = utc_iso8601(started);
    auto backend = choose_backend(options_.backend);
    if (!backend) return tl::unexpected(backend.error());
    backend_ = std::move(*backend);
    limits_ = raise_and_read_limits();
    capacity_.from_per_s = settings_.from_per_s;
    capacity_.to_per_s = settings_.to_per_s;
    capacity_.precision = settings_.precision;
    capacity_.step_s = to_seconds(settings_.step);
    while (const auto rate = search_.next()) {
        const auto tried = try_rate(*rate);
        // What was found until then is told and written all the same.
        if (!tried && capacity_.steps.empty()) return tl::unexpected(tried.error());
        if (!tried) log::error(tried.error().text());
        if (!tried || signals_.received() != 0) break;
    }
    return conclude();
}

Result<int> Search::conclude() {
    using result::Verdict;
    verdict::conclude_capacity(capacity_);
    run_.verdict = Verdict::pass;
    run_.exit_code = result::ExitCode::pass;
    if (signals_.received() != 0) {
        run_.verdict = Verdict::interrupted;
        run_.exit_code = signals_.received() == SIGTERM ? result::ExitCode::terminated
                                                        : result::ExitCode::interrupted;
    } else if (capacity_.cause == result::LimitCause::generator) {
        run_.verdict = Verdict::void_run;
        run_.exit_code = result::ExitCode::void_run;
    } else if (!capacity_.limit_per_s) {
        run_.verdict = Verdict::fail;
        run_.exit_code = result::ExitCode::fail;
    }
    terminal_.out(report::capacity_summary(capacity_, run_.verdict, terminal_.out_style()));
    if (!shown_) return run_.exit_code;
    run_.scenarios.push_back(std::move(*shown_));
    run_.capacity = std::move(capacity_);
    const auto path = report::write_metrics(run_, options_.output_dir, utc_file_stamp(wall_now()));
    if (!path) return tl::unexpected(path.error());
    terminal_.out(*path + "\n");
    const auto page = report::write_page(run_, *path);
    if (!page) return tl::unexpected(page.error());
    terminal_.out(*page + "\n");
    return run_.exit_code;
}

}  // namespace

Result<int> find_capacity(const ScenarioAtRate& at_rate, const CapacitySettings& settings,
                          const Options& options, const Terminal& terminal,
                          const Network& network) {
    return Search(at_rate, settings, options, terminal, network).run();
}

}  // namespace squadload::run
