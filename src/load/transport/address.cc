#include "load/transport/address.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/time.h"
#include "load/transport/socket.h"

namespace squadload::transport {

namespace {

// Copies, because sockaddr_storage may not be read through a pointer to another type.
sockaddr_in ipv4(const sockaddr* address) {
    sockaddr_in copy{};
    std::memcpy(&copy, address, sizeof copy);
    return copy;
}
sockaddr_in6 ipv6(const sockaddr* address) {
    sockaddr_in6 copy{};
    std::memcpy(&copy, address, sizeof copy);
    return copy;
}

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

// getaddrinfo; `code` is its result. The list is empty when that is not 0.
AddressList look_up(const std::string& host, std::uint16_t port, int flags, int& code) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    return {code == 0 ? list : nullptr, &::freeaddrinfo};
}

std::string lookup_words(int code) {
    if (code == EAI_SYSTEM) return error_words(errno);
    if (code == EAI_NONAME) return "name or service not known";
    return ::gai_strerror(code);
}

int wait_connected(int fd, MonoTime deadline) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - mono_now()).count();
        if (left <= 0) return ETIMEDOUT;
        pollfd entry{fd, POLLOUT, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        if (ready < 0 && errno != EINTR) return errno;
        if (ready <= 0) continue;
        int error = 0;
        socklen_t size = sizeof error;
        if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
        return error == 0 && connected_to_itself(fd) ? ECONNREFUSED : error;
    }
}

// 0 or errno.
int try_connect(int fd, const Address& address, Nanos timeout) {
    const MonoTime deadline = mono_now() + timeout;
    if (::connect(fd, address.get(), address.size()) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        return errno;
    }
    return wait_connected(fd, deadline);
}

}  // namespace

Address::Address(const sockaddr* address, socklen_t length) : length_(length) {
    SQUADLOAD_CHECK(length <= storage_.size());
    std::memcpy(storage_.data(), address, length);
}

int Address::family() const {
    sa_family_t family = AF_UNSPEC;
    std::memcpy(&family, storage_.data() + offsetof(sockaddr, sa_family), sizeof family);
    return family;
}

Result<Address> Address::parse(const std::string& ip, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
        return Address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
    }
    // getaddrinfo, unlike inet_pton, reads scopes, but would also take the old forms of IPv4
    // ("127.1").
    if (ip.find(':') != std::string::npos) {
        int code = 0;
        const AddressList list = look_up(ip, port, AI_NUMERICHOST, code);
        if (list) return Address(list->ai_addr, list->ai_addrlen);
    }
    return fail(ErrorKind::config, fmt::format("'{}' is not an IPv4 or IPv6 address", ip));
}

std::uint16_t Address::port() const {
    if (family() == AF_INET) return ntohs(ipv4(get()).sin_port);
    if (family() == AF_INET6) return ntohs(ipv6(get()).sin6_port);
    return 0;
}

Address Address::with_port(std::uint16_t port) const {
    Address result = *this;
    const in_port_t wanted = htons(port);
    if (family() == AF_INET) {
        std::memcpy(result.storage_.data() + offsetof(sockaddr_in, sin_port), &wanted,
                    sizeof wanted);
    } else if (family() == AF_INET6) {
        std::memcpy(result.storage_.data() + offsetof(sockaddr_in6, sin6_port), &wanted,
                    sizeof wanted);
    }
    return result;
}

std::string Address::ip() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (family() == AF_INET) {
        const sockaddr_in v4 = ipv4(get());
        ::inet_ntop(AF_INET, &v4.sin_addr, buffer.data(), buffer.size());
        return buffer.data();
    }
    if (family() != AF_INET6) return "none";
    const sockaddr_in6 v6 = ipv6(get());
    ::inet_ntop(AF_INET6, &v6.sin6_addr, buffer.data(), buffer.size());
    const std::uint32_t scope = v6.sin6_scope_id;
    if (scope == 0) return buffer.data();
    std::array<char, IF_NAMESIZE> name{};
    const std::string zone =
        ::if_indextoname(scope, name.data()) != nullptr ? name.data() : std::to_string(scope);
    return fmt::format("{}%{}", buffer.data(), zone);
}

std::string Address::text() const {
    if (family() == AF_INET) return fmt::format("{}:{}", ip(), port());
    return family() == AF_INET6 ? fmt::format("[{}]:{}", ip(), port()) : "none";
}

bool Address::operator==(const Address& other) const {
    if (family() != other.family() || port() != other.port()) return false;
    if (family() == AF_INET)
        return ipv4(get()).sin_addr.s_addr == ipv4(other.get()).sin_addr.s_addr;
    if (family() != AF_INET6) return true;
    const sockaddr_in6 mine = ipv6(get());
    const sockaddr_in6 theirs = ipv6(other.get());
    return std::memcmp(&mine.sin6_addr, &theirs.sin6_addr, sizeof mine.sin6_addr) == 0 &&
           mine.sin6_scope_id == theirs.sin6_scope_id;
}

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port) {
    if (host.empty() || host.find('\0') != std::string::npos) {
        return fail(ErrorKind::unreachable, fmt::format("'{}' is not a host name", host.c_str()));
    }
    int code = 0;
    const AddressList list = look_up(host, port, 0, code);
    if (!list) {
        return fail(ErrorKind::unreachable,
                    fmt::format("cannot resolve host '{}': {}", host, lookup_words(code)));
    }
    std::vector<Address> found;
    for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
        const Address address(entry->ai_addr, entry->ai_addrlen);
        if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
    }
    return found;
}

Result<Address> probe(const std::vector<Address>& addresses, std::int64_t timeout_ms) {
    std::string reasons;
    for (const Address& address : addresses) {
        const int fd = open_stream_socket(address.family());
        int error = 0;
        if (fd < 0) {
            error = errno;
            if (error == EMFILE || error == ENFILE) {
                return fail(ErrorKind::resources,
                            fmt::format("cannot open a socket: {}", error_words(error)));
            }
        } else {
            error = try_connect(fd, address, std::chrono::milliseconds{timeout_ms});
            ::close(fd);
            if (error == 0) return address;
        }
        const std::string words = error == ETIMEDOUT
                                      ? fmt::format("no answer within {} ms", timeout_ms)
                                      : error_words(error);
        reasons += fmt::format("{}{} ({})", reasons.empty() ? "" : ", ", address.text(), words);
    }
    if (addresses.empty()) return fail(ErrorKind::unreachable, "there is no address to connect to");
    return fail(ErrorKind::unreachable, fmt::format("cannot connect to {}", reasons));
}

int try_source(const Address& source) {
    const int fd = open_stream_socket(source.family());
    if (fd < 0) return errno;
    const int error = bind_source(fd, source);
    ::close(fd);
    return error;
}

}  // namespace squadload::transport
