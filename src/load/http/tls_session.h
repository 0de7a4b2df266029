// The client's side of one TLS 1.2 or 1.3 connection (RFC 5246, 8446), without I/O: feed what was
// received, read plaintext, write plaintext, and send what output() holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "load/http/tls_context.h"

struct bio_st;
struct ssl_session_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace squadload::http {

// Reused from connection to connection. What it holds is bounded: one record of input inside
// OpenSSL, and output() up to what write() was given plus kMaxAnswers.
class TlsSession {
  public:
    enum class State {
        handshaking,
        open,
        ended,   // the server closed its side with close_notify
        failed,  // failure() says why
    };
    enum class Failure {
        none,
        handshake,  // no secured connection came about
        protocol,   // what the server sent is not TLS, or was changed on the way
        closed,     // the server ended the connection by an alert
        truncated,  // the connection ended without close_notify (RFC 8446 §6.1)
    };

    // The largest output that the server can make us owe it without taking it: answers to key
    // updates, alerts.
    static constexpr std::size_t kMaxAnswers = std::size_t{32} * 1024;
    static constexpr std::size_t kMaxHandshake = std::size_t{256} * 1024;  // bytes received
    // Bytes received one after the other behind the handshake that carry no data of the
    // application. Each key update among them takes as long as several records.
    static constexpr std::size_t kMaxWithoutData = std::size_t{64} * 1024;

    explicit TlsSession(TlsContext& context);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    // Begins a connection; output() then holds the ClientHello. `host` is a name or an address as
    // in the URL: verified and, if a name, sent as SNI (RFC 6066 §3), unless the settings name
    // another. Drops whatever was before; of a former connection to the same host, the session is
    // resumed if the settings say so. False: out of memory.
    [[nodiscard]] bool start(const std::string& host);
    // Gives the connection up and frees its memory; what resumes it is kept.
    void stop();

    // Takes bytes received, and goes on with the handshake. They stay valid until read() has
    // returned nothing or the state is not open any more.
    void feed(std::span<const char> bytes);
    // The connection ended: nothing more will be fed.
    void feed_end();
    // The next piece of plaintext, valid until the next call for any session of the context; empty:
    // none is left, or the state has changed.
    [[nodiscard]] std::span<const char> read();

    // Encrypts all of `plaintext` into output(). Requires State::open or ended. False: failed.
    [[nodiscard]] bool write(std::span<const char> plaintext);
    // Puts close_notify into output(), if a handshake came to its end.
    void close();

    // What is to be sent; its owner takes it out, by swapping it with an empty string of its own.
    [[nodiscard]] std::string& output() { return output_; }

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Failure failure() const { return failure_; }
    // The second half of a sentence, stable.
    [[nodiscard]] const std::string& message() const { return message_; }
    // What may help against a failed handshake; "": nothing known.
    [[nodiscard]] std::string_view remedy() const { return remedy_; }
    [[nodiscard]] bool resumed() const { return resumed_; }  // by the handshake of now
    [[nodiscard]] std::string description() const;           // "TLSv1.3 TLS_AES_256_GCM_SHA384"

  private:
    friend class TlsContext;

    static int read_bytes(bio_st* bio, char* to, std::size_t size, std::size_t* done);
    static int write_bytes(bio_st* bio, const char* from, std::size_t size, std::size_t* done);
    static long control(bio_st* bio, int command, long number, void* pointer);
    static int verified(int ok, x509_store_ctx_st* store);
    static int new_session(ssl_st* ssl, ssl_session_st* session);
    static int certificate_asked(ssl_st* ssl, void* unused);

    [[nodiscard]] bool name_server(const std::string& host);
    void shake_hands();
    [[nodiscard]] bool check_protocol();
    void fail(Failure failure, std::string message);
    void fail_by_library(int ssl_error);
    [[nodiscard]] std::string handshake_failure(unsigned long error);

    TlsContext& context_;
    ssl_st* ssl_ = nullptr;
    ssl_session_st* resumable_ = nullptr;
    std::string host_;  // that resumable_ belongs to
    std::span<const char> input_;
    std::string output_;
    std::string message_;
    std::string certificate_problem_;
    std::string_view remedy_;
    std::size_t fed_ = 0;
    std::size_t without_data_ = 0;
    std::size_t answers_ = 0;  // of output_, not by write()
    State state_ = State::failed;
    Failure failure_ = Failure::none;
    bool writing_ = false;
    bool flooded_ = false;
    bool first_bytes_ = true;
    bool got_data_ = false;
    bool certificate_asked_ = false;
    bool resumed_ = false;
};

}  // namespace squadload::http
