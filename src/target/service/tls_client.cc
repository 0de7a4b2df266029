#include "target/service/tls_client.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/ip/address.hpp>

namespace squadload::service {

Result<std::unique_ptr<asio::ssl::context>> make_tls_context(const ClientOptions& options) {
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    boost::system::error_code error;
    if (options.ca_file.empty())
        context->set_default_verify_paths(error);
    else
        context->load_verify_file(options.ca_file, error);
    if (error)
        return fail(ErrorKind::config, "cannot read the certificates of authorities" +
                                           (options.ca_file.empty() ? "" : " " + options.ca_file) +
                                           ": " + error.message());
    context->set_verify_mode(options.verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
    return context;
}

void prepare_tls(TlsStream& stream, const std::string& host, bool verify) {
    auto* ssl = stream.native_handle();
    boost::system::error_code error;
    asio::ip::make_address(host, error);
    const bool is_name = static_cast<bool>(error);
    // A C macro with an old-style cast inside; this is what it expands to.
    std::string name = host;
    if (is_name)
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    static constexpr std::array<unsigned char, 9> kAlpn = {8,   'h', 't', 't', 'p',
                                                           '/', '1', '.', '1'};
    SSL_set_alpn_protos(ssl, kAlpn.data(), kAlpn.size());
    if (!verify) return;
    auto* parameters = SSL_get0_param(ssl);
    if (is_name) {
        X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
    } else {
        X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str());
    }
}

std::string handshake_failure(TlsStream& stream, const Origin& origin,
                              const boost::system::error_code& error) {
    const auto verified = SSL_get_verify_result(stream.native_handle());
    const std::string why = verified == X509_V_OK ? error.message()
                                                  : std::string("the certificate was refused: ") +
                                                        X509_verify_cert_error_string(verified);
    return "TLS with " + origin.authority() + ": " + why;
}

}  // namespace squadload::service
