// Where requests go, and the way there. A value.
#pragma once

#include <cstdint>
#include <string>

#include "load/transport/address.h"

namespace squadload::engine {

struct Origin {
    bool tls = false;
    std::string host;            // name or address as in the URL, IPv6 without brackets
    transport::Address address;  // what is connected to: the proxy's, if there is one
    std::string authority;       // Host header: "api.test:8080"
    std::string tls_name{};      // whom the certificate must name, sent as SNI; "": the host

    std::string proxy{};                // URL for messages, without password; "": none
    std::string proxy_authorization{};  // what it asks for, as a header's value
    std::string tunnel{};               // https:// through the proxy: the CONNECT request, else ""
    std::string absolute_form{};  // http:// through the proxy: what goes before the path, else ""
};

// Fills `tunnel` and `absolute_form` of an origin whose proxy and other members are set (RFC 9110
// §9.3.6, RFC 9112 §3.2.2). Without a proxy both are empty.
void set_proxy_forms(Origin& origin, std::uint16_t port);

}  // namespace squadload::engine
