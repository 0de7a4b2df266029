#include "load/http/tls_session.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "load/http/tls_words.h"

namespace squadload::http {
namespace {

constexpr char kAlertRecord = 21;  // RFC 8446 §5.1
constexpr char kHandshakeRecord = 22;

constexpr std::string_view kTrust =
    "--ca-file FILE (target.tls.ca_file) trusts the authority in it, --insecure "
    "(target.tls.verify: "
    "false) whatever is shown";
constexpr std::string_view kOwnCertificate =
    "--cert FILE and --key FILE (target.tls.certificate_file, key_file) show one";
constexpr std::string_view kPlain = "is it an http:// target?";

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> unused{};
    return inet_pton(AF_INET, host.c_str(), unused.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), unused.data()) == 1;
}

bool about_certificates(int alert) {
    return (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
           alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_ACCESS_DENIED ||
           alert == SSL_AD_CERTIFICATE_REQUIRED;
}

TlsSession* session_of(const SSL* ssl) {
    return static_cast<TlsSession*>(SSL_get_app_data(ssl));
}

}  // namespace

TlsSession::TlsSession(TlsContext& context) : context_(context) {}

TlsSession::~TlsSession() {
    stop();
    SSL_SESSION_free(resumable_);
}

bool TlsSession::start(const std::string& host) {
    stop();
    ERR_clear_error();
    state_ = State::handshaking;
    failure_ = Failure::none;
    message_.clear();
    remedy_ = {};
    certificate_problem_.clear();
    without_data_ = answers_ = 0;
    first_bytes_ = true;
    got_data_ = certificate_asked_ = resumed_ = flooded_ = false;
    ssl_ = SSL_new(context_.context_);
    BIO* bio = BIO_new(context_.bytes_);
    if (ssl_ == nullptr || bio == nullptr) {
        BIO_free(bio);
        stop();
        return false;
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_app_data(ssl_, this);
    SSL_set_connect_state(ssl_);
    if (!name_server(host)) {
        stop();
        return false;
    }
    if (resumable_ != nullptr && host == host_) {
        SSL_set_session(ssl_, resumable_);
    } else {
        SSL_SESSION_free(std::exchange(resumable_, nullptr));
    }
    host_ = host;
    shake_hands();
    return true;
}

// Whom the certificate must name, and what is sent as SNI.
bool TlsSession::name_server(const std::string& host) {
    std::string name = host;
    if (name.size() > 1 && name.back() == '.') name.pop_back();  // RFC 6066 §3: no trailing dot
    X509_VERIFY_PARAM* verification = SSL_get0_param(ssl_);
    if (is_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(verification, name.c_str()) == 1;
    // RFC 9110 §4.3.4: the subject's common name is not a host name.
    X509_VERIFY_PARAM_set_hostflags(
        verification, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(verification, name.data(), name.size()) == 1 &&
           // what the library's macro does, without its cast
           SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) ==
               1;
}

void TlsSession::stop() {
    if (ssl_ != nullptr) {
        // Else the library takes the session for broken and does not resume it.
        SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(std::exchange(ssl_, nullptr));
    }
    input_ = {};
    output_.clear();
    state_ = State::failed;
}

void TlsSession::feed(std::span<const char> bytes) {
    if (state_ != State::handshaking && state_ != State::open) return;
    input_ = bytes;
    fed_ = bytes.size();
    if (std::exchange(first_bytes_, false) && bytes[0] != kHandshakeRecord &&
        bytes[0] != kAlertRecord) {
        remedy_ = kPlain;
        fail(Failure::handshake, "the server does not speak TLS on this port");
        return;
    }
    if (state_ == State::handshaking) shake_hands();
}

void TlsSession::shake_hands() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) {
        state_ = State::open;
        without_data_ = 0;
        if (!check_protocol()) return;
        resumed_ = SSL_session_reused(ssl_) == 1;
        return;
    }
    const int error = SSL_get_error(ssl_, done);
    if (error == SSL_ERROR_ZERO_RETURN) {  // close_notify
        feed_end();
    } else if (error != SSL_ERROR_WANT_READ) {
        fail_by_library(error);
    } else {
        without_data_ += fed_;
        if (without_data_ > kMaxHandshake)
            fail(Failure::handshake, "the server's handshake does not come to an end");
    }
}

// Only http/1.1 was offered (RFC 7301 §3.2), but the library takes any answer.
bool TlsSession::check_protocol() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    const std::string_view chosen(reinterpret_cast<const char*>(name), size);
    if (chosen.empty() || chosen == "http/1.1") return true;
    fail(Failure::handshake, "the server chose a protocol that was not offered (ALPN)");
    return false;
}

void TlsSession::feed_end() {
    if (state_ == State::handshaking) {
        fail(Failure::handshake, "the server closed the connection during the handshake");
    } else if (state_ == State::open) {
        fail(Failure::truncated, "the connection ended without close_notify");
    }
}

