#include "target/squad_api/stores/recent_counts.h"

#include <algorithm>

namespace squadload::squad_api {

void RecentCounts::add(std::int64_t requests, std::int64_t tokens, MonoTime now) {
    if (requests == 0 && tokens == 0) return;
    expire(now);
    if (!parts_.empty() && now - parts_.back().first < window_ / 64) {
        Part& part = parts_.back();
        part.last = std::max(part.last, now);
        part.requests += requests;
        part.tokens += tokens;
        return;
    }
    parts_.push_back({now, now, requests, tokens});
}

std::vector<RecentCounts::Slot> RecentCounts::slots(MonoTime now) {
    expire(now);
    std::vector<Slot> slots;
    for (const Part& part : parts_) {
        slots.push_back({std::max(now - part.last, Nanos::zero()), part.requests, part.tokens});
    }
    return slots;
}

bool RecentCounts::empty(MonoTime now) {
    expire(now);
    return parts_.empty();
}

void RecentCounts::expire(MonoTime now) {
    while (!parts_.empty() && now - parts_.front().last >= window_) parts_.pop_front();
}

}  // namespace squadload::squad_api
