#include "load/measure/provider_stats.h"

#include <algorithm>

namespace squadload::measure {
namespace {

constexpr std::string_view kOtherReasons = "other reasons";

void add_reason(ProviderStats& stats, std::string_view text, std::uint64_t n) {
    if (n == 0) return;
    auto& reasons = stats.reasons;
    const auto find = [&](std::string_view wanted) {
        return std::find_if(reasons.begin(), reasons.end(),
                            [&](const auto& r) { return r.text == wanted; });
    };
    auto it = find(text);
    if (it == reasons.end() && reasons.size() >= ProviderTable::kMostReasons)
        it = find(text = kOtherReasons);
    if (it == reasons.end()) it = reasons.insert(reasons.end(), {std::string(text), 0});
    it->count += n;
}

}  // namespace

ProviderStats& ProviderTable::of(std::string_view name) {
    const auto find = [&](std::string_view wanted) {
        return std::find_if(all_.begin(), all_.end(),
                            [&](const auto& p) { return p.name == wanted; });
    };
    auto it = find(name);
    if (it == all_.end() && all_.size() >= kMostProviders) it = find(name = kOthers);
    if (it != all_.end()) return *it;
    ProviderStats& fresh = all_.emplace_back();
    fresh.name = name;
    return fresh;
}

void ProviderTable::record(const Claim& claim, Nanos response_time) {
    ProviderStats& p = of(claim.provider);
    ++p.responses;
    if (claim.ok) {
        ++p.ok;
        p.response_time.record(response_time);
    }
    if (claim.fallback == Claim::Fallback::yes) {
        ++p.fallbacks;
        if (!claim.fallback_reason.empty()) add_reason(p, claim.fallback_reason, 1);
    }
    if (claim.calls > 0) {
        p.attempts += claim.calls;
        ++p.with_attempts;
    }
    p.prompt_tokens += claim.prompt_tokens;
    p.completion_tokens += claim.completion_tokens;
}

void ProviderTable::merge(const ProviderTable& other) {
    for (const ProviderStats& theirs : other.all_) {
        if (theirs.responses == 0) continue;
        ProviderStats& mine = of(theirs.name);
        mine.responses += theirs.responses;
        mine.ok += theirs.ok;
        mine.fallbacks += theirs.fallbacks;
        for (const auto& reason : theirs.reasons) add_reason(mine, reason.text, reason.count);
        mine.attempts += theirs.attempts;
        mine.with_attempts += theirs.with_attempts;
        mine.prompt_tokens += theirs.prompt_tokens;
        mine.completion_tokens += theirs.completion_tokens;
        mine.response_time.merge(theirs.response_time);
    }
}

void ProviderTable::clear() {
    for (ProviderStats& p : all_) {
        p.responses = p.ok = p.fallbacks = p.attempts = p.with_attempts = 0;
        p.prompt_tokens = p.completion_tokens = 0;
        for (auto& reason : p.reasons) reason.count = 0;
        p.response_time.clear();
    }
}

}  // namespace squadload::measure
