// throttle, recovery: does the gateway slow down towards a provider that answers 429, and speed up
// again? Rates are over the time in which no Retry-After forbade calls: waiting for a hint is
// another check's matter.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/units.h"
#include "judge/result/figures.h"
#include "judge/witness/scene.h"

namespace squadload::witness {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;

constexpr std::size_t kLeastCalls = 20;  // before the storm, to know a rate

struct Pace {
    std::size_t calls = 0;
    double seconds = 0;  // not forbidden by a hint
    double in_flight = 0;
    double most_per_s = std::numeric_limits<double>::max();  // the rate the limit allows for long
    [[nodiscard]] double per_s() const {
        return seconds > 0 ? std::min(most_per_s, static_cast<double>(calls) / seconds) : 0;
    }
};

struct Span {
    std::int64_t from, to;
};

// The times in which hints forbid calls, put together.
std::vector<Span> forbidden(const Scene& scene, const Group& group) {
    std::vector<Span> all;
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        if (row.is_429() && row.ended() && row.retry_after != Row::kNone && row.retry_after > 0)
            all.push_back({row.done, row.done + row.retry_after});
    }
    std::sort(all.begin(), all.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
    std::vector<Span> out;
    for (const Span& s : all) {
        if (out.empty() || s.from > out.back().to)
            out.push_back(s);
        else
            out.back().to = std::max(out.back().to, s.to);
    }
    return out;
}

Pace pace(const Scene& scene, const Group& group, const std::vector<Span>& shut, std::int64_t from,
          std::int64_t to) {
    Pace out;
    if (to <= from) return out;
    double closed = 0;
    for (const Span& s : shut)
        closed += static_cast<double>(
            std::max<std::int64_t>(0, std::min(s.to, to) - std::max(s.from, from)));
    out.seconds = (static_cast<double>(to - from) - closed) / 1e9;
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        if (row.at < from || row.at >= to) continue;
        ++out.calls;
        out.in_flight += row.in_flight;
    }
    if (out.calls > 0) out.in_flight /= static_cast<double>(out.calls);
    return out;
}

struct Storm {
    std::vector<std::int64_t> refused;   // ends of 429s, in order
    std::vector<std::int64_t> triggers;  // of them: the trigger-th within the throttle's window
};

std::optional<Storm> storm_of(const Scene& scene, const Group& group) {
    const auto& t = *group.declared->throttle;
    Storm storm;
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        if (row.is_429() && row.ended() && row.at >= scene.from) storm.refused.push_back(row.done);
    }
    std::sort(storm.refused.begin(), storm.refused.end());
    const auto trigger = static_cast<std::size_t>(std::max<std::int64_t>(1, t.trigger));
    for (std::size_t i = trigger; i <= storm.refused.size(); ++i) {
        if (storm.refused[i - 1] - storm.refused[i - trigger] < t.window.count())
            storm.triggers.push_back(storm.refused[i - 1]);
    }
    if (storm.triggers.empty()) return std::nullopt;
    return storm;
}

// Requests whose chain begins with this provider, per second: what could have been sent to it.
double demand(const Scene& scene, const std::string& provider, std::int64_t from, std::int64_t to) {
    std::size_t n = 0;
    for (const auto& request : scene.requests) {
        const Row& first = scene.row(request.rows.front());
        if (first.at < from || first.at >= to) continue;
        const auto* chain = scene.evidence.declared.chain(scene.evidence.arrivals.agent(first));
        if (chain != nullptr && chain->front() == provider) ++n;
    }
    return to > from ? static_cast<double>(n) * 1e9 / static_cast<double>(to - from) : 0;
}

std::string per_s(double rate) {
    return result::number(rate, 1);
}

// Where so many calls are expected, that many more or less are chance: two standard deviations of a
// Poisson number, and two calls at the edges.
double chance(double expected) {
    return 2 + 2 * std::sqrt(std::max(0.0, expected));
}

// What may be seen after a trigger, until the throttle has stepped back up too far to tell.
struct Look {
    Pace after;
    double most = 0;       // share of the rate before that a throttle leaves, with some room
    double allowance = 0;  // calls saved up in the bucket while hints forbade any
};

