#include <fmt/core.h>

#include <algorithm>

#include "judge/verdict/verdict.h"
#include "judge/verdict/words.h"

namespace squadload::verdict {
namespace {

using result::ScenarioResult;
using result::Verdict;
using result::WitnessAnswer;

// "the witness found 2 checks broken: window of groq: 1,600 calls in …".
std::string accusation(const ScenarioResult& s) {
    std::size_t broken = 0;
    std::string first;
    for (const auto& row : s.witness) {
        if (row.answer != WitnessAnswer::broken) continue;
        if (broken++ > 0) continue;
        first =
            row.check + (row.provider.empty() ? "" : " of " + row.provider) + ": " + row.sentence;
    }
    if (broken == 0) return {};
    return fmt::format("the witness found {} broken: {}",
                       broken == 1 ? "1 check" : fmt::format("{} checks", broken), first);
}

std::string missed_event(const ScenarioResult& s) {
    for (const auto& event : s.events)
        if (!event.error.empty())
            return fmt::format("the event {} did not come to pass: {}", event.label, event.error);
    return {};
}

}  // namespace

void conclude_providers(ScenarioResult& s, const std::vector<ProviderBound>& bounds,
                        const Policy& policy) {
    for (const auto& bound : bounds) s.thresholds.push_back(judge(bound, s));
    const bool judged =
        s.verdict == Verdict::pass ||
        (s.verdict == Verdict::fail && s.stop_reason != "fail_fast" && s.totals.outcomes.ok() > 0);
    if (!judged) return;
    // A scenario that did not meet what it was written for says nothing about it.
    if (auto missed = missed_event(s); !missed.empty()) {
        if (policy.allow_void) {
            s.notes.push_back("counts only because of --allow-void: " + missed);
        } else {
            s.verdict = Verdict::void_run;
            s.verdict_reason = std::move(missed);
            return;
        }
    }
    if (auto reason = broken_reason(s.thresholds); !reason.empty()) {
        s.verdict = Verdict::fail;
        s.verdict_reason = std::move(reason);
        return;
    }
    // Who asks the witness nothing is told of everything it found broken.
    const bool asked = std::any_of(bounds.begin(), bounds.end(), [](const ProviderBound& b) {
        return b.subject == ProviderBound::Subject::witness;
    });
    if (asked || s.verdict != Verdict::pass) return;
    if (auto found = accusation(s); !found.empty()) {
        s.verdict = Verdict::fail;
        s.verdict_reason = std::move(found);
    }
}

}  // namespace squadload::verdict
