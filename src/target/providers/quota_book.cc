#include "target/providers/quota_book.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace squadload::providers {
namespace {

bool holds_nothing(limits::Quota& quota, MonoTime now) {
    const limits::QuotaState state = quota.state(now);
    const auto empty = [](const std::optional<limits::Level>& level) {
        return !level || level->used == 0;
    };
    return state.in_flight == 0 && empty(state.requests) && empty(state.burst) &&
           empty(state.requests_day) && empty(state.tokens);
}

}  // namespace

QuotaBook::QuotaBook(const Profile& profile, Nanos window, MonoTime origin)
    : profile_(profile), window_(window), origin_(origin) {}

limits::Quota* QuotaBook::find(std::string_view key, std::string_view model, MonoTime now) {
    expire(now);
    name_.assign(key);
    if (profile_.scope == Scope::key_model) name_.append(1, ' ').append(model);
    const auto found = quotas_.find(name_);
    if (found != quotas_.end()) return &found->second.quota;
    if (quotas_.size() >= kMost) forget_idle(now);
    if (quotas_.size() >= kMost) return nullptr;
    Entry entry{std::string(model), limits::Quota(settings(model), now)};
    return &quotas_.emplace(name_, std::move(entry)).first->second.quota;
}

Result<void> QuotaBook::change(const QuotaChange& change, MonoTime now) {
    expire(now);
    if (!change.model.empty() && profile_.scope == Scope::key) {
        return fail(
            ErrorKind::config,
            fmt::format("the models of {} share one quota: leave model out", profile_.provider));
    }
    if (!change.model.empty() && !profile_.other_models &&
        profile_.model(change.model) == nullptr) {
        return fail(ErrorKind::config,
                    fmt::format("{} has no model '{}'", profile_.provider, change.model));
    }
    if (changes_.size() >= kMostChanges) {
        return fail(ErrorKind::config, fmt::format("there are {} changes of {}'s quota already",
                                                   kMostChanges, profile_.provider));
    }
    Active active{change, now, std::nullopt};
    if (change.lasts) active.ends = now + *change.lasts;
    changes_.push_back(std::move(active));
    apply(now);
    return {};
}

void QuotaBook::restore(MonoTime now) {
    changes_.clear();
    apply(now);
}

limits::QuotaSettings QuotaBook::effective(std::string_view model, MonoTime now) {
    expire(now);
    return settings(model);
}

const std::vector<QuotaBook::Active>& QuotaBook::changes(MonoTime now) {
    expire(now);
    return changes_;
}

limits::QuotaSettings QuotaBook::settings(std::string_view model) const {
    const ModelProfile* known = profile_.scope == Scope::key ? nullptr : profile_.model(model);
    limits::QuotaSettings quota = known != nullptr ? known->quota : profile_.quota;
    for (const Active& active : changes_) {
        const std::string& only = active.change.model;
        if (only.empty() || only == model) quota = changed(quota, active.change);
    }
    return enforced(quota, window_, origin_);
}

void QuotaBook::expire(MonoTime now) {
    if (changes_.empty()) return;
    const auto over = [&](const Active& active) { return active.ends && *active.ends <= now; };
    if (std::erase_if(changes_, over) > 0) apply(now);
}

void QuotaBook::apply(MonoTime now) {
    for (auto& [name, entry] : quotas_) entry.quota.change(settings(entry.model), now);
}

void QuotaBook::forget_idle(MonoTime now) {
    if (now < next_sweep_) return;  // a flood of keys must not cost a walk for each call
    next_sweep_ = now + std::chrono::seconds(1);
    for (auto it = quotas_.begin(); it != quotas_.end();) {
        it = holds_nothing(it->second.quota, now) ? quotas_.erase(it) : std::next(it);
    }
}

}  // namespace squadload::providers
