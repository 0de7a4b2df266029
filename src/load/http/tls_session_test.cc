#include "load/http/tls_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <deque>
#include <functional>

#include "support/certificates.h"
#include "support/server_tls.h"

namespace squadload::http {
namespace {

using test_support::As;
using test_support::ServerCertificate;
using test_support::TlsVersion;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using State = TlsSession::State;
using Failure = TlsSession::Failure;

test_support::Certificates& certificates() {
    static test_support::Certificates all;
    return all;
}

scenario::TlsSettings trusting() {
    scenario::TlsSettings settings;
    settings.ca_file = certificates().authority();
    return settings;
}

test_support::TlsServerOptions serving(ServerCertificate kind = ServerCertificate::good) {
    test_support::TlsServerOptions options;
    options.certificate = certificates().server(kind);
    return options;
}

// One client session and, connection after connection, servers of OpenSSL; bytes are carried
// between them by hand.
struct Ends {
    explicit Ends(const scenario::TlsSettings& settings = trusting(),
                  test_support::TlsServerOptions options = serving())
        : context(TlsContext::make(settings).value()),
          client(*context),
          server_context(std::move(options)) {}

    void connect(const std::string& host = "localhost") {
        server = std::make_unique<test_support::ServerTls>(server_context, connections++);
        ASSERT_TRUE(client.start(host));
        carry();
    }
    // Until nobody has anything to say.
    void carry() {
        for (int turn = 0; turn < 100; ++turn) {
            std::string out;
            std::swap(out, client.output());
            if (!out.empty()) server->feed(out, at_server);
            std::deque<std::string> segments;
            static_cast<void>(server->take(segments));
            if (out.empty() && segments.empty()) return;
            for (const auto& segment : segments) give(segment);
        }
    }
    void give(const std::string& bytes) {
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            const auto size = std::min(piece, bytes.size() - at);
            client.feed({bytes.data() + at, size});
            for (;;) {
                const auto plaintext = client.read();
                if (plaintext.empty()) break;
                at_client.append(plaintext.data(), plaintext.size());
            }
        }
    }
    void say(const std::string& text) {
        server->write(text, As::data);
        carry();
    }

    std::unique_ptr<TlsContext> context;
    TlsSession client;
    test_support::TlsContext server_context;
    std::unique_ptr<test_support::ServerTls> server;
    std::uint64_t connections = 0;
    std::size_t piece = 1 << 20;  // the network's
    std::string at_server, at_client;
};

test_support::TlsServerOptions only(TlsVersion version) {
    auto options = serving();
    options.min = options.max = version;
    return options;
}

class TlsVersions : public ::testing::TestWithParam<TlsVersion> {};

TEST_P(TlsVersions, CarryBothWaysWhateverThePieces) {
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{1}, std::size_t{7}}) {
        Ends ends(trusting(), only(GetParam()));
        ends.piece = piece;
        ends.connect();
        ASSERT_EQ(ends.client.state(), State::open) << ends.client.message();
        EXPECT_THAT(ends.client.description(),
                    StartsWith(GetParam() == TlsVersion::tls_1_3 ? "TLSv1.3 TLS_AES_256_GCM_SHA384"
                                                                 : "TLSv1.2 ECDHE-ECDSA-"));
        EXPECT_FALSE(ends.client.resumed());
        const std::string request = "GET / HTTP/1.1\r\n\r\n";
        ASSERT_TRUE(ends.client.write(request));
        ends.carry();
        EXPECT_EQ(ends.at_server, request);
        const std::string large(100'000, 'x');
        ends.say(large);
        EXPECT_EQ(ends.at_client, large);
        ends.at_server.clear();
        ASSERT_TRUE(ends.client.write(large));
        ends.carry();
        EXPECT_EQ(ends.at_server, large);
        ends.server->end();
        ends.carry();
        EXPECT_EQ(ends.client.state(), State::ended);
        EXPECT_EQ(ends.client.failure(), Failure::none);
    }
}

