#include "target/providers/profile.h"

#include <fmt/core.h>

#include <algorithm>

namespace squadload::providers {
namespace {

constexpr int kMinutesPerDay = 1'440;

// Published limits say nothing of a burst: the documented algorithm decides, and a bucket's depth
// is a minute's worth (QuotaSettings: burst 0).
limits::QuotaSettings documented_quota(const Documented& row, limits::QuotaSettings quota) {
    quota.requests = row.requests_per_minute.value_or(0);
    quota.burst = 0;
    quota.requests_day = row.requests_per_day.value_or(0);
    quota.tokens = row.tokens_per_minute.value_or(0);
    return quota;
}

}  // namespace

const ModelProfile* Profile::model(std::string_view name) const {
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const ModelProfile& m) { return m.name == name; });
    return found == models.end() ? nullptr : &*found;
}

limits::QuotaSettings enforced(limits::QuotaSettings quota, Nanos window, MonoTime origin) {
    quota.window = window;
    quota.day = window * kMinutesPerDay;
    quota.origin = origin;
    return quota;
}

Result<void> enforce_documented(Profile& profile) {
    if (profile.documented.empty()) {
        return fail(ErrorKind::config,
                    fmt::format("{} documents no limits to be enforced", profile.provider));
    }
    for (const Documented& row : profile.documented) {
        for (ModelProfile& model : profile.models) {
            if (model.name == row.model) model.quota = documented_quota(row, model.quota);
        }
    }
    std::erase_if(profile.models, [&](const ModelProfile& model) {
        return std::none_of(profile.documented.begin(), profile.documented.end(),
                            [&](const Documented& row) { return row.model == model.name; });
    });
    profile.other_models = false;
    if (profile.scope == Scope::key) {
        profile.quota = documented_quota(profile.documented.front(), profile.quota);
        for (ModelProfile& model : profile.models) model.quota = profile.quota;
    }
    return {};
}

limits::QuotaSettings changed(limits::QuotaSettings quota, const QuotaChange& change) {
    // Fewer requests let fewer through at once, too, unless that is said.
    if (change.requests && *change.requests < quota.requests && quota.burst > 0)
        quota.burst = std::max<std::int64_t>(
            1, static_cast<std::int64_t>(static_cast<double>(quota.burst) *
                                         static_cast<double>(*change.requests) /
                                         static_cast<double>(quota.requests)));
    quota.requests = change.requests.value_or(quota.requests);
    quota.burst = change.burst.value_or(quota.burst);
    quota.requests_day = change.requests_day.value_or(quota.requests_day);
    quota.tokens = change.tokens.value_or(quota.tokens);
    quota.concurrency = change.concurrency.value_or(quota.concurrency);
    return quota;
}

}  // namespace squadload::providers
