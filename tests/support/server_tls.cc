#include "support/server_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

#include "base/check.h"

namespace squadload::test_support {
namespace {

constexpr std::uint8_t kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kData = 23,
                       kUnknownType = 99;
constexpr std::size_t kMaxRecord = 16 * 1024;
constexpr char kKeyUpdate = 24;  // handshake message

int wire_version(TlsVersion version) {
    return TLS1_VERSION + static_cast<int>(version);
}

int refuse_name(SSL*, int* alert, void*) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char*,
                    unsigned, void* wanted) {
    const auto& name = *static_cast<const std::string*>(wanted);
    *chosen = reinterpret_cast<const unsigned char*>(name.data());
    *size = static_cast<unsigned char>(name.size());
    return SSL_TLSEXT_ERR_OK;
}

std::string unhex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    return bytes;
}

// A line of the key log: label, client random, secret.
void log_secret(const SSL* session, const char* line) {
    const std::string_view text(line);
    if (!text.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
    static_cast<ServerTls*>(SSL_get_app_data(session))
        ->remember_secret(unhex(text.substr(text.rfind(' ') + 1)));
}

std::uint8_t type_of(As as) {
    switch (as) {
        case As::alert:
            return kAlert;
        case As::handshake:
            return kHandshake;
        case As::change_cipher_spec:
            return kChangeCipherSpec;
        case As::unknown_type:
            return kUnknownType;
        default:
            return kData;
    }
}

}  // namespace

TlsContext::TlsContext(TlsServerOptions options)
    : options_(std::move(options)), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX* c = context_;
    SQUADLOAD_CHECK(c != nullptr);
    SSL_CTX_set_security_level(c, 0);  // so that weak certificates and old versions can be shown
    SSL_CTX_set_min_proto_version(c, wire_version(options_.min));
    SSL_CTX_set_max_proto_version(c, wire_version(options_.max));
    SSL_CTX_set_max_cert_list(c, 1024 * 1024);
    SQUADLOAD_CHECK(
        SSL_CTX_use_certificate_chain_file(c, options_.certificate.certificate.c_str()) == 1);
    SQUADLOAD_CHECK(
        SSL_CTX_use_PrivateKey_file(c, options_.certificate.key.c_str(), SSL_FILETYPE_PEM) == 1);
    SSL_CTX_set_mode(c, SSL_MODE_NO_AUTO_CHAIN);
    if (!options_.client_authority.empty()) {
        SQUADLOAD_CHECK(SSL_CTX_load_verify_file(c, options_.client_authority.c_str()) == 1);
        SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    const std::string_view id = "squadload tests";
    SSL_CTX_set_session_id_context(c, reinterpret_cast<const unsigned char*>(id.data()),
                                   static_cast<unsigned>(id.size()));
    if (!options_.tickets || options_.own_records) {
        SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(c, 0);
    }
    if (options_.own_records) {
        SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256");
        SSL_CTX_set_cipher_list(c, "ECDHE-ECDSA-AES128-GCM-SHA256");
        SSL_CTX_set_keylog_callback(c, log_secret);
    }
    if (options_.refuse_name)  // what OpenSSL's macro does, without its cast
        SSL_CTX_callback_ctrl(c, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                              reinterpret_cast<void (*)()>(refuse_name));
    if (!options_.alpn.empty()) SSL_CTX_set_alpn_select_cb(c, choose_protocol, &options_.alpn);
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

ServerTls::ServerTls(const TlsContext& context, std::uint64_t connection)
    : options_(context.options()), session_(SSL_new(context.get())), connection_(connection) {
    SQUADLOAD_CHECK(session_ != nullptr);
    SSL_set_app_data(session_, this);
    SSL_set_bio(session_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(session_);
}

ServerTls::~ServerTls() {
    SSL_free(session_);
}

bool ServerTls::ready() const {
    return SSL_is_init_finished(session_) == 1;
}

bool ServerTls::feed(std::string_view bytes, std::string& plain) {
    BIO_write(SSL_get_rbio(session_), bytes.data(), static_cast<int>(bytes.size()));
    std::array<char, kMaxRecord> part;
    while (true) {
        ERR_clear_error();  // of other sessions on this thread
        const int size = SSL_read(session_, part.data(), static_cast<int>(part.size()));
        if (size <= 0) return SSL_get_error(session_, size) == SSL_ERROR_WANT_READ;
        plain.append(part.data(), static_cast<std::size_t>(size));
    }
}

void ServerTls::write(std::string_view bytes, As as) {
    if (as == As::beneath) {
        beside_.emplace_back(bytes);
    } else if (as == As::data && options_.own_records) {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kMaxRecord)))
            write_record(bytes.substr(0, kMaxRecord), as);
    } else if (as == As::data) {
        if (!bytes.empty()) SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()));
    } else {
        write_record(bytes, as);
    }
}

void ServerTls::write_record(std::string_view bytes, As as) {
    SQUADLOAD_CHECK(options_.own_records);
    if (!sealer_) sealer_ = make_sealer();
    std::string record = sealer_->seal(type_of(as), bytes);
    if (as == As::bad_mac) record.back() = static_cast<char>(record.back() ^ 1);
    if (as == As::handshake && !bytes.empty() && bytes.front() == kKeyUpdate) sealer_->update_key();
    beside_.push_back(std::move(record));
}

RecordSealer ServerTls::make_sealer() const {
    if (SSL_version(session_) == TLS1_3_VERSION) return RecordSealer::tls_1_3(secret_);
    std::array<unsigned char, SSL_MAX_MASTER_KEY_LENGTH> master{};
    std::array<unsigned char, SSL3_RANDOM_SIZE> client{}, server{};
    const auto view = [](const auto& bytes, std::size_t size) {
        return std::string_view(reinterpret_cast<const char*>(bytes.data()), size);
    };
    const std::size_t size =
        SSL_SESSION_get_master_key(SSL_get_session(session_), master.data(), master.size());
    SSL_get_client_random(session_, client.data(), client.size());
    SSL_get_server_random(session_, server.data(), server.size());
    return RecordSealer::tls_1_2(view(master, size), view(client, client.size()),
                                 view(server, server.size()));
}

void ServerTls::end() {
    if (options_.own_records && ready()) {
        write_record(std::string("\x01\x00", 2), As::alert);
    } else {
        SSL_shutdown(session_);
    }
}

Then ServerTls::take(std::deque<std::string>& segments) {
    Then then = Then::keep_open;
    char* data = nullptr;
    BIO* out = SSL_get_wbio(session_);
    const long size = BIO_get_mem_data(out, &data);
    if (size > 0) {
        std::string bytes(data, static_cast<std::size_t>(size));
        static_cast<void>(BIO_reset(out));
        if (options_.tamper) {
            Tampered sent =
                options_.tamper({connection_, flights_, !handshake_sent_, std::move(bytes)});
            for (std::string& segment : sent.segments) segments.push_back(std::move(segment));
            then = sent.then;
        } else {
            segments.push_back(std::move(bytes));
        }
        ++flights_;
    }
    handshake_sent_ = ready();
    for (std::string& bytes : beside_) segments.push_back(std::move(bytes));
    beside_.clear();
    return then;
}

}  // namespace squadload::test_support
