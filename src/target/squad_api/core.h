// Everything one gateway consists of, shared by its coroutines: they hold a shared_ptr, because a
// coroutine may live until its io_context ends. Internal to this room; the service's thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "target/service/api_keys.h"
#include "target/service/client.h"
#include "target/service/server.h"
#include "target/service/url.h"
#include "target/squad_api/audit.h"
#include "target/squad_api/call_budget.h"
#include "target/squad_api/config.h"
#include "target/squad_api/counters.h"
#include "target/squad_api/history.h"
#include "target/squad_api/limiter.h"
#include "target/squad_api/provider_state.h"
#include "target/squad_api/request_id.h"
#include "target/squad_api/stores.h"
#include "target/squad_api/wait_queue.h"
#include "target/squad_api/walk.h"

namespace squadload::squad_api {

struct Provider {
    ProviderConfig config;
    service::Origin origin;
    std::string base_path;  // of the base URL, without a trailing slash
    std::string key_hash;
    ProviderState state;
    ProviderCounters counters;
    double factor = 1;  // the limiter's, as last set
};

// Where a chat request can go: an agent, or one provider's model on the OpenAI-compatible endpoint.
struct Route {
    std::string name;  // "financial_advisor", "groq/llama-3.3-70b-versatile"
    bool agent = true;
    std::string description;
    std::vector<std::size_t> chain;
    std::size_t queue_chain = 0;
    std::string system;
    std::int64_t max_tokens = 256;
    std::optional<double> temperature;
};

struct Core {
    Core(asio::io_context& loop, Config settings, Stores given, MonoTime now);

    asio::io_context& io;
    Config config;
    Stores stores;
    std::vector<Provider> providers;
    std::vector<Route> routes;  // agents first, in the file's order
    service::ApiKeys keys;
    std::unique_ptr<service::Client> client;
    WaitQueue queue;
    CallBudget budget;
    Counters counters;
    RequestIds ids;
    WalkBounds bounds;
    std::uint64_t seed;       // of backoff's jitter
    std::uint64_t order = 0;  // of the last request
    MonoTime started;
    const service::Server* server = nullptr;  // none before start() and after stop()
    bool draining = false;
    bool stopping = false;
    asio::steady_timer pump_timer;
    bool pump_again = false;

    [[nodiscard]] const Route* find_route(std::string_view name) const;
    [[nodiscard]] std::size_t place_of(const Route& route) const {
        return static_cast<std::size_t>(&route - routes.data());
    }
    // Tells the limiter when the throttle's factor has changed.
    void apply_factor(std::size_t provider, MonoTime now);
    // Makes the queue look again: always, or when something of a provider has come back.
    void wake_pump();
    void kick(std::size_t provider) {
        if (queue.kick(provider)) wake_pump();
    }
};

}  // namespace squadload::squad_api
