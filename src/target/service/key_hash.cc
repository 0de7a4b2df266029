#include "target/service/key_hash.h"

#include <openssl/sha.h>

#include <array>
#include <utility>

namespace squadload::service {

std::string key_hash(std::string_view key) {
    if (key.empty()) return {};
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < 6; ++i) {
        text += kHex[digest[i] >> 4];
        text += kHex[digest[i] & 15];
    }
    return text;
}

const std::string& KeyHashes::of(std::string_view key) {
    std::string name(key);
    if (const auto found = known_.find(name); found != known_.end()) return found->second;
    if (known_.size() >= kMost) known_.clear();
    std::string hash = key_hash(name);
    return known_.emplace(std::move(name), std::move(hash)).first->second;
}

}  // namespace squadload::service
