#include "load/engine/channel.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "load/engine/tls_channel.h"

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
                "out of local ports for {}; lower the number of connections, widen "
                "net.ipv4.ip_local_port_range or name more addresses in target.source_addresses",
                address.text());
        case ENOBUFS:
        case ENOMEM:
            return "the kernel is out of memory for sockets; lower the number of connections";
        default:
            return fmt::format("connect to {}: {}", address.text(), std::strerror(error));
    }
}

}  // namespace

Result<void> ChannelContext::prepare_tls() {
    if (tls) return {};
    auto made = http::TlsContext::make(plan.scenario.target.tls);
    if (!made) return tl::unexpected(made.error());
    tls = std::move(*made);
    return {};
}

Channel::Channel(ChannelContext& context, transport::SocketHandler& handler)
    : context_(context), handler_(handler) {}

Channel::~Channel() = default;

int Channel::open(const Origin& origin) {
    origin_ = &origin;
    secured_ = nullptr;
    if (origin.tls) {
        if (auto prepared = context_.prepare_tls(); !prepared) {
            context_.tls_error = prepared.error().text();  // a file has changed since the start
            return kFailed;
        }
        if (!tls_) tls_ = std::make_unique<TlsChannel>(context_, handler_);
        secured_ = tls_.get();
        return secured_->open(origin);
    }
    const auto started = context_.loop.connect(origin.address, handler_, context_.next_source());
    if (started.error == 0) socket_ = started.id;
    return started.error;
}

void Channel::send_secured(std::span<const char> bytes) {
    secured_->send(bytes);
}

void Channel::close(bool reset) {
    if (secured_ == nullptr) {
        context_.loop.close(socket_, reset);
    } else {
        secured_->close(reset);
    }
}

ConnectFailure Channel::connect_failure(int error) const {
    if (error != kFailed) return {sentence(error, origin_->address), is_own_limit(error), ""};
    if (secured_ != nullptr) return {secured_->connect_failure(), false, secured_->remedy()};
    return {context_.tls_error, false, ""};
}

ChannelFailure Channel::failure() const {
    return secured_ == nullptr ? ChannelFailure{} : secured_->failure();
}

Channel::Stage Channel::stage() const {
    return secured_ == nullptr ? Stage::connecting : secured_->stage();
}

Channel::Handshake Channel::handshake() const {
    return {secured_->connected_at(), secured_->resumed()};
}

}  // namespace squadload::engine
