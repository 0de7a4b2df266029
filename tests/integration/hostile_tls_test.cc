// What a TLS server may do wrong: in place of a handshake, in it, with its certificate, and in the
// records behind it. Under TLS 1.2 and 1.3.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "integration/hostile_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using measure::Outcome;
using test_support::As;
using test_support::Certificates;
using test_support::Flight;
using test_support::ok;
using test_support::one_of;
using test_support::raw;
using test_support::Reply;
using test_support::ServerCertificate;
using test_support::ServerOptions;
using test_support::Tampered;
using test_support::Then;
using test_support::TlsServerOptions;
using test_support::TlsVersion;

std::vector<Expected> no_connection(const std::string& why) {
    return {{Outcome::connect_error, "TLS with 127.0.0.1:PORT: " + why}};
}
std::vector<Expected> unacceptable(const std::string& why) {
    return no_connection("what the server sent is not acceptable (" + why + ")");
}
std::vector<Expected> not_tls(const std::string& why) {
    return {
        {Outcome::protocol_error, "what came is not TLS or was changed on the way (" + why + ")"}};
}

std::vector<Expected> ended_by(const std::string& alert) {
    return {{Outcome::connection_closed,
             "the server ended the connection with the TLS alert " + alert}};
}

std::string record(char type, const std::string& content) {
    return type + "\x03\x03"s + static_cast<char>(content.size() >> 8) +
           static_cast<char>(content.size() & 0xff) + content;
}

// The server's flight 0, its answer to the ClientHello, becomes what `change` makes of it.
ServerOptions first_flight(TlsVersion version, std::function<Tampered(std::string)> change,
                           std::uint64_t number = 0) {
    ServerOptions options;
    options.tls = TlsServerOptions{.min = version, .max = version};
    options.tls->tamper = [change = std::move(change), number](Flight flight) {
        if (flight.connection >= kMisbehaved || flight.number != number)
            return Tampered{{std::move(flight.bytes)}};
        return change(std::move(flight.bytes));
    };
    return options;
}
ServerOptions instead(TlsVersion version, const std::string& bytes, Then then) {
    return first_flight(version, [=](const std::string&) { return Tampered{{bytes}, then}; });
}
ServerOptions before(TlsVersion version, const std::string& bytes) {
    return first_flight(version,
                        [=](const std::string& flight) { return Tampered{{bytes + flight}}; });
}
ServerOptions patched(TlsVersion version, std::size_t at, const std::string& bytes) {
    return first_flight(version, [=](std::string flight) {
        return Tampered{{flight.replace(at, bytes.size(), bytes)}};
    });
}

// Answers with records made by hand.
ServerOptions records(TlsVersion version, Reply reply) {
    ServerOptions options = answering(std::move(reply));
    options.tls = TlsServerOptions{.min = version, .max = version, .own_records = true};
    return options;
}

ServerOptions showing(TlsVersion version, const test_support::CertificateFiles& files) {
    ServerOptions options;
    options.tls = TlsServerOptions{.certificate = files, .min = version, .max = version};
    return options;
}

void unverified(engine::Plan& plan) {
    plan.scenario.target.tls.verify = false;
}

const std::string kSilence = "connected, but no TLS handshake within 100ms";

