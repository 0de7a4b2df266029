// retry_after, return: what happens after a 429 that says how long to wait.
#include <fmt/core.h>

#include <algorithm>

#include "base/units.h"
#include "judge/result/figures.h"
#include "judge/witness/scene.h"

namespace squadload::witness {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;

// What a gateway has to read and act on an answer: calls that left before are on their way.
constexpr Nanos kLeastReaction = std::chrono::milliseconds{50};

struct Floor {
    std::int64_t known = 0;  // by then the gateway knows
    std::int64_t until = 0;  // no call before
    std::int64_t said = 0;   // the 429's end
};

std::vector<Floor> floors(const Scene& scene, const Group& group, std::int64_t jitter) {
    std::vector<Floor> out;
    const std::int64_t reaction = std::max(kLeastReaction.count(), jitter);
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        if (!row.is_429() || !row.ended() || row.retry_after == Row::kNone || row.retry_after <= 0)
            continue;
        out.push_back({row.done + reaction, row.done + row.retry_after, row.done});
    }
    std::sort(out.begin(), out.end(),
              [](const Floor& a, const Floor& b) { return a.known < b.known; });
    return out;
}

WitnessCheck retry_after(const Scene& scene, const Group& group, const std::vector<Floor>& all,
                         std::int64_t jitter) {
    WitnessCheck check = check_of(scene, group, "retry_after");
    std::vector<std::uint32_t> early;
    std::int64_t first_floor = 0, earliest = 0;
    std::size_t next = 0;
    Floor now;
    bool close = false;
    for (const std::uint32_t i : group.rows) {
        const Row& row = scene.row(i);
        while (next < all.size() && all[next].known < row.at) {
            if (all[next].until > now.until) now = all[next];
            ++next;
        }
        if (row.at < scene.from || row.at >= now.until) continue;
        if (row.at >= now.until - jitter) {
            close = true;
            continue;
        }
        if (early.empty()) first_floor = now.said;
        earliest = std::max(earliest, now.until - row.at);
        early.push_back(i);
    }
    check.judged = all.size();
    check.bound = "no call before the hint is over";
    check.actual_value = static_cast<double>(early.size());
    if (early.empty()) {
        check.answer = close ? WitnessAnswer::within_jitter : WitnessAnswer::kept;
        check.actual = fmt::format("{} kept", result::plural(all.size(), "hint"));
        check.sentence = fmt::format("after {} of its 429s no call came before the hint was over",
                                     result::thousands(all.size()));
        return check;
    }
    check.answer = WitnessAnswer::broken;
    check.from = Nanos{first_floor};
    check.to = Nanos{scene.row(early.back()).at};
    add_ids(scene, check, early);
    check.actual = fmt::format("{} too early", result::plural(early.size(), "call"));
    check.sentence = fmt::format(
        "{} came while a Retry-After was running, the first after the 429 at {}, up to {} s too "
        "early",
        result::plural(early.size(), "call"), at_text(first_floor),
        result::number(static_cast<double>(earliest) / 1e9, 2));
    return check;
}

// Requests whose chain has this provider in it kept coming in (a, b]: there was something to send.
bool demand_between(const Scene& scene, const std::string& provider, std::int64_t a,
                    std::int64_t b) {
    for (const Row& row : scene.evidence.arrivals.rows()) {
        if (row.at <= a || row.at > b) continue;
        const auto* chain = scene.evidence.declared.chain(scene.evidence.arrivals.agent(row));
        if (chain != nullptr && chain->front() == provider) return true;
    }
    return false;
}

WitnessCheck comes_back(const Scene& scene, const Group& group, const std::vector<Floor>& all) {
    WitnessCheck check = check_of(scene, group, "return");
    const auto& d = *group.declared;
    std::int64_t until = 0, said = 0;
    for (const Floor& floor : all)
        if (floor.until > until) {
            until = floor.until;
            said = floor.said;
        }
    // A used-up window and an open breaker are reasons to stay away.
    const std::int64_t patience =
        (d.window + d.breaker_open_max.value_or(std::chrono::seconds(15))).count();
    const auto next = std::find_if(group.rows.begin(), group.rows.end(),
                                   [&](auto i) { return scene.row(i).at >= until; });
    check.judged = all.size();
    check.bound = fmt::format("within {}", format_duration(Nanos{patience}));
    if (next != group.rows.end()) {
        const std::int64_t took = scene.row(*next).at - until;
        check.actual_value = static_cast<double>(took) / 1e9;
        check.actual =
            fmt::format("after {} s", result::number(static_cast<double>(took) / 1e9, 1));
        check.answer = WitnessAnswer::kept;
        check.sentence = fmt::format("{} s after the last hint was over it was called again",
                                     result::number(static_cast<double>(took) / 1e9, 1));
        return check;
    }
    if (scene.end - until <= patience || !demand_between(scene, check.provider, until, scene.end))
        return not_exercised(std::move(check),
                             "the run ended too soon after the last hint was over");
    check.answer = WitnessAnswer::broken;
    check.from = Nanos{said};
    check.to = Nanos{scene.end};
    check.actual = "never";
    check.sentence =
        fmt::format("it was not called again after the hint that was over at {}", at_text(until));
    return check;
}

}  // namespace

void judge_hints(const Scene& scene, std::vector<WitnessCheck>& out) {
    for (const Group& group : scene.groups) {
        const auto none = [&](const char* check, const char* why) {
            out.push_back(not_exercised(check_of(scene, group, check), why));
        };
        const Nanos window =
            group.declared != nullptr ? group.declared->window : Nanos{std::chrono::seconds(60)};
        const std::int64_t jitter = scene.jitter_within(window);
        const auto all = floors(scene, group, jitter);
        const bool any = std::any_of(all.begin(), all.end(),
                                     [&](const Floor& f) { return f.until > scene.from; });
        if (!any) {
            none("retry_after", "it answered no 429 with a hint");
            none("return", "it answered no 429 with a hint");
            continue;
        }
        out.push_back(retry_after(scene, group, all, jitter));
        if (group.declared == nullptr)
            none("return", "the gateway does not declare this provider");
        else
            out.push_back(comes_back(scene, group, all));
    }
}

}  // namespace squadload::witness
