#include "load/http/tls_words.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

namespace squadload::http {
namespace {

constexpr int kShownNames = 3;
constexpr std::size_t kMaxShownSize = 100;

// As it may stand in a message: certificates are what somebody else wrote.
std::string shown(std::string_view text) {
    std::string out(text.substr(0, kMaxShownSize));
    for (char& c : out) {
        if (c < ' ' || c >= '\x7f') c = '?';
    }
    return text.size() > kMaxShownSize ? out + "..." : out;
}

std::string day(const ASN1_TIME* time) {
    std::tm tm{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &tm) != 1) return "an unknown day";
    return fmt::format("{:04}-{:02}-{:02}", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

std::string common_name(const X509_NAME* name) {
    std::array<char, 256> text{};
    const int size = X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), text.size());
    if (size > 0) return shown({text.data(), static_cast<std::size_t>(size)});
    return X509_NAME_oneline(name, text.data(), text.size()) != nullptr && text[0] != '\0'
               ? shown(text.data())
               : "an unnamed authority";
}

std::string address_text(const ASN1_OCTET_STRING* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ASN1_STRING_length(address) != 16) return "?";
    return inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size());
}

// "a.example, b.example and 3 more": whom the certificate is for.
std::string names_of(const X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        &GENERAL_NAMES_free);
    std::string out;
    int count = 0;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        const bool is_name = name->type == GEN_DNS;
        if (!is_name && name->type != GEN_IPADD) continue;
        if (++count > kShownNames) continue;
        if (count > 1) out += ", ";
        if (is_name) {
            const auto* text = name->d.dNSName;
            out += shown({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                          static_cast<std::size_t>(ASN1_STRING_length(text))});
        } else {
            out += address_text(name->d.iPAddress);
        }
    }
    if (count > kShownNames) out += fmt::format(" and {} more", count - kShownNames);
    return out.empty() ? "no name" : out;
}

}  // namespace

std::string certificate_problem(x509_store_ctx_st* store, const std::string& name) {
    const int error = X509_STORE_CTX_get_error(store);
    const X509* certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate == nullptr) return X509_verify_cert_error_string(error);
    const std::string which = X509_STORE_CTX_get_error_depth(store) == 0
                                  ? "the certificate"
                                  : fmt::format("the authority's certificate ({})",
                                                common_name(X509_get_subject_name(certificate)));
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return fmt::format("{} expired on {}", which, day(X509_get0_notAfter(certificate)));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return fmt::format("{} is not valid before {}", which,
                               day(X509_get0_notBefore(certificate)));
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "the certificate is self-signed";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return fmt::format("the certificate's authority is unknown: {}",
                               common_name(X509_get_issuer_name(certificate)));
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format("the certificate is for {}, not {}", names_of(certificate), name);
        default:
            return fmt::format("{} is not acceptable: {}", which,
                               X509_verify_cert_error_string(error));
    }
}

unsigned long take_error() {
    const unsigned long first = ERR_get_error();
    // What a cipher says of a record matters less than what TLS makes of it.
    for (unsigned long error = first; error != 0; error = ERR_get_error()) {
        if (ERR_GET_LIB(error) != ERR_LIB_SSL) continue;
        ERR_clear_error();
        return error;
    }
    return first;
}

int alert_of(unsigned long error) {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return -1;
    const int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    return alert >= 0 && alert <= 255 ? alert : -1;
}

std::string alert_name(int alert) {
    switch (alert) {  // of RFC 8446, but unknown to this version of the library by name
        case SSL_AD_INAPPROPRIATE_FALLBACK:
            return "inappropriate fallback";
        case SSL_AD_MISSING_EXTENSION:
            return "missing extension";
        case SSL_AD_CERTIFICATE_REQUIRED:
            return "certificate required";
        default:
            break;
    }
    std::string name = SSL_alert_desc_string_long(alert);
    std::replace(name.begin(), name.end(), '_', ' ');
    return name == "unknown" ? fmt::format("number {}", alert) : name;
}

std::string reason(unsigned long error) {
    const char* text = ERR_reason_error_string(error);
    return text == nullptr ? "unknown error" : text;
}

}  // namespace squadload::http
