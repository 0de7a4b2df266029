#include "target/squad_api/core.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "target/service/key_hash.h"
#include "target/squad_api/embedded_limiter.h"

namespace squadload::squad_api {
namespace {

std::uint64_t seed_of_start() {
    const auto ns = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
    return Random(ns, RandomStream::backoff, static_cast<std::uint64_t>(::getpid())).next();
}

Provider make_provider(const ProviderConfig& config, const FallbackConfig& fallback) {
    ProviderSettings settings;
    settings.throttle = config.throttle;
    settings.breaker = config.breaker;
    settings.backoff_base = fallback.backoff_base;
    settings.backoff_max = fallback.backoff_max;
    const auto url = service::parse_url(config.base_url);
    SQUADLOAD_CHECK(url.has_value());
    std::string path = url->target;
    while (!path.empty() && path.back() == '/') path.pop_back();
    return Provider{config,
                    url->origin,
                    std::move(path),
                    service::key_hash(config.key),
                    ProviderState(settings),
                    {},
                    1};
}

WalkBounds bounds_of(const Config& config) {
    WalkBounds bounds;
    bounds.attempts = config.fallback.attempts;
    bounds.total_time = config.fallback.total_time;
    bounds.backoff_base = config.fallback.backoff_base;
    bounds.backoff_max = config.fallback.backoff_max;
    bounds.queue_wait = config.queue.max_wait;
    return bounds;
}

// Requests with the same chain wait in the same queue.
std::size_t queue_chain_of(const std::vector<Route>& routes, const Route& route, WaitQueue& queue) {
    for (const Route& other : routes)
        if (other.chain == route.chain) return other.queue_chain;
    return queue.add_chain(route.chain);
}

}  // namespace

std::vector<LimitScope> limit_scopes(const Config& config) {
    std::vector<LimitScope> scopes;
    for (const ProviderConfig& provider : config.providers) {
        LimitScope scope;
        scope.provider = provider.name;
        scope.scope =
            fmt::format("{}:{}:{}", provider.name, service::key_hash(provider.key), provider.model);
        scope.quota = provider.limits;
        scopes.push_back(std::move(scope));
    }
    return scopes;
}

Core::Core(asio::io_context& loop, Config settings, Stores given, MonoTime now)
    : io(loop),
      config(std::move(settings)),
      stores(std::move(given)),
      keys(config.api_keys),
      queue(static_cast<std::size_t>(config.queue.max_length)),
      budget(config.fallback.amplification, config.fallback.amplification_reserve),
      ids(seed_of_start()),
      bounds(bounds_of(config)),
      seed(seed_of_start()),
      started(now),
      pump_timer(loop) {
    if (!stores.limiter)
        stores.limiter = std::make_shared<EmbeddedLimiter>(limit_scopes(config), now);
    for (const ProviderConfig& provider : config.providers)
        providers.push_back(make_provider(provider, config.fallback));
    const auto add = [this](Route route) {
        route.queue_chain = queue_chain_of(routes, route, queue);
        routes.push_back(std::move(route));
    };
    for (const AgentConfig& agent : config.agents)
        add(Route{agent.name, true, agent.description, agent.chain, 0, agent.system,
                  agent.max_tokens, agent.temperature});
    for (std::size_t i = 0; i < config.providers.size(); ++i) {
        const ProviderConfig& provider = config.providers[i];
        add(Route{fmt::format("{}/{}", provider.name, provider.model),
                  false,
                  "",
                  {i},
                  0,
                  "",
                  provider.max_tokens,
                  std::nullopt});
    }
}

const Route* Core::find_route(std::string_view name) const {
    const auto found = std::find_if(routes.begin(), routes.end(),
                                    [name](const Route& route) { return route.name == name; });
    return found == routes.end() ? nullptr : &*found;
}

void Core::apply_factor(std::size_t provider, MonoTime now) {
    Provider& p = providers[provider];
    const double factor = p.state.factor(now);
    if (factor == p.factor) return;
    p.factor = factor;
    stores.limiter->set_factor(provider, factor, now);
}

void Core::wake_pump() {
    pump_again = true;
    pump_timer.cancel();
}

}  // namespace squadload::squad_api
