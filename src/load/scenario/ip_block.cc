#include "load/scenario/ip_block.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace squadload::scenario {
namespace {

// An address as its bytes, most significant first.
struct Ip {
    int family = AF_INET;
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] std::size_t size() const { return family == AF_INET ? 4 : 16; }
    [[nodiscard]] unsigned bits() const { return static_cast<unsigned>(size()) * 8; }
    [[nodiscard]] bool bit(unsigned number) const {
        return (bytes[number / 8] & (0x80U >> number % 8)) != 0;
    }
    [[nodiscard]] std::string text() const {
        std::array<char, INET6_ADDRSTRLEN> buffer{};
        ::inet_ntop(family, bytes.data(), buffer.data(), buffer.size());
        return buffer.data();
    }
    void add(std::size_t n) {  // without carry out of the block
        for (std::size_t i = size(); n > 0 && i-- > 0;) {
            n += bytes[i];
            bytes[i] = static_cast<std::uint8_t>(n & 0xff);
            n >>= 8;
        }
    }
};

std::optional<Ip> read_ip(const std::string& text) {
    Ip ip;
    if (::inet_pton(AF_INET, text.c_str(), ip.bytes.data()) == 1) return ip;
    ip.family = AF_INET6;
    if (::inet_pton(AF_INET6, text.c_str(), ip.bytes.data()) == 1) return ip;
    return std::nullopt;
}

}  // namespace

Result<std::vector<std::string>> ip_block(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return fail(ErrorKind::config, fmt::format("'{}' {}", text, why));
    };
    const std::size_t slash = text.find('/');
    const auto first = read_ip(std::string(text.substr(0, slash)));
    if (!first) return bad("is not an IP address or a block such as 127.0.0.0/28");
    if (slash == std::string_view::npos) return std::vector{first->text()};

    const std::string_view digits = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc{} || end != digits.data() + digits.size() || prefix > first->bits())
        return bad(fmt::format("is not a block: its prefix is a number up to {}", first->bits()));
    for (unsigned i = prefix; i < first->bits(); ++i) {
        if (first->bit(i)) return bad("is not a block: bits are set behind its prefix");
    }
    const unsigned host_bits = first->bits() - prefix;
    if (host_bits > 16) return bad(fmt::format("has more than {} addresses", kMaxIpBlock));

    const std::size_t count = std::size_t{1} << host_bits;
    const std::size_t skipped = host_bits >= 2 ? 1 : 0;
    const std::size_t last = count - (first->family == AF_INET ? skipped : 0);
    std::vector<std::string> all;
    all.reserve(last - skipped);
    for (std::size_t i = skipped; i < last; ++i) {
        Ip ip = *first;
        ip.add(i);
        all.push_back(ip.text());
    }
    return all;
}

}  // namespace squadload::scenario
