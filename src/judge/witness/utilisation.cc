// utilisation: was the quota used while requests went elsewhere for want of it?
#include <fmt/core.h>

#include <algorithm>

#include "judge/result/figures.h"
#include "judge/witness/scene.h"

namespace squadload::witness {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;

constexpr double kAsked = 0.95;
// Demand waits without a break when a request is passed on for want of quota this often.
constexpr double kGapOfWindow = 1.0 / 60;

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

struct Used {
    double share = 0;
    const char* limit = "requests";
};

// The share of the limit that binds: the one used most.
Used used(const Scene& scene, const Group& group, const Stretch& part) {
    const auto& d = *group.declared;
    double calls = 0, tokens = 0, in_flight = 0;
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        if (row.at < part.from || row.at >= part.to) continue;
        calls += 1;
        tokens += row.reserved_tokens;
        in_flight += row.in_flight;
    }
    // What a declared guard keeps free of every window is not there to be used.
    const double windows = static_cast<double>(part.to - part.from) /
                           static_cast<double>((d.window + d.guard).count());
    Used out;
    const auto take = [&](double share, const char* limit) {
        if (share > out.share) out = {share, limit};
    };
    if (d.requests > 0) take(calls / (static_cast<double>(d.requests) * windows), "requests");
    if (d.tokens > 0) take(tokens / (static_cast<double>(d.tokens) * windows), "tokens");
    if (d.concurrency > 0 && calls > 0)
        take((in_flight / calls) / static_cast<double>(d.concurrency), "concurrency");
    return out;
}

// Without a bucket a whole window may be used at its start: only whole windows say something.
std::int64_t least_length(const DeclaredProvider& d) {
    const bool smooth = d.burst > 0 && d.burst * 4 <= d.requests;
    return smooth ? d.window.count() / 4 : d.window.count();
}

WitnessCheck utilisation(const Scene& scene, const Group& group) {
    WitnessCheck check = check_of(scene, group, "utilisation");
    const auto& d = *group.declared;
    const auto waiting = passed_over(scene, check.provider);
    if (waiting.empty())
        return not_exercised(std::move(check), "no request was passed on for want of its quota");
    const auto gap =
        static_cast<std::int64_t>(kGapOfWindow * static_cast<double>(d.window.count()));
    double lowest = 2;
    Used shown;
    for (const Stretch& stretch : stretches(waiting, gap)) {
        for (const Stretch& part : calm_parts(scene, group, stretch)) {
            if (part.to - part.from < least_length(d)) continue;
            const Used u = used(scene, group, part);
            if (u.share >= lowest) continue;
            lowest = u.share;
            shown = u;
            check.from = Nanos{part.from};
            check.to = Nanos{part.to};
        }
    }
    if (!check.from)
        return not_exercised(std::move(check),
                             "demand did not wait for long enough without refusals in between");
    check.judged = group.rows.size();
    check.bound = fmt::format("≥ {}", result::percent(kAsked, 0));
    check.bound_value = kAsked;
    check.actual_value = lowest;
    check.actual = fmt::format("{} used", result::percent(lowest, 1));
    check.answer = lowest >= kAsked ? WitnessAnswer::kept : WitnessAnswer::broken;
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
