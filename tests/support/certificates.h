// Certificates for tests, good and bad, made when they are asked for, in a private temporary folder
// that goes with the object. Keys are EC P-256 unless said otherwise. Revocation is not covered:
// squadload checks none.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace squadload::test_support {

struct CertificateFiles {
    std::string certificate;  // PEM: the leaf, then what is sent beside it, in this order
    std::string key;          // PEM
};

// What a server shows. The first group is what a client that trusts authority() has to accept.
enum class ServerCertificate {
    good,             // for localhost, 127.0.0.1 and ::1, signed by the authority
    by_intermediate,  // with the intermediate beside it
    out_of_order,     // two intermediates in the wrong order, and a stranger between them

    expired,
    not_yet_valid,
    wrong_name,  // for elsewhere.example only
    self_signed,
    unknown_authority,
    missing_intermediate,
    issued_by_leaf,     // the issuer, sent along, is no authority
    client_only,        // extended key usage clientAuth
    weak_key,           // RSA, 1,024 bits
    md5_signature,      // the leaf, signed with MD5 by an intermediate with an RSA key
    sha1_signature,     // the leaf, signed by the authority with SHA-1
    broken_signature,   // one bit of it flipped
    deep_chain,         // 120 intermediates, each signed by the one before
    huge_chain,         // a good leaf with 200 kB of strangers beside it
    unknown_extension,  // a critical extension nobody knows
};
inline constexpr auto kLastServerCertificate = ServerCertificate::unknown_extension;

class Certificates {
  public:
    Certificates();
    ~Certificates();
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;

    // Any thread. Made at the first call, the same files from then on.
    [[nodiscard]] CertificateFiles server(ServerCertificate kind = ServerCertificate::good);
    [[nodiscard]] CertificateFiles client();          // for client authentication, by authority()
    [[nodiscard]] CertificateFiles unknown_client();  // by another authority
    [[nodiscard]] std::string authority() const;      // PEM file of the certificate to trust
    [[nodiscard]] std::filesystem::path folder() const { return folder_; }

  private:
    struct Maker;

    std::filesystem::path folder_;
    std::unique_ptr<Maker> maker_;
    std::mutex mutex_;
    std::map<std::string, CertificateFiles> made_;  // by name
};

}  // namespace squadload::test_support
