// What makes files no parts of one load.
#include <fmt/core.h>

#include <algorithm>

#include "judge/merge/internal.h"

namespace squadload::merge::internal {
namespace {

using result::ScenarioResult;
using result::ThresholdResult;

std::string bounds_differ(const std::vector<ThresholdResult>& a,
                          const std::vector<ThresholdResult>& b, const std::string& file_a,
                          const std::string& file_b, const std::string& where) {
    const auto missing = [&](const auto& list, const ThresholdResult& t) {
        return !is_fail_fast(t) && std::none_of(list.begin(), list.end(), [&](const auto& other) {
            return other.name == t.name;
        });
    };
    for (const auto& t : a) {
        if (missing(b, t))
            return fmt::format(
                "{}{} has the bound {} and {} has not; --config FILE says which count", where,
                file_a, t.name, file_b);
        for (const auto& other : b) {
            if (is_fail_fast(t) || other.name != t.name) continue;
            if (other.bound_value == t.bound_value && other.comparison == t.comparison) continue;
            return fmt::format(
                "{}the bound {} is {} in {} and {} in {}; --config FILE says which counts", where,
                t.name, t.bound, file_a, other.bound, file_b);
        }
    }
    for (const auto& t : b)
        if (missing(a, t))
            return fmt::format(
                "{}{} has the bound {} and {} has not; --config FILE says which count", where,
                file_b, t.name, file_a);
    return {};
}

std::string tasks_differ(const Piece& a, const Piece& b) {
    for (const auto& task : a.scenario->tasks) {
        const auto& theirs = b.scenario->tasks;
        const auto same = std::find_if(theirs.begin(), theirs.end(),
                                       [&](const auto& t) { return t.name == task.name; });
        if (same == theirs.end())
            return fmt::format("scenario {} has a task {} in {} and none in {}", a.scenario->name,
                               task.name, a.file, b.file);
        if (same->method != task.method || same->entry_name != task.entry_name)
            return fmt::format("task {} of scenario {} is {} {} in {} and {} {} in {}", task.name,
                               a.scenario->name, task.method, task.entry_name, a.file, same->method,
                               same->entry_name, b.file);
    }
    return {};
}

std::string differ(const Piece& a, const Piece& b) {
    const ScenarioResult &mine = *a.scenario, &theirs = *b.scenario;
    const auto named = [&](const char* what, const std::string& one, const std::string& other) {
        return fmt::format("scenario {} is {} {} in {} and {} in {}", mine.name, what, one, a.file,
                           other, b.file);
    };
    if (mine.kind != theirs.kind) return named("of kind", mine.kind, theirs.kind);
    if (mine.model != theirs.model) return named("of the model", mine.model, theirs.model);
    if (mine.time_scale != theirs.time_scale)
        return named("at time scale", fmt::format("{}", mine.time_scale),
                     fmt::format("{}", theirs.time_scale));
    if (auto why = tasks_differ(a, b); !why.empty()) return why;
    return tasks_differ(b, a);
}

constexpr std::uint32_t kLongest = 366 * 86'400;  // s; a file is not trusted with more memory

WallTime end_of(const Piece& piece) {
    const auto& s = *piece.scenario;
    return piece.started +
           std::max(from_seconds(s.duration_s), from_seconds(static_cast<double>(s.series.size())));
}

const ScenarioResult* find(const result::RunResult& run, const std::string& name) {
    for (const auto& s : run.scenarios)
        if (s.name == name) return &s;
    return nullptr;
}

std::string names_differ(const Part& a, const Part& b) {
    for (const auto& s : a.run.scenarios)
        if (find(b.run, s.name) == nullptr)
            return fmt::format("{} has a scenario {} and {} has none", a.file, s.name, b.file);
    return {};
}

}  // namespace

bool is_fail_fast(const ThresholdResult& bound) {
    return bound.name.starts_with("fail_fast.");
}

std::string contradiction(const std::vector<Part>& parts) {
    if (parts.empty()) return "there is nothing to merge";
    std::vector<std::string> texts;
    for (const auto& part : parts) {
        if (part.run.capacity)
            return part.file + " is of squadload capacity: searches cannot be merged";
        if (part.run.scenarios.empty()) return part.file + " has no scenarios: nothing was run";
        for (const auto& s : part.run.scenarios) {
            if (find(part.run, s.name) != &s)
                return fmt::format("{} has the scenario {} twice", part.file, s.name);
            const auto too_long = [](const auto& point) { return point.second > kLongest; };
            if (!(s.duration_s >= 0 && s.duration_s <= kLongest) ||
                !(s.schedule_duration_s >= 0 && s.schedule_duration_s <= kLongest) ||
                std::any_of(s.series.begin(), s.series.end(), too_long))
                return fmt::format("{}: scenario {} lasts longer than a year, or less than nothing",
                                   part.file, s.name);
            if (!from_utc_iso8601(s.started_at))
                return fmt::format(
                    "{} does not say when its scenario {} started (started_at is '{}')", part.file,
                    s.name, s.started_at);
        }
        texts.push_back(result::to_json(part.run));
        for (std::size_t i = 0; i + 1 < texts.size(); ++i)
            if (texts[i] == texts.back())
                return fmt::format("{} and {} are the same metrics: each part counts once",
                                   parts[i].file, part.file);
        const Part& first = parts.front();
        if (auto why = names_differ(first, part); !why.empty()) return why;
        if (auto why = names_differ(part, first); !why.empty()) return why;
    }
    return {};
}

std::string contradiction(const Pieces& pieces) {
    const Piece& first = pieces.front();
    const Piece* longest = &first;
    for (const auto& piece : pieces) {
        if (auto why = differ(first, piece); !why.empty()) return why;
        // Clocks of several machines agree to a second or so.
        if (piece.started > end_of(*longest) + std::chrono::seconds{1})
            return fmt::format(
                "scenario {} of {} started at {}, after that of {} was over: they are not parts of "
                "one load",
                piece.scenario->name, piece.file, piece.scenario->started_at, longest->file);
        if (end_of(piece) > end_of(*longest)) longest = &piece;
    }
    return {};
}

}  // namespace squadload::merge::internal

namespace squadload::merge {

Result<void> same_bounds(const std::vector<Part>& parts) {
    using internal::bounds_differ;
    using internal::find;
    const Part& first = parts.front();
    for (const auto& part : parts) {
        for (const auto& s : first.run.scenarios)
            if (auto why = bounds_differ(s.thresholds, find(part.run, s.name)->thresholds,
                                         first.file, part.file, "scenario " + s.name + ": ");
                !why.empty())
                return fail(ErrorKind::config, why);
        if (auto why = bounds_differ(first.run.suite_thresholds, part.run.suite_thresholds,
                                     first.file, part.file, "");
            !why.empty())
            return fail(ErrorKind::config, why);
    }
    return {};
}

}  // namespace squadload::merge
