#include "support/record_sealer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/check.h"

namespace squadload::test_support {
namespace {

constexpr std::size_t kTagSize = 16;

std::string hmac(std::string_view key, std::string_view text) {
    std::array<unsigned char, 32> out{};
    unsigned size = 0;
    SQUADLOAD_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                         out.data(), &size) != nullptr);
    return {reinterpret_cast<const char*>(out.data()), size};
}

std::string big_endian(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xff);
    return out;
}

// HKDF-Expand-Label of at most 32 bytes without a context (RFC 8446 §7.1).
std::string expand_label(std::string_view secret, std::string_view label, std::size_t size) {
    const std::string full = "tls13 " + std::string(label);
    const std::string info =
        big_endian(size, 2) + big_endian(full.size(), 1) + full + std::string(1, '\0') + '\x01';
    return hmac(secret, info).substr(0, size);
}

std::string aes_128_gcm(const std::string& key, const std::string& nonce,
                        const std::string& additional, const std::string& plain) {
    const auto bytes = [](const std::string& s) {
        return reinterpret_cast<const unsigned char*>(s.data());
    };
    std::string out(plain.size() + kTagSize, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    int size = 0;
    SQUADLOAD_CHECK(
        EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, bytes(key), bytes(nonce)) == 1);
    EVP_EncryptUpdate(context, nullptr, &size, bytes(additional),
                      static_cast<int>(additional.size()));
    EVP_EncryptUpdate(context, to, &size, bytes(plain), static_cast<int>(plain.size()));
    EVP_EncryptFinal_ex(context, to + size, &size);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTagSize, to + plain.size());
    EVP_CIPHER_CTX_free(context);
    return out;
}

}  // namespace

RecordSealer RecordSealer::tls_1_3(std::string_view secret) {
    RecordSealer sealer;
    sealer.secret_ = secret;
    sealer.derive();
    return sealer;
}

void RecordSealer::derive() {
    key_ = expand_label(secret_, "key", 16);
    iv_ = expand_label(secret_, "iv", 12);
    sequence_ = 0;
}

void RecordSealer::update_key() {
    secret_ = expand_label(secret_, "traffic upd", 32);
    derive();
}

RecordSealer RecordSealer::tls_1_2(std::string_view master, std::string_view client_random,
                                   std::string_view server_random) {
    const std::string seed =
        "key expansion" + std::string(server_random) + std::string(client_random);
    std::string block, a = seed;  // P_SHA256 (RFC 5246 §5)
    while (block.size() < 40) {   // client key, server key, client iv, server iv
        a = hmac(master, a);
        block += hmac(master, a + seed);
    }
    RecordSealer sealer;
    sealer.tls_1_3_ = false;
    sealer.key_ = block.substr(16, 16);
    sealer.iv_ = block.substr(36, 4);
    sealer.sequence_ = 1;
    return sealer;
}

std::string RecordSealer::seal(std::uint8_t type, std::string_view content) {
    const std::string number = big_endian(sequence_++, 8);
    if (!tls_1_3_) {
        const std::string start = std::string(1, static_cast<char>(type)) + "\x03\x03";
        return start + big_endian(content.size() + 8 + kTagSize, 2) + number +
               aes_128_gcm(key_, iv_ + number, number + start + big_endian(content.size(), 2),
                           std::string(content));
    }
    std::string nonce = iv_;
    for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<char>(nonce[4 + i] ^ number[i]);
    const std::string inner = std::string(content) + static_cast<char>(type);
    const std::string start = "\x17\x03\x03" + big_endian(inner.size() + kTagSize, 2);
    return start + aes_128_gcm(key_, nonce, start, inner);
}

}  // namespace squadload::test_support
