#include "load/engine/engine.h"

#include <fmt/core.h>
#include <sys/prctl.h>

#include <algorithm>
#include <latch>
#include <optional>
#include <thread>

#include "load/engine/collector.h"
#include "load/engine/driver.h"
#include "load/engine/entry_table.h"
#include "load/engine/worker.h"

namespace squadload::engine {
namespace {

constexpr Nanos kLeadTime =
    std::chrono::milliseconds{5};  // from the last worker's readiness to the start of the run

// Whoever steers ends the run: until then the last rate is held.
pacing::RateProfile without_end(std::vector<pacing::RateStage> stages) {
    const double last = stages.back().end_per_s;
    stages.push_back({kLongestRun * 2, last, last});
    return pacing::RateProfile(std::move(stages));
}

// Everything one run's threads share.
struct Run {
    const Plan& plan;
    const LoopFactory& make_loop;
    const StopSwitch& stop_switch;
    EntryTable entries;
    std::optional<pacing::Schedule> schedule;
    Collector collector;
    std::latch ready;    // every worker has its loop, or has failed to make one
    std::latch started;  // `start` is set
    std::atomic<int> failures{0};
    MonoTime start{};

    Run(const Plan& p, const LoopFactory& factory, const StopSwitch& stop, std::uint32_t workers)
        : plan(p),
          make_loop(factory),
          stop_switch(stop),
          entries(p),
          collector(workers, entries.size(), entries.sequence_count(), p.most_claims),
          ready(workers),
          started(1) {
        const auto& s = p.scenario;
        if (s.model == scenario::Model::open) {
            if (p.steering == nullptr)
                schedule.emplace(pacing::RateProfile(s.rates), s.arrivals, s.seed, s.requests);
            else
                schedule.emplace(without_end(s.rates), s.arrivals, s.seed);
        }
    }
};

// What a worker leaves behind.
struct WorkerEnd {
    std::optional<Error> error;
    std::string backend;
    std::uint64_t scheduled = 0, started = 0, arrivals = 0, arrivals_started = 0,
                  unsent_while_free = 0, connections = 0;
    std::uint64_t own_limit_hits = 0;
    std::string tls, own_limit;
    Nanos schedule_duration{}, first_intended{}, last_end{};
    measure::ArrivalBins bins;
};

// Made before the start: reading certificates delays no request.
Result<std::unique_ptr<http::TlsContext>> make_tls(const Plan& plan) {
    const auto& others = plan.redirect_origins;
    if (!plan.origin.tls &&
        std::none_of(others.begin(), others.end(), [](const Origin& o) { return o.tls; })) {
        return nullptr;
    }
    return http::TlsContext::make(plan.scenario.target.tls);
}

void run_worker(Run& run, Share share, WorkerEnd& end) {
    prctl(PR_SET_TIMERSLACK, 1UL);  // wake when due, not up to 50 µs later
    auto loop = run.make_loop(share.index);
    auto tls = make_tls(run.plan);
    if (!loop || !tls) {
        end.error = loop ? tls.error() : loop.error();
        run.failures.fetch_add(1);
        run.collector.worker_failed();
    }
    run.ready.count_down();
    if (share.index == 0) {
        run.ready.wait();
        if (loop) run.start = (*loop)->now() + kLeadTime;
        run.started.count_down();
    } else {
        run.started.wait();
    }
    if (run.failures.load() > 0) return;
    Worker worker(run.plan, run.entries, run.schedule ? &*run.schedule : nullptr, share, **loop,
                  run.collector, run.stop_switch);
    worker.channels().tls = std::move(*tls);
    worker.run(run.start);
    end.backend = (*loop)->name();
    end.tls = worker.channels().tls_used;
    end.scheduled = worker.recorder().scheduled_total();
    end.started = worker.recorder().started_total();
    end.arrivals = worker.recorder().arrivals_total();
    end.arrivals_started = worker.recorder().arrivals_started_total();
    end.unsent_while_free = worker.recorder().unsent_while_free();
    end.connections = worker.connections_opened();
    end.own_limit_hits = worker.recorder().own_limit_hits();
    end.own_limit = worker.recorder().own_limit();
    end.schedule_duration = worker.schedule_duration();
    end.first_intended = worker.recorder().first_intended();
    end.last_end = worker.recorder().last_end();
    end.bins = worker.recorder().bins();
}

// Merges second after second until the workers are done.
void collect(Run& run, Measurements& m, const Observer& observer) {
    measure::Interval totals(run.entries.size(), run.entries.sequence_count(),
                             run.plan.most_claims);
    while (auto interval = run.collector.next()) {
        totals.merge(*interval);
        m.series.push_back(measure::series_point(*interval));
        if (observer) {
            observer(Progress{m.series.back(), *interval, totals,
                              std::chrono::seconds{interval->second + 1}});
        }
        run.collector.recycle(std::move(interval));
    }
    m.tasks = std::move(totals.tasks);
    m.iterations = std::move(totals.iterations);
    m.failures = std::move(totals.failures);
    m.providers = std::move(totals.providers);
    m.claims = std::move(totals.claims);
}

Result<Measurements> add_up(const Run& run, std::vector<WorkerEnd>& ends, Measurements m) {
    measure::ArrivalBins bins;
    Nanos first = Nanos::max();
    for (auto& end : ends) {
        if (end.error) return tl::unexpected(*end.error);
        m.backend = end.backend;
        m.scheduled += end.scheduled;
        m.sent += end.started;
        m.arrivals += end.arrivals;
        m.arrivals_started += end.arrivals_started;
        m.unsent_while_free += end.unsent_while_free;
        m.connections_opened += end.connections;
        m.own_limit_hits += end.own_limit_hits;
        if (m.tls.empty()) m.tls = end.tls;
        if (m.own_limit.empty()) m.own_limit = end.own_limit;
        m.schedule_duration = std::max(m.schedule_duration, end.schedule_duration);
        m.duration = std::max(m.duration, end.last_end);
        first = std::min(first, end.first_intended);
        bins.merge(end.bins);
    }
    m.first_start = first == Nanos::max() ? Nanos{0} : first;
    m.arrival_bins = bins.counts();
    m.stop_reason = run.stop_switch.reason();
    m.start = run.start;
    std::uint64_t outcomes = 0;
    std::uint64_t requests = 0;
    for (const auto& task : m.tasks) {
        outcomes += task.outcomes.scheduled();
        requests += task.outcomes.requests();
    }
    if (outcomes != m.scheduled || requests != m.sent) {
        return fail(
            ErrorKind::internal,
            fmt::format(
                "the outcomes do not add up: {} scheduled but {} outcomes, {} started but {} ended",
                m.scheduled, outcomes, m.sent, requests));
    }
    return m;
}

}  // namespace

void StopSwitch::stop(StopReason reason) {
    int none = 0;
    state_.compare_exchange_strong(none, static_cast<int>(reason) + 1, std::memory_order_acq_rel);
}

StopReason StopSwitch::reason() const {
    const int state = state_.load(std::memory_order_acquire);
    return state == 0 ? StopReason::schedule_ended : static_cast<StopReason>(state - 1);
}

std::uint64_t slots(const scenario::Scenario& s) {
    std::uint64_t total = s.users;
    if (s.model == scenario::Model::open && s.max_in_flight != 0) {
        total = std::min<std::uint64_t>(total, s.max_in_flight);
    }
    if (s.target.connections.mode == scenario::ConnectionMode::shared) {
        total = std::min<std::uint64_t>(total, s.target.connections.max);
    }
    return std::max<std::uint64_t>(total, 1);
}

std::uint32_t worker_count(const scenario::Scenario& scenario) {
    const auto workers = std::max<std::uint32_t>(1, scenario.workers);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(workers, slots(scenario)));
}

std::uint32_t worker_count(const Plan& plan) {
    if (plan.steering == nullptr) return worker_count(plan.scenario);
    return std::max<std::uint32_t>(1, plan.scenario.workers);
}

Result<Measurements> run_engine(const Plan& plan, const LoopFactory& make_loop,
                                StopSwitch& stop_switch, const Observer& observer) {
    const std::uint32_t workers = worker_count(plan);
    Run run(plan, make_loop, stop_switch, workers);
    Measurements m;
    m.workers = workers;
    m.started_at = wall_now();
    m.task_names = entry_labels(plan.scenario);
    for (std::size_t t = 0; t < run.entries.size(); ++t) {
        m.entry_names.push_back(run.entries[static_cast<std::uint16_t>(t)].request->entry_name);
    }
    std::vector<WorkerEnd> ends(workers);
    std::vector<std::thread> threads;
    for (std::uint32_t w = 0; w < workers; ++w) {
        threads.emplace_back(run_worker, std::ref(run), Share{w, workers}, std::ref(ends[w]));
    }
    collect(run, m, observer);
    for (auto& thread : threads) thread.join();
    return add_up(run, ends, std::move(m));
}

}  // namespace squadload::engine
