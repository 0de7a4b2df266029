#include "target/providers/fault.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/random.h"

namespace squadload::providers {
namespace {

constexpr std::array<std::string_view, kFaultKinds> kNames = {
    "outage", "storm", "error_rate", "reset", "hang", "truncated", "malformed", "slow_down"};

constexpr std::array<std::string_view, 3> kHows = {"503", "reset", "hang"};

}  // namespace

std::string_view name_of(How how) {
    return kHows.at(static_cast<std::size_t>(how));
}

std::string_view name_of(FaultKind kind) {
    return kNames.at(static_cast<std::size_t>(kind));
}

std::optional<FaultKind> fault_kind(std::string_view name) {
    const auto* const found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<FaultKind>(found - kNames.begin());
}

bool FaultBoard::add(std::uint64_t id, FaultSpec spec, MonoTime now) {
    expire(now);
    if (faults_.size() >= kMost) return false;
    FaultState state;
    state.id = id;
    state.begins = now + spec.after;
    if (spec.lasts) state.ends = state.begins + *spec.lasts;
    state.spec = std::move(spec);
    faults_.push_back(std::move(state));
    return true;
}

bool FaultBoard::remove(std::uint64_t id) {
    return std::erase_if(faults_, [&](const FaultState& f) { return f.id == id; }) > 0;
}

std::size_t FaultBoard::clear() {
    const std::size_t size = faults_.size();
    faults_.clear();
    return size;
}

void FaultBoard::expire(MonoTime now) {
    std::erase_if(faults_, [&](const FaultState& f) { return f.ends && *f.ends <= now; });
}

bool FaultBoard::strikes(const FaultState& state, std::string_view model, std::uint64_t number,
                         MonoTime now) const {
    const FaultSpec& spec = state.spec;
    if (now < state.begins || (!spec.model.empty() && spec.model != model)) return false;
    if (spec.share >= 1) return true;
    // Each fault draws for itself: two faults of share 0.5 do not strike the same calls.
    Random random(seed_ + state.id, RandomStream::provider_fault, number);
    return random.unit() < spec.share;
}

FaultPlan FaultBoard::plan(std::string_view model, std::uint64_t number, MonoTime now) {
    FaultPlan plan;
    if (faults_.empty()) return plan;
    expire(now);
    for (const FaultState& state : faults_) {
        if (!strikes(state, model, number, now)) continue;
        const FaultKind kind = state.spec.kind;
        if (kind == FaultKind::slow_down) {
            plan.factor *= state.spec.factor;
            plan.slowed_by.push_back(state.id);
        } else if (kind == FaultKind::outage) {
            plan.outage = plan.outage == nullptr ? &state : plan.outage;
        } else if (plan.fault == nullptr || kind < plan.fault->spec.kind) {
            plan.fault = &state;
        }
    }
    return plan;
}

void FaultBoard::count(std::uint64_t id) {
    for (FaultState& state : faults_) {
        if (state.id == id) ++state.struck;
    }
}

const std::vector<FaultState>& FaultBoard::list(MonoTime now) {
    expire(now);
    return faults_;
}

}  // namespace squadload::providers
