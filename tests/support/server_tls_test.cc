// The test server over TLS, asked by a plain OpenSSL client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "support/test_server.h"

namespace squadload::test_support {
namespace {

using namespace std::chrono_literals;

// A blocking client that trusts everybody; every wait ends after some seconds.
class TlsClient {
  public:
    explicit TlsClient(const TestServer& server, const CertificateFiles& own = {},
                       SSL_SESSION* resumed = nullptr)
        : context_(SSL_CTX_new(TLS_client_method())), session_(SSL_new(context_)) {
        socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
        const timeval patience{5, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(server.port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        if (!own.key.empty()) {
            SSL_use_certificate_file(session_, own.certificate.c_str(), SSL_FILETYPE_PEM);
            SSL_use_PrivateKey_file(session_, own.key.c_str(), SSL_FILETYPE_PEM);
        }
        const unsigned char offer[] = "\x08http/1.1";
        SSL_set_alpn_protos(session_, offer, sizeof offer - 1);
        std::string name = "localhost";  // SSL_set_tlsext_host_name, without its cast
        SSL_ctrl(session_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
        if (resumed != nullptr) SSL_set_session(session_, resumed);
        SSL_set_fd(session_, socket_);
        connected_ = SSL_connect(session_) == 1;
    }
    ~TlsClient() {
        SSL_free(session_);
        SSL_CTX_free(context_);
        ::close(socket_);
        ERR_clear_error();
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] SSL* session() const { return session_; }
    std::string ask(std::size_t size) {
        const std::string_view get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        SSL_write(session_, get.data(), static_cast<int>(get.size()));
        return receive(size);
    }
    std::string receive(std::size_t size) {
        std::string text, part(65536, '\0');
        while (text.size() < size) {
            const int n = SSL_read(session_, part.data(),
                                   static_cast<int>(std::min(part.size(), size - text.size())));
            error_ = SSL_get_error(session_, n);
            if (n <= 0) break;
            text.append(part, 0, static_cast<std::size_t>(n));
        }
        return text;
    }
    [[nodiscard]] int error() const { return error_; }  // SSL_ERROR_… of the last receive
    [[nodiscard]] static std::string reason() {         // of the last failure
        const char* text = ERR_reason_error_string(ERR_peek_last_error());
        return text != nullptr ? text : "";
    }

  private:
    SSL_CTX* context_;
    SSL* session_;
    int socket_ = -1;
    bool connected_ = false;
    int error_ = 0;
};

const std::string kOkReply = "HTTP/1.1 200 Status\r\nContent-Length: 2\r\n\r\nok";

class TlsServerTest : public ::testing::TestWithParam<TlsVersion> {
  protected:
    ServerOptions options() {
        ServerOptions options;
        options.tls = TlsServerOptions{
            .certificate = certificates_.server(), .min = GetParam(), .max = GetParam()};
        return options;
    }
    Certificates certificates_;
};

TEST_P(TlsServerTest, AnswersAndCounts) {
    TestServer server(options());
    EXPECT_EQ(server.url(), "https://127.0.0.1:" + std::to_string(server.port()));
    TlsClient client(server);
    ASSERT_TRUE(client.connected()) << TlsClient::reason();
    EXPECT_EQ(SSL_version(client.session()), TLS1_VERSION + static_cast<int>(GetParam()));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.ask(kOkReply.size()), kOkReply);
    server.settle();
    EXPECT_EQ(server.requests(), 3U);
    EXPECT_EQ(server.delays().size(), 3U);
    EXPECT_GT(server.bytes_written(), 3 * kOkReply.size()) << "on the wire";
}

TEST_P(TlsServerTest, EndsInEveryWay) {
    const std::pair<Then, int> cases[] = {{Then::close, SSL_ERROR_ZERO_RETURN},
                                          {Then::half_close, SSL_ERROR_ZERO_RETURN},
                                          {Then::drop, SSL_ERROR_SSL},
                                          {Then::reset, SSL_ERROR_SYSCALL}};
    for (const bool own_records : {false, true}) {
        for (const auto& [then, error] : cases) {
            ServerOptions chosen = options();
            chosen.tls->own_records = own_records;
            chosen.handler = [how = then](const Request&) { return raw("bytes", how); };
            TestServer server(chosen);
            TlsClient client(server);
            EXPECT_EQ(client.ask(5), "bytes");
            EXPECT_EQ(client.receive(1), "");
            EXPECT_EQ(client.error(), error) << static_cast<int>(then);
        }
    }
}

TEST_P(TlsServerTest, LargeEndlessAndDribbledRepliesPassUnchanged) {
    for (const bool own_records : {false, true}) {
        ServerOptions chosen = options();
        chosen.tls->own_records = own_records;
        const std::string body(3'000'000, 'x');
        chosen.handler = [&](const Request& r) {
            return r.number == 0 ? dribbled(ok(), 10us) : r.number == 1 ? ok(body) : endless_body();
        };
        TestServer server(chosen);
        TlsClient client(server);
        EXPECT_EQ(client.ask(kOkReply.size()), kOkReply);
        const std::string whole = ok(body).pieces.front().bytes;
        EXPECT_TRUE(client.ask(whole.size()) == whole);
        EXPECT_EQ(client.ask(5'000'000).size(), 5'000'000U);
    }
}

TEST_P(TlsServerTest, ChecksTheClientsCertificateWhenAskedTo) {
    ServerOptions chosen = options();
    chosen.tls->client_authority = certificates_.authority();
    TestServer server(chosen);
    EXPECT_EQ(TlsClient(server, certificates_.client()).ask(kOkReply.size()), kOkReply);
    EXPECT_EQ(TlsClient(server).ask(kOkReply.size()), "");
    EXPECT_EQ(TlsClient(server, certificates_.unknown_client()).ask(kOkReply.size()), "");
}

TEST_P(TlsServerTest, ResumesWithTicketsOnly) {
    for (const bool tickets : {true, false}) {
        ServerOptions chosen = options();
        chosen.tls->tickets = tickets;
        TestServer server(chosen);
        TlsClient first(server);
        EXPECT_EQ(first.ask(kOkReply.size()), kOkReply);
        SSL_SESSION* session = SSL_get1_session(first.session());
        SSL_shutdown(first.session());
        TlsClient second(server, {}, session);
        EXPECT_EQ(second.ask(kOkReply.size()), kOkReply);
        EXPECT_EQ(SSL_session_reused(second.session()), tickets ? 1 : 0);
        SSL_SESSION_free(session);
    }
}

TEST_P(TlsServerTest, FlightsCanBeTamperedWith) {
    ServerOptions chosen = options();
    chosen.tls->tamper = [](Flight flight) {
        Tampered sent;
        if (flight.connection == 0) {  // every byte by itself
            for (const char c : flight.bytes) sent.segments.emplace_back(1, c);
        } else if (flight.connection == 1) {
            sent.segments = {flight.bytes.substr(0, 20)};
            sent.then = Then::close;
        } else {
            sent.segments = {flight.bytes};
            if (!flight.handshake) sent.segments.front()[0] = 99;
        }
        return sent;
    };
    TestServer server(chosen);
    EXPECT_EQ(TlsClient(server).ask(kOkReply.size()), kOkReply);
    EXPECT_FALSE(TlsClient(server).connected());
    TlsClient last(server);
    EXPECT_TRUE(last.connected());
    EXPECT_EQ(last.ask(1), "");
    EXPECT_EQ(last.error(), SSL_ERROR_SSL);
}

TEST_P(TlsServerTest, MakesRecordsByHand) {
    struct Case {
        As as;
        std::string bytes;
        const char* reason;  // "": fine
    };
    const Case cases[] = {
        {As::one_record, "", ""},
        {As::one_record, std::string(40'000, 'x'), "length"},
        {As::bad_mac, "HTTP", "decryption failed or bad record mac"},
        {As::alert, std::string("\x02\x28", 2), "alert handshake failure"},
        {As::unknown_type, "HTTP",
         GetParam() == TlsVersion::tls_1_3 ? "bad record type" : "unexpected record"},
        {As::beneath, "HTTP/1.1 200 OK\r\n", "wrong version number"},
    };
    for (const Case& c : cases) {
        ServerOptions chosen = options();
        chosen.tls->own_records = true;
        chosen.handler = [&](const Request&) { return one_of(c.as, c.bytes, ok()); };
        TestServer server(chosen);
        TlsClient client(server);
        ASSERT_TRUE(client.connected()) << TlsClient::reason();
        const std::string got = client.ask(kOkReply.size());
        if (*c.reason == '\0') {
            EXPECT_EQ(got, kOkReply) << TlsClient::reason();
        } else {
            EXPECT_THAT(TlsClient::reason(), ::testing::HasSubstr(c.reason));
        }
    }
}

TEST_P(TlsServerTest, NamesProtocolsAndUnaskedReplies) {
    ServerOptions chosen = options();
    chosen.tls->refuse_name = true;
    EXPECT_FALSE(TlsClient(TestServer(chosen)).connected());
    EXPECT_THAT(TlsClient::reason(), "");
    chosen.tls->refuse_name = false;
    chosen.tls->alpn = "http/1.1";
    chosen.unasked = Unasked{0, ok()};
    TestServer server(chosen);
    TlsClient client(server);
    EXPECT_EQ(client.receive(kOkReply.size()), kOkReply);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.session(), &protocol, &size);
    EXPECT_EQ(size, 8U);
    EXPECT_EQ(client.ask(kOkReply.size()), kOkReply) << "then it serves";
}

TEST(TlsServer, KeysAreUpdatedByHand) {
    Certificates certificates;
    ServerOptions chosen;
    chosen.tls = TlsServerOptions{.certificate = certificates.server(), .own_records = true};
    const std::string key_update("\x18\0\0\1\0", 5);
    chosen.handler = [&](const Request&) {
        return one_of(As::handshake, key_update, one_of(As::handshake, key_update, ok()));
    };
    TestServer server(chosen);
    TlsClient client(server);
    EXPECT_EQ(client.ask(kOkReply.size()), kOkReply) << TlsClient::reason();
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsServerTest,
                         ::testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& version) {
                             return version.param == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3";
                         });

}  // namespace
}  // namespace squadload::test_support
