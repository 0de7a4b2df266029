// How the test server speaks TLS, and where a test may lay hands on what it sends.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/certificates.h"
#include "support/reply.h"

namespace squadload::test_support {

enum class TlsVersion : std::uint8_t { tls_1_0, tls_1_1, tls_1_2, tls_1_3 };

// Bytes that OpenSSL wants sent: some records, in the handshake one flight of messages.
struct Flight {
    std::uint64_t connection = 0;
    std::uint64_t number = 0;  // on its connection, from 0; flight 0 starts with the ServerHello
    bool handshake = true;     // of the handshake itself; false: alerts and data behind it
    std::string bytes;
};

// What is sent instead; each segment with a write() of its own.
struct Tampered {
    std::vector<std::string> segments;
    Then then = Then::keep_open;
};

struct TlsServerOptions {
    CertificateFiles certificate{};
    std::string client_authority{};  // PEM: clients must show a certificate signed by it; "": none
    TlsVersion min = TlsVersion::tls_1_2;
    TlsVersion max = TlsVersion::tls_1_3;
    bool tickets = true;
    std::string alpn{};        // what is chosen of the client's offer, whether it is in it or not
    bool refuse_name = false;  // alert unrecognized_name at the client's SNI
    bool own_records = false;  // records after the handshake are made by hand: see As; no tickets
    std::function<Tampered(Flight)> tamper{};  // on the server's thread
};

}  // namespace squadload::test_support
