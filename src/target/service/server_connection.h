// The inside of a Server: what its connections share, and one connection.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "target/service/byte_buffer.h"
#include "target/service/http_reader.h"
#include "target/service/loop_types.h"
#include "target/service/message_head.h"
#include "target/service/server.h"

namespace squadload::service {

class ServerConnection;
using ConnectionList = std::list<std::shared_ptr<ServerConnection>>;

// Lives as long as the server or one of its connections or handlers.
class ServerCore : public std::enable_shared_from_this<ServerCore> {
  public:
    ServerCore(asio::io_context& io_context, ServerOptions server_options, Router server_router);

    [[nodiscard]] Result<void> open();
    void start();
    [[nodiscard]] static asio::awaitable<bool> drain(std::shared_ptr<ServerCore> core, Nanos grace);
    void stop();

    // For connections.
    void closed(ConnectionList::iterator place);
    void handler_ended();
    void report_handler_error(const std::exception_ptr& error);
    void report_accept_error(const boost::system::error_code& error);
    [[nodiscard]] std::string_view date() const { return date_; }
    [[nodiscard]] bool draining() const { return draining_; }

    asio::io_context& io;
    const ServerOptions options;
    const Router router;
    ServerCounters counters;
    asio::ip::tcp::endpoint local;

  private:
    void accept();
    void add(Socket socket);
    void sweep_later();
    void sweep();
    void take_backlog(int most);
    void close_all();
    void begin_drain();
    void wake_drains();
    static asio::awaitable<bool> wait_until_empty(std::shared_ptr<ServerCore> core, MonoTime until);

    Acceptor acceptor_;
    Timer accept_timer_;
    Timer sweep_timer_;
    Nanos sweep_period_;
    std::string date_;
    ConnectionList connections_;
    std::vector<Timer*> drains_;  // those that wait for the end of all connections
    bool accepting_ = false;      // an accept, or the pause before the next, is with the loop
    bool draining_ = false;
    bool stopped_ = false;
};

// Reads requests one by one and answers them in order. Reading goes on while a handler is at work:
// that is how a hang-up is noticed, and what is pipelined is there when its turn comes.
class ServerConnection : public std::enable_shared_from_this<ServerConnection> {
  public:
    ServerConnection(std::shared_ptr<ServerCore> core, Socket socket);

    void start(ConnectionList::iterator place);
    // By the sweep: what the deadline that passed means for this connection.
    void time_out();
    [[nodiscard]] MonoTime deadline() const { return deadline_; }
    void close_if_idle();  // when draining: unless a request is on its way
    [[nodiscard]] bool has_work() const { return state_ != State::lingering; }
    void close();  // now; a handler at work is cancelled

  private:
    enum class State {
        reading,    // for the next request, or the rest of it
        handling,   // a Handler is at work
        writing,    // its answer is with the loop
        lingering,  // all is said; the peer may still be sending
        closed,
    };

    void read();
    void on_read(const boost::system::error_code& error, const char* bytes, std::size_t size);
    void on_end_of_input();
    void process();
    void on_need_more();
    void answer();
    void start_handler(const Handler& handler);
    void on_handled(const std::exception_ptr& error, Reply reply);
    void refuse(int status, std::string_view type, std::string_view message);
    void send(Reply reply);
    void write();
    void on_written();
    void write_later();
    void next_request();
    void linger();
    void reset();
    [[nodiscard]] ConnectionField connection_field() const;

    const std::shared_ptr<ServerCore> core_;
    Socket socket_;
    ConnectionList::iterator place_;
    State state_ = State::reading;
    MonoTime deadline_ = MonoTime::max();
    MonoTime active_{};      // when it last read, or had an answer from a handler
    MonoTime first_byte_{};  // when the first byte in input_, or of the request being read, came
    ByteBuffer input_;
    RequestReader reader_;
    Request request_;
    Reply reply_;
    std::string head_;
    std::size_t written_ = 0;
    std::size_t to_write_of_body_ = 0;
    std::shared_ptr<Hangup> hangup_;
    std::string peer_;
    asio::cancellation_signal cancel_;
    bool read_pending_ = false;
    bool input_ended_ = false;
    bool header_seen_ = false;  // of the current request
    bool close_after_ = false;
    bool linger_after_ = false;
    bool head_only_ = false;
};

}  // namespace squadload::service
