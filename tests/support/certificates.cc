#include "support/certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <vector>

#include "base/check.h"

namespace squadload::test_support {
namespace {

constexpr const char* kOurNames = "DNS:localhost,IP:127.0.0.1,IP:::1";
constexpr long kDay = 24 * 60 * 60;

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;

// A certificate and its key: of a server, a client or an authority.
struct Identity {
    Certificate certificate;
    Key key;
};

struct Wanted {
    std::string name = "localhost";
    bool authority = false;
    std::string alternative_names = kOurNames;  // "": none
    std::string extended_usage = "serverAuth";  // "": any
    long from_s = -kDay, until_s = 2 * kDay;    // from now
    Key key{EVP_EC_gen("P-256")};
    const EVP_MD* digest = EVP_sha256();
    bool unknown_extension = false;
};

void add_extension(X509* certificate, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    SQUADLOAD_CHECK(extension != nullptr);
    SQUADLOAD_CHECK(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

void add_unknown_critical_extension(X509* certificate) {
    ASN1_OBJECT* object = OBJ_txt2obj("1.2.3.4.5.6", 1);
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    SQUADLOAD_CHECK(ASN1_OCTET_STRING_set(value, nullptr, 0) == 1);
    X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, object, 1, value);
    SQUADLOAD_CHECK(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
}

// `issuer` null: signed by itself.
Identity make(Wanted wanted, const Identity* issuer) {
    static std::atomic<long> serial{1};
    Identity made{Certificate(X509_new()), std::move(wanted.key)};
    X509* c = made.certificate.get();
    SQUADLOAD_CHECK(c != nullptr && made.key != nullptr);
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), serial.fetch_add(1));
    X509_gmtime_adj(X509_getm_notBefore(c), wanted.from_s);
    X509_gmtime_adj(X509_getm_notAfter(c), wanted.until_s);
    X509_set_pubkey(c, made.key.get());
    const auto* text = reinterpret_cast<const unsigned char*>(wanted.name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8, text, -1, -1, 0);
    X509_set_issuer_name(c, issuer != nullptr ? X509_get_subject_name(issuer->certificate.get())
                                              : X509_get_subject_name(c));
    if (wanted.authority) {
        add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(c, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        add_extension(c, NID_basic_constraints, "critical,CA:FALSE");
        if (!wanted.alternative_names.empty())
            add_extension(c, NID_subject_alt_name, wanted.alternative_names);
        if (!wanted.extended_usage.empty())
            add_extension(c, NID_ext_key_usage, wanted.extended_usage);
    }
    if (wanted.unknown_extension) add_unknown_critical_extension(c);
    EVP_PKEY* signer = issuer != nullptr ? issuer->key.get() : made.key.get();
    SQUADLOAD_CHECK(X509_sign(c, signer, wanted.digest) > 0);
    return made;
}

Identity make_authority(const std::string& name, const Identity* issuer = nullptr,
                        bool rsa = false) {
    Wanted wanted;
    wanted.name = name;
    wanted.authority = true;
    if (rsa) wanted.key.reset(EVP_RSA_gen(2048U));
    return make(std::move(wanted), issuer);
}

Certificate with_broken_signature(const Certificate& whole) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(whole.get(), &der);
    SQUADLOAD_CHECK(size > 0);
    der[size - 1] ^= 1;  // the signature is what comes last
    const unsigned char* at = der;
    Certificate broken(d2i_X509(nullptr, &at, size));
    OPENSSL_free(der);
    SQUADLOAD_CHECK(broken != nullptr);
    return broken;
}

std::FILE* open_new(const std::filesystem::path& path) {
    std::FILE* file = std::fopen(path.c_str(), "wx");
    SQUADLOAD_CHECK(file != nullptr);
    return file;
}

}  // namespace

struct Certificates::Maker {
    // What is shown: the leaf with its key, then the rest of the chain.
    struct Shown {
        Identity leaf;
        std::vector<Certificate> beside;
    };

    std::filesystem::path folder;
    Identity authority = make_authority("squadload test authority");

