// A server that costs little: one thread, epoll, one answer prepared beforehand for every request.
// Takes requests as squadload sends them: each in whole reads, one at a time per connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "support/server_tls.h"

namespace squadload::test_support {

class QuickServer {
  public:
    // `on_request` is called with the number of requests answered so far, on the server's thread.
    // `tls`: none, or what the sessions share; outlives the server.
    QuickServer(std::string answer, std::function<void(std::uint64_t)> on_request,
                const TlsContext* tls = nullptr);
    ~QuickServer();
    QuickServer(const QuickServer&) = delete;
    QuickServer& operator=(const QuickServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    void run();
    void accept_all();
    void answer(int fd);
    bool answer_tls(int fd, std::string_view bytes, ServerTls& session);

    std::string answer_;
    std::function<void(std::uint64_t)> on_request_;
    int listener_ = -1;
    int epoll_ = -1;
    int stop_ = -1;
    std::uint16_t port_ = 0;
    std::uint64_t requests_ = 0;
    std::uint64_t accepted_ = 0;
    const TlsContext* tls_;
    std::map<int, std::unique_ptr<ServerTls>> open_;  // without a session if plain
    std::thread thread_;
};

}  // namespace squadload::test_support
