#include "load/http/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fstream>

#include "support/certificates.h"

namespace squadload::http {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TlsContextFiles : public ::testing::Test {
  protected:
    std::string refused(const scenario::TlsSettings& settings) {
        const auto made = TlsContext::make(settings);
        EXPECT_FALSE(made);
        if (made) return "";
        EXPECT_EQ(made.error().kind, ErrorKind::config);
        return made.error().text();
    }
    std::string write(const std::string& name, const std::string& text) {
        const auto path = certificates_.folder() / name;
        std::ofstream(path) << text;
        return path;
    }

    test_support::Certificates certificates_;
};

TEST_F(TlsContextFiles, GoodOnesAreTaken) {
    scenario::TlsSettings settings;
    EXPECT_TRUE(TlsContext::make(settings));
    settings.ca_file = certificates_.authority();
    settings.certificate_file = certificates_.client().certificate;
    settings.key_file = certificates_.client().key;
    settings.session_reuse = true;
    EXPECT_TRUE(TlsContext::make(settings));
    settings.verify = false;
    settings.min_version = "1.3";
    EXPECT_TRUE(TlsContext::make(settings));
}

TEST_F(TlsContextFiles, WhatIsWrongIsSaidAtItsPlace) {
    scenario::TlsSettings settings;
    settings.ca_file = "/nowhere/ca.pem";
    settings.ca_mark = {"my.yaml", 4, 7};
    EXPECT_EQ(refused(settings),
              "my.yaml:4:7: cannot read /nowhere/ca.pem: No such file or directory");
    settings.ca_mark = {"--ca-file", 0, 0};
    EXPECT_THAT(refused(settings), StartsWith("--ca-file: cannot read "));
    settings.ca_file = certificates_.folder();
    EXPECT_THAT(refused(settings), HasSubstr("Is a directory"));
    for (const std::string text : {"", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"}) {
        settings.ca_file = write("mine_ca.pem", text);
        EXPECT_THAT(refused(settings), HasSubstr("holds no certificate of an authority"));
    }

    settings = {};
    settings.certificate_file = "/nowhere/client.pem";
    EXPECT_THAT(refused(settings), HasSubstr("cannot read /nowhere/client.pem"));
    settings.certificate_file = write("mine.pem", "x");
    EXPECT_THAT(refused(settings), HasSubstr("holds no certificate (PEM)"));
    settings.certificate_file = certificates_.client().certificate;
    EXPECT_THAT(refused(settings), HasSubstr("holds no private key"))
        << "it is looked for beside the certificate";
    settings.key_file = "/nowhere/key.pem";
    EXPECT_THAT(refused(settings), HasSubstr("cannot read /nowhere/key.pem"));
    settings.key_file = certificates_.unknown_client().key;
    EXPECT_THAT(refused(settings), HasSubstr("does not belong to the certificate in"));

    settings = {};
    settings.key_file = certificates_.client().key;
    EXPECT_THAT(refused(settings), HasSubstr("has no certificate; name its file, too"));
}

TEST_F(TlsContextFiles, AnEncryptedKeyAsksNobody) {
    const std::string path = certificates_.folder() / "encrypted.pem";
    std::FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    unsigned char password[] = "secret";
    EXPECT_EQ(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), password, 6, nullptr, nullptr), 1);
    EVP_PKEY_free(key);
    std::fclose(file);
    scenario::TlsSettings settings;
    settings.certificate_file = certificates_.client().certificate;
    settings.key_file = path;
    EXPECT_THAT(refused(settings), HasSubstr("without a password"));
}

TEST_F(TlsContextFiles, VersionsAreKnownAndInOrder) {
    scenario::TlsSettings settings;
    settings.min_version = "1.1";
    EXPECT_THAT(refused(settings), HasSubstr("TLS 1.1 is not known; use 1.2 or 1.3"));
    settings.min_version = "1.3";
    settings.max_version = "1.2";
    EXPECT_THAT(refused(settings), HasSubstr("min_version is above"));
}

}  // namespace
}  // namespace squadload::http
