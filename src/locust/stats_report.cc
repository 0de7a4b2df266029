#include "locust/stats_report.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "locust/error_key.h"

namespace squadload::locust {
namespace {

double epoch_s(WallTime t) {
    return to_seconds(t.time_since_epoch());
}

void add_counts(std::map<std::int64_t, std::uint64_t>& to,
                const std::map<std::int64_t, std::uint64_t>& from) {
    for (const auto& [key, n] : from) to[key] += n;
}

Map counts_map(const std::map<std::int64_t, std::uint64_t>& counts) {
    Map map;
    map.reserve(counts.size());
    for (const auto& [key, n] : counts) map.emplace_back(key, n);
    return map;
}

std::string cut(std::string text) {
    if (text.size() <= StatsReport::kMostText) return text;
    std::size_t end = StatsReport::kMostText;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "…";
}

}  // namespace

std::string error_text(measure::Outcome outcome, const std::string& message) {
    using measure::Outcome;
    std::string text = cut(valid_utf8(message));
    switch (outcome) {
        case Outcome::rate_limited:
        case Outcome::server_error:
        case Outcome::client_error:
        case Outcome::check_failed:
            return "CatchResponseError(" + python_repr(text) + ")";
        case Outcome::connect_error:
            if (text == "connection refused")
                return "ConnectionRefusedError(111, 'Connection refused')";
            return text;
        default:
            return text;
    }
}

StatsReport::StatsReport(std::vector<EntryLabel> labels) : labels_(std::move(labels)) {
    for (EntryLabel& label : labels_) {
        label.name = valid_utf8(label.name);
        label.method = valid_utf8(label.method);
    }
}

void StatsReport::begin(WallTime start) {
    entries_.clear();
    errors_.clear();
    start_ = since_ = start;
    told_ = rate_limited_ = server_errors_ = fallbacks_ = 0;
}

void StatsReport::Entry::merge(const Entry& other) {
    if (other.requests == 0) return;
    min_ms = requests == 0 ? other.min_ms : std::min(min_ms, other.min_ms);
    max_ms = std::max(max_ms, other.max_ms);
    last_s = std::max(last_s, other.last_s);
    requests += other.requests;
    failures += other.failures;
    content += other.content;
    total_ms += other.total_ms;
    add_counts(times, other.times);
    add_counts(requests_at, other.requests_at);
    add_counts(failures_at, other.failures_at);
}

void StatsReport::add(const measure::Interval& interval) {
    const WallTime second = start_ + std::chrono::seconds{interval.second};
    const auto at = static_cast<std::int64_t>(std::floor(epoch_s(second)));
    for (std::size_t i = 0; i < interval.tasks.size() && i < labels_.size(); ++i) {
        const measure::TaskStats& stats = interval.tasks[i];
        Entry one;
        one.requests = stats.outcomes.requests();
        if (one.requests == 0) continue;
        one.failures = one.requests - stats.outcomes.ok();
        one.content = stats.body_bytes;
        one.total_ms = stats.response_time.sum_ns() / 1e6;
        one.min_ms = to_ms(stats.response_time.min());
        one.max_ms = to_ms(stats.response_time.max());
        one.last_s = epoch_s(second) + 1;
        stats.rounded_times.for_each(
            [&](std::uint32_t ms, std::uint64_t n) { one.times[ms] += n; });
        one.requests_at[at] = one.requests;
        if (one.failures > 0) one.failures_at[at] = one.failures;
        entries_[{labels_[i].name, labels_[i].method}].merge(one);
        server_errors_ += stats.outcomes[measure::Outcome::server_error];
        rate_limited_ += stats.outcomes.rate_limited();
        if (const auto n = stats.outcomes.rate_limited(); n > 0)
            add_error(i, error_text(measure::Outcome::rate_limited, "status 429"), n,
                      epoch_s(second), one.last_s);
    }
    for (const auto& provider : interval.providers.all()) fallbacks_ += provider.fallbacks;
    for (const auto& group : interval.failures.groups())
        add_error(group.task, error_text(group.outcome, group.message), group.count,
                  epoch_s(start_ + group.first), epoch_s(start_ + group.last));
}

void StatsReport::add_error(std::size_t label, const std::string& text, std::uint64_t n,
                            double first_s, double last_s) {
    if (label >= labels_.size()) return;
    const Key key{labels_[label].name, labels_[label].method};
    const bool full = errors_.size() >= kMostErrors && !errors_.contains({key, text});
    auto [found, is_new] =
        errors_.try_emplace({key, full ? "other failures" : text}, Error{0, first_s, last_s});
    Error& error = found->second;
    error.occurrences += n;
    error.first_s = std::min(error.first_s, first_s);
    error.last_s = std::max(error.last_s, last_s);
}

Value StatsReport::entry_value(const Key& key, const Entry& entry) const {
    const bool any = entry.requests > 0;
    return Map{{"name", key.first},
               {"method", key.second},
               {"last_request_timestamp", any ? Value(entry.last_s) : Value()},
               {"start_time", epoch_s(since_)},
               {"num_requests", entry.requests},
               {"num_none_requests", 0},
               {"num_failures", entry.failures},
               {"total_response_time", entry.total_ms},
               {"max_response_time", entry.max_ms},
               {"min_response_time", any ? Value(entry.min_ms) : Value()},
               {"total_content_length", entry.content},
               {"response_times", counts_map(entry.times)},
               {"num_reqs_per_sec", counts_map(entry.requests_at)},
               {"num_fail_per_sec", counts_map(entry.failures_at)}};
}

Value StatsReport::take(WallTime now, const UserCounts& users) {
    Array stats;
    Entry total;
    const double now_s = epoch_s(now);
    for (auto& [key, entry] : entries_) {
        entry.last_s = std::min(entry.last_s, now_s);  // of a second that is not over
        stats.push_back(entry_value(key, entry));
        total.merge(entry);
    }
    Map errors;
    for (const auto& [key, error] : errors_) {
        const auto& [label, text] = key;
        errors.emplace_back(error_key(label.second, label.first, text),
                            Map{{"name", label.first},
                                {"method", label.second},
                                {"error", text},
                                {"occurrences", error.occurrences},
                                {"first_seen", error.first_s},
                                {"last_seen", error.last_s}});
    }
    Value data = Map{{"stats", std::move(stats)},
                     {"stats_total", entry_value({"Aggregated", ""}, total)},
                     {"errors", std::move(errors)},
                     {"user_classes_count", users_map(users)},
                     {"user_count", sum(users)},
                     {"squad_counts", Map{{"rate_limited", rate_limited_},
                                          {"server_errors", server_errors_},
                                          {"fallbacks", fallbacks_}}}};
    rate_limited_ = server_errors_ = fallbacks_ = 0;
    told_ += total.requests;
    entries_.clear();
    errors_.clear();
    since_ = now;
    return data;
}

}  // namespace squadload::locust
