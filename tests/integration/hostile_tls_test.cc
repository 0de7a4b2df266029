// What a TLS server may do wrong with its certificate, with what it negotiates, and in the records
// behind the handshake.
#include "integration/hostile_tls.h"

#include <gtest/gtest.h>

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using measure::Outcome;
using test_support::As;
using test_support::Certificates;
using test_support::ok;
using test_support::one_of;
using test_support::raw;
using test_support::Reply;
using test_support::ServerCertificate;
using test_support::ServerOptions;
using test_support::Then;
using test_support::TlsServerOptions;
using test_support::TlsVersion;

std::vector<Expected> ended_by(const std::string& alert) {
    return {{Outcome::connection_closed,
             "the server ended the connection with the TLS alert " + alert}};
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
    // OpenSSL 3.0.22 calls a TLS 1.2 record too short for its MAC "internal error"; before, a bad
    // MAC.
    const std::vector<Expected> unencrypted =
        tls_1_3 ? not_tls("bad record type")
                : std::vector<Expected>{not_tls("decryption failed or bad record mac")[0],
                                        not_tls("internal error")[0]};
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
        {"a plain alert in the body", unencrypted, then(As::beneath, tls_record(21, "\x02\x50"))},
        {"a plain close_notify in the body", unencrypted,
         then(As::beneath, tls_record(21, "\x01\0"s))},
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

class HostileTls : public TlsVersionTest {};

TEST_P(HostileTls, ServerCertificates) {
    withstand(certificates(version(), made_));
}
TEST_P(HostileTls, Negotiations) {
    withstand(negotiations(version(), made_));
}
TEST_P(HostileTls, BadRecords) {
    withstand(bad_records(version()));
}

INSTANTIATE_TEST_SUITE_P(Loops, HostileTls, ::testing::ValuesIn(loops_and_versions()),
                         loop_and_version_name);

}  // namespace
}  // namespace squadload::integration
