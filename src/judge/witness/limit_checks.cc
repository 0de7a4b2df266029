// window, bucket, tokens: upper bounds on what arrived.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "judge/result/figures.h"
#include "judge/witness/scene.h"

namespace squadload::witness {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;

// The fullest (t − window, t] whose last call is of this run: two pointers.
struct Fullest {
    std::int64_t sum = 0;
    std::size_t first = 0, last = 0;  // of group.rows
};

template <class Weight>
Fullest fullest(const Scene& scene, const Group& group, std::int64_t window, Weight weight) {
    Fullest best;
    std::int64_t sum = 0;
    std::size_t first = 0;
    for (std::size_t i = 0; i < group.rows.size(); ++i) {
        const Row& row = scene.row(group.rows[i]);
        sum += weight(row);
        while (scene.row(group.rows[first]).at <= row.at - window)
            sum -= weight(scene.row(group.rows[first++]));
        if (row.at >= scene.from && sum > best.sum) best = {sum, first, i};
    }
    return best;
}

std::size_t calls_of_run(const Scene& scene, const Group& group) {
    const auto first = std::partition_point(group.rows.begin(), group.rows.end(),
                                            [&](auto i) { return scene.row(i).at < scene.from; });
    return static_cast<std::size_t>(group.rows.end() - first);
}

void set_interval(const Scene& scene, const Group& group, std::size_t first, std::size_t last,
                  WitnessCheck& check) {
    check.from = Nanos{scene.row(group.rows[first]).at};
    check.to = Nanos{scene.row(group.rows[last]).at};
    if (check.answer == WitnessAnswer::broken)
        add_ids(scene, check, std::span(group.rows).subspan(first, last - first + 1));
}

std::string times(const WitnessCheck& c) {
    return fmt::format("between {} and {}", at_text(c.from->count()), at_text(c.to->count()));
}

template <class Weight>
WitnessCheck windowed(const Scene& scene, const Group& group, const char* name, const char* noun,
                      std::int64_t limit, Weight weight) {
    WitnessCheck check = check_of(scene, group, name);
    const std::int64_t window = group.declared->window.count();
    const auto worst = fullest(scene, group, window, weight);
    const auto length = format_duration(group.declared->window);
    check.judged = calls_of_run(scene, group);
    check.bound =
        fmt::format("{} in any {}", result::thousands(static_cast<std::uint64_t>(limit)), length);
    check.bound_value = static_cast<double>(limit);
    check.actual_value = static_cast<double>(worst.sum);
    const std::string sum = result::thousands(static_cast<std::uint64_t>(worst.sum));
    if (worst.sum <= limit) {
        check.answer = WitnessAnswer::kept;
    } else {
        const auto proven = fullest(scene, group, window - check.jitter.count(), weight);
        check.answer = proven.sum > limit ? WitnessAnswer::broken : WitnessAnswer::within_jitter;
    }
    set_interval(scene, group, worst.first, worst.last, check);
    check.actual = fmt::format("peak {} at {}", sum, at_text(check.to->count()));
    check.sentence =
        check.answer == WitnessAnswer::kept
            ? fmt::format("at most {} {} in any {}, declared {}", sum, noun, length,
                          result::thousands(static_cast<std::uint64_t>(limit)))
        : check.answer == WitnessAnswer::broken
            ? fmt::format("{} {} within {} {}, declared {}", sum, noun, length, times(check),
                          result::thousands(static_cast<std::uint64_t>(limit)))
            : fmt::format(
                  "{} {} within {}, declared {}, but not more within {} less: the ways of "
                  "calls differ by that",
                  sum, noun, length, result::thousands(static_cast<std::uint64_t>(limit)),
                  format_duration(check.jitter));
    return check;
}

// Leaky bucket: what would have to be in it, and since when it was not empty.
struct Level {
    double highest = 0;
    std::size_t first = 0, last = 0;
};

Level highest_level(const Scene& scene, const Group& group, double per_ns) {
    Level best;
    double level = 0;
    std::int64_t last_at = 0;
    std::size_t first = 0;
    for (std::size_t i = 0; i < group.rows.size(); ++i) {
        const Row& row = scene.row(group.rows[i]);
        level = i == 0 ? 0 : level - per_ns * static_cast<double>(row.at - last_at);
        if (level <= 0) {
            level = 0;
            first = i;
        }
        last_at = row.at;
        level += 1;
        if (row.at >= scene.from && level > best.highest) best = {level, first, i};
    }
    return best;
}

WitnessCheck bucket(const Scene& scene, const Group& group) {
    WitnessCheck check = check_of(scene, group, "bucket");
    const auto& d = *group.declared;
    const double rate = static_cast<double>(d.requests) / static_cast<double>(d.window.count());
    const Level worst = highest_level(scene, group, rate);
    const auto depth = static_cast<double>(d.burst);
    check.judged = calls_of_run(scene, group);
    check.bound = fmt::format("{} + {}/s", result::thousands(static_cast<std::uint64_t>(d.burst)),
                              result::short_number(rate * 1e9, 1));
    check.bound_value = depth;
    check.actual_value = worst.highest;
    // Within the jitter the bucket may have been refilled by as much; sums of doubles round.
    const double slack = rate * static_cast<double>(check.jitter.count());
    check.answer = worst.highest <= depth + 1e-6           ? WitnessAnswer::kept
                   : worst.highest <= depth + slack + 1e-6 ? WitnessAnswer::within_jitter
                                                           : WitnessAnswer::broken;
    set_interval(scene, group, worst.first, worst.last, check);
    const std::string level = result::number(worst.highest, 1);
    check.actual = fmt::format("deepest {} at {}", level, at_text(check.to->count()));
    const auto n = static_cast<std::uint64_t>(worst.last - worst.first + 1);
    check.sentence = check.answer == WitnessAnswer::kept
                         ? fmt::format("never more than {} calls beyond {}/s, declared {}", level,
                                       result::short_number(rate * 1e9, 1), d.burst)
                         : fmt::format("{} {} are {} more than {}/s gives, declared {}",
                                       result::plural(n, "call"), times(check), level,
                                       result::short_number(rate * 1e9, 1), d.burst);
    if (check.answer == WitnessAnswer::within_jitter)
        check.sentence +=
            fmt::format("; a refill of {} makes the difference", format_duration(check.jitter));
    return check;
}

}  // namespace

