#include "load/http/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "load/http/tls_session.h"

namespace squadload::http {
namespace {

constexpr unsigned char kProtocols[] = "\x08http/1.1";  // ALPN, RFC 7301 §3.1

tl::unexpected<Error> refuse(const SourceMark& mark, std::string message) {
    ERR_clear_error();
    if (mark.file.empty()) return fail(ErrorKind::config, std::move(message));
    return fail_at(mark, std::move(message));
}

std::optional<std::string> unreadable(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rbe");
    if (file == nullptr) return std::strerror(errno);
    const bool is_file = std::fgetc(file) != EOF || std::ferror(file) == 0;
    const int error = errno;
    std::fclose(file);
    if (!is_file) return std::strerror(error);
    return std::nullopt;
}

int version_number(const std::string& version) {
    if (version == "1.2") return TLS1_2_VERSION;
    if (version == "1.3") return TLS1_3_VERSION;
    return 0;
}

// Without this OpenSSL asks the terminal for the password of a key.
int no_password(char*, int, int, void*) {
    return -1;
}

}  // namespace

TlsContext::TlsContext()
    : context_(SSL_CTX_new(TLS_client_method())),
      bytes_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "squadload")),
      plaintext_(std::make_unique<char[]>(SSL3_RT_MAX_PLAIN_LENGTH)) {
    SQUADLOAD_CHECK(context_ != nullptr && bytes_ != nullptr);
    BIO_meth_set_read_ex(bytes_, &TlsSession::read_bytes);
    BIO_meth_set_write_ex(bytes_, &TlsSession::write_bytes);
    BIO_meth_set_ctrl(bytes_, &TlsSession::control);
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
    BIO_meth_free(bytes_);
}

Result<std::unique_ptr<TlsContext>> TlsContext::make(const scenario::TlsSettings& settings) {
    std::unique_ptr<TlsContext> context(new TlsContext);
    if (auto applied = context->apply(settings); !applied) return tl::unexpected(applied.error());
    return context;
}

Result<void> TlsContext::apply(const scenario::TlsSettings& settings) {
    const int lowest = version_number(settings.min_version);
    const int highest = version_number(settings.max_version);
    if (lowest == 0 || highest == 0) {
        return refuse({}, fmt::format("TLS {} is not known; use 1.2 or 1.3",
                                      lowest == 0 ? settings.min_version : settings.max_version));
    }
    if (lowest > highest)
        return refuse({}, "target.tls.min_version is above target.tls.max_version");
    SSL_CTX_set_min_proto_version(context_, lowest);
    SSL_CTX_set_max_proto_version(context_, highest);
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_protos(context_, kProtocols, sizeof kProtocols - 1);
    SSL_CTX_set_default_passwd_cb(context_, &no_password);
    SSL_CTX_set_cert_cb(context_, &TlsSession::certificate_asked, nullptr);
    verify_ = settings.verify;
    session_reuse_ = settings.session_reuse;
    // Sessions are kept by their own TlsSession: a user never resumes another's.
    SSL_CTX_set_session_cache_mode(
        context_,
        session_reuse_ ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
    if (session_reuse_) SSL_CTX_sess_set_new_cb(context_, &TlsSession::new_session);
    if (verify_) {
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, &TlsSession::verified);
        if (settings.ca_file.empty()) SSL_CTX_set_default_verify_paths(context_);
    }
    if (!settings.ca_file.empty()) {
        if (const auto why = unreadable(settings.ca_file))
            return refuse(settings.ca_mark,
                          fmt::format("cannot read {}: {}", settings.ca_file, *why));
        if (SSL_CTX_load_verify_file(context_, settings.ca_file.c_str()) != 1)
            return refuse(settings.ca_mark, fmt::format("{} holds no certificate of an authority "
                                                        "(PEM)",
                                                        settings.ca_file));
    }
    return load_certificate(settings);
}

Result<void> TlsContext::load_certificate(const scenario::TlsSettings& settings) {
    const std::string& certificate = settings.certificate_file;
    if (certificate.empty()) {
        if (settings.key_file.empty()) return {};
        return refuse(
            settings.key_mark,
            fmt::format("the key {} has no certificate; name its file, too", settings.key_file));
    }
    if (const auto why = unreadable(certificate))
        return refuse(settings.certificate_mark,
                      fmt::format("cannot read {}: {}", certificate, *why));
    if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1)
        return refuse(settings.certificate_mark,
                      fmt::format("{} holds no certificate (PEM)", certificate));
    const bool one_file = settings.key_file.empty();
    const std::string& key = one_file ? certificate : settings.key_file;
    const SourceMark& mark = one_file ? settings.certificate_mark : settings.key_mark;
    if (const auto why = unreadable(key))
        return refuse(mark, fmt::format("cannot read {}: {}", key, *why));
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const unsigned long error = ERR_peek_error();
        const int what = ERR_GET_REASON(error);
        const bool mismatch =
            ERR_GET_LIB(error) == ERR_LIB_X509 &&
            (what == X509_R_KEY_VALUES_MISMATCH || what == X509_R_KEY_TYPE_MISMATCH);
        if (!mismatch)
            return refuse(mark, fmt::format("{} holds no private key that can be used (PEM, "
                                            "without a password)",
                                            key));
    } else if (SSL_CTX_check_private_key(context_) == 1) {
        has_certificate_ = true;
        return {};
    }
    return refuse(mark, fmt::format("the key in {} does not belong to the certificate in {}", key,
                                    certificate));
}

}  // namespace squadload::http
