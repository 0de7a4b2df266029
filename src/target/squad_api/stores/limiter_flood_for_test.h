// For tests: many callers that want more than a limiter gives, and what they got.
#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "target/squad_api/limiter.h"

namespace squadload::squad_api {

// One admission: somewhere between the two.
struct Granted {
    MonoTime asked;
    MonoTime told;
    std::int64_t tokens = 0;
    bool local = false;
};

struct Flood {
    std::vector<Granted> granted;
    std::uint64_t refused = 0;
    bool stop = false;
    int callers = 0;  // that still run
};

// Asks again and again, as soon as it was told that it may.
inline asio::awaitable<void> call_on(Limiter* limiter, std::int64_t tokens, Flood* flood) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (!flood->stop) {
        const MonoTime asked = mono_now();
        const MonoTime deadline = asked + std::chrono::seconds(5);
        const Decision decision = co_await limiter->acquire(0, tokens, asked, deadline);
        const MonoTime told = mono_now();
        Nanos pause = std::chrono::microseconds(100);
        if (decision.admitted) {
            flood->granted.push_back({asked, told, tokens, decision.lease.local});
            limiter->finish(decision.lease, std::nullopt, told);
        } else {
            ++flood->refused;
            // At most so long: another may have given something back.
            pause = std::clamp<Nanos>(decision.wait, pause, std::chrono::milliseconds(20));
        }
        boost::system::error_code ignored;
        timer.expires_after(pause);
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    --flood->callers;
}

inline void start_callers(asio::io_context& io, Limiter& limiter, int callers, std::int64_t tokens,
                          Flood& flood) {
    for (int i = 0; i < callers; ++i) {
        ++flood.callers;
        asio::co_spawn(io, call_on(&limiter, tokens, &flood), asio::detached);
    }
}

// The most that was surely admitted in one window (t - window, t]: asked for and told within it.
// A delay between the two can hide an admission here, but never invent one.
struct Most {
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
};
inline Most most_within(std::vector<Granted> granted, Nanos window) {
    std::sort(granted.begin(), granted.end(),
              [](const Granted& a, const Granted& b) { return a.told < b.told; });
    Most most;
    for (std::size_t last = 0; last < granted.size(); ++last) {
        Most here;
        for (std::size_t i = last + 1; i-- > 0;) {
            if (granted[last].told - granted[i].told >= window) break;
            if (granted[last].told - granted[i].asked >= window) continue;
            ++here.requests;
            here.tokens += granted[i].tokens;
        }
        most.requests = std::max(most.requests, here.requests);
        most.tokens = std::max(most.tokens, here.tokens);
    }
    return most;
}

// The depth of a bucket of that rate that these admissions need at least.
inline double depth_needed(std::vector<Granted> granted, double per_s) {
    // Level of a leaky bucket, each admission as late as it can have been for what came before it
    // and as early as it can have been for itself: an underestimate, never an invention.
    std::sort(granted.begin(), granted.end(),
              [](const Granted& a, const Granted& b) { return a.told < b.told; });
    double most = 0;
    for (std::size_t last = 0; last < granted.size(); ++last) {
        double count = 0;
        MonoTime first_asked = granted[last].asked;
        for (std::size_t i = last + 1; i-- > 0;) {
            first_asked = std::min(first_asked, granted[i].asked);
            ++count;
            most = std::max(most, count - per_s * to_seconds(granted[last].told - first_asked));
            if (granted[last].told - granted[i].told > std::chrono::seconds(1)) break;
        }
    }
    return most;
}

inline std::int64_t told_between(const std::vector<Granted>& granted, MonoTime from, MonoTime to) {
    return std::count_if(granted.begin(), granted.end(),
                         [&](const Granted& g) { return g.told >= from && g.told < to; });
}

}  // namespace squadload::squad_api
