#include "judge/verdict/fail_fast.h"

#include <fmt/core.h>

#include <algorithm>

namespace squadload::verdict {
namespace {

Sample window_sample(const Threshold& bound, const std::deque<FailFast::Second>& window) {
    Sample all;
    for (const auto& second : window) {
        const Sample one = sample_for(bound, second.tasks, second.iterations);
        all.requests.merge(one.requests);
        all.iterations.merge(one.iterations);
    }
    return all;
}

bool grows_from_below(const Threshold& bound) {
    const Unit unit = unit_of(bound.figure);
    if (unit != Unit::count && unit != Unit::per_s) return false;
    return bound.comparison == Comparison::greater || bound.comparison == Comparison::greater_equal;
}

// "count(timeout) == 0" breaks when one is seen; "requests == 9000" is not broken on the way there.
bool still_below(const Threshold& bound, const result::ThresholdResult& judged) {
    return bound.comparison == Comparison::equal && unit_of(bound.figure) != Unit::ms &&
           judged.actual_value.value_or(0) < bound.bound;
}

}  // namespace

FailFast::FailFast(std::vector<Threshold> bounds, Nanos window, std::uint64_t min_samples)
    : bounds_(std::move(bounds)), min_samples_(std::max<std::uint64_t>(min_samples, 1)) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    window_seconds_ = static_cast<std::size_t>(
        std::max<std::int64_t>((window.count() + kSecond - 1) / kSecond, 1));
}

std::optional<result::ThresholdResult> FailFast::observe(const measure::Interval& second) {
    if (bounds_.empty()) return std::nullopt;
    auto& newest = window_.emplace_back();
    for (const auto& task : second.tasks) {
        auto& kept = newest.tasks.emplace_back();  // what bounds are judged on, no more
        kept.outcomes = task.outcomes;
        kept.response_time = task.response_time;
    }
    newest.iterations = second.iterations;
    if (window_.size() > window_seconds_) window_.pop_front();
    for (const auto& bound : bounds_) {
        const Sample sample = window_sample(bound, window_);
        if (sample_size(bound, sample) < min_samples_) continue;
        auto judged = judge_sample(bound, sample, static_cast<double>(window_.size()));
        if (judged.pass || !judged.actual_value) continue;
        judged.name = "fail_fast." + judged.name;
        judged.criterion += fmt::format(" over {} s", window_.size());
        judged.first_broken_at_s = static_cast<double>(second.second) + 1;
        return judged;
    }
    return std::nullopt;
}

BoundsTracker::BoundsTracker(std::vector<Threshold> bounds)
    : bounds_(std::move(bounds)), first_broken_s_(bounds_.size()) {}

void BoundsTracker::observe(const measure::Interval& totals, Nanos elapsed) {
    const measure::TaskStats all = pooled(totals.tasks);
    for (std::size_t i = 0; i < bounds_.size(); ++i) {
        const auto& bound = bounds_[i];
        if (first_broken_s_[i] || grows_from_below(bound)) continue;
        const bool on_all = bound.entries.empty() && !is_on_iterations(bound.figure);
        const auto judged =
            on_all ? judge_stats(bound, all, to_seconds(elapsed))
                   : judge(bound, totals.tasks, to_seconds(elapsed), totals.iterations);
        if (judged.pass || !judged.actual_value || still_below(bound, judged)) continue;
        first_broken_s_[i] = to_seconds(elapsed);
    }
}

void BoundsTracker::annotate(std::vector<result::ThresholdResult>& judged) const {
    for (std::size_t i = 0; i < std::min(judged.size(), bounds_.size()); ++i) {
        if (!judged[i].pass && judged[i].name == bounds_[i].name)
            judged[i].first_broken_at_s = first_broken_s_[i];
    }
}

}  // namespace squadload::verdict