TEST_P(TlsVersions, AHandshakeThatBreaksOffAnywhereIsAFailedHandshake) {
    // How many bytes the server's side of a handshake has.
    Ends whole(trusting(), only(GetParam()));
    std::size_t size = 0;
    const auto until = [&](Ends& ends, std::size_t most) {
        ends.server = std::make_unique<test_support::ServerTls>(ends.server_context, 0);
        ASSERT_TRUE(ends.client.start("localhost"));
        std::size_t given = 0;
        while (ends.client.state() == State::handshaking && given < most) {
            std::string out;
            std::swap(out, ends.client.output());
            ends.server->feed(out, ends.at_server);
            std::deque<std::string> segments;
            static_cast<void>(ends.server->take(segments));
            if (segments.empty()) return;
            for (auto& segment : segments) {
                segment.resize(std::min(segment.size(), most - given));
                given += segment.size();
                size = given;
                if (!segment.empty()) ends.give(segment);
            }
        }
    };
    until(whole, 1 << 20);
    ASSERT_EQ(whole.client.state(), State::open);
    for (std::size_t most = 0; most + 1 < size; most += 13) {
        Ends ends(trusting(), only(GetParam()));
        until(ends, most);
        if (ends.client.state() == State::open) continue;  // tickets of TLS 1.2 count, too
        ends.client.feed_end();
        EXPECT_EQ(ends.client.state(), State::failed) << most;
        EXPECT_EQ(ends.client.failure(), Failure::handshake) << most;
        EXPECT_EQ(ends.client.message(), "the server closed the connection during the handshake");
    }
}

TEST_P(TlsVersions, AChangedByteIsNotDecrypted) {
    Ends ends(trusting(), only(GetParam()));
    ends.connect();
    ends.server->write("secret", As::data);
    std::deque<std::string> segments;
    static_cast<void>(ends.server->take(segments));
    ASSERT_EQ(segments.size(), 1U);
    segments[0].back() = static_cast<char>(segments[0].back() ^ 1);
    ends.give(segments[0]);
    EXPECT_EQ(ends.at_client, "");
    EXPECT_EQ(ends.client.state(), State::failed);
    EXPECT_EQ(ends.client.failure(), Failure::protocol);
    EXPECT_THAT(ends.client.message(), HasSubstr("bad record mac"));
}

TEST_P(TlsVersions, AnEndWithoutCloseNotifyIsATruncation) {
    Ends ends(trusting(), only(GetParam()));
    ends.connect();
    ends.say("half");
    ends.client.feed_end();
    EXPECT_EQ(ends.client.state(), State::failed);
    EXPECT_EQ(ends.client.failure(), Failure::truncated);
}

TEST_P(TlsVersions, AUserResumesItsOwnSession) {
    auto settings = trusting();
    settings.session_reuse = true;
    Ends ends(settings, only(GetParam()));
    ends.connect();
    ends.say("hello");
    EXPECT_FALSE(ends.client.resumed());
    for (int i = 0; i < 3; ++i) {
        ends.connect();
        EXPECT_EQ(ends.client.state(), State::open) << ends.client.message();
        EXPECT_TRUE(ends.client.resumed()) << i;
        ends.say("hello");
    }
    ends.connect("127.0.0.1");
    EXPECT_EQ(ends.client.state(), State::open);
    EXPECT_FALSE(ends.client.resumed()) << "another host's session is not offered";

    TlsSession other(*ends.context);
    ASSERT_TRUE(other.start("localhost"));
    test_support::ServerTls server(ends.server_context, 99);
    EXPECT_TRUE(server.feed(other.output(), ends.at_server));
    EXPECT_EQ(SSL_session_reused(server.get()), 0) << "another user's is not, either";
}

