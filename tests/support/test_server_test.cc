#include "support/test_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace squadload::test_support {
namespace {

using namespace std::chrono_literals;

constexpr const char* kGet = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n";

// A blocking client of one connection; every wait ends after some seconds.
class Client {
  public:
    explicit Client(const TestServer& server) : socket_(::socket(family(server), SOCK_STREAM, 0)) {
        const timeval patience{5, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(server.port());
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(server.port());
        v6.sin6_addr = in6addr_loopback;
        connected_ =
            family(server) == AF_INET
                ? ::connect(socket_, reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0
                : ::connect(socket_, reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
    }
    ~Client() { ::close(socket_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    void send(std::string_view text) const {
        EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // Bytes up to `size` or the end of the stream.
    std::string receive(std::size_t size) {
        std::string text;
        std::string part(std::min<std::size_t>(size, 65536), '\0');
        while (text.size() < size) {
            const ssize_t n =
                ::recv(socket_, part.data(), std::min(part.size(), size - text.size()), 0);
            error_ = n < 0 ? errno : 0;
            if (n <= 0) break;
            text.append(part, 0, static_cast<std::size_t>(n));
        }
        return text;
    }
    std::string ask(std::size_t size, std::string_view request = kGet) {
        send(request);
        return receive(size);
    }
    [[nodiscard]] int error() const { return error_; }  // of the last receive
    [[nodiscard]] bool silent_for(std::chrono::milliseconds time) const {
        pollfd event{socket_, POLLIN, 0};
        return ::poll(&event, 1, static_cast<int>(time.count())) == 0;
    }

  private:
    static int family(const TestServer& server) {
        return server.host() == "::1" ? AF_INET6 : AF_INET;
    }
    int socket_;
    bool connected_ = false;
    int error_ = 0;
};

constexpr std::size_t kToTheEnd = 10'000'000;
const std::string kOk = "HTTP/1.1 200 Status\r\nContent-Length: 2\r\n\r\nok";

TEST(TestServer, AnswersOverIpv4AndIpv6AndCounts) {
    for (const bool ipv6 : {false, true}) {
        ServerOptions options;
        options.ipv6 = ipv6;
        TestServer server(options);
        Client first(server), second(server);
        EXPECT_EQ(first.ask(kOk.size()), kOk);
        EXPECT_EQ(first.ask(kOk.size()), kOk);
        EXPECT_EQ(second.ask(kOk.size()), kOk);
        server.settle();
        EXPECT_EQ(server.connections(), 2U);
        EXPECT_EQ(server.open_connections(), 2U);
        EXPECT_EQ(server.requests(), 3U);
        EXPECT_EQ(server.bytes_written(), 3 * kOk.size());
    }
}

TEST(TestServer, HandsTheRequestToItsHandler) {
    Request seen;
    TestServer server([&](const Request& request) {
        seen = request;
        return ok();
    });
    Client client(server);
    const std::string post = "POST /p HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\n";
    client.send(post.substr(0, 20));
    client.send(post.substr(20));
    EXPECT_TRUE(client.silent_for(20ms));
    EXPECT_EQ(client.ask(kOk.size(), "hello"), kOk);
    EXPECT_EQ(seen.method, "POST");
    EXPECT_EQ(seen.target, "/p");
    EXPECT_EQ(seen.headers, "Host: x\r\ncontent-length: 5");
    EXPECT_EQ(seen.body, "hello");
    EXPECT_EQ(client.ask(2 * kOk.size(), std::string(kGet) + kGet), kOk + kOk);
    EXPECT_EQ(seen.target, "/a?b");
    EXPECT_EQ(seen.number, 2U);
    EXPECT_EQ(seen.on_connection, 2U);
    EXPECT_EQ(seen.connection, 0U);
}

TEST(TestServer, GivesEveryKindOfReply) {
    struct Case {
        Reply reply;
        std::string expected;
    };
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const Case cases[] = {
        {until_close("abc"), head + "\r\nabc"},
        {closed(), ""},
        {short_body(10, 3), head + "Content-Length: 10\r\n\r\nxxx"},
        {raw("junk", Reply::Then::close), "junk"},
        {closed_when_idle(ok(), 1ms), kOk},
        {closed_when_idle(dribbled(ok(), 1ms), 1ms), kOk},
        {closed_when_idle(chunked({"a", "bc"}, "T: 1\r\n"), 1ms),
         head + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nT: 1\r\n\r\n"},
    };
    for (const Case& c : cases) {
        TestServer server([&](const Request&) { return c.reply; });
        Client client(server);
        EXPECT_EQ(client.ask(kToTheEnd), c.expected);
        EXPECT_EQ(client.error(), 0);
        Client next(server);
        EXPECT_EQ(next.ask(kToTheEnd), c.expected) << "it serves the next connection";
    }
}

TEST(TestServer, Resets) {
    TestServer server([](const Request&) { return reset(); });
    Client client(server);
    EXPECT_EQ(client.ask(kToTheEnd), "");
    EXPECT_EQ(client.error(), ECONNRESET);
}

TEST(TestServer, StaysSilentOrStalls) {
    TestServer server(
        [](const Request& r) { return r.connection == 0 ? never() : wrong_length(10, 3); });
    Client silent(server);
    silent.send(kGet);
    EXPECT_TRUE(silent.silent_for(30ms));
    Client stalled(server);
    EXPECT_EQ(stalled.ask(42).substr(39), "xxx");
    EXPECT_TRUE(stalled.silent_for(30ms));
    EXPECT_EQ(server.open_connections(), 2U);
}

TEST(TestServer, EndlessRepliesGoOnUntilTheClientLeaves) {
    for (const Reply& reply : {endless_body(), endless_body(10'000'000'000), endless_headers(),
                               endless_interim(), endless_chunk_extension()}) {
        TestServer server([&](const Request&) { return reply; });
        {
            Client client(server), other(server);
            other.send(kGet);
            EXPECT_EQ(client.ask(3'000'000).size(), 3'000'000U);
            EXPECT_EQ(other.receive(1000).size(), 1000U);
        }
        server.set_handler([](const Request&) { return ok(); });
        EXPECT_EQ(Client(server).ask(kOk.size()), kOk);
        server.settle();
        EXPECT_EQ(server.replies(), 1U);
    }
}

TEST(TestServer, ClosesResetsOrIgnoresAtAccept) {
    ServerOptions options;
    options.on_accept = [](std::uint64_t n) {
        return n == 0   ? OnAccept::close
               : n == 1 ? OnAccept::reset
               : n == 2 ? OnAccept::ignore
                        : OnAccept::serve;
    };
    TestServer server(options);
    Client close_client(server);
    EXPECT_EQ(close_client.receive(1), "");
    EXPECT_EQ(close_client.error(), 0);
    Client reset_client(server);
    EXPECT_EQ(reset_client.receive(1), "");
    EXPECT_EQ(reset_client.error(), ECONNRESET);
    Client ignored(server);
    ignored.send(kGet);
    EXPECT_TRUE(ignored.silent_for(30ms));
    EXPECT_EQ(Client(server).ask(kOk.size()), kOk);
    EXPECT_EQ(server.requests(), 1U);
}

TEST(TestServer, FreezesAndThaws) {
    TestServer server;
    Client before(server);
    EXPECT_EQ(before.ask(kOk.size()), kOk);
    EXPECT_TRUE(before.silent_for(50ms))
        << "the kernel needs a moment to switch its time stamps on";
    server.freeze();
    server.freeze();
    before.send(kGet);
    Client during(server);
    EXPECT_TRUE(during.connected()) << "the kernel accepts for it";
    during.send(kGet);
    EXPECT_TRUE(before.silent_for(30ms));
    EXPECT_TRUE(during.silent_for(0ms));
    EXPECT_EQ(server.requests(), 1U);
    server.thaw();
    EXPECT_EQ(before.receive(kOk.size()), kOk);
    EXPECT_EQ(during.receive(kOk.size()), kOk);
    server.settle();
    ASSERT_EQ(server.delays().size(), 3U);
    EXPECT_GE(server.delays()[1].delay, 30ms)
        << "counted from the arrival at the kernel, or the log would be no truth";
    server.freeze();
}

TEST(TestServer, ClosesIdleConnectionsAndDies) {
    TestServer server([](const Request& r) { return r.connection == 1 ? never() : ok(); });
    Client idle(server), busy(server);
    EXPECT_EQ(idle.ask(kOk.size()), kOk);
    busy.send(kGet);
    while (server.requests() < 2) EXPECT_TRUE(busy.silent_for(1ms));
    server.close_idle();
    EXPECT_EQ(idle.receive(1), "");
    EXPECT_EQ(idle.error(), 0);
    EXPECT_EQ(server.open_connections(), 1U);
    server.die();
    EXPECT_EQ(busy.receive(1), "");
    EXPECT_EQ(busy.error(), ECONNRESET);
    EXPECT_FALSE(Client(server).connected());
}

TEST(TestServer, LogsTheDelaysItDrewAndReallyTook) {
    ServerOptions options;
    options.delays = RandomDelays{7, 1ms, 2ms, 10ms};
    TestServer server(options);
    Client client(server);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(client.ask(kOk.size()), kOk);
    server.settle();
    const auto log = server.delays();
    ASSERT_EQ(log.size(), 50U);
    for (std::size_t i = 0; i < log.size(); ++i) {
        EXPECT_EQ(log[i].request, i);
        EXPECT_GE(log[i].delay, 1ms);
    }
    EXPECT_NE(log[0].delay, log[1].delay);
}

}  // namespace
}  // namespace squadload::test_support
