#include "support/redis_server.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "base/check.h"

namespace squadload::test_support {
namespace {

constexpr Nanos kEndWithin = std::chrono::seconds(30);

// The answer, or "" when nobody listens. Waits at most 5 s for it.
std::string ask(const std::string& path, const std::string& text) {
    const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SQUADLOAD_CHECK(connection >= 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    SQUADLOAD_CHECK(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const timeval limit{5, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::string answer;
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        write(connection, text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
        shutdown(connection, SHUT_WR);
        std::array<char, 4096> buffer{};
        for (ssize_t size = 1; size > 0 && answer.size() < 65536;) {
            size = read(connection, buffer.data(), buffer.size());
            if (size > 0) answer.append(buffer.data(), static_cast<std::size_t>(size));
        }
    }
    close(connection);
    return answer;
}

}  // namespace

RedisServer::RedisServer(RedisServerOptions options) : options_(std::move(options)) {
    if (options_.tcp) port_ = free_port();
    start();
}

std::string RedisServer::url() const {
    return "unix://" + (options_.password.empty() ? "" : ":" + options_.password + "@") + socket();
}

std::string RedisServer::tcp_url() const {
    return "redis://" + (options_.password.empty() ? "" : ":" + options_.password + "@") +
           "127.0.0.1:" + std::to_string(port_);
}

void RedisServer::start() {
    std::vector<std::string> argv = {find_program("redis-server"),
                                     "--port",
                                     std::to_string(port_),
                                     "--bind",
                                     "127.0.0.1",
                                     "--unixsocket",
                                     socket(),
                                     "--dir",
                                     folder_.path().string(),
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "no"};
    if (!options_.password.empty()) {
        argv.emplace_back("--requirepass");
        argv.push_back(options_.password);
    }
    argv.insert(argv.end(), options_.arguments.begin(), options_.arguments.end());
    const auto log = folder_.path() / "log";
    process_ = std::make_unique<ServerProcess>(argv, log);
    const bool ready = process_->wait_until([this] {
        const std::string answer = ask(socket(), "PING\r\n");
        return answer.starts_with("+PONG") || answer.starts_with("-NOAUTH");
    });
    if (!ready) throw std::runtime_error("redis-server did not start: " + read_text(log));
}

void RedisServer::kill() {
    process_->signal(SIGKILL);
    SQUADLOAD_CHECK(process_->wait(kEndWithin).has_value());
    // Its socket stays behind, and refuses.
}

void RedisServer::freeze() {
    process_->signal(SIGSTOP);
}

void RedisServer::thaw() {
    process_->signal(SIGCONT);
}

std::string RedisServer::command(const std::string& words) const {
    std::string text = words + "\r\n";
    if (!options_.password.empty()) text.insert(0, "AUTH " + options_.password + "\r\n");
    std::string answer = ask(socket(), text);
    if (!options_.password.empty()) answer.erase(0, answer.find('\n') + 1);
    return answer;
}

}  // namespace squadload::test_support
