#include "support/test_server.h"

#include <utility>

#include "support/server_thread.h"

namespace squadload::test_support {
namespace {

ServerOptions with(Handler handler) {
    ServerOptions options;
    options.handler = std::move(handler);
    return options;
}

}  // namespace

TestServer::TestServer(ServerOptions options)
    : thread_(std::make_unique<ServerThread>(std::move(options))) {}
TestServer::TestServer(Handler handler) : TestServer(with(std::move(handler))) {}
TestServer::~TestServer() = default;

std::uint16_t TestServer::port() const {
    return thread_->port;
}
std::string TestServer::host() const {
    return thread_->shared.options.ipv6 ? "::1" : "127.0.0.1";
}
std::string TestServer::url() const {
    const ServerOptions& options = thread_->shared.options;
    return std::string(options.tls ? "https://" : "http://") +
           (options.ipv6 ? "[::1]:" : "127.0.0.1:") + std::to_string(port());
}

void TestServer::freeze() {
    thread_->freeze();
}
void TestServer::thaw() {
    thread_->thaw();
}
void TestServer::settle() {
    thread_->run_on_thread([] {});
}
void TestServer::set_handler(Handler handler) {
    thread_->run_on_thread([&] { thread_->shared.options.handler = std::move(handler); });
}
void TestServer::close_idle() {
    thread_->run_on_thread([this] { thread_->close_idle(); });
}
void TestServer::die() {
    thread_->run_on_thread([this] { thread_->die(); });
}

std::uint64_t TestServer::connections() const {
    return thread_->shared.connections;
}
std::uint64_t TestServer::open_connections() const {
    return thread_->shared.open_connections;
}
std::uint64_t TestServer::requests() const {
    return thread_->shared.requests;
}
std::uint64_t TestServer::replies() const {
    return thread_->shared.replies;
}
std::uint64_t TestServer::bytes_written() const {
    return thread_->shared.bytes_written;
}
std::vector<DelayEntry> TestServer::delays() const {
    const std::lock_guard lock(thread_->shared.mutex);
    return thread_->shared.delays;
}

}  // namespace squadload::test_support
