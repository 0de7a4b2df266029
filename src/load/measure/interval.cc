#include "load/measure/interval.h"

#include "base/check.h"

namespace squadload::measure {
namespace {

Histogram over_tasks(const Interval& interval, Histogram TaskStats::* figure) {
    Histogram all;
    for (const TaskStats& task : interval.tasks) all.merge(task.*figure);
    return all;
}

}  // namespace

void Interval::clear() {
    second = 0;
    for (TaskStats& task : tasks) task.clear();
    for (IterationStats& sequence : iterations) sequence.clear();
    failures.clear();
    providers.clear();
    claims.clear();
    scheduled = 0;
    started = 0;
    arrivals = 0;
    in_flight = 0;
    backlog = 0;
    users = 0;
    last = false;
}

void Interval::merge(const Interval& other) {
    SQUADLOAD_CHECK(tasks.size() == other.tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i].merge(other.tasks[i]);
    SQUADLOAD_CHECK(iterations.size() == other.iterations.size());
    for (std::size_t i = 0; i < iterations.size(); ++i) iterations[i].merge(other.iterations[i]);
    failures.merge(other.failures);
    providers.merge(other.providers);
    claims.merge(other.claims);
    scheduled += other.scheduled;
    started += other.started;
    arrivals += other.arrivals;
    in_flight += other.in_flight;
    backlog += other.backlog;
    users += other.users;
}

SeriesPoint series_point(const Interval& merged) {
    SeriesPoint point;
    point.second = merged.second;
    point.scheduled = merged.scheduled;
    point.started = merged.started;
    for (const TaskStats& task : merged.tasks) {
        point.outcomes.merge(task.outcomes);
        point.rounded_times.merge(task.rounded_times);
        point.body_bytes += task.body_bytes;
    }
    const Histogram response = over_tasks(merged, &TaskStats::response_time);
    point.p50_ms = to_ms(response.percentile(0.5));
    point.p95_ms = to_ms(response.percentile(0.95));
    point.p99_ms = to_ms(response.percentile(0.99));
    point.max_ms = to_ms(response.max());
    point.min_ms = to_ms(response.min());
    point.sum_ms = response.sum_ns() / 1e6;
    const Histogram service = over_tasks(merged, &TaskStats::service_time);
    point.service_p50_ms = to_ms(service.percentile(0.5));
    point.service_p99_ms = to_ms(service.percentile(0.99));
    point.generator_lag_p99_ms =
        to_ms(over_tasks(merged, &TaskStats::generator_lag).percentile(0.99));
    point.blocked_p99_ms = to_ms(over_tasks(merged, &TaskStats::blocked).percentile(0.99));
    point.in_flight = merged.in_flight;
    point.backlog = merged.backlog;
    point.users = merged.users;
    return point;
}

}  // namespace squadload::measure
