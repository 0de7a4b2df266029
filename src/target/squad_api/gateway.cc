#include "target/squad_api/gateway.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "target/squad_api/chat.h"
#include "target/squad_api/core.h"
#include "target/squad_api/metrics.h"
#include "target/squad_api/serve.h"
#include "target/squad_api/status.h"

namespace squadload::squad_api {
namespace {

// More connections than a provider's concurrency are never needed; this bounds what is not limited.
constexpr std::size_t kMaxProviderConnections = 4096;

service::ServerOptions options_of(const ServerConfig& config) {
    service::ServerOptions options;
    options.address = config.host;
    options.port = config.port;
    options.max_connections = config.max_connections;
    options.max_header_bytes = config.max_header_bytes;
    options.max_body_bytes = config.max_body_bytes;
    options.max_requests_in_flight = config.max_requests_in_flight;
    options.header_timeout = config.header_timeout;
    options.body_timeout = config.body_timeout;
    options.idle_timeout = config.idle_timeout;
    options.write_timeout = config.write_timeout;
    return options;
}

// Whoever balances load must see /health without a key; it names no secret.
std::optional<service::Reply> gate(Core& core, const service::Request& request) {
    if (core.keys.empty() || request.path == "/health") return std::nullopt;
    if (core.keys.accepts(service::presented_key(request.headers))) return std::nullopt;
    ++core.counters.unauthorized;
    service::Reply reply = service::error_reply(
        401, "authentication_error", "this gateway needs a key: Authorization: Bearer KEY");
    reply.headers.add("www-authenticate", "Bearer");
    return reply;
}

service::Router router_of(const std::shared_ptr<Core>& core) {
    service::Router router;
    const auto chat_at = [&router, &core](std::string_view pattern, Endpoint endpoint) {
        router.add("POST", pattern, [core, endpoint](service::Request request) {
            return chat(core, endpoint, std::move(request));
        });
    };
    const auto quick = [&router](std::string_view pattern, service::QuickHandler handler) {
        router.add_quick("GET", pattern, std::move(handler));
    };
    using service::Request;
    chat_at("/agents/chat", Endpoint::agents_chat);
    chat_at("/v1/agents/{agent}", Endpoint::agent);
    chat_at("/v1/chat/completions", Endpoint::chat_completions);
    quick("/v1/agents", [core](const Request&) { return agents_reply(*core); });
    quick("/v1/models", [core](const Request&) { return models_reply(*core); });
    quick("/health", [core](const Request&) { return health_reply(*core, mono_now()); });
    quick("/providers", [core](const Request&) { return providers_reply(*core, mono_now()); });
    quick("/providers/{name}", [core](const Request& request) {
        return provider_reply(*core, request.param("name"), mono_now());
    });
    quick("/metrics", [core](const Request&) {
        service::Reply reply = service::text_reply(200, metrics_text(*core, mono_now()));
        reply.content_type = kMetricsType;
        return reply;
    });
    router.set_gate([core](const Request& request) { return gate(*core, request); });
    return router;
}

}  // namespace

Gateway::Gateway(asio::io_context& io, Config config, Stores stores)
    : core_(std::make_shared<Core>(io, std::move(config), std::move(stores), mono_now())) {}

Gateway::~Gateway() {
    stop();
}

Result<std::uint16_t> Gateway::start() {
    service::ClientOptions client;
    client.max_connections_per_origin = kMaxProviderConnections;
    client.max_idle_per_origin = kMaxProviderConnections;
    auto made = service::Client::create(core_->io, std::move(client));
    if (!made) return tl::unexpected(made.error());
    core_->client = std::move(*made);
    auto server =
        service::Server::listen(core_->io, options_of(core_->config.server), router_of(core_));
    if (!server) return tl::unexpected(server.error());
    server_ = std::move(*server);
    core_->server = server_.get();
    asio::co_spawn(core_->io, pump_queue(core_), asio::detached);
    return server_->port();
}

std::string Gateway::url() const {
    return server_ ? server_->url() : std::string();
}

asio::awaitable<bool> Gateway::drain() {
    core_->draining = true;
    if (!server_) co_return true;
    co_return co_await server_->drain(core_->config.server.drain);
}

void Gateway::stop() {
    core_->draining = true;
    core_->stopping = true;
    core_->wake_pump();
    core_->server = nullptr;
    if (server_) server_->stop();
    server_.reset();
    if (core_->client) core_->client->close();
}

}  // namespace squadload::squad_api
