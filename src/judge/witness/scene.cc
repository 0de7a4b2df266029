#include "judge/witness/scene.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <numeric>
#include <tuple>

#include "judge/result/figures.h"

namespace squadload::witness {
namespace {

constexpr Nanos kLeastJitter = std::chrono::milliseconds{1};
constexpr double kMostOfWindow = 0.01;

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
    while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
    return s;
}

}  // namespace

Scene::Scene(const Evidence& e) : evidence(e), from(e.from.count()), end(e.end.count()) {
    if (end == 0 && !e.arrivals.rows().empty()) end = e.arrivals.rows().back().at;
    index_groups();
    index_requests();
    match_claims();
    jitter = witness::jitter(e);
}

void Scene::index_groups() {
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::size_t> places;
    const auto& rows = evidence.arrivals.rows();
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
        const Row& r = rows[i];
        const auto [it, added] = places.try_emplace({r.provider, r.key, r.model}, groups.size());
        if (added)
            groups.push_back(
                {evidence.declared.provider(name(r.provider)), r.provider, r.key, r.model, {}});
        groups[it->second].rows.push_back(i);
    }
}

// Requests in the order of their first call, so that whoever walks through them walks through the
// log.
void Scene::index_requests() {
    const auto& rows = evidence.arrivals.rows();
    request_of.assign(rows.size(), kNoRequest);
    std::vector<std::uint32_t> begins = number_requests();
    const auto count = static_cast<std::uint32_t>(begins.size());
    begins.push_back(0);
    std::exclusive_scan(begins.begin(), begins.end(), begins.begin(), 0U);
    by_request_.resize(begins.back());
    requests.reserve(count);
    for (std::uint32_t r = 0; r < count; ++r)
        requests.push_back({std::span(by_request_).subspan(begins[r], begins[r + 1] - begins[r])});
    for (std::uint32_t i = 0; i < rows.size(); ++i)
        if (request_of[i] != kNoRequest) by_request_[begins[request_of[i]]++] = i;
}

// Gives each id a number, and returns how many calls each has.
std::vector<std::uint32_t> Scene::number_requests() {
    const auto& rows = evidence.arrivals.rows();
    const std::hash<std::string_view> hash;
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t request = kNoRequest;
    };
    std::vector<Slot> slots(std::bit_ceil(2 * rows.size() + 1));  // open addressing
    std::vector<std::uint32_t> counts, first_row;
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
        if (rows[i].id_size == 0 || rows[i].at < from) continue;
        const auto id = evidence.arrivals.id(rows[i]);
        const std::size_t h = hash(id);
        const auto low = static_cast<std::uint32_t>(h);
        for (std::size_t k = (h >> 32) & (slots.size() - 1);; k = (k + 1) & (slots.size() - 1)) {
            Slot& slot = slots[k];
            if (slot.request == kNoRequest) {
                slot = {low, static_cast<std::uint32_t>(counts.size())};
                counts.push_back(0);
                first_row.push_back(i);
            } else if (slot.hash != low ||
                       evidence.arrivals.id(rows[first_row[slot.request]]) != id) {
                continue;
            }
            request_of[i] = slot.request;
            ++counts[slot.request];
            break;
        }
    }
    return counts;
}

void Scene::match_claims() {
    claim_of.assign(requests.size(), kNoClaim);
    if (evidence.claims == nullptr) return;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> claims;
    const std::hash<std::string_view> hash;
    for (std::uint32_t i = 0; i < evidence.claims->size(); ++i)
        claims.emplace_back(hash((*evidence.claims)[i].request_id), i);
    std::sort(claims.begin(), claims.end());
    for (std::size_t r = 0; r < requests.size(); ++r) {
        auto it =
            std::lower_bound(claims.begin(), claims.end(), std::pair{hash(id_of(requests[r])), 0U});
        for (; it != claims.end() && it->first == hash(id_of(requests[r])); ++it) {
            if ((*evidence.claims)[it->second].request_id != id_of(requests[r])) continue;
            claim_of[r] = it->second;
            break;
        }
    }
}

std::int64_t Scene::jitter_within(Nanos window) const {
    const auto most =
        static_cast<std::int64_t>(kMostOfWindow * static_cast<double>(window.count()));
    return std::min(jitter.spread.count(), std::max(most, kLeastJitter.count()));
}

Jitter jitter(const Evidence& e) {
    Jitter out;
    if (e.claims == nullptr) return out;
    // The last ok call of a request, by its id, and when the client had the answer.
    std::unordered_map<std::string_view, std::int64_t> done;
    for (const Row& r : e.arrivals.rows())
        if (r.id_size > 0 && r.ok()) done[e.arrivals.id(r)] = r.done;
    std::vector<std::int64_t> delays;
    for (std::size_t i = 0; i < e.claims->size(); ++i) {
        const auto claim = (*e.claims)[i];
        const auto it = claim.ok ? done.find(claim.request_id) : done.end();
        if (it != done.end()) delays.push_back(claim.end.count() - it->second);
    }
    if (delays.size() < 20) return out;
    std::sort(delays.begin(), delays.end());
    out.samples = delays.size();
    const std::int64_t spread = delays[delays.size() * 99 / 100] - delays.front();
    out.spread = std::max(kLeastJitter, Nanos{spread});
    return out;
}

result::WitnessCheck check_of(const Scene& scene, const Group& group, const char* check) {
    result::WitnessCheck out;
    out.check = check;
    out.provider = scene.name(group.provider);
    out.key = scene.name(group.key);
    out.model = scene.name(group.model);
    if (group.declared != nullptr) out.jitter = Nanos{scene.jitter_within(group.declared->window)};
    return out;
}

result::WitnessCheck check_over_all(const char* check) {
    result::WitnessCheck out;
    out.check = check;
    return out;
}

result::WitnessCheck not_exercised(result::WitnessCheck check, std::string why) {
    check.answer = result::WitnessAnswer::not_exercised;
    check.sentence = std::move(why);
    return check;
}

void add_ids(const Scene& scene, result::WitnessCheck& check, std::span<const std::uint32_t> rows) {
    for (const std::uint32_t i : rows) {
        if (check.request_ids.size() >= result::WitnessCheck::kMaxRequestIds) return;
        std::string id = scene.id(i);
        if (id.empty() || std::find(check.request_ids.begin(), check.request_ids.end(), id) !=
                              check.request_ids.end())
            continue;
        check.request_ids.push_back(std::move(id));
    }
}

std::string at_text(std::int64_t ns) {
    return result::clock(Nanos{std::max<std::int64_t>(0, ns)});
}

std::vector<ClaimedAttempt> attempts_of(std::string_view text) {
    constexpr std::string_view kSkipped = "skipped:";
    std::vector<ClaimedAttempt> out;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        const std::string_view one = trimmed(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
        const auto equals = one.find('=');
        if (equals == std::string_view::npos) continue;
        ClaimedAttempt attempt{one.substr(0, equals), one.substr(equals + 1), false};
        if (attempt.outcome.starts_with(kSkipped)) {
            attempt.skipped = true;
            attempt.outcome.remove_prefix(kSkipped.size());
        }
        out.push_back(attempt);
    }
    return out;
}

std::vector<result::WitnessCheck> judge(const Evidence& evidence) {
    const Scene scene(evidence);
    std::vector<result::WitnessCheck> out;
    judge_limits(scene, out);
    judge_utilisation(scene, out);
    judge_refusals(scene, out);
    judge_hints(scene, out);
    judge_throttle(scene, out);
    judge_chains(scene, out);
    judge_claims(scene, out);
    judge_reports(scene, out);
    return out;
}

}  // namespace squadload::witness