TEST_P(TlsVersions, WithoutTheSettingEveryHandshakeIsFull) {
    Ends ends(trusting(), only(GetParam()));
    for (int i = 0; i < 3; ++i) {
        ends.connect();
        ends.say("hello");
        EXPECT_FALSE(ends.client.resumed());
    }
}

TEST_P(TlsVersions, ClientCertificates) {
    auto asking = only(GetParam());
    asking.client_authority = certificates().authority();
    auto own = trusting();
    own.certificate_file = certificates().client().certificate;
    own.key_file = certificates().client().key;
    Ends accepted(own, asking);
    accepted.connect();
    EXPECT_EQ(accepted.client.state(), State::open) << accepted.client.message();
    accepted.say("welcome");
    EXPECT_EQ(accepted.at_client, "welcome");

    Ends without(trusting(), asking);
    without.connect();
    EXPECT_EQ(without.client.state(), State::failed);
    EXPECT_EQ(without.client.failure(), Failure::handshake);
    EXPECT_THAT(without.client.message(), StartsWith("the server asked for a client certificate"));

    own.certificate_file = certificates().unknown_client().certificate;
    own.key_file = certificates().unknown_client().key;
    Ends unknown(own, asking);
    unknown.connect();
    EXPECT_EQ(unknown.client.failure(), Failure::handshake);
    EXPECT_EQ(unknown.client.message(),
              "the server does not accept the client certificate (alert unknown CA)");
}

INSTANTIATE_TEST_SUITE_P(Tls, TlsVersions,
                         ::testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& version) {
                             return version.param == TlsVersion::tls_1_2 ? "v1_2" : "v1_3";
                         });

TEST(TlsSessionCertificates, EachBadOneHasItsSentence) {
    struct Case {
        ServerCertificate kind;
        const char* says;
    };
    const Case cases[] = {
        {ServerCertificate::expired, "the certificate expired on 20"},
        {ServerCertificate::not_yet_valid, "the certificate is not valid before 20"},
        {ServerCertificate::wrong_name, "the certificate is for elsewhere.example, not localhost"},
        {ServerCertificate::self_signed, "the certificate is self-signed"},
        {ServerCertificate::unknown_authority, "the certificate's authority is unknown: "},
        {ServerCertificate::missing_intermediate, "the certificate's authority is unknown: "},
        {ServerCertificate::issued_by_leaf, "is not acceptable: invalid CA certificate"},
        {ServerCertificate::client_only, "is not acceptable: unsuitable certificate purpose"},
        {ServerCertificate::weak_key, "is not acceptable: EE certificate key too weak"},
        {ServerCertificate::broken_signature, "is not acceptable: certificate signature failure"},
        {ServerCertificate::huge_chain, "excessive message size"},
    };
    for (const auto& c : cases) {
        Ends ends(trusting(), serving(c.kind));
        ends.connect();
        EXPECT_EQ(ends.client.failure(), Failure::handshake) << c.says;
        EXPECT_THAT(ends.client.message(), HasSubstr(c.says));
        EXPECT_TRUE(ends.client.read().empty());
        EXPECT_FALSE(ends.client.write(std::string_view("x")));
    }
    for (int kind = 0; kind <= static_cast<int>(test_support::kLastServerCertificate); ++kind) {
        const auto certificate = static_cast<ServerCertificate>(kind);
        const bool good = certificate == ServerCertificate::good ||
                          certificate == ServerCertificate::by_intermediate ||
                          certificate == ServerCertificate::out_of_order;
        Ends ends(trusting(), serving(certificate));
        ends.connect();
        EXPECT_EQ(ends.client.state(), good ? State::open : State::failed)
            << kind << ": " << ends.client.message();
    }
}