std::optional<Look> look_after(const Scene& scene, const Group& group, std::int64_t trigger,
                               const Pace& before, const std::vector<Span>& shut) {
    constexpr double kRoom = 0.15;
    constexpr double kTooMuch = 0.95;
    const auto& d = *group.declared;
    const auto& t = *d.throttle;
    // A throttle scales the request limit. Where another limit or little demand kept calls well
    // below that, it leaves more of the rate before.
    const double limit = static_cast<double>(d.requests) / to_seconds(d.window + d.guard);
    const double whole = std::max(1.0, limit / std::max(before.per_s(), 1e-9));
    const std::int64_t learnt = trigger + scene.jitter_within(d.window);
    const std::int64_t span = std::max<std::int64_t>(t.calm.count(), 1);
    for (int steps = 1;; ++steps) {
        Look look;
        look.most = (t.decrease + t.restore_step * steps + kRoom) * whole;
        const std::int64_t until = learnt + span * steps;
        if (look.most >= kTooMuch || until > scene.end) return std::nullopt;
        look.after = pace(scene, group, shut, learnt, until);
        if (look.after.seconds * 1e9 < static_cast<double>(span) / 2) continue;
        const double closed = static_cast<double>(until - learnt) / 1e9 - look.after.seconds;
        look.allowance = std::min(static_cast<double>(d.burst), closed * before.per_s());
        return look;
    }
}

WitnessCheck reaction(const Scene& scene, const Group& group, const Storm& storm,
                      const Pace& before, const std::vector<Span>& shut) {
    WitnessCheck check = check_of(scene, group, "throttle");
    check.judged = storm.refused.size();
    std::optional<Look> look;
    for (std::size_t i = 0; i < storm.triggers.size() && !look; ++i)
        look = look_after(scene, group, storm.triggers[i], before, shut);
    if (!look)
        return not_exercised(std::move(check),
                             "hints forbade calls for as long as a reaction would have shown, or "
                             "the rate before was below what the throttle leaves");
    check.from = Nanos{storm.refused.front()};
    check.to = Nanos{storm.refused.back()};
    const Pace& after = look->after;
    check.bound = fmt::format("≤ {} of the rate before", result::percent(look->most, 0));
    check.bound_value = look->most;
    check.actual_value = after.per_s() / before.per_s();
    check.actual =
        fmt::format("{} → {}/s, in flight {} → {}", per_s(before.per_s()), per_s(after.per_s()),
                    per_s(before.in_flight), per_s(after.in_flight));
    const double left = look->most * before.per_s() * after.seconds;
    const double excess = static_cast<double>(after.calls) - look->allowance - left;
    // Throttled calls are paced, so a handful more or less is all that chance does.
    check.answer = excess <= 2 ? WitnessAnswer::kept : WitnessAnswer::broken;
    const double last = static_cast<double>(storm.refused.back() - storm.refused.front()) / 1e9;
    check.sentence = fmt::format(
        "{} calls a second before the first 429 at {}, {} after {} of them; {} in all, the last "
        "{} s after the first",
        per_s(before.per_s()), at_text(storm.refused.front()), per_s(after.per_s()),
        group.declared->throttle->trigger, result::plural(storm.refused.size(), "429"),
        per_s(last));
    return check;
}

// How full the window of requests or tokens was at most between `from` and `to`: 1 is the limit.
double fullest(const Scene& scene, const Group& group, std::int64_t from, std::int64_t to) {
    const auto& d = *group.declared;
    const std::int64_t window = (d.window + d.guard).count();
    double most = 0, tokens = 0;
    std::size_t first = 0;
    for (std::size_t k = 0; k < group.rows.size(); ++k) {
        const Row& row = scene.row(group.rows[k]);
        if (row.at >= to) break;
        tokens += row.reserved_tokens;
        for (; scene.row(group.rows[first]).at <= row.at - window; ++first)
            tokens -= scene.row(group.rows[first]).reserved_tokens;
        if (row.at < from) continue;
        if (d.requests > 0)
            most = std::max(most,
                            static_cast<double>(k - first + 1) / static_cast<double>(d.requests));
        if (d.tokens > 0) most = std::max(most, tokens / static_cast<double>(d.tokens));
    }
    return most;
}

