// One connection of a Client.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "target/service/byte_buffer.h"
#include "target/service/client_pool.h"
#include "target/service/http_reader.h"
#include "target/service/tls_client.h"
#include "target/service/watchdog.h"

namespace squadload::service {

// How an exchange ended.
struct Exchange {
    std::optional<Failure> failure;
    bool keep = false;       // without failure: the connection can be used again
    bool peer_left = false;  // with failure: the peer closed or reset before any byte of an answer
};

// Owned by the pool while idle, else by the coroutine that uses it; its end closes the socket.
// The coroutines take pointers to what lives in the frame of the one that awaits them.
class Channel {
  public:
    Channel(std::shared_ptr<ClientCore> core, Slot slot);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // Name, TCP, TLS. Nothing: it is open.
    [[nodiscard]] asio::awaitable<std::optional<Failure>> open(const Origin* origin,
                                                               MonoTime deadline);
    // Sends `head` and the request's body, reads the answer.
    [[nodiscard]] asio::awaitable<Exchange> exchange(const ClientRequest* request,
                                                     const std::string* head, Answer* answer,
                                                     MonoTime deadline);

    // Idle, and the kernel knows of no end and no bytes (which nobody asked for).
    [[nodiscard]] bool is_alive();
    void rest(MonoTime now);  // becomes idle
    [[nodiscard]] MonoTime idle_since() const { return idle_since_; }
    [[nodiscard]] Slot take_slot() { return std::move(slot_); }

  private:
    [[nodiscard]] asio::awaitable<boost::system::error_code> connect(Addresses addresses,
                                                                     std::uint16_t port);
    [[nodiscard]] asio::awaitable<std::optional<Failure>> shake_hands(const Origin* origin);
    [[nodiscard]] asio::awaitable<Exchange> write(const ClientRequest* request,
                                                  const std::string* head);
    [[nodiscard]] asio::awaitable<Exchange> read(const ClientRequest* request, Answer* answer);
    [[nodiscard]] Failure broken(const Origin& origin, const char* when,
                                 const boost::system::error_code& error) const;

    const std::shared_ptr<ClientCore> core_;
    Slot slot_;
    Socket socket_;
    std::optional<TlsStream> tls_;
    ByteBuffer input_;
    ResponseReader reader_;
    Watchdog watchdog_;
    MonoTime idle_since_{};
};

}  // namespace squadload::service
