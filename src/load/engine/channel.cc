#include "load/engine/channel.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace squadload::engine {
namespace {

bool is_own_limit(int error) {
    return error == EMFILE || error == ENFILE || error == EADDRNOTAVAIL || error == ENOBUFS ||
           error == ENOMEM;
}

// With the remedy where the generator's machine is the limit.
std::string sentence(int error, const transport::Address& address) {
    switch (error) {
        case EMFILE:
        case ENFILE:
            return "out of file descriptors; raise the limit (ulimit -n) or lower the number of "
                   "users";
        case EADDRNOTAVAIL:
            return fmt::format(
                "out of local ports for {}; lower the number of connections or widen "
                "net.ipv4.ip_local_port_range",
                address.text());
        case ENOBUFS:
        case ENOMEM:
            return "the kernel is out of memory for sockets; lower the number of connections";
        default:
            return fmt::format("connect to {}: {}", address.text(), std::strerror(error));
    }
}

}  // namespace

int Channel::open(const Origin& origin) {
    origin_ = &origin;
    const auto started = context_.loop.connect(origin.address, handler_);
    if (started.error == 0) socket_ = started.id;
    return started.error;
}

ConnectFailure Channel::connect_failure(int error) const {
    return {sentence(error, origin_->address), is_own_limit(error)};
}

}  // namespace squadload::engine