WitnessCheck recovery(const Scene& scene, const Group& group, const Storm& storm,
                      const Pace& before, const std::vector<Span>& shut) {
    WitnessCheck check = check_of(scene, group, "recovery");
    const auto& d = *group.declared;
    const auto& t = *d.throttle;
    const std::int64_t last = storm.refused.back();
    std::int64_t free = last;
    for (const Span& s : shut) free = std::max(free, s.to);
    const std::int64_t due = free + t.longest_recovery().count() + t.calm.count();
    // Long enough to see a rate: a tenth of the window, or twenty calls of the rate before.
    const auto look = std::max(d.window.count() / 10,
                               static_cast<std::int64_t>(20e9 / std::max(before.per_s(), 1e-9)));
    check.judged = storm.refused.size();
    if (due + look > scene.end)
        return not_exercised(
            std::move(check),
            fmt::format("the run ended before {}, when the whole rate is due again",
                        at_text(due + look)));
    const Pace after = pace(scene, group, shut, due, scene.end);
    double wanted = before.per_s();
    if (!scene.requests.empty())
        wanted = std::min(wanted, demand(scene, check.provider, due, scene.end));
    if (wanted < before.per_s() / 10)
        return not_exercised(std::move(check), "there was no demand for it any more");
    constexpr double kAsked = 0.8;
    check.from = Nanos{last};
    check.to = Nanos{scene.end};
    check.bound = fmt::format("≥ {} of the rate before", result::percent(kAsked, 0));
    check.bound_value = kAsked;
    check.actual_value = after.per_s() / wanted;
    check.actual = fmt::format("back to {}/s of {}", per_s(after.per_s()), per_s(wanted));
    const double due_calls = kAsked * wanted * after.seconds;
    const double missing = due_calls - static_cast<double>(after.calls);
    // A full window is all there is: calls leave it as unevenly as they came.
    constexpr double kFull = 0.9;
    const bool full = missing > chance(due_calls) && fullest(scene, group, due, scene.end) >= kFull;
    check.answer =
        missing <= chance(due_calls) || full ? WitnessAnswer::kept : WitnessAnswer::broken;
    check.sentence = fmt::format(
        "from {} s after the last 429 on {} calls a second came, {} before the first and {} asked "
        "for{}",
        per_s(static_cast<double>(due - last) / 1e9), per_s(after.per_s()), per_s(before.per_s()),
        per_s(wanted), full ? "; its window was full again" : "");
    return check;
}

// What the declared limits let through in the long run.
double lasting_rate(const Scene& scene, const Group& group) {
    const auto& d = *group.declared;
    const double window = to_seconds(d.window + d.guard);
    double rate = static_cast<double>(d.requests) / window;
    std::uint64_t reserved = 0;
    for (const std::uint32_t i : group.rows) reserved += scene.row(i).reserved_tokens;
    if (d.tokens > 0 && reserved > 0) {
        const double each = static_cast<double>(reserved) / static_cast<double>(group.rows.size());
        const double by_tokens = static_cast<double>(d.tokens) / each / window;
        rate = rate > 0 ? std::min(rate, by_tokens) : by_tokens;
    }
    return rate > 0 ? rate : std::numeric_limits<double>::max();
}

}  // namespace

void judge_throttle(const Scene& scene, std::vector<WitnessCheck>& out) {
    for (const Group& group : scene.groups) {
        const auto both = [&](const std::string& why) {
            out.push_back(not_exercised(check_of(scene, group, "throttle"), why));
            out.push_back(not_exercised(check_of(scene, group, "recovery"), why));
        };
        if (group.declared == nullptr || !group.declared->throttle) {
            both("the gateway declares no throttle");
            continue;
        }
        const auto& t = *group.declared->throttle;
        const auto storm = storm_of(scene, group);
        if (!storm) {
            both(fmt::format(
                "it did not answer {} 429s within {}", t.trigger,
                format_duration(std::chrono::round<std::chrono::milliseconds>(t.window))));
            continue;
        }
        const auto shut = forbidden(scene, group);
        const std::int64_t first = storm->refused.front();
        Pace before =
            pace(scene, group, shut, std::max(scene.from, first - t.window.count()), first);
        // A burst before the storm is more than that.
        before.most_per_s = lasting_rate(scene, group);
        if (before.calls < kLeastCalls) {
            both("too few calls came before the first 429 to know a rate");
            continue;
        }
        out.push_back(reaction(scene, group, *storm, before, shut));
        out.push_back(recovery(scene, group, *storm, before, shut));
    }
}

}  // namespace squadload::witness
