// TLS for the client: who is trusted, and what a failed handshake means in words.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <string>

#include "base/error.h"
#include "target/service/client.h"
#include "target/service/loop_types.h"

namespace squadload::service {

using TlsStream = asio::ssl::stream<Socket&>;

// TLS 1.2 and later. Error of kind config: the CA file.
[[nodiscard]] Result<std::unique_ptr<asio::ssl::context>> make_tls_context(
    const ClientOptions& options);

// Before the handshake: SNI (not for addresses, RFC 6066 §3), ALPN http/1.1 and, when `verify`, the
// name the certificate has to be for (RFC 6125).
void prepare_tls(TlsStream& stream, const std::string& host, bool verify);

// "TLS with HOST:PORT: the certificate has expired"
[[nodiscard]] std::string handshake_failure(TlsStream& stream, const Origin& origin,
                                            const boost::system::error_code& error);

}  // namespace squadload::service
