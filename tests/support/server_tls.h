// The server's side of one TLS session over memory buffers, without a socket; and records OpenSSL
// would never send.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "support/record_sealer.h"
#include "support/tls_server_options.h"

struct ssl_ctx_st;
struct ssl_st;

namespace squadload::test_support {

// What all sessions of a server share. Ends the process when the options make no sense.
class TlsContext {
  public:
    explicit TlsContext(TlsServerOptions options);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    [[nodiscard]] const TlsServerOptions& options() const { return options_; }
    [[nodiscard]] ssl_ctx_st* get() const { return context_; }

  private:
    TlsServerOptions options_;
    ssl_ctx_st* context_;
};

class ServerTls {
  public:
    ServerTls(const TlsContext& context, std::uint64_t connection);
    ~ServerTls();
    ServerTls(const ServerTls&) = delete;
    ServerTls& operator=(const ServerTls&) = delete;

    // Bytes from the socket; what they decrypt to is appended to `plain`. False: the peer has ended
    // the session or broken its rules; there may still be something to send.
    bool feed(std::string_view bytes, std::string& plain);
    [[nodiscard]] bool ready() const;  // the handshake is done
    void write(std::string_view bytes, As as);
    void end();  // close_notify

    // What is to be sent since the last call, appended to `segments`, and what happens then.
    Then take(std::deque<std::string>& segments);

    [[nodiscard]] ssl_st* get() const { return session_; }  // for what only OpenSSL can do
    void remember_secret(std::string_view secret) { secret_ = secret; }  // TLS 1.3, for own records

  private:
    void write_record(std::string_view bytes, As as);
    [[nodiscard]] RecordSealer make_sealer() const;

    const TlsServerOptions& options_;
    ssl_st* session_;
    std::uint64_t connection_;
    std::uint64_t flights_ = 0;
    bool handshake_sent_ = false;  // all of our part of the handshake was taken
    std::string secret_;
    std::optional<RecordSealer> sealer_;
    std::deque<std::string> beside_;  // what goes out past OpenSSL
};

}  // namespace squadload::test_support
