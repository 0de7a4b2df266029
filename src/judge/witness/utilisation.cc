// utilisation: was the quota used while requests went elsewhere for want of it?
#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "judge/result/figures.h"
#include "judge/witness/scene.h"

namespace squadload::witness {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;

constexpr double kAsked = 0.95;
// A window log and a bucket of the same rate together refuse more than either: what the log holds
// back the bucket, if it is flat, cannot make up for.
constexpr double kLossOfOneCallDeep = 0.4;
double asked_of(const DeclaredProvider& d) {
    return d.burst > 0 ? kAsked - kLossOfOneCallDeep / static_cast<double>(d.burst) : kAsked;
}
// Demand waits when requests are passed on for want of quota, the next at most so long after the
// last; time without any for longer than the short gap is not counted as waiting.
constexpr double kGapOfWindow = 1.0 / 10;
constexpr double kShortGapOfWindow = 1.0 / 120;

struct Stretch {
    std::int64_t from = 0, to = 0;
};

// When responses tell that `provider` was passed over for its quota.
std::vector<std::int64_t> passed_over(const Scene& scene, const std::string& provider) {
    std::vector<std::int64_t> out;
    if (scene.evidence.claims == nullptr) return out;
    for (std::size_t r = 0; r < scene.requests.size(); ++r) {
        if (scene.claim_of[r] == Scene::kNoClaim) continue;
        const auto claim = (*scene.evidence.claims)[scene.claim_of[r]];
        for (const auto& attempt : attempts_of(claim.attempts)) {
            if (!attempt.skipped || attempt.outcome != "quota" || attempt.provider != provider)
                continue;
            // It was passed over just before it went to the next one.
            out.push_back(scene.row(scene.requests[r].rows.front()).at);
            break;
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<Stretch> stretches(const std::vector<std::int64_t>& times, std::int64_t gap) {
    std::vector<Stretch> out;
    for (const std::int64_t t : times) {
        if (out.empty() || t - out.back().to > gap)
            out.push_back({t, t});
        else
            out.back().to = t;
    }
    return out;
}

// After anything but an answer the gateway has reason to hold back: up to there the stretch says
// nothing.
std::vector<Stretch> calm_parts(const Scene& scene, const Group& group, const Stretch& all) {
    const auto& d = *group.declared;
    Nanos rest = std::chrono::seconds(1);
    if (d.throttle) rest = std::max(rest, d.throttle->longest_recovery());
    if (d.breaker_open_max) rest = std::max(rest, *d.breaker_open_max);
    std::vector<Stretch> out;
    std::int64_t begin = all.from;
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        if (row.ok() || !row.ended()) continue;
        if (row.done > all.to) continue;
        if (row.at > begin) out.push_back({begin, std::min(row.at, all.to)});
        begin = std::max(begin, row.done + rest.count());
    }
    if (begin < all.to) out.push_back({begin, all.to});
    return out;
}

// A bucket overflows while, by chance, nobody asks: the flatter it is, the more demand it takes to
// use it up.
constexpr double kSurplus = 3;

double asked_in_vain(const std::vector<std::int64_t>& waiting, const Stretch& part) {
    const auto from = std::lower_bound(waiting.begin(), waiting.end(), part.from);
    return static_cast<double>(std::lower_bound(from, waiting.end(), part.to) - from);
}

struct Used {
    double calls = 0, whole = 0;  // made; allowed by the requests per window
    double share = 0;
    const char* limit = "requests";
};

// Of the stretch, in which no request was passed on.
std::int64_t idle_in(const std::vector<std::int64_t>& waiting, const Stretch& part,
                     std::int64_t short_gap) {
    std::int64_t idle = 0;
    for (std::size_t i = 1; i < waiting.size(); ++i) {
        const std::int64_t from = std::max(waiting[i - 1], part.from);
        const std::int64_t to = std::min(waiting[i], part.to);
        if (to - from > short_gap) idle += to - from;
    }
    return idle;
}

// The share of the limit that binds: the one used most. `waited`: of the stretch, with demand.
Used used(const Scene& scene, const Group& group, const Stretch& part, std::int64_t waited) {
    const auto& d = *group.declared;
    double calls = 0, tokens = 0, in_flight = 0;
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        if (row.at < part.from || row.at >= part.to) continue;
        calls += 1;
        tokens += row.reserved_tokens;
        in_flight += row.in_flight;
    }
    const double windows =
        static_cast<double>(waited) / static_cast<double>((d.window + d.guard).count());
    Used out;
    out.calls = calls;
    out.whole = static_cast<double>(d.requests) * windows;
    const auto take = [&](double share, const char* limit) {
        if (share > out.share) out.share = share, out.limit = limit;
    };
    take(calls / out.whole, "requests");
    if (d.tokens > 0) take(tokens / (static_cast<double>(d.tokens) * windows), "tokens");
    // A slot is empty from the end of a call until the next request asks: half of them in use is
    // all that a correct limiter can be held to.
    if (d.concurrency > 0 && calls > 0)
        take(std::min(1.0, 2 * (in_flight / calls) / static_cast<double>(d.concurrency)),
             "concurrency");
    return out;
}

// Whole windows alone say something: within one a correct limiter may use its quota unevenly.
std::optional<Stretch> whole_windows(const DeclaredProvider& d, const Stretch& part) {
    // What a declared guard keeps free of every window is not there to be used.
    const std::int64_t window = (d.window + d.guard).count();
    const std::int64_t n = (part.to - part.from) / window;
    if (n < 1) return std::nullopt;
    return Stretch{part.to - n * window, part.to};
}

WitnessCheck utilisation(const Scene& scene, const Group& group) {
    WitnessCheck check = check_of(scene, group, "utilisation");
    const auto& d = *group.declared;
    const auto waiting = passed_over(scene, check.provider);
    if (waiting.empty())
        return not_exercised(std::move(check), "no request was passed on for want of its quota");
    const auto gap =
        static_cast<std::int64_t>(kGapOfWindow * static_cast<double>(d.window.count()));
    const auto short_gap =
        static_cast<std::int64_t>(kShortGapOfWindow * static_cast<double>(d.window.count()));
    double lowest = std::numeric_limits<double>::max();
    Used shown;
    for (const Stretch& stretch : stretches(waiting, gap)) {
        for (const Stretch& part : calm_parts(scene, group, stretch)) {
            const auto windows = whole_windows(d, part);
            if (!windows) continue;
            const std::int64_t waited =
                windows->to - windows->from - idle_in(waiting, *windows, short_gap);
            if (waited <= 0) continue;
            const Used u = used(scene, group, *windows, waited);
            if (d.burst > 0 && u.calls + asked_in_vain(waiting, *windows) <
                                   (1 + kSurplus / static_cast<double>(d.burst)) * u.whole)
                continue;
            if (u.share >= lowest) continue;
            lowest = u.share;
            shown = u;
            check.from = Nanos{windows->from};
            check.to = Nanos{windows->to};
        }
    }
    if (!check.from)
        return not_exercised(std::move(check),
                             "demand did not wait for a whole window without refusals in between");
    check.judged = group.rows.size();
    const double asked = asked_of(d);
    check.bound = fmt::format("≥ {}", result::percent(asked, 0));
    check.bound_value = asked;
    // Time without waiting is not counted, its calls are: a whole quota is all there is to use.
    lowest = std::min(lowest, 1.0);
    check.actual_value = lowest;
    check.actual = fmt::format("{} used", result::percent(lowest, 1));
    check.answer = lowest >= asked ? WitnessAnswer::kept : WitnessAnswer::broken;
    check.sentence = fmt::format(
        "{} of its {} were used between {} and {} while requests were passed on for want of quota",
        result::percent(lowest, 1), shown.limit, at_text(check.from->count()),
        at_text(check.to->count()));
    return check;
}

}  // namespace

void judge_utilisation(const Scene& scene, std::vector<WitnessCheck>& out) {
    for (const Group& group : scene.groups) {
        if (group.declared == nullptr || group.declared->requests == 0) {
            out.push_back(not_exercised(check_of(scene, group, "utilisation"),
                                        "the gateway declares no requests per window"));
        } else {
            out.push_back(utilisation(scene, group));
        }
    }
}

}  // namespace squadload::witness