TEST(TlsSessionCertificates, NamesAndAddressesAreVerified) {
    for (const std::string host : {"localhost", "LOCALHOST", "localhost.", "127.0.0.1", "::1"}) {
        Ends ends;
        ends.connect(host);
        EXPECT_EQ(ends.client.state(), State::open) << host << ": " << ends.client.message();
        const char* sni = SSL_get_servername(ends.server->get(), TLSEXT_NAMETYPE_host_name);
        if (host.find_first_of(":1") == std::string::npos) {
            EXPECT_STRCASEEQ(sni, "localhost");
        } else {
            EXPECT_EQ(sni, nullptr) << "an address is not sent as SNI";
        }
    }
    for (const std::string host : {"local.host", "localhost.example", "127.0.0.2", "::2"}) {
        Ends ends;
        ends.connect(host);
        EXPECT_EQ(ends.client.message(),
                  "the certificate is for localhost, 127.0.0.1, ::1, not " + host);
    }
}

TEST(TlsSessionCertificates, TheNameAskedForIsSentAndVerified) {
    Ends ends(trusting(), serving(ServerCertificate::wrong_name));
    ends.connect("elsewhere.example");
    EXPECT_EQ(ends.client.state(), State::open) << ends.client.message();
    EXPECT_STREQ(SSL_get_servername(ends.server->get(), TLSEXT_NAMETYPE_host_name),
                 "elsewhere.example");
}

TEST(TlsSessionCertificates, UnverifiedWhenAskedFor) {
    scenario::TlsSettings settings;
    settings.verify = false;
    for (const auto kind : {ServerCertificate::self_signed, ServerCertificate::expired,
                            ServerCertificate::wrong_name}) {
        Ends ends(settings, serving(kind));
        ends.connect();
        EXPECT_EQ(ends.client.state(), State::open) << ends.client.message();
    }
}

TEST(TlsSession, VersionsAreBounded) {
    auto settings = trusting();
    settings.min_version = "1.3";
    Ends old(settings, only(TlsVersion::tls_1_2));
    old.connect();
    EXPECT_EQ(old.client.failure(), Failure::handshake);
    EXPECT_THAT(old.client.message(), HasSubstr("does not accept the TLS versions offered"));

    settings = trusting();
    settings.max_version = "1.2";
    Ends both(settings);
    both.connect();
    EXPECT_THAT(both.client.description(), StartsWith("TLSv1.2 "));

    Ends ancient(trusting(), only(TlsVersion::tls_1_1));
    ancient.connect();
    EXPECT_EQ(ancient.client.failure(), Failure::handshake);
}

TEST(TlsSession, OnlyHttp11IsSpoken) {
    auto options = serving();
    options.alpn = "http/1.1";
    Ends good(trusting(), options);
    good.connect();
    EXPECT_EQ(good.client.state(), State::open);
    options.alpn = "h2";
    Ends other(trusting(), options);
    other.connect();
    EXPECT_EQ(other.client.failure(), Failure::handshake);
    EXPECT_NE(other.client.state(), State::open);
}

TEST(TlsSession, WhatIsNoTlsIsSaidSo) {
    for (const std::string& bytes :
         {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("SSH-2.0-x\r\n"),
          std::string("\0\0\0\0\0\0", 6), std::string("\x16garbage of all kinds")}) {
        for (const std::size_t piece : {1U, 1000U}) {
            Ends ends;
            ends.piece = piece;
            ASSERT_TRUE(ends.client.start("localhost"));
            ends.give(bytes);
            EXPECT_EQ(ends.client.state(), State::failed);
            EXPECT_EQ(ends.client.message(), "the server does not speak TLS on this port");
        }
    }
}

TEST(TlsSession, AlertsAreNamed) {
    Ends ends;
    ASSERT_TRUE(ends.client.start("localhost"));
    ends.give(std::string("\x15\x03\x03\x00\x02\x02\x28", 7));
    EXPECT_EQ(ends.client.message(), "the server refused it (alert handshake failure)");

    auto options = serving();
    options.own_records = true;
    Ends later(trusting(), options);
    later.connect();
    later.server->write(std::string("\x02\x50", 2), As::alert);
    later.carry();
    EXPECT_EQ(later.client.failure(), Failure::closed);
    EXPECT_EQ(later.client.message(),
              "the server ended the connection with the TLS alert internal error");
}

