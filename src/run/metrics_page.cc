#include "run/metrics_page.h"

#include <mutex>
#include <utility>

#include "report/open_metrics.h"
#include "target/service/server.h"
#include "target/service/service_thread.h"

namespace squadload::run {

struct MetricsPage::Serving {
    std::mutex mutex;
    std::string text = report::no_open_metrics();
    // Last in, first out: the server goes on its own thread.
    service::ServiceThread thread{"metrics"};
    std::unique_ptr<service::Server> server;

    ~Serving() {
        thread.call([this] { server.reset(); });
    }
    service::Reply page() {
        service::Reply reply;
        reply.content_type = report::kOpenMetricsType;
        const std::lock_guard lock(mutex);
        reply.body = text;
        return reply;
    }
};

MetricsPage::MetricsPage(std::unique_ptr<Serving> serving, std::string url)
    : serving_(std::move(serving)), url_(std::move(url)) {}
MetricsPage::~MetricsPage() = default;

Result<std::unique_ptr<MetricsPage>> MetricsPage::open(std::uint16_t port) {
    auto serving = std::make_unique<Serving>();
    service::Router router;
    router.add_quick("GET", "/metrics",
                     [s = serving.get()](const service::Request&) { return s->page(); });
    service::ServerOptions options;
    options.port = port;
    options.max_connections = 64;
    auto listening = serving->thread.call([&]() -> Result<std::string> {
        auto server = service::Server::listen(serving->thread.io(), options, std::move(router));
        if (!server) return tl::unexpected(server.error());
        serving->server = std::move(*server);
        return serving->server->url() + "/metrics";
    });
    if (!listening) return tl::unexpected(listening.error());
    return std::unique_ptr<MetricsPage>(new MetricsPage(std::move(serving), *std::move(listening)));
}

void MetricsPage::publish(std::string text) {
    const std::lock_guard lock(serving_->mutex);
    serving_->text = std::move(text);
}

}  // namespace squadload::run
