#include "target/stack/stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <utility>

#include "target/providers/simulator.h"
#include "target/service/client.h"
#include "target/service/service_thread.h"
#include "target/squad_api/gateway.h"
#include "target/stack/scale.h"

namespace squadload::stack {
namespace {

using service::asio::use_future;

constexpr Nanos kHealthPatience = std::chrono::seconds(10);
constexpr std::string_view kFileName = "config/squad_api.yaml";

// The shipped configuration, on free ports, without stores and without clients' keys. Nothing of
// the environment is in it: the stack is the same wherever it is started.
Result<squad_api::Config> gateway_config(const Settings& settings, const std::string& providers) {
    auto config = squad_api::parse_config(
        squad_api::default_config_text(), std::string(kFileName),
        [](const std::string&) -> std::optional<std::string> { return std::nullopt; });
    if (!config) return tl::unexpected(config.error());
    if (!settings.providers.empty()) {
        config = squad_api::with_providers(*std::move(config), settings.providers);
        if (!config) return tl::unexpected(config.error());
    }
    squad_api::point_at_simulators(*config, providers);
    for (auto& provider : config->providers) provider.key = "embedded";  // any will do
    config->server.host = "127.0.0.1";
    config->server.port = 0;
    config->stores = {};
    scale(*config, settings);
    return config;
}

Result<providers::Settings> provider_settings(const Settings& settings) {
    auto out = providers::shipped_settings();
    if (!out) return out;
    out->seed = settings.seed;
    out->window = shorter(out->window, settings.time_scale);
    out->fractional_hints = settings.time_scale != 1;
    for (auto& profile : out->profiles) scale(profile, settings);
    return out;
}

}  // namespace

// The gateway goes before the providers, each on its own thread before that thread ends.
struct Stack::Parts {
    service::ServiceThread providers_thread{"providers"};
    service::ServiceThread gateway_thread{"squad-api"};
    std::unique_ptr<providers::Simulator> simulator;
    std::unique_ptr<squad_api::Gateway> gateway;

    ~Parts() {
        gateway_thread.call([this] { gateway.reset(); });
        providers_thread.call([this] { simulator.reset(); });
    }

    Result<void> start_providers(const Settings& settings) {
        auto wanted = provider_settings(settings);
        if (!wanted) return tl::unexpected(wanted.error());
        auto started = providers_thread.call(
            [&] { return providers::Simulator::start(providers_thread.io(), *std::move(wanted)); });
        if (!started) return tl::unexpected(started.error());
        simulator = *std::move(started);
        return {};
    }

    Result<void> start_gateway(const Settings& settings) {
        auto config = gateway_config(settings, simulator->url());
        if (!config) return tl::unexpected(config.error());
        auto port = gateway_thread.call([&] {
            gateway = std::make_unique<squad_api::Gateway>(gateway_thread.io(), *std::move(config));
            return gateway->start();
        });
        if (!port) return tl::unexpected(port.error());
        return {};
    }

    // Asks as a client would.
    Result<void> await_health() {
        const auto url = service::parse_url(gateway->url());
        if (!url) return tl::unexpected(url.error());
        service::ClientRequest request;
        request.origin = url->origin;
        request.target = "/health";
        std::unique_ptr<service::Client> client;
        auto answer = gateway_thread.call([&] {
            client = *service::Client::create(gateway_thread.io(), {});
            return service::asio::co_spawn(gateway_thread.io(),
                                           client->send(request, mono_now() + kHealthPatience),
                                           use_future);
        });
        const service::Answer health = answer.get();
        gateway_thread.call([&] { client.reset(); });
        if (health.ok() && health.status == 200) return {};
        return fail(ErrorKind::internal,
                    fmt::format("the embedded Squad API is not healthy: {}",
                                health.ok() ? fmt::format("status {}", health.status)
                                            : health.failure->sentence));
    }
};

Stack::Stack(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)), url_(parts_->gateway->url()) {}
Stack::~Stack() = default;

Result<std::unique_ptr<Stack>> Stack::start(const Settings& settings) {
    auto parts = std::make_unique<Parts>();
    if (auto done = parts->start_providers(settings); !done) return tl::unexpected(done.error());
    if (auto done = parts->start_gateway(settings); !done) return tl::unexpected(done.error());
    if (auto done = parts->await_health(); !done) return tl::unexpected(done.error());
    return std::unique_ptr<Stack>(new Stack(std::move(parts)));
}

std::string Stack::simulators_url() const {
    return parts_->simulator->url();
}

}  // namespace squadload::stack
