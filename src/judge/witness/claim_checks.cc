// attempts, truth, amplification: the responses' own account against the log.
#include <fmt/core.h>

#include <algorithm>

#include "judge/result/figures.h"
#include "judge/witness/scene.h"

namespace squadload::witness {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;

constexpr const char* kNoClaims = "no response tells which request it answers";
constexpr const char* kNoIds = "calls carry no correlation id, so they belong to no request";

// Requests of which something is wrong, and what the first is.
struct Faults {
    std::vector<std::uint32_t> rows;
    std::vector<std::string> ids;  // of requests that left no call in the log
    std::uint64_t count = 0;
    std::string first;
    void add(std::string sentence) {
        if (count++ == 0) first = std::move(sentence);
    }
};

void conclude(const Scene& scene, WitnessCheck& check, const Faults& faults, std::string kept,
              const char* what) {
    check.actual_value = static_cast<double>(faults.count);
    if (faults.count == 0) {
        check.answer = WitnessAnswer::kept;
        check.actual = fmt::format("{} agree", result::plural(check.judged, "response"));
        check.sentence = std::move(kept);
        return;
    }
    check.answer = WitnessAnswer::broken;
    check.actual = fmt::format("{} differ", result::plural(faults.count, "response"));
    check.sentence = fmt::format("{} of {} {}: {}", result::thousands(faults.count),
                                 result::plural(check.judged, "response"), what, faults.first);
    if (!faults.rows.empty()) {
        const auto [low, high] = std::minmax_element(faults.rows.begin(), faults.rows.end());
        check.from = Nanos{scene.row(*low).at};
        check.to = Nanos{scene.row(*high).at};
    }
    add_ids(scene, check, faults.rows);
    for (const auto& id : faults.ids)
        if (check.request_ids.size() < WitnessCheck::kMaxRequestIds)
            check.request_ids.push_back(id);
}

// Whether an attempt may have left no trace at the provider: its connection failed, or broke before
// the call was read.
bool may_be_unseen(const ClaimedAttempt& attempt) {
    return attempt.outcome == "connect" || attempt.outcome == "timeout" ||
           attempt.outcome == "invalid";
}

// The claimed calls against those in the log, provider by provider. "" when they agree.
std::string compare_attempts(const Scene& scene, const measure::Claim& claim,
                             std::span<const std::uint32_t> rows) {
    std::vector<ClaimedAttempt> calls;
    for (const auto& one : attempts_of(claim.attempts))
        if (!one.skipped) calls.push_back(one);
    std::size_t next = 0;
    for (const std::uint32_t i : rows) {
        const std::string& provider = scene.name(scene.row(i).provider);
        while (next < calls.size() && calls[next].provider != provider &&
               may_be_unseen(calls[next]))
            ++next;
        if (next >= calls.size())
            return fmt::format("{} calls arrived, the response tells of {} ({})", rows.size(),
                               calls.size(), claim.attempts);
        if (calls[next].provider != provider)
            return fmt::format("a call to {} arrived where the response tells of {} ({})", provider,
                               calls[next].provider, claim.attempts);
        ++next;
    }
    for (; next < calls.size(); ++next)
        if (!may_be_unseen(calls[next]))
            return fmt::format("the response tells of a call to {} that never arrived ({})",
                               calls[next].provider, claim.attempts);
    return {};
}

void judge_attempts(const Scene& scene, std::vector<WitnessCheck>& out) {
    WitnessCheck check = check_over_all("attempts");
    const auto& claims = *scene.evidence.claims;
    Faults faults;
    std::vector<bool> matched(claims.size(), false);
    for (std::size_t r = 0; r < scene.requests.size(); ++r) {
        if (scene.claim_of[r] == Scene::kNoClaim) continue;
        matched[scene.claim_of[r]] = true;
        const auto claim = claims[scene.claim_of[r]];
        if (claim.attempts.empty()) continue;
        ++check.judged;
        std::string wrong = compare_attempts(scene, claim, scene.requests[r].rows);
        std::size_t ok = 0;
        for (const std::uint32_t i : scene.requests[r].rows) ok += scene.row(i).ok() ? 1U : 0U;
        if (wrong.empty() && claim.ok && claim.status == 200 && ok != 1)
            wrong = fmt::format("{} ok calls stand behind one success ({})", ok, claim.attempts);
        if (wrong.empty()) continue;
        faults.rows.push_back(scene.requests[r].rows.front());
        faults.add(fmt::format("{}: {}", scene.id_of(scene.requests[r]), wrong));
    }
    // Responses that tell of calls of which none is in the log.
    for (std::size_t i = 0; i < claims.size(); ++i) {
        const auto claim = claims[i];
        if (matched[i] || claim.attempts.empty() || claim.request_id.empty()) continue;
        ++check.judged;
        auto wrong = compare_attempts(scene, claim, {});
        if (wrong.empty()) continue;
        faults.ids.emplace_back(claim.request_id);
        faults.add(fmt::format("{}: {}", claim.request_id, wrong));
    }
    if (check.judged == 0) {
        out.push_back(not_exercised(std::move(check), "no response tells of its attempts"));
        return;
    }
    check.bound = "calls told = calls arrived";
    conclude(scene, check, faults,
             fmt::format("{} tell of exactly the calls that arrived",
                         result::plural(check.judged, "response")),
             "do not tell of the calls that arrived");
    out.push_back(std::move(check));
}

void judge_truth(const Scene& scene, std::vector<WitnessCheck>& out) {
    WitnessCheck check = check_over_all("truth");
    const auto& claims = *scene.evidence.claims;
    Faults faults;
    for (std::size_t r = 0; r < scene.requests.size(); ++r) {
        if (scene.claim_of[r] == Scene::kNoClaim) continue;
        const auto claim = claims[scene.claim_of[r]];
        if (!claim.ok || claim.provider.empty()) continue;
        std::optional<std::uint32_t> served;
        for (const std::uint32_t i : scene.requests[r].rows)
            if (scene.row(i).ok()) served = i;
        if (!served) continue;  // that is for the attempts to say
        ++check.judged;
        const std::string& provider = scene.name(scene.row(*served).provider);
        std::string wrong;
        const auto* chain =
            scene.evidence.declared.chain(scene.evidence.arrivals.agent(scene.row(*served)));
        const bool fallback = chain != nullptr && chain->front() != provider;
        using Said = measure::Claim::Fallback;
        if (claim.provider != provider)
            wrong = fmt::format("{} is said to have served, {} did", claim.provider, provider);
        else if (chain != nullptr && claim.fallback != Said::unknown &&
                 (claim.fallback == Said::yes) != fallback)
            wrong = fmt::format("{} served {} fallback, the response says otherwise", provider,
                                fallback ? "as" : "without");
        if (wrong.empty()) continue;
        faults.rows.push_back(*served);
        faults.add(fmt::format("{}: {}", scene.id_of(scene.requests[r]), wrong));
    }
    if (check.judged == 0) {
        out.push_back(
            not_exercised(std::move(check), "no response names the provider that served"));
        return;
    }
    check.bound = "who is said to have served did";
    conclude(scene, check, faults,
             fmt::format("{} name the provider that served, and whether as fallback",
                         result::plural(check.judged, "response")),
             "do not tell who served");
    out.push_back(std::move(check));
}

void judge_amplification(const Scene& scene, std::vector<WitnessCheck>& out) {
    WitnessCheck check = check_over_all("amplification");
    const auto& declared = scene.evidence.declared;
    if (!declared.amplification) {
        out.push_back(not_exercised(std::move(check), "the gateway declares no bound"));
        return;
    }
    if (scene.requests.empty()) {
        out.push_back(not_exercised(std::move(check), kNoIds));
        return;
    }
    std::uint64_t calls = 0;
    for (const auto& request : scene.requests) calls += request.rows.size();
    const auto requests = static_cast<double>(scene.requests.size());
    const double most = *declared.amplification * requests + declared.amplification_reserve;
    check.judged = scene.requests.size();
    check.bound = fmt::format("≤ {} × + {}", result::short_number(*declared.amplification, 2),
                              result::short_number(declared.amplification_reserve, 0));
    check.bound_value = *declared.amplification;
    check.actual_value = static_cast<double>(calls) / requests;
    check.actual = fmt::format("{} calls per request", result::number(*check.actual_value, 2));
    check.answer = static_cast<double>(calls) <= most ? WitnessAnswer::kept : WitnessAnswer::broken;
    check.sentence = fmt::format("{} calls for {}", result::thousands(calls),
                                 result::plural(scene.requests.size(), "request"));
    out.push_back(std::move(check));
}

}  // namespace

