#include "run/health_page.h"

#include <atomic>
#include <string>
#include <utility>

#include "target/service/server.h"
#include "target/service/service_thread.h"

namespace squadload::run {

struct HealthPage::Serving {
    std::atomic<bool> joined{false};
    // Last in, first out: the server goes on its own thread.
    service::ServiceThread thread{"health"};
    std::unique_ptr<service::Server> server;

    ~Serving() {
        thread.call([this] { server.reset(); });
    }
};

HealthPage::HealthPage(std::unique_ptr<Serving> serving, std::uint16_t port)
    : serving_(std::move(serving)), port_(port) {}
HealthPage::~HealthPage() = default;

Result<std::unique_ptr<HealthPage>> HealthPage::open(std::uint16_t port) {
    auto serving = std::make_unique<Serving>();
    service::Router router;
    router.add_quick("GET", "/health", [s = serving.get()](const service::Request&) {
        return s->joined ? service::json_reply(200, R"({"status":"joined"})")
                         : service::json_reply(503, R"({"status":"looking for the master"})");
    });
    service::ServerOptions options;
    options.address = "0.0.0.0";
    options.port = port;
    options.max_connections = 64;
    const auto listening = serving->thread.call([&]() -> Result<std::uint16_t> {
        auto server = service::Server::listen(serving->thread.io(), options, std::move(router));
        if (!server) return tl::unexpected(server.error());
        serving->server = std::move(*server);
        return serving->server->port();
    });
    if (!listening) return tl::unexpected(listening.error());
    return std::unique_ptr<HealthPage>(new HealthPage(std::move(serving), *listening));
}

void HealthPage::set_joined(bool joined) {
    serving_->joined = joined;
}

}  // namespace squadload::run
