// The certificates are what they claim to be, asked of OpenSSL's own verification.
#include "support/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>

namespace squadload::test_support {
namespace {

// The reason OpenSSL gives for refusing the chain as that of a TLS server 127.0.0.1; "ok".
std::string judged(const Certificates& made, const CertificateFiles& files) {
    X509_STORE* store = X509_STORE_new();
    EXPECT_EQ(X509_STORE_load_file(store, made.authority().c_str()), 1);
    STACK_OF(X509)* chain = sk_X509_new_null();
    std::FILE* file = std::fopen(files.certificate.c_str(), "r");
    X509* leaf = PEM_read_X509(file, nullptr, nullptr, nullptr);
    while (X509* next = PEM_read_X509(file, nullptr, nullptr, nullptr)) sk_X509_push(chain, next);
    static_cast<void>(std::fclose(file));
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf, chain);
    X509_STORE_CTX_set_default(context, "ssl_server");
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set1_ip_asc(param, "127.0.0.1");
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    X509_verify_cert(context);
    const std::string text = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
    X509_STORE_CTX_free(context);
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    X509_STORE_free(store);
    return text;
}

TEST(Certificates, EachIsBadInItsOwnWay) {
    using enum ServerCertificate;
    const std::pair<ServerCertificate, const char*> cases[] = {
        {good, "ok"},
        {by_intermediate, "ok"},
        {out_of_order, "ok"},
        {huge_chain, "ok"},
        {expired, "certificate has expired"},
        {not_yet_valid, "certificate is not yet valid"},
        {wrong_name, "IP address mismatch"},
        {self_signed, "self-signed certificate"},
        {unknown_authority, "unable to get local issuer certificate"},
        {missing_intermediate, "unable to get local issuer certificate"},
        {issued_by_leaf, "invalid CA certificate"},
        {client_only, "unsuitable certificate purpose"},
        {weak_key, "EE certificate key too weak"},
        {md5_signature, "CA signature digest algorithm too weak"},
        {sha1_signature, "CA signature digest algorithm too weak"},
        {broken_signature, "certificate signature failure"},
        {deep_chain, "certificate chain too long"},
        {unknown_extension, "unhandled critical extension"},
    };
    EXPECT_EQ(std::size(cases), static_cast<std::size_t>(kLastServerCertificate) + 1);
    Certificates made;
    for (const auto& [kind, text] : cases) {
        EXPECT_THAT(judged(made, made.server(kind)), ::testing::HasSubstr(text))
            << static_cast<int>(kind);
    }
}

TEST(Certificates, TheKeyFitsTheLeafAndAClientsIsNoServers) {
    Certificates made;
    for (const auto& files : {made.server(), made.client(), made.unknown_client()}) {
        SSL_CTX* context = SSL_CTX_new(TLS_server_method());
        EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()), 1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM), 1);
        EXPECT_EQ(SSL_CTX_check_private_key(context), 1);
        SSL_CTX_free(context);
    }
    EXPECT_NE(judged(made, made.client()), "ok");
    EXPECT_EQ(made.server().key, made.server().key) << "made once";
}

TEST(Certificates, TheFolderGoesWithTheObject) {
    std::filesystem::path folder;
    {
        Certificates made;
        static_cast<void>(made.server());
        folder = made.folder();
        EXPECT_TRUE(std::filesystem::exists(folder));
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace squadload::test_support
