// The evidence, indexed for the checks: calls by provider, key and model, and by request. For this
// room.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "judge/witness/witness.h"

namespace squadload::witness {

// Calls that share a quota.
struct Group {
    const DeclaredProvider* declared = nullptr;  // none: the gateway does not declare this provider
    std::uint32_t provider = 0, key = 0, model = 0;
    std::vector<std::uint32_t> rows;  // by time
};

// The calls of one request, by time.
struct RequestCalls {
    std::span<const std::uint32_t> rows;  // not empty
};

class Scene {
  public:
    explicit Scene(const Evidence& evidence);

    const Evidence& evidence;
    Jitter jitter;
    std::int64_t from, end;  // ns
    std::vector<Group> groups;
    std::vector<std::uint32_t> request_of;  // by row; kNoRequest: it carries no id
    static constexpr std::uint32_t kNoRequest = UINT32_MAX;
    // Of requests that carry an id. Claims by the same order: claim_of[i] or kNoClaim.
    std::vector<RequestCalls> requests;
    std::vector<std::uint32_t> claim_of;
    static constexpr std::uint32_t kNoClaim = UINT32_MAX;

    [[nodiscard]] const Row& row(std::uint32_t i) const { return evidence.arrivals.rows()[i]; }
    [[nodiscard]] std::string id(std::uint32_t i) const {
        return std::string(evidence.arrivals.id(row(i)));
    }
    [[nodiscard]] std::string_view id_of(const RequestCalls& request) const {
        return evidence.arrivals.id(row(request.rows.front()));
    }
    [[nodiscard]] const std::string& name(std::uint32_t number) const {
        return evidence.arrivals.names().text(number);
    }
    // For checks of a group with this window: at most 1 % of it.
    [[nodiscard]] std::int64_t jitter_within(Nanos window) const;

  private:
    void index_groups();
    void index_requests();
    [[nodiscard]] std::vector<std::uint32_t> number_requests();
    void match_claims();

    std::vector<std::uint32_t> by_request_;
};

// A row of the verdict to be filled in.
[[nodiscard]] result::WitnessCheck check_of(const Scene& scene, const Group& group,
                                            const char* check);
[[nodiscard]] result::WitnessCheck check_over_all(const char* check);
result::WitnessCheck not_exercised(result::WitnessCheck check, std::string why);
// Ids of the calls in [first, last] of `rows`, each once, at most kMaxRequestIds.
void add_ids(const Scene& scene, result::WitnessCheck& check, std::span<const std::uint32_t> rows);
[[nodiscard]] std::string at_text(std::int64_t ns);  // "00:41", before the start: "00:00"

// One attempt as a response words it: "groq=429", "cerebras=skipped:quota".
struct ClaimedAttempt {
    std::string_view provider;
    std::string_view outcome;  // "ok", "429", …; of a skipped one why
    bool skipped = false;
};
[[nodiscard]] std::vector<ClaimedAttempt> attempts_of(std::string_view text);

// The checks, each in its own file.
void judge_limits(const Scene& scene, std::vector<result::WitnessCheck>& out);
void judge_utilisation(const Scene& scene, std::vector<result::WitnessCheck>& out);
void judge_refusals(const Scene& scene, std::vector<result::WitnessCheck>& out);
void judge_hints(const Scene& scene, std::vector<result::WitnessCheck>& out);
void judge_chains(const Scene& scene, std::vector<result::WitnessCheck>& out);
void judge_claims(const Scene& scene, std::vector<result::WitnessCheck>& out);
void judge_reports(const Scene& scene, std::vector<result::WitnessCheck>& out);
void judge_throttle(const Scene& scene, std::vector<result::WitnessCheck>& out);

}  // namespace squadload::witness
