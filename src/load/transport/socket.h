// What every user of client sockets in this room needs from the kernel.
#pragma once

#include "load/transport/address.h"

namespace squadload::transport {

// A close-on-exec TCP socket with TCP_NODELAY. -1 and errno when refused. io_uring wants a blocking
// one: it waits itself, and on a non-blocking one it may hand EAGAIN back instead.
enum class Blocking { no, yes };
[[nodiscard]] int open_stream_socket(int family, Blocking blocking = Blocking::no);

// Binds an unconnected socket to the local address `source`, whose port is 0. The port is chosen by
// connect(), when the other end is known, so that each pair of addresses has all of them
// (IP_BIND_ADDRESS_NO_PORT, Linux 4.2; ip(7)). 0 or errno: EADDRNOTAVAIL when it is not local.
[[nodiscard]] int bind_source(int fd, const Address& source);

// True for a socket connected to itself: connecting to a free port of the local ephemeral range can
// pick that very port as the source, and TCP's simultaneous open then succeeds with nobody there.
[[nodiscard]] bool connected_to_itself(int fd);

// True once a reset (or a timeout) has ended the connection, whoever took the error off the socket.
[[nodiscard]] bool connection_aborted(int fd);

// errno's text in lower case, as part of a sentence: "connection refused".
[[nodiscard]] std::string error_words(int error);

}  // namespace squadload::transport
