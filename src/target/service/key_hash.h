// API keys are never logged or shown: what stands in logs and tells quotas apart is the beginning
// of their SHA-256, the same at the gateway and at the simulated providers.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace squadload::service {

// First 12 hex digits of SHA-256 (FIPS 180-4); "" for "".
[[nodiscard]] std::string key_hash(std::string_view key);

// The same, remembering the last few hundred keys, in memory alone. One thread.
class KeyHashes {
  public:
    // Valid until the next call.
    [[nodiscard]] const std::string& of(std::string_view key);

  private:
    static constexpr std::size_t kMost = 512;
    std::unordered_map<std::string, std::string> known_;
};

}  // namespace squadload::service
