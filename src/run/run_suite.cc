#include "run/run_suite.h"

#include <fmt/format.h>

#include <csignal>
#include <optional>

#include "base/log.h"
#include "base/time.h"
#include "judge/verdict/suite.h"
#include "run/embedded.h"
#include "run/providers_side.h"
#include "run/signals.h"

namespace squadload::run {
namespace {

// The state of one suite: what it has, and what it has found out so far.
class Suite {
  public:
    Suite(const Options& options, const Terminal& terminal, const Network& network)
        : options_(options),
          terminal_(terminal),
          network_(network),
          display_(terminal, options.quiet) {}

    Result<int> run(std::vector<scenario::Scenario> scenarios);

  private:
    Result<void> prepare(std::vector<scenario::Scenario> scenarios);
    Result<void> run_one(const Judged& judged, engine::StopSwitch& stop_switch);
    Result<void> save_arrivals(const std::string& scenario);
    Result<int> conclude(const std::optional<Error>& trouble);
    [[nodiscard]] Result<int> write_files();

    const Options& options_;
    const Terminal& terminal_;
    const Network& network_;
    Display display_;
    SignalGuard signals_;
    EmbeddedStack stack_;
    ProcessLimits limits_;
    Backend backend_;
    std::vector<Judged> prepared_;
    std::optional<ProvidersSide> side_;
    std::optional<report::SeriesLog> series_log_;
    std::unique_ptr<MetricsPage> metrics_page_;
    std::string stamp_;
    result::RunResult run_;
};

// What a scenario says about providers, for the target it has.
void settle_side(scenario::Scenario& scenario) {
    if (!scenario.witness_url.empty() && scenario.attribution.preset.empty())
        scenario.attribution = *scenario::attribution_preset("squad");
    const bool embedded = scenario.target.host_mark.file == kEmbeddedStack;
    if (!scenario.events.empty() && scenario.witness_url.empty()) {
        scenario.notes.push_back(
            fmt::format("{} left out: there are no simulated providers to bring {} about "
                        "(--witness URL names them)",
                        scenario.events.size() == 1 ? "its event is" : "its events are",
                        scenario.events.size() == 1 ? "it" : "them"));
        scenario.events.clear();
    }
    if (scenario.time_scale != 1 && !embedded)
        scenario.notes.emplace_back(
            "only the load is scaled in time: the windows and waits of a target of your own are "
            "its "
            "own");
}

// Everything a configuration can get wrong is found here, before the first request of the first
// scenario.
Result<void> Suite::prepare(std::vector<scenario::Scenario> scenarios) {
    if (auto writable = check_outputs(options_.outputs); !writable) return writable;
    auto backend = choose_backend(options_.backend);
    if (!backend) return tl::unexpected(backend.error());
    backend_ = std::move(*backend);
    if (!backend_.note.empty()) display_.line("note: " + backend_.note);
    if (options_.prometheus_port) {
        auto page = MetricsPage::open(*options_.prometheus_port);
        if (!page)
            return fail(ErrorKind::usage,
                        fmt::format("--prometheus-port: {}", page.error().message));
        metrics_page_ = *std::move(page);
        display_.line("metrics for Prometheus at " + metrics_page_->url());
    }
    limits_ = raise_and_read_limits();
    for (auto& scenario : scenarios) {
        if (auto given = stack_.give_target(scenario); !given) return tl::unexpected(given.error());
        settle_side(scenario);
        const auto url = target_url(scenario.target);
        if (!url) return tl::unexpected(url.error());
        if (auto checked = check_tls(scenario.target, *url); !checked)
            return tl::unexpected(checked.error());
        if (auto fits = fit_connections(scenario, limits_); !fits)
            return tl::unexpected(fits.error());
        auto judged = compile_bounds(std::move(scenario));
        if (!judged) return tl::unexpected(judged.error());
        prepared_.push_back(std::move(*judged));
    }
    std::vector<scenario::Event> events;
    for (const auto& judged : prepared_)
        events.insert(events.end(), judged.scenario.events.begin(), judged.scenario.events.end());
    side_.emplace(network_, std::move(events));
    return {};
}

Result<void> Suite::run_one(const Judged& judged, engine::StopSwitch& stop_switch) {
    auto plan = preflight(judged.scenario, limits_, network_);
    if (!plan) return tl::unexpected(plan.error());
    if (!series_log_) {
        auto log = report::SeriesLog::open(options_.output_dir, stamp_);
        if (!log) return tl::unexpected(log.error());
        series_log_.emplace(std::move(*log));
    }
    signals_.watch(stop_switch);
    display_.line(header_line(options_, judged.scenario, backend_.name));
    for (const auto& note : judged.scenario.notes) display_.line("note: " + note);
    if (auto begun = side_->begin(*plan); !begun) {
        signals_.unwatch();
        return tl::unexpected(begun.error());
    }
    auto ran = run_scenario(*plan, judged,
                            {options_, backend_.make_loop, backend_.name, stop_switch, display_,
                             &*series_log_, metrics_page_.get()});
    if (ran) side_->finish(judged, options_.policy, *ran);
    signals_.unwatch();
    if (!ran) return tl::unexpected(ran.error());
    auto& result = ran->result;
    if (!backend_.note.empty()) result.notes.push_back(backend_.note);
    terminal_.out(report::summary(result, terminal_.out_style()));
    if (auto saved = save_arrivals(result.name); !saved) log::error(saved.error().text());
    if (prepared_.size() > 1) terminal_.out("\n");
    run_.scenarios.push_back(std::move(result));
    return {};
}

// What `squadload audit` reads.
Result<void> Suite::save_arrivals(const std::string& scenario) {
    if (!options_.save_arrivals || side_->log().empty()) return {};
    const auto log = report::write_file(options_.output_dir,
                                        fmt::format("load_test_arrivals_{}_{}", stamp_, scenario),
                                        ".ndjson", side_->log());
    if (!log) return tl::unexpected(log.error());
    const auto declared = report::write_file(
        options_.output_dir, fmt::format("load_test_declared_{}_{}", stamp_, scenario), ".json",
        side_->declared());
    if (!declared) return tl::unexpected(declared.error());
    terminal_.out(fmt::format("{}   {}\n", *log, *declared));
    return {};
}

Result<int> Suite::run(std::vector<scenario::Scenario> scenarios) {
    const auto started = wall_now();
    stamp_ = utc_file_stamp(started);
    run_.tool_version = options_.tool_version;
    run_.command = options_.command;
    run_.started_at = utc_iso8601(started);
    if (auto ready = prepare(std::move(scenarios)); !ready) return tl::unexpected(ready.error());

    std::optional<Error> trouble;
    for (const auto& judged : prepared_) {
        if (signals_.received() != 0) break;
        engine::StopSwitch stop_switch;
        if (auto done = run_one(judged, stop_switch); !done) {
            trouble = done.error();
            break;
        }
    }
    if (trouble && run_.scenarios.empty()) {
        // What was measured until then stays.
        if (series_log_) log::error(fmt::format("the series is in {}", series_log_->path()));
        return tl::unexpected(*trouble);
    }
    return conclude(trouble);
}

Result<int> Suite::conclude(const std::optional<Error>& trouble) {
    const bool stopped = signals_.received() != 0;
    if (const auto& suite = prepared_.front().scenario.suite;
        prepared_.size() > 1 && run_.scenarios.size() == prepared_.size()) {
        run_.suite_thresholds = verdict::judge_suite(run_, suite);
        if (suite.criteria) run_.criteria = verdict::acceptance_criteria(run_);
    }
    verdict::conclude_run(run_, signals_.received() == SIGTERM);
    // A suite that could not go on is not green, whatever its first scenarios found.
    if (trouble) {
        log::error(trouble->text());
        if (run_.verdict == result::Verdict::pass) {
            run_.verdict = result::Verdict::fail;
            run_.exit_code = exit_code(*trouble);
        }
    }
    if (stopped && run_.scenarios.size() < prepared_.size()) {
        run_.verdict = result::Verdict::interrupted;
        run_.exit_code = signals_.received() == SIGTERM ? result::ExitCode::terminated
                                                        : result::ExitCode::interrupted;
    }
    if (const auto left = prepared_.size() - run_.scenarios.size(); left > 0) {
        terminal_.err(fmt::format("{} of {} scenarios did not run\n", left, prepared_.size()));
    }
    terminal_.out(report::suite_summary(run_, terminal_.out_style()));
    return write_files();
}

// A file that could not be written makes a run that passed end with the error's code.
Result<int> Suite::write_files() {
    std::vector<Error> errors;
    const auto named = write_outputs(run_, options_.outputs, errors);
    for (const auto& error : errors) log::error(error.text());
    int code = errors.empty() || run_.exit_code != result::ExitCode::pass
                   ? run_.exit_code
                   : result::ExitCode::internal;
    const auto path = report::write_metrics(run_, options_.output_dir, stamp_);
    if (!path) {
        // The series stays: it is what is left of the run.
        log::error(
            fmt::format("{}; the series is in {}", path.error().text(), series_log_->path()));
        return code == result::ExitCode::pass ? result::ExitCode::internal : code;
    }
    series_log_->finish();
    terminal_.out(*path + "\n");
    if (const auto page = report::write_page(run_, *path)) {
        terminal_.out(*page + "\n");
    } else {
        log::error(page.error().text());
        if (code == result::ExitCode::pass) code = result::ExitCode::internal;
    }
    for (const auto& file : named) terminal_.out(file + "\n");
    return code;
}

}  // namespace

Result<int> run_suite(std::vector<scenario::Scenario> scenarios, const Options& options,
                      const Terminal& terminal, const Network& network) {
    Suite suite(options, terminal, network);
    return suite.run(std::move(scenarios));
}

int exit_code(const Error& error) {
    switch (error.kind) {
        case ErrorKind::usage:
        case ErrorKind::config:
        case ErrorKind::resources:
        case ErrorKind::io:
            return result::ExitCode::usage;
        case ErrorKind::unreachable:
            return result::ExitCode::unreachable;
        case ErrorKind::internal:
            break;
    }
    return result::ExitCode::internal;
}

}  // namespace squadload::run
