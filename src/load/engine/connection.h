// One slot: a connection to the target, kept alive between exchanges, and the HTTP exchange under
// way on it. It measures the exchange and decides its outcome; who runs what when is the drivers'
// business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "load/engine/channel.h"
#include "load/engine/entry_table.h"
#include "load/engine/redirect_chain.h"
#include "load/http/response_parser.h"
#include "load/measure/claims.h"
#include "load/measure/outcome.h"
#include "load/transport/loop.h"

namespace squadload::engine {

class Connection;
struct UserData;

// How an exchange ended: one request and its response, or several when redirects were followed or
// a 429 was retried.
// Views are valid during the call.
struct ExchangeResult {
    measure::Outcome outcome = measure::Outcome::ok;
    int status = 0;            // of a complete response, the last one
    std::string_view message;  // why not ok; the same text for the same cause
    std::string_view example;  // start of the body, when it is at hand
    MonoTime actual_start{};
    MonoTime end{};
    Nanos connect{-1};                 // of the first connection
    Nanos handshake{-1};               // of TLS, after `connect`; -1: none, or not completed
    Nanos first_byte{-1};              // of the last response, from the start of that try
    std::uint64_t bytes_received = 0;  // of HTTP: what TLS adds is not counted
    std::uint64_t bytes_sent = 0;
    std::uint64_t body_bytes = 0;           // of the last response, if complete
    std::uint32_t redirects = 0;            // followed
    bool resumed = false;                   // that handshake resumed a session
    const measure::Claim* claim = nullptr;  // what the response says of who served it, if anything
    Nanos waited{};                         // between tries, because 429s asked for it
    // After a 429 under on_429: wait: for how long the user is to send nothing.
    std::optional<Nanos> user_waits;
    bool own_limit = false;  // not the target's doing: this machine had no port or descriptor left
};

// Called when an exchange is over; start() may be called again from inside.
class ExchangeOwner {
  public:
    virtual void exchange_done(Connection& connection, const ExchangeResult& result) = 0;
    // The request's actual start: connect() was issued, or its first byte went to the kernel.
    virtual void exchange_started(Connection& connection, MonoTime actual_start) = 0;
    // A 429 came, and the request goes out again after `wait`. `so_far` is that response's, with
    // the start of its try as actual start.
    virtual void exchange_refused(Connection& /*connection*/, const ExchangeResult& /*so_far*/,
                                  Nanos /*wait*/) {}

  protected:
    ~ExchangeOwner() = default;
};

// Sees what passes between a connection and its target, before and after what the channel does with
// it. For whoever wants to show it.
class Tap {
  public:
    virtual void sent(std::span<const char> bytes) = 0;
    virtual void received(std::span<const char> bytes) = 0;

  protected:
    ~Tap() = default;
};

// Owned by a worker, used on its thread alone; outlives its loop's interest in it: destroy only
// when idle() and not open().
class Connection final : private transport::SocketHandler, private transport::Timer {
  public:
    // What the owner remembers about the exchange under way.
    struct Job {
        std::uint16_t entry = 0;
        bool arrival = false;      // the first request of an iteration the schedule asked for
        std::uint32_t slot = 0;    // of the pool it was taken from
        std::uint64_t number = 0;  // of the iteration; in on_start and on_stop the user's
        std::uint64_t user = 0;    // over all workers
        UserData* data = nullptr;  // what the user keeps; none in a class without flow
        MonoTime intended{};
        MonoTime free_since{};  // since when a slot was free for it
        Nanos free_before{};    // for how long one was before that, after `intended`
    };

    Connection(ChannelContext& channels, const Plan& plan, const EntryTable& entries,
               ExchangeOwner& owner, Tap* tap = nullptr);

    // Starts job.entry; `random` is the iteration's, already used to pick the task. Requires
    // idle(). The result always comes later, from the loop, never from inside this call.
    void start(const Job& job, Random& random, std::string& body_scratch);
    void abandon();  // graceful_stop is over: ends the exchange under way with `abandoned`
    void shut();     // closes an idle connection

    [[nodiscard]] bool idle() const { return !busy_; }  // start() may be called
    [[nodiscard]] bool open() const {
        return socket_state_ != SocketState::none;
    }  // something is left to close
    [[nodiscard]] const Job& job() const { return job_; }
    [[nodiscard]] std::uint64_t opened() const { return opened_; }  // connections made so far

  private:
    enum class SocketState { none, connecting, connected, closing };

    void on_connected(int error) override;
    void on_sent(int error) override;
    void on_received(std::span<const char> bytes) override;
    void on_end(int error) override;
    void on_closed() override;
    void on_timer() override;

    void begin();     // the actual start
    void send_hop();  // a request of the exchange, connecting first where that is due
    void send_request();
    void measure_connect();
    [[nodiscard]] std::string follow_redirect();  // "", or why not
    [[nodiscard]] Nanos wait_after_429() const;   // drawn anew each time
    void wait_to_retry(const ExchangeResult& refused);
    void retry();
    // Nothing of the request under way is on the wire: what comes now, nobody asked for.
    [[nodiscard]] bool expects_nothing() const { return !busy_ || waiting_for_close_ || retry_at_; }
    void read_claim(ExchangeResult& result, measure::Claim& claim) const;
    void keep_cookies();
    [[nodiscard]] std::optional<std::string_view> next_cookie();
    void complete(std::span<const char> last_bytes);
    void fail_to_connect(int error, MonoTime end);
    void fail(measure::Outcome outcome, std::string_view message, MonoTime end);
    void finish(const ExchangeResult& result, bool keep, bool reset);
    void close_socket(bool reset);
    void watch(MonoTime deadline);
    [[nodiscard]] ExchangeResult result_so_far(MonoTime end) const;
    [[nodiscard]] MonoTime deadline_of_hop(Nanos limit) const;  // and of the whole exchange

    transport::Loop& loop_;
    const Plan& plan_;
    const EntryTable& entries_;
    ExchangeOwner& owner_;
    Tap* tap_;

    Channel channel_;
    const Origin* origin_ = nullptr;  // where the exchange is; an open channel leads there
    SocketState socket_state_ = SocketState::none;
    bool busy_ = false;
    bool begun_ = false;              // busy, and its actual start has been
    bool waiting_for_close_ = false;  // busy, but the old socket must be released first
    bool sent_ = false;
    bool resumed_ = false;
    int start_error_ = 0;  // errno of a connect() that failed at once, told by the timer
    Job job_;
    std::span<const char> request_;
    std::string buffer_;  // request bytes, when they are not constant
    std::string held_;    // those of before, while a connection is being closed that may read them
    bool holds_ = false;  // buffer_ is to become held_ before it is written again
    http::ResponseParser parser_;
    MonoTime actual_start_{};
    MonoTime try_start_{};              // of the first request of this try
    MonoTime hop_start_{};              // of the request under way
    std::optional<MonoTime> retry_at_;  // waiting after a 429
    std::span<const char> first_request_;
    std::uint32_t retries_ = 0;
    Nanos waited_{};
    MonoTime deadline_ = MonoTime::max();
    Nanos connect_{-1};
    Nanos handshake_{-1};
    Nanos first_byte_{-1};
    std::uint64_t bytes_received_ = 0;
    std::uint64_t bytes_sent_ = 0;  // in requests before the one under way
    std::uint64_t opened_ = 0;
    std::uint32_t redirects_ = 0;                    // in this try
    std::uint32_t earlier_redirects_ = 0;            // in those before
    std::unique_ptr<RedirectChain> redirect_chain_;  // from the first redirect on
    std::string cookie_;                             // of the request after a redirect
};

}  // namespace squadload::engine