// No TLS server, or one that gives up.
std::vector<Misbehaviour> no_handshakes(TlsVersion v) {
    const auto not_here = no_connection("the server does not speak TLS on this port");
    const auto closed = no_connection("the server closed the connection during the handshake");
    const auto reset = no_connection("the server reset the connection during the handshake");
    const std::vector<Expected> silence{{Outcome::timeout, kSilence}};
    std::vector<Misbehaviour> cases = {
        {"an HTTP server", not_here,
         instead(v, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", Then::close)},
        {"an SSH server", not_here, instead(v, "SSH-2.0-OpenSSH_9.2\r\n", Then::keep_open)},
        {"a mail server", not_here, instead(v, "220 mail.example ESMTP\r\n", Then::mute)},
        {"random bytes", not_here,
         instead(v, test_support::garbage(5).pieces[0].bytes, Then::close)},
        {"zeros", not_here, instead(v, std::string(10'000, '\0'), Then::close)},
        {"SSL 2.0", not_here, instead(v, "\x80\x0b\x04\0\x01\0\x02\0\0\0\0\x10"s, Then::close)},
        {"one byte of TLS", closed, instead(v, "\x16", Then::close)},
        {"silence", silence, instead(v, "", Then::mute), short_connect},
        {"application data at once", not_here,
         instead(v, record(23, "HTTP/1.1 200 OK\r\n\r\n"), Then::mute)},
        {"an unknown record type", not_here, instead(v, record(99, "x"), Then::mute)},
        {"a record of an unknown version", not_here,
         instead(v, "\x16\x09\x09\0\x05hello"s, Then::mute)},
        {"a record longer than allowed", unacceptable("packet length too long"),
         instead(v, "\x16\x03\x03\xff\xff"s + std::string(70'000, 'x'), Then::mute)},
        {"empty records", unacceptable("record too small"),
         instead(
             v,
             [] {
                 std::string flood;
                 for (int i = 0; i < 100'000; ++i) flood += record(22, "");
                 return flood;
             }(),
             Then::mute)},
        {"a message of 16 MB", unacceptable("excessive message size"),
         instead(
             v,
             record(22, "\x02\xff\xff\xff"s) +
                 [] {
                     std::string flood;
                     for (int i = 0; i < 40; ++i) flood += record(22, std::string(16'000, 'x'));
                     return flood;
                 }(),
             Then::mute)},
        {"an unknown message", unacceptable("unexpected message"),
         instead(v, record(22, "\x63\0\0\1x"s), Then::mute)},
        {"a hundred warnings", unacceptable("too many warn alerts"),
         instead(
             v,
             [] {
                 std::string flood;
                 for (int i = 0; i < 100; ++i) flood += record(21, "\x01\x70");
                 return flood;
             }(),
             Then::mute)},
        {"a warning, then the handshake", fine(), before(v, record(21, "\x01\x70"))},
    };
    for (const auto& [then, name, expected] : {std::tuple{Then::close, "closes", closed},
                                               {Then::half_close, "half-closes", closed},
                                               {Then::reset, "resets", reset},
                                               {Then::mute, "stalls", silence}}) {
        const auto change = then == Then::mute ? short_connect : nullptr;
        cases.push_back({name + " at the ClientHello"s, expected, instead(v, "", then), change});
        for (const int percent : {1, 20, 50, 99}) {
            cases.push_back(
                {fmt::format("{} after {} % of the first flight", name, percent), expected,
                 first_flight(
                     v,
                     [t = then, percent](const std::string& flight) {
                         return Tampered{
                             {flight.substr(
                                 0, 1 + flight.size() * static_cast<std::size_t>(percent) / 100)},
                             t};
                     }),
                 change});
        }
    }
    return cases;
}

std::vector<Misbehaviour> alerts(TlsVersion v) {
    const std::pair<int, const char*> known[] = {
        {10, "unexpected message"},
        {20, "bad record mac"},
        {22, "record overflow"},
        {40, "handshake failure"},
        {42, "bad certificate"},
        {43, "unsupported certificate"},
        {44, "certificate revoked"},
        {45, "certificate expired"},
        {46, "certificate unknown"},
        {47, "illegal parameter"},
        {48, "unknown CA"},
        {49, "access denied"},
        {50, "decode error"},
        {51, "decrypt error"},
        {71, "insufficient security"},
        {80, "internal error"},
        {86, "inappropriate fallback"},
        {109, "missing extension"},
        {110, "unsupported extension"},
        {112, "unrecognized name"},
        {113, "bad certificate status response"},
        {115, "unknown PSK identity"},
        {116, "certificate required"},
        {120, "no application protocol"},
        {200, "number 200"},
    };
    std::vector<Misbehaviour> cases;
    for (const auto& [number, name] : known) {
        cases.push_back({fmt::format("alert {}", number),
                         no_connection(fmt::format("the server refused it (alert {})", name)),
                         instead(v, record(21, "\x02"s + static_cast<char>(number)), Then::close)});
    }
    cases.push_back(
        {"alert protocol version",
         no_connection(
             "the server does not accept the TLS versions offered (alert protocol version)"),
         instead(v, record(21, "\x02\x46"), Then::close)});
    cases.push_back({"close_notify instead of a handshake",
                     no_connection("the server closed the connection during the handshake"),
                     instead(v, record(21, "\x01\0"s), Then::close)});
    return cases;
}

// Changes of single bytes of a real handshake.
std::vector<Misbehaviour> handshakes(TlsVersion v) {
    constexpr std::size_t kRandom = 5 + 4 + 2;  // record, message, version
    const bool tls_1_3 = v == TlsVersion::tls_1_3;
    const std::size_t session_id = kRandom + 32;
    const std::vector<Expected> any{{Outcome::connect_error, "*"}};
    std::vector<Misbehaviour> cases = {
        {"every byte by itself", fine(),
         first_flight(v,
                      [](const std::string& flight) {
                          Tampered sent;
                          for (const char c : flight) sent.segments.emplace_back(1, c);
                          return sent;
                      })},
        {"a record for every byte", fine(),
         first_flight(v,
                      [](const std::string& flight) {
                          const std::size_t size = static_cast<unsigned char>(flight[3]) * 256U +
                                                   static_cast<unsigned char>(flight[4]);
                          Tampered sent{{""}};
                          for (std::size_t i = 0; i < size; ++i)
                              sent.segments[0] += record(22, flight.substr(5 + i, 1));
                          sent.segments[0] += flight.substr(5 + size);
                          return sent;
                      })},
        {"the first flight twice", tls_1_3 ? not_tls("bad record type") : any,
         first_flight(v, [](const std::string& flight) { return Tampered{{flight + flight}}; })},
        {"the ServerHello of SSL 3.0",
         no_connection("the server chose a TLS version that was not offered"),
         patched(v, 9, "\x03\0"s)},
        {"the ServerHello of TLS 1.1",
         tls_1_3 ? any : no_connection("the server chose a TLS version that was not offered"),
         patched(v, 9, "\x03\x02")},
        {"a random of a downgrade", any, patched(v, kRandom + 24, "DOWNGRD\x01")},
        {"a long session id", any, patched(v, session_id, "\xff")},
        {"a cipher suite that was not offered", any, patched(v, session_id + 33, "\x13\x37")},
        {"compression", any, patched(v, session_id + 35, "\x01")},
        {"a ServerHello of length 0", any, patched(v, 5, "\x02\0\0\0"s)},
        {"the last byte changed", any,
         first_flight(v,
                      [](std::string flight) {
                          flight.back() = static_cast<char>(flight.back() ^ 1);
                          return Tampered{{flight}};
                      })},
        {"application data in between", any, before(v, record(23, "HTTP/1.1 200 OK\r\n\r\n"))},
        {"many changes of the cipher spec", any,
         before(v,
                [] {
                    std::string flood;
                    for (int i = 0; i < 100; ++i) flood += record(20, "\x01");
                    return flood;
                }())},
    };
    if (!tls_1_3) {
        cases.push_back(
            {"an empty list of certificates", any, first_flight(v, [](const std::string& flight) {
                 const std::size_t hello = 5 + static_cast<unsigned char>(flight[3]) * 256U +
                                           static_cast<unsigned char>(flight[4]);
                 return Tampered{{flight.substr(0, hello) + record(22, "\x0b\0\0\3\0\0\0"s)},
                                 Then::mute};
             })});
        cases.push_back({"no change of the cipher spec", any,
                         first_flight(
                             v,
                             [](const std::string& flight) {
                                 return Tampered{{flight.substr(
                                     flight.find("\x16\x03\x03", flight.find("\x14\x03\x03")))}};
                             },
                             1)});
        cases.push_back({"a wrong Finished", any,
                         first_flight(
                             v,
                             [](std::string flight) {
                                 flight.back() = static_cast<char>(flight.back() ^ 1);
                                 return Tampered{{flight}};
                             },
                             1)});
    }
    for (int i = 0; i < 24; ++i) {  // a flipped bit may hit what does not matter
        cases.push_back({fmt::format("bit {} of byte {}/24 flipped", i % 8, i),
                         {{}, any[0]},
                         first_flight(v, [i](std::string flight) {
                             char& c = flight[flight.size() * static_cast<std::size_t>(i) / 24];
                             c = static_cast<char>(c ^ (1 << (i % 8)));
                             return Tampered{{flight}};
                         })});
    }
    return cases;
}

std::vector<Misbehaviour> certificates(TlsVersion v, Certificates& made) {
    using enum ServerCertificate;
    const std::tuple<ServerCertificate, const char*, const char*> kinds[] = {
        {good, "a good certificate", ""},
        {by_intermediate, "with an intermediate", ""},
        {out_of_order, "a chain out of order", ""},
        {expired, "expired", "the certificate expired on DAY"},
        {not_yet_valid, "not yet valid", "the certificate is not valid before DAY"},
        {wrong_name, "wrong name", "the certificate is for elsewhere.example, not 127.0.0.1"},
        {self_signed, "self-signed", "the certificate is self-signed"},
        {unknown_authority, "unknown authority",
         "the certificate's authority is unknown: unknown authority"},
        {missing_intermediate, "missing intermediate",
         "the certificate's authority is unknown: intermediate"},
        {issued_by_leaf, "issued by a leaf",
         "the authority's certificate (no authority) is not acceptable: invalid CA certificate"},
        {client_only, "for clients only",
         "the certificate is not acceptable: unsuitable certificate purpose"},
        {weak_key, "weak key", "the certificate is not acceptable: EE certificate key too weak"},
        {md5_signature, "MD5",
         "the certificate is not acceptable: CA signature digest algorithm too weak"},
        {sha1_signature, "SHA-1",
         "the certificate is not acceptable: CA signature digest algorithm too weak"},
        {broken_signature, "broken signature",
         "the certificate is not acceptable: certificate signature failure"},
        {deep_chain, "deep chain",
         "the authority's certificate (intermediate 20) is not acceptable: certificate chain too "
         "long"},
        {huge_chain, "huge chain",
         "what the server sent is not acceptable (excessive message size)"},
        {unknown_extension, "unknown critical extension",
         "the certificate is not acceptable: unhandled critical extension"},
    };
    std::vector<Misbehaviour> cases;
    for (const auto& [kind, name, why] : kinds) {
        const auto expected = *why == '\0' ? fine() : no_connection(why);
        cases.push_back({name, expected, showing(v, made.server(kind)), nullptr, true});
        if (*why != '\0' && kind != huge_chain)
            cases.push_back(
                {name + ", unverified"s, fine(), showing(v, made.server(kind)), unverified});
    }
    return cases;
}

std::vector<Misbehaviour> negotiations(TlsVersion v, Certificates& made) {
    ServerOptions old, names = showing(v, {}), protocols = showing(v, {}),
                       demanding = showing(v, {});
    old.tls = TlsServerOptions{.min = TlsVersion::tls_1_0, .max = TlsVersion::tls_1_1};
    names.tls->refuse_name = true;
    protocols.tls->alpn = "h2";
    demanding.tls->client_authority = made.authority();
    const auto show = [](const test_support::CertificateFiles& files) {
        return [files](engine::Plan& plan) {
            plan.scenario.target.tls.certificate_file = files.certificate;
            plan.scenario.target.tls.key_file = files.key;
        };
    };
    return {
        {"TLS 1.1 only",
         no_connection(
             "the server does not accept the TLS versions offered (alert protocol version)"),
         old, nullptr, true},
        {"no version in common",
         no_connection(
             "the server does not accept the TLS versions offered (alert protocol version)"),
         showing(v, {}),
         [v](engine::Plan& plan) {
             auto& tls = plan.scenario.target.tls;
             (v == TlsVersion::tls_1_3 ? tls.max_version : tls.min_version) =
                 v == TlsVersion::tls_1_3 ? "1.2" : "1.3";
         },
         true},
        {"refuses the name",
         {{Outcome::connect_error, "*"}},
         names,
         [](engine::Plan& plan) { plan.origin.host = "localhost"; },
         true},
        {"HTTP/2 by ALPN", unacceptable("bad extension"), protocols, nullptr, true},
        {"demands a client certificate", {{Outcome::connect_error, "*"}}, demanding, nullptr, true},
        {"gets a client certificate", fine(), demanding, show(made.client())},
        {"refuses the client certificate",
         {{Outcome::connect_error, "*"}},
         demanding,
         show(made.unknown_client()),
         true},
    };
}

// Behind the handshake: records.
std::vector<Misbehaviour> bad_records(TlsVersion v) {
    const bool tls_1_3 = v == TlsVersion::tls_1_3;
    const std::string whole = ok().pieces[0].bytes;
    const std::string half = whole.substr(0, whole.size() - 1);
    const auto rec = [&](Reply reply) { return records(v, std::move(reply)); };
    const auto then = [&](As as, const std::string& bytes) {  // in the middle of the answer
        return rec(one_of(As::data, half, one_of(as, bytes, raw("k"))));
    };
    const auto first = [&](As as, const std::string& bytes) {
        return rec(one_of(as, bytes, ok()));
    };
    const auto flood = [&](As as, const std::string& bytes) {
        return rec(test_support::endless(half, bytes, as));
    };
    const std::string ticket = "\x04\0\0\x2e"s + std::string(8, '\x01') + "\x01\x07\0\x20"s +
                               std::string(32, 't') + "\0\0"s;
    std::vector<Misbehaviour> cases = {
        {"an empty record first", fine(), first(As::one_record, "")},
        {"empty records for ever", not_tls("record too small"), flood(As::one_record, "")},
        {"records of one byte", fine(), rec(test_support::dribbled(ok(), 0us))},
        {"a record of 20 kB", not_tls("packet length too long"),
         first(As::one_record, std::string(20'000, 'x'))},
        {"a record of 65 kB", not_tls("packet length too long"),
         first(As::one_record, std::string(65'000, 'x'))},
        {"a wrong MAC first", not_tls("decryption failed or bad record mac"),
         first(As::bad_mac, whole)},
        {"a wrong MAC in the body", not_tls("decryption failed or bad record mac"),
         then(As::bad_mac, "k")},
        {"an unknown record type", not_tls(tls_1_3 ? "bad record type" : "unexpected record"),
         then(As::unknown_type, "k")},
        {"plain HTTP behind the handshake", not_tls("wrong version number"),
         first(As::beneath, whole)},
        {"plain HTTP in the body", not_tls("wrong version number"), then(As::beneath, "k")},
        {"a plain alert in the body",
         not_tls(tls_1_3 ? "bad record type" : "decryption failed or bad record mac"),
         then(As::beneath, record(21, "\x02\x50"))},
        {"a plain close_notify in the body",
         not_tls(tls_1_3 ? "bad record type" : "decryption failed or bad record mac"),
         then(As::beneath, record(21, "\x01\0"s))},
        {"a fatal alert first", ended_by("internal error"), first(As::alert, "\x02\x50")},
        {"a fatal alert in the body", ended_by("internal error"), then(As::alert, "\x02\x50")},
        {"a certificate alert first", no_connection("the server refused it (alert unknown CA)"),
         first(As::alert, "\x02\x30")},
        {"warnings for ever", not_tls("too many warn alerts"), flood(As::alert, "\x01\x5a")},
        {"half an alert", not_tls("invalid alert"), then(As::alert, "\x02")},
        {"a change of the cipher spec", not_tls(tls_1_3 ? "bad record type" : "ccs received early"),
         then(As::change_cipher_spec, "\x01")},
        {"close_notify first",
         {{Outcome::connection_closed, "connection closed before the response"}},
         first(As::alert, "\x01\0"s)},
        {"close_notify in the body",
         {{Outcome::connection_closed, "connection closed in the middle of the response"}},
         then(As::alert, "\x01\0"s)},
        {"an unknown handshake message", not_tls("unexpected message"),
         then(As::handshake, "\x63\0\0\0"s)},
        {"an empty handshake record", tls_1_3 ? not_tls("bad length") : fine(),
         then(As::handshake, "")},
        {"half a handshake message",
         tls_1_3 ? not_tls("mixed handshake and non handshake data")
                 : std::vector<Expected>{{}, not_tls("unexpected message")[0]},
         then(As::handshake, "\x04\0\x01"s)},
        {"a handshake message of 16 MB",
         not_tls(tls_1_3 ? "excessive message size" : "unexpected message"), rec([&] {
             Reply reply = test_support::endless("", std::string(16'000, 'x'), As::handshake);
             return one_of(As::handshake, "\x04\xff\xff\xff"s, reply);
         }())},
        {"a ClientHello", not_tls("unexpected message"), then(As::handshake, "\x01\0\0\0"s)},
        {"the answer, then close_notify", fine(),
         rec(one_of(As::data, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                    one_of(As::alert, "\x01\0"s, raw("", Then::drop))))},
    };
    if (tls_1_3) {
        const std::vector<Expected> no_data{
            {Outcome::protocol_error, "the server sends TLS records without any data in them"}};
        const std::string update = "\x18\0\0\x01\0"s, asking = "\x18\0\0\x01\x01"s;
        cases.insert(
            cases.end(),
            {
                {"a key update", fine(), then(As::handshake, update)},
                {"a key update that asks for one", fine(), then(As::handshake, asking)},
                {"key updates for ever", no_data, flood(As::handshake, update)},
                {"key updates that ask, for ever",
                 {no_data[0],
                  {Outcome::protocol_error, "the server demands answers that it does not take"}},
                 flood(As::handshake, asking)},
                {"a wrong key update", not_tls("bad key update"),
                 then(As::handshake, "\x18\0\0\x01\x02"s)},
                {"a ticket", fine(), then(As::handshake, ticket)},
                {"tickets for ever", no_data, flood(As::handshake, ticket)},
                {"a wrong ticket", not_tls("length mismatch"),
                 then(As::handshake, "\x04\0\0\x01x"s)},
                {"a request for a certificate", not_tls("unexpected message"),
                 then(As::handshake, "\x0d\0\0\x03\0\0\0"s)},
            });
    } else {
        const std::string hello_request(4, '\0');
        cases.insert(
            cases.end(),
            {
                {"a request to renegotiate", fine(),
                 rec(one_of(
                     As::handshake, hello_request,
                     raw("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                         Then::half_close)))},
                // The client's refusals make the server's library end the connection, too.
                {"requests to renegotiate for ever",
                 {{Outcome::protocol_error, "*"}, {Outcome::connection_closed, "*"}},
                 flood(As::handshake, hello_request)},
                {"a wrong request to renegotiate", not_tls("excessive message size"),
                 then(As::handshake, "\0\0\0\x01x"s)},
                {"a ServerHello", not_tls("unexpected message"),
                 then(As::handshake, "\x02\0\0\0"s)},
            });
    }
    return cases;
}

// (version, loop)
class HostileTls : public ::testing::TestWithParam<std::tuple<LoopKind, TlsVersion>> {
  protected:
    void SetUp() override {
        if (const auto loop = loop_kind().make(0); !loop) GTEST_SKIP() << loop.error().text();
    }
    static const LoopKind& loop_kind() { return std::get<0>(GetParam()); }
    static TlsVersion version() { return std::get<1>(GetParam()); }
    void withstand(const std::vector<Misbehaviour>& cases) {
        for (const Misbehaviour& c : cases) expect_withstood(c, loop_kind(), &made_);
    }
    Certificates made_;
};

TEST_P(HostileTls, NoHandshakes) {
    withstand(no_handshakes(version()));
}
TEST_P(HostileTls, Alerts) {
    withstand(alerts(version()));
}
TEST_P(HostileTls, Handshakes) {
    withstand(handshakes(version()));
}
TEST_P(HostileTls, ServerCertificates) {
    withstand(certificates(version(), made_));
}
TEST_P(HostileTls, Negotiations) {
    withstand(negotiations(version(), made_));
}
TEST_P(HostileTls, BadRecords) {
    withstand(bad_records(version()));
}

INSTANTIATE_TEST_SUITE_P(Loops, HostileTls,
                         ::testing::Combine(::testing::ValuesIn(loop_kinds()),
                                            ::testing::Values(TlsVersion::tls_1_2,
                                                              TlsVersion::tls_1_3)),
                         [](const auto& both) {
                             return std::get<0>(both.param).name +
                                    (std::get<1>(both.param) == TlsVersion::tls_1_2 ? "_tls_1_2"
                                                                                    : "_tls_1_3");
                         });

}  // namespace
}  // namespace squadload::integration