std::span<const char> TlsSession::read() {
    if (state_ != State::open) return {};
    ERR_clear_error();
    std::size_t size = 0;
    if (SSL_read_ex(ssl_, context_.plaintext_.get(), SSL3_RT_MAX_PLAIN_LENGTH, &size) == 1) {
        without_data_ = fed_ = 0;
        got_data_ = true;
        return {context_.plaintext_.get(), size};
    }
    const int error = SSL_get_error(ssl_, 0);
    if (error == SSL_ERROR_ZERO_RETURN) {
        state_ = State::ended;
    } else if (error != SSL_ERROR_WANT_READ) {
        fail_by_library(error);
    } else {
        without_data_ += std::exchange(fed_, 0);
        if (without_data_ > kMaxWithoutData)
            fail(Failure::protocol, "the server sends TLS records without any data in them");
    }
    return {};
}

bool TlsSession::write(std::span<const char> plaintext) {
    if (state_ != State::open && state_ != State::ended) return false;
    ERR_clear_error();
    std::size_t done = 0;
    writing_ = true;
    const bool written = SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &done) == 1;
    writing_ = false;
    return written && done == plaintext.size();
}

void TlsSession::close() {
    if (state_ != State::open && state_ != State::ended) return;
    ERR_clear_error();
    static_cast<void>(SSL_shutdown(ssl_));
}

std::string TlsSession::description() const {
    if (ssl_ == nullptr) return "";
    return fmt::format("{} {}", SSL_get_version(ssl_), SSL_get_cipher_name(ssl_));
}

void TlsSession::fail(Failure failure, std::string message) {
    state_ = State::failed;
    failure_ = failure;
    message_ = std::move(message);
    input_ = {};
    ERR_clear_error();
}

void TlsSession::fail_by_library(int ssl_error) {
    const unsigned long error = ssl_error == SSL_ERROR_SSL ? take_error() : 0;
    const int alert = alert_of(error);
    if (flooded_) {
        fail(Failure::protocol, "the server demands answers that it does not take");
    } else if (state_ == State::handshaking) {
        // A session that made trouble is not offered again.
        SSL_SESSION_free(std::exchange(resumable_, nullptr));
        fail(Failure::handshake, handshake_failure(error));
    } else if (alert >= 0 && !got_data_ && about_certificates(alert)) {
        // With TLS 1.3 the server judges the client after the client's handshake is over.
        fail(Failure::handshake, handshake_failure(error));
    } else if (alert >= 0) {
        fail(Failure::closed, fmt::format("the server ended the connection with the TLS alert {}",
                                          alert_name(alert)));
    } else {
        fail(Failure::protocol,
             fmt::format("what came is not TLS or was changed on the way ({})", reason(error)));
    }
}

std::string TlsSession::handshake_failure(unsigned long error) {
    if (!certificate_problem_.empty()) {
        remedy_ = kTrust;
        return certificate_problem_;
    }
    const int alert = alert_of(error);
    if (alert >= 0) {
        const bool refused = alert == SSL_AD_HANDSHAKE_FAILURE || about_certificates(alert);
        if (certificate_asked_ && refused) {
            remedy_ = kOwnCertificate;
            return fmt::format("the server {} (alert {})",
                               context_.has_certificate_ ? "does not accept the client certificate"
                                                         : "asked for a client certificate",
                               alert_name(alert));
        }
        if (alert == SSL_AD_PROTOCOL_VERSION)
            return "the server does not accept the TLS versions offered (alert protocol version)";
        return fmt::format("the server refused it (alert {})", alert_name(alert));
    }
    switch (ERR_GET_REASON(error)) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_WRONG_SSL_VERSION:
        case SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
            return "the server chose a TLS version that was not offered";
        case SSL_R_WRONG_VERSION_NUMBER:
            remedy_ = kPlain;
            return "the server does not speak TLS on this port";
        default:
            return fmt::format("what the server sent is not acceptable ({})", reason(error));
    }
}

int TlsSession::read_bytes(bio_st* bio, char* to, std::size_t size, std::size_t* done) {
    BIO_clear_retry_flags(bio);
    std::span<const char>& input = static_cast<TlsSession*>(BIO_get_data(bio))->input_;
    *done = std::min(size, input.size());
    if (*done == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    std::memcpy(to, input.data(), *done);
    input = input.subspan(*done);
    return 1;
}

int TlsSession::write_bytes(bio_st* bio, const char* from, std::size_t size, std::size_t* done) {
    BIO_clear_retry_flags(bio);
    auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    *done = 0;
    if (!session.writing_) {
        if (session.output_.empty()) session.answers_ = 0;
        session.answers_ += size;
        session.flooded_ = session.answers_ > kMaxAnswers;
        if (session.flooded_) return 0;
    }
    session.output_.append(from, size);
    *done = size;
    return 1;
}

long TlsSession::control(bio_st*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int TlsSession::verified(int ok, x509_store_ctx_st* store) {
    if (ok == 1) return ok;
    const auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    TlsSession& session = *session_of(ssl);
    session.certificate_problem_ = certificate_problem(store, session.host_);
    return ok;
}

int TlsSession::new_session(ssl_st* ssl, ssl_session_st* session) {
    TlsSession& owner = *session_of(ssl);
    SSL_SESSION_free(std::exchange(owner.resumable_, session));
    return 1;  // kept
}

int TlsSession::certificate_asked(ssl_st* ssl, void*) {
    session_of(ssl)->certificate_asked_ = true;
    return 1;
}

}  // namespace squadload::http
