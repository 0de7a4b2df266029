// Who may call: API keys of a service's clients, and the rule that a service without keys listens
// on loopback only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "target/service/headers.h"

namespace squadload::service {

// Takes a time that depends on the lengths alone.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b);

// The key a request shows: "Authorization: Bearer KEY" (RFC 6750 §2.1, the scheme in any case), or
// else x-api-key. Empty when there is none, or when one of the two fields stands there twice.
[[nodiscard]] std::string_view presented_key(const Headers& headers);

// Immutable; any thread.
class ApiKeys {
  public:
    ApiKeys() = default;
    explicit ApiKeys(std::vector<std::string> keys);  // empty ones are left out

    [[nodiscard]] bool empty() const { return keys_.empty(); }
    // Compares with every key, whichever fits. An empty key never fits.
    [[nodiscard]] bool accepts(std::string_view key) const;

  private:
    std::vector<std::string> keys_;
};

// 127.0.0.0/8, ::1, IPv4 mapped into IPv6, "localhost". Anything else, malformed too, is not.
[[nodiscard]] bool is_loopback(std::string_view address);

}  // namespace squadload::service
