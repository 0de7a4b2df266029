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
    SQUADLOAD_CHECK(chain.waiters.insert(waiter).second);
    ++length_;
    for (const std::size_t provider : chain.providers)
        if ((waiter->never & bit(provider)) == 0) ++waiting_[provider];
    return true;
}

void WaitQueue::leave(const WaiterPtr& waiter) {
    if (!waiter->waiting) return;
    Chain& chain = chains_[waiter->chain];
    waiter->waiting = false;
    chain.waiters.erase(waiter);
    --length_;
    for (const std::size_t provider : chain.providers)
        if ((waiter->never & bit(provider)) == 0) --waiting_[provider];
}

bool WaitQueue::older_waits_for(std::size_t provider, std::uint64_t order) const {
    if (waiting_[provider] == 0) return false;
    return std::any_of(chains_.begin(), chains_.end(), [provider, order](const Chain& chain) {
        if ((chain.set & bit(provider)) == 0 || chain.waiters.empty()) return false;
        const Waiter& oldest = **chain.waiters.begin();
        return oldest.order < order && (oldest.never & bit(provider)) == 0;
    });
}

WaitQueue::Pass WaitQueue::begin(MonoTime now) {
    Pass pass{now, 0, std::vector<bool>(chains_.size())};
    for (std::size_t provider = 0; provider < kMaxProviders; ++provider)
        if (now < not_before_[provider]) pass.refused |= bit(provider);
    return pass;
}

std::optional<WaitQueue::Asked> WaitQueue::next(Pass& pass) {
    while (true) {
        std::optional<std::size_t> oldest;
        for (std::size_t i = 0; i < chains_.size(); ++i) {
            if (pass.done[i] || chains_[i].waiters.empty()) continue;
            const auto order = [this](std::size_t c) {
                return (*chains_[c].waiters.begin())->order;
            };
            if (!oldest || order(i) < order(*oldest)) oldest = i;
        }
        if (!oldest) return std::nullopt;
        const WaiterPtr& waiter = *chains_[*oldest].waiters.begin();
        for (const std::size_t provider : chains_[*oldest].providers)
            if (((pass.refused | waiter->never) & bit(provider)) == 0)
                return Asked{waiter, provider};
        // It goes on waiting, and so do those behind it.
        pass.done[*oldest] = true;
    }
}

void WaitQueue::refused(Pass& pass, std::size_t provider, MonoTime until) {
    pass.refused |= bit(provider);
    not_before_[provider] = until;
}

void WaitQueue::never(const WaiterPtr& waiter, std::size_t provider) {
    if ((waiter->never & bit(provider)) != 0) return;
    waiter->never |= bit(provider);
    if (waiter->waiting) --waiting_[provider];
}

bool WaitQueue::kick(std::size_t provider) {
    if (not_before_[provider] == MonoTime::max()) not_before_[provider] = MonoTime{};
    return waiting_[provider] > 0;
}

MonoTime WaitQueue::wake_at() const {
    MonoTime first = MonoTime::max();
    for (const Chain& chain : chains_) {
        if (chain.waiters.empty()) continue;
        const Waiter& oldest = **chain.waiters.begin();
        for (const std::size_t provider : chain.providers)
            if ((oldest.never & bit(provider)) == 0) first = std::min(first, not_before_[provider]);
    }
    return first;
}

}  // namespace squadload::squad_api