void judge_claims(const Scene& scene, std::vector<WitnessCheck>& out) {
    const auto* claims = scene.evidence.claims;
    const bool named = claims != nullptr && [&] {
        for (std::size_t i = 0; i < claims->size(); ++i)
            if (!(*claims)[i].request_id.empty()) return true;
        return false;
    }();
    if (!named || scene.requests.empty()) {
        const char* why = named ? kNoIds : kNoClaims;
        out.push_back(not_exercised(check_over_all("attempts"), why));
        out.push_back(not_exercised(check_over_all("truth"), why));
    } else if (claims->lost() > 0) {
        const std::string why = fmt::format("{} were not kept: there were too many",
                                            result::plural(claims->lost(), "response"));
        out.push_back(not_exercised(check_over_all("attempts"), why));
        out.push_back(not_exercised(check_over_all("truth"), why));
    } else {
        judge_attempts(scene, out);
        judge_truth(scene, out);
    }
    judge_amplification(scene, out);
}

void judge_reports(const Scene& scene, std::vector<WitnessCheck>& out) {
    WitnessCheck check = check_over_all("metrics");
    const auto& reported = scene.evidence.reported;
    if (!reported || reported->providers.empty()) {
        out.push_back(not_exercised(std::move(check), "the gateway reports no calls per provider"));
        return;
    }
    std::string wrong;
    std::uint64_t told = 0;
    for (const auto& p : reported->providers) {
        const auto number = scene.evidence.arrivals.names().find(p.name);
        std::uint64_t calls = 0, refused = 0, fallbacks = 0;
        for (const Row& row : scene.evidence.arrivals.rows()) {
            if (!number || row.provider != *number || row.at < scene.from) continue;
            ++calls;
            refused += row.is_429() ? 1U : 0U;
            const auto* chain = scene.evidence.declared.chain(scene.evidence.arrivals.agent(row));
            fallbacks += row.ok() && chain != nullptr && chain->front() != p.name ? 1U : 0U;
        }
        const auto compare = [&](const std::optional<std::uint64_t>& says, std::uint64_t is,
                                 const char* what) {
            if (!says) return;
            told += is;
            if (*says == is) return;
            wrong += fmt::format("{}{}: {} {} reported, {} in the log", wrong.empty() ? "" : "; ",
                                 p.name, result::thousands(*says), what, result::thousands(is));
        };
        compare(p.calls, calls, "calls");
        compare(p.responses_429, refused, "429s");
        compare(p.fallbacks, fallbacks, "fallbacks");
    }
    check.judged = told;
    check.bound = "reported = arrived";
    check.answer = wrong.empty() ? WitnessAnswer::kept : WitnessAnswer::broken;
    check.actual = wrong.empty() ? "equal" : "different";
    check.sentence = wrong.empty()
                         ? "calls, 429s and fallbacks the gateway reports are those in the log"
                         : wrong;
    out.push_back(std::move(check));
}

}  // namespace squadload::witness
