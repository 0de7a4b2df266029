// Socket addresses and name resolution.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace squadload::transport {

// An IPv4 or IPv6 address with port. A value.
class Address {
  public:
    Address() = default;
    Address(const sockaddr* address, socklen_t length);
    // Numeric only: "127.0.0.1", "::1", "fe80::1%eth0", without brackets. Error kind config.
    [[nodiscard]] static Result<Address> parse(const std::string& ip, std::uint16_t port);

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(storage_.data());
    }
    [[nodiscard]] socklen_t size() const { return length_; }
    [[nodiscard]] int family() const;  // AF_INET, AF_INET6; AF_UNSPEC when default made
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] Address with_port(std::uint16_t port) const;
    [[nodiscard]] std::string ip() const;    // "127.0.0.1", "::1", "fe80::1%eth0"
    [[nodiscard]] std::string text() const;  // "127.0.0.1:80", "[::1]:80"; "none" when default made

    [[nodiscard]] bool operator==(const Address& other) const;  // family, address, port, scope

  private:
    // Not a sockaddr_storage: every connection keeps one, and that has 128 bytes.
    alignas(sockaddr_in6) std::array<std::byte, sizeof(sockaddr_in6)> storage_{};
    socklen_t length_ = 0;
};

// Blocking getaddrinfo for stream sockets, in the system's order of preference, each address once.
// Before a run only. Error kind unreachable: a sentence naming the host.
[[nodiscard]] Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port);

// Tries to connect (and closes again) within `timeout_ms` to each address in turn; returns the
// first that accepts. Blocking; the preflight. Error kind unreachable, naming each address tried
// and the reason in words; kind resources when no socket could be made.
[[nodiscard]] Result<Address> probe(const std::vector<Address>& addresses, std::int64_t timeout_ms);

// Whether a connection can start from that local address. 0 or errno: EADDRNOTAVAIL when it is not
// one of this machine.
[[nodiscard]] int try_source(const Address& source);

}  // namespace squadload::transport