    [[nodiscard]] Shown show(ServerCertificate kind) const;
    [[nodiscard]] Shown chained(ServerCertificate kind) const;
    [[nodiscard]] CertificateFiles write(const std::string& name, const Shown& shown) const;
};

namespace {

// The kinds that differ from a good leaf in one field.
void change(Wanted& wanted, ServerCertificate kind) {
    switch (kind) {
        case ServerCertificate::expired:
            wanted.from_s = -2 * kDay;
            wanted.until_s = -kDay;
            break;
        case ServerCertificate::not_yet_valid:
            wanted.from_s = kDay;
            break;
        case ServerCertificate::wrong_name:
            wanted.name = "elsewhere.example";
            wanted.alternative_names = "DNS:elsewhere.example";
            break;
        case ServerCertificate::client_only:
            wanted.extended_usage = "clientAuth";
            break;
        case ServerCertificate::weak_key:
            wanted.key.reset(EVP_RSA_gen(1024U));
            break;
        case ServerCertificate::sha1_signature:
            wanted.digest = EVP_sha1();
            break;
        case ServerCertificate::unknown_extension:
            wanted.unknown_extension = true;
            break;
        default:
            break;
    }
}

}  // namespace

Certificates::Maker::Shown Certificates::Maker::show(ServerCertificate kind) const {
    if (kind == ServerCertificate::self_signed) return {make({}, nullptr), {}};
    if (kind == ServerCertificate::unknown_authority) {
        const Identity stranger = make_authority("unknown authority");
        return {make({}, &stranger), {}};
    }
    if (kind == ServerCertificate::md5_signature) {  // there is none with MD5 and EC
        Identity between = make_authority("intermediate", &authority, true);
        Wanted wanted;
        wanted.digest = EVP_md5();
        Shown shown{make(std::move(wanted), &between), {}};
        shown.beside.push_back(std::move(between.certificate));
        return shown;
    }
    if (kind == ServerCertificate::broken_signature) {
        Identity leaf = make({}, &authority);
        leaf.certificate = with_broken_signature(leaf.certificate);
        return {std::move(leaf), {}};
    }
    if (kind == ServerCertificate::issued_by_leaf) {
        Wanted no_authority;
        no_authority.name = "no authority";
        Identity issuer = make(std::move(no_authority), &authority);
        Shown shown{make({}, &issuer), {}};
        shown.beside.push_back(std::move(issuer.certificate));
        return shown;
    }
    Shown chain = chained(kind);
    if (chain.leaf.key != nullptr) return chain;
    Wanted wanted;
    change(wanted, kind);
    return {make(std::move(wanted), &authority), {}};
}

// The kinds that have intermediates; an empty leaf for the others.
Certificates::Maker::Shown Certificates::Maker::chained(ServerCertificate kind) const {
    Shown shown;
    if (kind == ServerCertificate::by_intermediate ||
        kind == ServerCertificate::missing_intermediate) {
        Identity between = make_authority("intermediate", &authority);
        shown.leaf = make({}, &between);
        if (kind == ServerCertificate::by_intermediate)
            shown.beside.push_back(std::move(between.certificate));
    } else if (kind == ServerCertificate::out_of_order) {
        Identity upper = make_authority("upper intermediate", &authority);
        Identity lower = make_authority("lower intermediate", &upper);
        shown.leaf = make({}, &lower);
        shown.beside.push_back(std::move(upper.certificate));
        shown.beside.push_back(make_authority("stranger").certificate);
        shown.beside.push_back(std::move(lower.certificate));
    } else if (kind == ServerCertificate::deep_chain) {
        constexpr int kDepth = 120;
        Identity above = make_authority("intermediate 0", &authority);
        for (int i = 1; i <= kDepth; ++i) {
            Identity below = make_authority("intermediate " + std::to_string(i), &above);
            shown.beside.insert(shown.beside.begin(), std::move(above.certificate));
            above = std::move(below);
        }
        shown.leaf = make({}, &above);
        shown.beside.insert(shown.beside.begin(), std::move(above.certificate));
    } else if (kind == ServerCertificate::huge_chain) {
        constexpr int kHugeBytes = 200'000;
        shown.leaf = make({}, &authority);
        const Certificate stranger = make_authority("stranger").certificate;
        const int each = i2d_X509(stranger.get(), nullptr);
        for (int bytes = 0; bytes < kHugeBytes; bytes += each)
            shown.beside.emplace_back(X509_dup(stranger.get()));
    }
    return shown;
}

CertificateFiles Certificates::Maker::write(const std::string& name, const Shown& shown) const {
    CertificateFiles files{folder / (name + ".pem"), folder / (name + ".key")};
    std::FILE* chain = open_new(files.certificate);
    SQUADLOAD_CHECK(PEM_write_X509(chain, shown.leaf.certificate.get()) == 1);
    for (const Certificate& c : shown.beside) SQUADLOAD_CHECK(PEM_write_X509(chain, c.get()) == 1);
    SQUADLOAD_CHECK(std::fclose(chain) == 0);
    std::FILE* key = open_new(files.key);
    SQUADLOAD_CHECK(PEM_write_PrivateKey(key, shown.leaf.key.get(), nullptr, nullptr, 0, nullptr,
                                         nullptr) == 1);
    SQUADLOAD_CHECK(std::fclose(key) == 0);
    return files;
}

Certificates::Certificates() : maker_(std::make_unique<Maker>()) {
    std::string pattern = std::filesystem::temp_directory_path() / "squadload_certificates.XXXXXX";
    SQUADLOAD_CHECK(mkdtemp(pattern.data()) != nullptr);
    folder_ = maker_->folder = pattern;
    std::FILE* file = open_new(authority());
    SQUADLOAD_CHECK(PEM_write_X509(file, maker_->authority.certificate.get()) == 1);
    SQUADLOAD_CHECK(std::fclose(file) == 0);
}

Certificates::~Certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string Certificates::authority() const {
    return folder_ / "authority.pem";
}

CertificateFiles Certificates::server(ServerCertificate kind) {
    const std::lock_guard lock(mutex_);
    const std::string name = "server_" + std::to_string(static_cast<int>(kind));
    auto& files = made_[name];
    if (files.key.empty()) files = maker_->write(name, maker_->show(kind));
    return files;
}

CertificateFiles Certificates::client() {
    const std::lock_guard lock(mutex_);
    auto& files = made_["client"];
    if (files.key.empty()) {
        Wanted wanted;
        wanted.name = "client";
        wanted.alternative_names.clear();
        wanted.extended_usage = "clientAuth";
        files = maker_->write("client", {make(std::move(wanted), &maker_->authority), {}});
    }
    return files;
}

CertificateFiles Certificates::unknown_client() {
    const std::lock_guard lock(mutex_);
    auto& files = made_["unknown_client"];
    if (files.key.empty()) {
        const Identity stranger = make_authority("unknown authority");
        Wanted wanted;
        wanted.name = "client";
        wanted.extended_usage = "clientAuth";
        files = maker_->write("unknown_client", {make(std::move(wanted), &stranger), {}});
    }
    return files;
}

}  // namespace squadload::test_support
