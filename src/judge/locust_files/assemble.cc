// Statistics, failures and history → one result.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "judge/locust_files/failure_text.h"
#include "judge/locust_files/internal.h"
#include "judge/result/figures.h"

namespace squadload::locust_files {
namespace {

using internal::Entry;
using internal::FailureRow;
using internal::HistoryRow;
using internal::Statistics;
using measure::Outcome;

std::uint64_t whole(double value) {
    constexpr double kMost = 9e18;
    return static_cast<std::uint64_t>(std::llround(std::min(value, kMost)));
}

// Counts are set by the failures.
void add_figures(measure::TaskStats& stats, const Entry& entry) {
    stats.response_time = internal::histogram(entry);
    stats.rounded_times = entry.locust;
    stats.body_bytes = whole(entry.body_bytes);
}

const Entry* find(const std::vector<Entry>& entries, const std::string& method,
                  const std::string& name) {
    for (const auto& e : entries)
        if (e.method == method && e.name == name) return &e;
    return nullptr;
}

class Assembly {
  public:
    Assembly(const Files& files, const std::vector<KnownTask>& known)
        : files_(files), known_(known) {}

    Result<Read> make() {
        if (auto done = read_statistics(); !done) return tl::unexpected(done.error());
        if (auto done = read_history(); !done) return tl::unexpected(done.error());
        add_tasks();
        if (auto done = add_failures(); !done) return tl::unexpected(done.error());
        if (auto done = add_exceptions(); !done) return tl::unexpected(done.error());
        finish();
        return std::move(out_);
    }

  private:
    Result<void> read_statistics();
    Result<void> check_both(const Statistics& csv) const;
    Result<void> read_history();
    void add_tasks();
    void add_task(const Entry& entry, std::string name);
    Result<void> add_failures();
    void add_group(std::size_t task, const Told& told, const std::string& message,
                   std::uint64_t count, const FailureRow* row);
    Result<void> add_exceptions();
    void add_series();
    void finish();
    [[nodiscard]] std::vector<std::string>& notes() { return out_.scenario.notes; }