void judge_limits(const Scene& scene, std::vector<WitnessCheck>& out) {
    for (const Group& group : scene.groups) {
        const auto none = [&](const char* check, const char* what) {
            out.push_back(not_exercised(check_of(scene, group, check),
                                        fmt::format("the gateway declares no {}", what)));
        };
        if (calls_of_run(scene, group) == 0) continue;
        const DeclaredProvider* d = group.declared;
        if (d == nullptr || d->requests == 0) {
            none("window", "requests per window");
        } else {
            out.push_back(windowed(scene, group, "window", "calls", d->requests,
                                   [](const Row&) { return std::int64_t{1}; }));
        }
        if (d == nullptr || d->burst == 0 || d->requests == 0) {
            none("bucket", "burst");
        } else {
            out.push_back(bucket(scene, group));
        }
        if (d == nullptr || d->tokens == 0) {
            none("tokens", "tokens per window");
        } else {
            out.push_back(windowed(scene, group, "tokens", "tokens reserved", d->tokens,
                                   [](const Row& r) { return std::int64_t{r.reserved_tokens}; }));
        }
    }
}

void judge_refusals(const Scene& scene, std::vector<WitnessCheck>& out) {
    for (const Group& group : scene.groups) {
        WitnessCheck check = check_of(scene, group, "provider_429");
        std::vector<std::uint32_t> refused;
        for (const std::uint32_t i : group.rows)
            if (scene.row(i).at >= scene.from && scene.row(i).is_429()) refused.push_back(i);
        check.judged = calls_of_run(scene, group);
        if (check.judged == 0) continue;
        check.bound = "none while limits are kept";
        check.actual_value = static_cast<double>(refused.size());
        check.actual = result::thousands(refused.size());
        check.answer = WitnessAnswer::kept;
        if (refused.empty()) {
            check.sentence = "it answered no call with 429";
            out.push_back(std::move(check));
            continue;
        }
        check.from = Nanos{scene.row(refused.front()).at};
        check.to = Nanos{scene.row(refused.back()).at};
        const bool broken = std::any_of(out.begin(), out.end(), [&](const WitnessCheck& c) {
            const bool limit = c.check == "window" || c.check == "bucket" || c.check == "tokens";
            return limit && c.provider == check.provider && c.key == check.key &&
                   c.model == check.model && c.answer == WitnessAnswer::broken;
        });
        if (broken) {
            // Accused once, by the check that shows the excess; the refusals follow from it.
            out.push_back(not_exercised(std::move(check),
                                        fmt::format("{} followed from a limit that was broken",
                                                    result::plural(refused.size(), "429"))));
            continue;
        }
        check.sentence =
            fmt::format("{} although what the gateway declares was kept: the provider allowed less",
                        result::plural(refused.size(), "429"));
        out.push_back(std::move(check));
    }
}

}  // namespace squadload::witness
