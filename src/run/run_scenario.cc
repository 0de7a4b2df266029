#include "run/run_scenario.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/suggest.h"
#include "base/time.h"
#include "load/scenario/entries.h"
#include "load/transport/epoll_loop.h"
#include "load/transport/uring_loop.h"
#include "report/open_metrics.h"
#include "run/embedded.h"

namespace squadload::run {
namespace {

// What is watched second by second while the engine runs, on its calling thread.
class Watch {
  public:
    Watch(const Judged& judged, const Surroundings& around)
        : judged_(judged),
          around_(around),
          task_names_(scenario::entry_labels(judged.scenario)),
          context_{judged.scenario, judged.thresholds, around.backend_name},
          tracker_(judged.thresholds) {
        const auto& settings = judged.scenario.fail_fast;
        if (settings.enabled)
            fail_fast_.emplace(judged.fail_fast_bounds, settings.window, settings.min_samples);
    }

    void observe(const engine::Progress& progress) {
        series_.push_back(progress.point);
        if (around_.series_log != nullptr)
            around_.series_log->append(judged_.scenario.name, progress.point);
        if (around_.metrics_page != nullptr)
            around_.metrics_page->publish(
                report::open_metrics(judged_.scenario.name, task_names_, progress));
        if (around_.each_second) around_.each_second(progress);
        tracker_.observe(progress.totals, progress.elapsed);
        for (const auto& p : progress.interval.providers.all())
            if (p.responses > 0)
                provider_seconds_.push_back(
                    {progress.point.second, p.name, p.responses, p.ok, p.fallbacks});
        if (fail_fast_ && !broken_ && !only_awaiting(progress)) {
            broken_ = fail_fast_->observe(progress.interval);
            if (broken_) {
                around_.stop_switch.stop(engine::StopReason::fail_fast);
                around_.display.line(fmt::format("fail-fast: {} {} (bound {})", broken_->criterion,
                                                 broken_->actual, broken_->bound));
            }
        }
        due_ = progress.totals.arrivals > 0 ? progress.totals.arrivals : progress.totals.scheduled;
        around_.display.update(context_, progress, series_, stopping());
    }

    [[nodiscard]] const std::optional<result::ThresholdResult>& broken() const { return broken_; }
    [[nodiscard]] const verdict::BoundsTracker& tracker() const { return tracker_; }
    [[nodiscard]] std::vector<ProviderSecond> take_provider_seconds() {
        return std::move(provider_seconds_);
    }

  private:
    // The load was over when this second began, and requests in flight were awaited: what still
    // ends says nothing new, and the slowest end last.
    [[nodiscard]] bool only_awaiting(const engine::Progress& progress) const {
        const auto& scenario = judged_.scenario;
        return around_.stop_switch.stopped() ||
               std::chrono::seconds{progress.point.second} >= scenario.duration ||
               (scenario.requests && due_ >= *scenario.requests);
    }
    [[nodiscard]] Stopping stopping() const {
        if (!around_.stop_switch.stopped()) return Stopping::no;
        const bool by_bound = around_.stop_switch.reason() == engine::StopReason::fail_fast;
        return by_bound ? Stopping::by_bound : Stopping::by_signal;
    }

    const Judged& judged_;
    const Surroundings& around_;
    std::vector<std::string> task_names_;  // by entry number
    report::LiveContext context_;
    verdict::BoundsTracker tracker_;
    std::optional<verdict::FailFast> fail_fast_;
    std::optional<result::ThresholdResult> broken_;
    std::vector<measure::SeriesPoint> series_;
    std::vector<ProviderSecond> provider_seconds_;
    std::uint64_t due_ = 0;  // of what the schedule asks for, before this second
};

}  // namespace

Result<Judged> compile_bounds(scenario::Scenario scenario) {
    auto thresholds = verdict::compile(scenario.thresholds, scenario);
    if (!thresholds) return tl::unexpected(thresholds.error());
    auto fail_fast = verdict::compile(scenario.fail_fast.bounds, scenario);
    if (!fail_fast) return tl::unexpected(fail_fast.error());
    for (const auto& bound : scenario.fail_fast.bounds)
        if (bound.name.empty() && verdict::is_provider_expression(bound.value))
            return fail_at(bound.mark, fmt::format("'{}' can be judged at the end only: it belongs "
                                                   "under thresholds, not under fail_fast",
                                                   bound.value));
    auto providers = verdict::compile_provider_bounds(scenario.thresholds);
    if (!providers) return tl::unexpected(providers.error());
    return Judged{std::move(scenario), std::move(*thresholds), std::move(*fail_fast),
                  std::move(*providers)};
}

std::string header_line(const Options& options, const scenario::Scenario& scenario,
                        const std::string& backend) {
    const auto workers = engine::worker_count(scenario);
    return fmt::format("squadload {} · {} · {} · {} · {}, {} worker{}", options.tool_version,
                       scenario.name, verdict::load_description(scenario),
                       scenario.target.host_mark.file == kEmbeddedStack
                           ? std::string(kEmbeddedStack)
                           : scenario.target.host,
                       backend, workers, workers == 1 ? "" : "s");
}

Result<Ran> run_scenario(const engine::Plan& plan, const Judged& judged,
                         const Surroundings& around) {
    Watch watch(judged, around);
    auto measured =
        engine::run_engine(plan, around.make_loop, around.stop_switch,
                           [&](const engine::Progress& progress) { watch.observe(progress); });
    around.display.finish();
    if (!measured) return tl::unexpected(measured.error());
    auto result = verdict::conclude(plan, *measured, judged.thresholds, watch.broken(),
                                    around.options.policy);
    watch.tracker().annotate(result.thresholds);
    return Ran{std::move(result), *std::move(measured), watch.take_provider_seconds()};
}

Result<Backend> choose_backend(const std::string& option) {
    static constexpr std::array<std::string_view, 3> kNames{"auto", "io_uring", "epoll"};
    Backend epoll{"epoll", [](std::uint32_t) { return transport::make_epoll_loop(); }};
    if (option == "epoll") return epoll;
    if (option == "auto" || option == "io_uring") {
        const auto probe = transport::make_uring_loop();
        if (probe)
            return Backend{"io_uring", [](std::uint32_t) { return transport::make_uring_loop(); }};
        if (option == "io_uring") return tl::unexpected(probe.error());
        epoll.note = fmt::format("the event loop is epoll: {}", probe.error().message);
        return epoll;
    }
    const auto nearest = nearest_name(option, kNames);
    return fail(ErrorKind::usage,
                fmt::format("unknown backend {}: {}", option,
                            nearest.empty() ? "auto, io_uring or epoll"
                                            : fmt::format("did you mean {}?", nearest)));
}

}  // namespace squadload::run
