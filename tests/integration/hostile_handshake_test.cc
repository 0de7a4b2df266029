// What a TLS server may do wrong before the first request: something else in place of a handshake,
// an alert, a broken handshake.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "integration/hostile_tls.h"

namespace squadload::integration {
namespace {

using namespace std::string_literals;
using measure::Outcome;
using test_support::Flight;
using test_support::ServerOptions;
using test_support::Tampered;
using test_support::Then;
using test_support::TlsServerOptions;
using test_support::TlsVersion;

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
         instead(v, tls_record(23, "HTTP/1.1 200 OK\r\n\r\n"), Then::mute)},
        {"an unknown record type", not_here, instead(v, tls_record(99, "x"), Then::mute)},
        {"a record of an unknown version", not_here,
         instead(v, "\x16\x09\x09\0\x05hello"s, Then::mute)},
        {"a record longer than allowed", unacceptable("packet length too long"),
         instead(v, "\x16\x03\x03\xff\xff"s + std::string(70'000, 'x'), Then::mute)},
        {"empty records", unacceptable("record too small"),
         instead(
             v,
             [] {
                 std::string flood;
                 for (int i = 0; i < 100'000; ++i) flood += tls_record(22, "");
                 return flood;
             }(),
             Then::mute)},
        {"a message of 16 MB", unacceptable("excessive message size"),
         instead(
             v,
             tls_record(22, "\x02\xff\xff\xff"s) +
                 [] {
                     std::string flood;
                     for (int i = 0; i < 40; ++i) flood += tls_record(22, std::string(16'000, 'x'));
                     return flood;
                 }(),
             Then::mute)},
        {"an unknown message", unacceptable("unexpected message"),
         instead(v, tls_record(22, "\x63\0\0\1x"s), Then::mute)},
        {"a hundred warnings", unacceptable("too many warn alerts"),
         instead(
             v,
             [] {
                 std::string flood;
                 for (int i = 0; i < 100; ++i) flood += tls_record(21, "\x01\x70");
                 return flood;
             }(),
             Then::mute)},
        {"a warning, then the handshake", fine(), before(v, tls_record(21, "\x01\x70"))},
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
        cases.push_back(
            {fmt::format("alert {}", number),
             no_connection(fmt::format("the server refused it (alert {})", name)),
             instead(v, tls_record(21, "\x02"s + static_cast<char>(number)), Then::close)});
    }
    cases.push_back(
        {"alert protocol version",
         no_connection(
             "the server does not accept the TLS versions offered (alert protocol version)"),
         instead(v, tls_record(21, "\x02\x46"), Then::close)});
    cases.push_back({"close_notify instead of a handshake",
                     no_connection("the server closed the connection during the handshake"),
                     instead(v, tls_record(21, "\x01\0"s), Then::close)});
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
                              sent.segments[0] += tls_record(22, flight.substr(5 + i, 1));
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
        {"application data in between", any, before(v, tls_record(23, "HTTP/1.1 200 OK\r\n\r\n"))},
        {"many changes of the cipher spec", any,
         before(v,
                [] {
                    std::string flood;
                    for (int i = 0; i < 100; ++i) flood += tls_record(20, "\x01");
                    return flood;
                }())},
    };
    if (!tls_1_3) {
        cases.push_back(
            {"an empty list of certificates", any, first_flight(v, [](const std::string& flight) {
                 const std::size_t hello = 5 + static_cast<unsigned char>(flight[3]) * 256U +
                                           static_cast<unsigned char>(flight[4]);
                 return Tampered{{flight.substr(0, hello) + tls_record(22, "\x0b\0\0\3\0\0\0"s)},
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
    // A flipped bit may hit what does not matter, or a length: then more is waited for.
    for (int i = 0; i < 24; ++i) {
        cases.push_back(
            {fmt::format("bit {} of byte {}/24 flipped", i % 8, i),
             {{}, any[0], {Outcome::timeout, kSilence}},
             first_flight(v,
                          [i](std::string flight) {
                              char& c = flight[flight.size() * static_cast<std::size_t>(i) / 24];
                              c = static_cast<char>(c ^ (1 << (i % 8)));
                              return Tampered{{flight}};
                          }),
             short_connect});
    }
    return cases;
}

class HostileHandshake : public TlsVersionTest {};

TEST_P(HostileHandshake, NoneAtAll) {
    withstand(no_handshakes(version()));
}
TEST_P(HostileHandshake, Alerts) {
    withstand(alerts(version()));
}
TEST_P(HostileHandshake, Broken) {
    withstand(handshakes(version()));
}

INSTANTIATE_TEST_SUITE_P(Loops, HostileHandshake, ::testing::ValuesIn(loops_and_versions()),
                         loop_and_version_name);

}  // namespace
}  // namespace squadload::integration
