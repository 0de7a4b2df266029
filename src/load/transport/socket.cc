#include "load/transport/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cctype>
#include <cerrno>
#include <system_error>

namespace squadload::transport {

int open_stream_socket(int family, Blocking blocking) {
    const int wait = blocking == Blocking::yes ? 0 : SOCK_NONBLOCK;
    const int fd = ::socket(family, SOCK_STREAM | wait | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) return -1;
    const int on = 1;
    static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    return fd;
}

int bind_source(int fd, const Address& source) {
    const int on = 1;
    if (::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0) return errno;
    return ::bind(fd, source.get(), source.size()) == 0 ? 0 : errno;
}

bool connected_to_itself(int fd) {
    sockaddr_storage local{};
    sockaddr_storage peer{};
    socklen_t local_size = sizeof local;
    socklen_t peer_size = sizeof peer;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) != 0) return false;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return false;
    return Address(reinterpret_cast<const sockaddr*>(&local), local_size) ==
           Address(reinterpret_cast<const sockaddr*>(&peer), peer_size);
}

bool connection_aborted(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_state == TCP_CLOSE;
}

std::string error_words(int error) {
    std::string words = std::generic_category().message(error);
    const bool acronym = words.size() > 1 && std::isupper(static_cast<unsigned char>(words[1]));
    if (!words.empty() && !acronym) {
        words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
    }
    return words;
}

}  // namespace squadload::transport