    const Files& files_;
    const std::vector<KnownTask>& known_;
    Statistics stats_;
    std::vector<HistoryRow> history_;
    std::vector<const Entry*> entries_;  // of the tasks
    Read out_;
};

Result<void> Assembly::read_statistics() {
    std::optional<Statistics> csv, json;
    if (files_.stats) {
        auto read = internal::read_stats(*files_.stats);
        if (!read) return tl::unexpected(read.error());
        csv = *std::move(read);
    }
    if (files_.json) {
        auto read = internal::read_json(*files_.json);
        if (!read) return tl::unexpected(read.error());
        json = *std::move(read);
    }
    if (!json) {
        stats_ = csv ? *std::move(csv) : Statistics{};
        notes().push_back(
            fmt::format("response times are from the percentile columns of {}, as Locust rounds "
                        "them; a figure between two columns is that of the higher one",
                        files_.stats ? files_.stats->name : ""));
        return {};
    }
    stats_ = *std::move(json);
    notes().push_back(
        fmt::format("response times are those in {}, as Locust rounds them", files_.json->name));
    if (csv) return check_both(*csv);
    return {};
}

// The CSV may lack the last second.
Result<void> Assembly::check_both(const Statistics& csv) const {
    for (const auto& entry : csv.entries) {
        if (entry.requests == 0) continue;
        const Entry* other = find(stats_.entries, entry.method, entry.name);
        if (other == nullptr)
            return fail_at(entry.mark,
                           fmt::format("{} {} is not in {}: the files are not of one run",
                                       entry.method, entry.name, files_.json->name));
        if (entry.requests > other->requests || entry.failures > other->failures)
            return fail_at(entry.mark,
                           fmt::format("{} {} has more requests or failures here than in {}: the "
                                       "files are not of one run",
                                       entry.method, entry.name, files_.json->name));
    }
    return {};
}

Result<void> Assembly::read_history() {
    if (!files_.history) return {};
    auto read = internal::read_history(*files_.history);
    if (!read) return tl::unexpected(read.error());
    history_ = *std::move(read);
    return {};
}

void Assembly::add_task(const Entry& entry, std::string name) {
    result::TaskResult task;
    task.name = std::move(name);
    task.entry_name = entry.name;
    task.method = entry.method;
    add_figures(task.stats, entry);
    out_.scenario.tasks.push_back(std::move(task));
    out_.times.push_back(entry.times);
    entries_.push_back(&entry);
}

void Assembly::add_tasks() {
    std::vector<const Entry*> taken;
    for (const auto& task : known_) {
        const Entry* entry = find(stats_.entries, task.method, task.entry_name);
        if (entry == nullptr) continue;
        const auto same = std::find(taken.begin(), taken.end(), entry);
        if (same != taken.end()) {
            notes().push_back(fmt::format(
                "{} {} is several tasks of the scenario and one entry of Locust's: it stands under "
                "{}, and {} has no figures",
                task.method, task.entry_name,
                out_.scenario.tasks[static_cast<std::size_t>(same - taken.begin())].name,
                task.name));
            continue;
        }
        taken.push_back(entry);
        add_task(*entry, task.name);
    }
    for (const auto& entry : stats_.entries) {
        if (std::find(taken.begin(), taken.end(), &entry) != taken.end()) continue;
        auto name = entry.method.empty() ? entry.name : entry.method + " " + entry.name;
        const auto in_use = [&] {
            return std::any_of(out_.scenario.tasks.begin(), out_.scenario.tasks.end(),
                               [&](const auto& t) { return t.name == name; });
        };
        while (in_use()) name += "'";
        add_task(entry, name);
    }
}

void Assembly::add_group(std::size_t task, const Told& told, const std::string& message,
                         std::uint64_t count, const FailureRow* row) {
    auto& stats = out_.scenario.tasks[task].stats;
    stats.outcomes.add(told.outcome, count);
    if (told.outcome == Outcome::rate_limited) {
        stats.responses_429 += count;
        return;  // told apart from failures
    }
    measure::FailureGroup group;
    group.task = static_cast<std::uint16_t>(task);
    group.outcome = told.outcome;
    group.status = told.status;
    group.message = message;
    group.count = count;
    if (row != nullptr && stats_.started) {
        const auto since = [&](const std::optional<WallTime>& t) {
            return t ? std::max(Nanos{0}, *t - *stats_.started) : Nanos{0};
        };
        group.first = since(row->first);
        group.last = std::max(group.first, since(row->last));
    }
    auto& all = out_.scenario.failures;
    for (auto& known : all)
        if (known.task == group.task && known.outcome == group.outcome &&
            known.message == message) {
            known.count += count;
            return;
        }
    all.push_back(std::move(group));
}

Result<void> Assembly::add_failures() {
    std::vector<FailureRow> rows;
    if (files_.failures) {
        auto read = internal::read_failures(*files_.failures);
        if (!read) return tl::unexpected(read.error());
        rows = *std::move(read);
    }
    if (!stats_.started && !history_.empty())
        stats_.started = WallTime{std::chrono::seconds{history_.front().time - 1}};
    for (std::size_t task = 0; task < entries_.size(); ++task) {
        const Entry& entry = *entries_[task];
        std::uint64_t left = entry.failures;
        for (const auto& row : rows) {
            if (row.method != entry.method || row.name != entry.name) continue;
            if (row.count > left)
                return fail_at(row.mark,
                               fmt::format("{} {} has more failures here than the {} of its "
                                           "statistics: they contradict each other",
                                           row.method, row.name, entry.failures));
            left -= row.count;
            if (row.count > 0)
                add_group(task, outcome_of(row.error), unwrapped(row.error), row.count, &row);
        }
        out_.unexplained.push_back(left);
        if (left > 0)
            add_group(task, {},
                      files_.failures ? "not in " + files_.failures->name
                                      : std::string("Locust's JSON does not say why; the files of "
                                                    "--locust-csv do"),
                      left, nullptr);
        auto& stats = out_.scenario.tasks[task].stats;
        stats.outcomes.add(Outcome::ok, entry.requests - entry.failures);
    }
    for (const auto& row : rows)
        if (row.count > 0 && find(stats_.entries, row.method, row.name) == nullptr)
            return fail_at(row.mark, fmt::format("{} {} has failures and no statistics: they "
                                                 "contradict each other",
                                                 row.method, row.name));
    return {};
}

Result<void> Assembly::add_exceptions() {
    if (!files_.exceptions) return {};
    auto read = internal::read_exceptions(*files_.exceptions);
    if (!read) return tl::unexpected(read.error());
    for (const auto& row : *read)
        notes().push_back(fmt::format("{} in Locust's users: {}",
                                      result::plural(row.count, "exception"), row.message));
    return {};
}

// Of each second Locust tells how much came, not how long it took.
void Assembly::add_series() {
    if (history_.empty()) return;
    auto& s = out_.scenario;
    // Which failure came when is told where there is one kind of them.
    Outcome failed = Outcome::check_failed;
    std::size_t kinds = 0;
    for (std::size_t i = 0; i < measure::kOutcomes; ++i) {
        const auto outcome = static_cast<Outcome>(i);
        if (outcome == Outcome::ok || s.totals.outcomes[outcome] == 0) continue;
        failed = outcome;
        ++kinds;
    }
    if (kinds > 1) failed = Outcome::check_failed;
    HistoryRow before;
    bool fell = false;
    constexpr std::int64_t kLongest = 7 * 24 * 3600;
    for (const auto& row : history_) {
        if (row.requests < before.requests || row.failures < before.failures) {
            before = {};
            fell = true;
        }
        const auto second = row.time - history_.front().time;
        if (second > kLongest) break;
        while (s.series.size() <= static_cast<std::size_t>(second)) {
            auto& fresh = s.series.emplace_back();
            fresh.second = static_cast<std::uint32_t>(s.series.size() - 1);
        }
        auto& point = s.series[static_cast<std::size_t>(second)];
        const auto requests = row.requests - before.requests;
        const auto failures = std::min(requests, row.failures - before.failures);
        point.scheduled += requests;
        point.started += requests;
        point.outcomes.add(Outcome::ok, requests - failures);
        point.outcomes.add(failed, failures);
        point.sum_ms += std::max(0.0, row.total_ms - before.total_ms);
        point.body_bytes += whole(std::max(0.0, row.body_bytes - before.body_bytes));
        point.users = static_cast<std::uint32_t>(std::min<std::uint64_t>(row.users, 0xffffffffU));
        before = row;
    }
    notes().emplace_back(
        "response times second by second are not in Locust's files: the series has counts and "
        "users alone");
    if (kinds > 1)
        notes().emplace_back(
            "which failure came in which second is not in Locust's files: there they are all "
            "check_failed");
    if (fell)
        notes().emplace_back(
            "Locust's statistics were reset while the run went; the totals are those since");
}

void Assembly::finish() {
    auto& s = out_.scenario;
    add_figures(s.totals, stats_.all);
    for (const auto& task : s.tasks) {
        s.totals.outcomes.merge(task.stats.outcomes);
        s.totals.responses_429 += task.stats.responses_429;
    }
    out_.all = stats_.all.times;
    std::stable_sort(s.failures.begin(), s.failures.end(),
                     [](const auto& a, const auto& b) { return a.count > b.count; });
    add_series();
    s.model = "closed";
    s.stop_reason = "schedule_ended";
    s.workers = 0;
    s.backend = "locust";
    s.duration_s = stats_.duration_s > 0 ? stats_.duration_s : static_cast<double>(s.series.size());
    s.schedule_duration_s = s.duration_s;
    s.throughput_per_s = result::throughput_per_s(s.totals.outcomes, s.duration_s);
    if (stats_.started) s.started_at = utc_iso8601(*stats_.started);
    s.audit.scheduled = s.audit.sent = s.totals.outcomes.requests();
    if (s.duration_s > 0)
        s.audit.delivered_rate_per_s = static_cast<double>(s.audit.sent) / s.duration_s;
    notes().emplace_back(
        "Locust counts times from the send: a target that made its users wait is not in them, and "
        "whether the load was delivered as planned is not known");
}

}  // namespace

Result<Read> read(const Files& files, const std::vector<KnownTask>& tasks) {
    return Assembly(files, tasks).make();
}

}  // namespace squadload::locust_files
