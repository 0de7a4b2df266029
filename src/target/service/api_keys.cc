#include "target/service/api_keys.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace squadload::service {

bool constant_time_equal(std::string_view a, std::string_view b) {
    // Volatile, so that no compiler may stop at the first difference.
    volatile unsigned difference = a.size() == b.size() ? 0U : 1U;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const char other = b.empty() ? '\0' : b[i % b.size()];
        difference = difference | static_cast<unsigned char>(a[i] ^ other);
    }
    return difference == 0;
}

std::string_view presented_key(const Headers& headers) {
    if (headers.count("authorization") > 1 || headers.count("x-api-key") > 1) return {};
    constexpr std::string_view kScheme = "bearer";
    auto value = headers.get("authorization");
    if (value.size() > kScheme.size() && value[kScheme.size()] == ' ' &&
        equal_ignoring_case(value.substr(0, kScheme.size()), kScheme)) {
        value.remove_prefix(kScheme.size());
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        // Not followed by a space: a token has none.
        return value.find(' ') == std::string_view::npos ? value : std::string_view{};
    }
    return headers.get("x-api-key");
}

ApiKeys::ApiKeys(std::vector<std::string> keys) : keys_(std::move(keys)) {
    std::erase_if(keys_, [](const std::string& key) { return key.empty(); });
}

bool ApiKeys::accepts(std::string_view key) const {
    bool accepted = false;
    for (const auto& known : keys_) {
        const bool same = constant_time_equal(key, known);
        accepted = accepted || same;
    }
    return accepted;
}

bool is_loopback(std::string_view address) {
    if (equal_ignoring_case(address, "localhost")) return true;
    boost::system::error_code error;
    const auto parsed = boost::asio::ip::make_address(std::string(address), error);
    if (error) return false;
    if (parsed.is_v6() && parsed.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, parsed.to_v6())
            .is_loopback();
    return parsed.is_loopback();
}

}  // namespace squadload::service