TEST(TlsSession, KeysAreUpdated) {
    Ends ends(trusting(), only(TlsVersion::tls_1_3));
    ends.connect();
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(SSL_key_update(ends.server->get(), SSL_KEY_UPDATE_REQUESTED), 1);
        ends.say("a");
        ASSERT_TRUE(ends.client.write(std::string_view("b")));
        ends.carry();
    }
    EXPECT_EQ(ends.at_client, "aaaaa");
    EXPECT_EQ(ends.at_server, "bbbbb");
}

TEST(TlsSession, RenegotiationIsRefused) {
    Ends ends(trusting(), only(TlsVersion::tls_1_2));
    ends.connect();
    ASSERT_EQ(SSL_renegotiate(ends.server->get()), 1);
    SSL_do_handshake(ends.server->get());
    std::deque<std::string> segments;
    static_cast<void>(ends.server->take(segments));
    ASSERT_FALSE(segments.empty());
    for (const auto& segment : segments) ends.give(segment);
    EXPECT_EQ(ends.client.state(), State::open);
    EXPECT_EQ(ends.client.output()[0], '\x15') << "a warning, and nothing else";
    EXPECT_LT(ends.client.output().size(), 64U);
}

// What a server can make a client hold or owe is bounded.
TEST(TlsSession, EndlessAnswersAreNotOwed) {
    auto options = only(TlsVersion::tls_1_3);
    options.own_records = true;
    Ends ends(trusting(), options);
    ends.connect();
    ASSERT_EQ(ends.client.state(), State::open);
    const std::string key_update("\x18\x00\x00\x01\x01", 5);
    for (int i = 0; i < 100'000 && ends.client.state() == State::open; ++i) {
        ends.server->write(key_update, As::handshake);
        std::deque<std::string> segments;
        static_cast<void>(ends.server->take(segments));
        for (const auto& segment : segments) ends.give(segment);  // and takes no answer
    }
    EXPECT_EQ(ends.client.failure(), Failure::protocol);
    EXPECT_EQ(ends.client.message(), "the server demands answers that it does not take");
    EXPECT_LE(ends.client.output().size(), TlsSession::kMaxAnswers + 1024);
}

TEST(TlsSession, AHandshakeHasABound) {
    Ends ends;
    ASSERT_TRUE(ends.client.start("localhost"));
    // Records of one byte each, of a message that announces more than ever comes.
    std::string bytes = std::string("\x16\x03\x03\x00\x04\x02\xff\xff\xff", 9);
    std::size_t given = 0;
    while (ends.client.state() == State::handshaking && given < (1U << 22)) {
        ends.give(bytes);
        given += bytes.size();
        bytes = std::string("\x16\x03\x03\x00\x01x", 6);
    }
    EXPECT_EQ(ends.client.failure(), Failure::handshake);
    EXPECT_LE(given, TlsSession::kMaxHandshake + 64);
}

TEST(TlsSession, IsReusedAfterEveryEnd) {
    Ends ends;
    for (int i = 0; i < 3; ++i) {
        ends.connect();
        EXPECT_EQ(ends.client.state(), State::open);
        ends.client.feed_end();
        ends.connect();
        ends.client.close();
        ends.carry();
        EXPECT_EQ(SSL_get_shutdown(ends.server->get()) & SSL_RECEIVED_SHUTDOWN,
                  SSL_RECEIVED_SHUTDOWN)
            << "close_notify is sent";
        ASSERT_TRUE(ends.client.start("localhost"));
        ends.give("garbage");
        EXPECT_EQ(ends.client.state(), State::failed);
        ends.client.stop();
    }
}

}  // namespace
}  // namespace squadload::http
