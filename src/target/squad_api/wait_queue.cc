#include "target/squad_api/wait_queue.h"

#include <algorithm>

#include "base/check.h"

namespace squadload::squad_api {
namespace {

constexpr std::uint64_t bit(std::size_t provider) {
    return std::uint64_t{1} << provider;
}

}  // namespace

std::size_t WaitQueue::add_chain(std::vector<std::size_t> providers) {
    Chain chain;
    for (const std::size_t provider : providers) {
        SQUADLOAD_CHECK(provider < kMaxProviders);
        chain.set |= bit(provider);
    }
    chain.providers = std::move(providers);
    chains_.push_back(std::move(chain));
    return chains_.size() - 1;
}

bool WaitQueue::enter(const WaiterPtr& waiter) {
    if (length_ >= max_length_) return false;
    Chain& chain = chains_[waiter->chain];
    waiter->waiting = true;
    const Group group{waiter->chain, waiter->never};
    SQUADLOAD_CHECK(groups_[group].insert(waiter).second);
    ++length_;
    ++chain.length;
    chain.tokens += waiter->tokens;
    for (const std::size_t provider : chain.providers)
        if ((waiter->never & bit(provider)) == 0) ++waiting_[provider];
    return true;
}

void WaitQueue::remove(const WaiterPtr& waiter) {
    const auto group = groups_.find({waiter->chain, waiter->never});
    group->second.erase(waiter);
    if (group->second.empty()) groups_.erase(group);
}

void WaitQueue::leave(const WaiterPtr& waiter) {
    if (!waiter->waiting) return;
    Chain& chain = chains_[waiter->chain];
    waiter->waiting = false;
    remove(waiter);
    --length_;
    --chain.length;
    chain.tokens -= waiter->tokens;
    for (const std::size_t provider : chain.providers)
        if ((waiter->never & bit(provider)) == 0) --waiting_[provider];
}

bool WaitQueue::older_waits_for(std::size_t provider, std::uint64_t order) const {
    if (waiting_[provider] == 0) return false;
    return std::any_of(groups_.begin(), groups_.end(), [&](const auto& entry) {
        const auto& [group, waiters] = entry;
        return (usable(group) & bit(provider)) != 0 && (*waiters.begin())->order < order;
    });
}

WaitQueue::Pass WaitQueue::begin(MonoTime now) {
    Pass pass{now, 0, {}};
    for (std::size_t provider = 0; provider < kMaxProviders; ++provider)
        if (now < not_before_[provider]) pass.refused |= bit(provider);
    return pass;
}

std::optional<WaitQueue::Asked> WaitQueue::next(Pass& pass) {
    while (true) {
        const Group* group = nullptr;
        const WaiterPtr* oldest = nullptr;
        for (const auto& [candidate, waiters] : groups_) {
            const WaiterPtr& first = *waiters.begin();
            if (oldest != nullptr && first->order > (*oldest)->order) continue;
            if (pass.done.contains(candidate)) continue;
            group = &candidate;
            oldest = &first;
        }
        if (oldest == nullptr) return std::nullopt;
        const std::uint64_t open = usable(*group) & ~pass.refused;
        for (const std::size_t provider : chains_[group->first].providers)
            if ((open & bit(provider)) != 0) return Asked{*oldest, provider};
        // It goes on waiting, and so do those behind it that wait for the same.
        pass.done.insert(*group);
    }
}

void WaitQueue::refused(Pass& pass, std::size_t provider, MonoTime until, bool or_kick) {
    pass.refused |= bit(provider);
    not_before_[provider] = until;
    or_kick_ = or_kick ? or_kick_ | bit(provider) : or_kick_ & ~bit(provider);
}

bool WaitQueue::never(const WaiterPtr& waiter, std::size_t provider) {
    if ((waiter->never & bit(provider)) == 0) {
        if (waiter->waiting) remove(waiter);
        waiter->never |= bit(provider);
        if (waiter->waiting) {
            groups_[{waiter->chain, waiter->never}].insert(waiter);
            --waiting_[provider];
        }
    }
    return usable({waiter->chain, waiter->never}) != 0;
}

bool WaitQueue::kick(std::size_t provider) {
    if ((or_kick_ & bit(provider)) != 0) not_before_[provider] = MonoTime{};
    return waiting_[provider] > 0;
}

MonoTime WaitQueue::wake_at() const {
    MonoTime first = MonoTime::max();
    for (const auto& [group, waiters] : groups_) {
        const std::uint64_t open = usable(group);
        for (const std::size_t provider : chains_[group.first].providers)
            if ((open & bit(provider)) != 0) first = std::min(first, not_before_[provider]);
    }
    return first;
}

}  // namespace squadload::squad_api
