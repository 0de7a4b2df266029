#include "run/open_once.h"

#include <fmt/format.h>

#include <optional>

#include "base/units.h"
#include "load/engine/channel.h"
#include "load/transport/epoll_loop.h"

namespace squadload::run {
namespace {

constexpr Nanos kTimeToClose = std::chrono::seconds{1};

class Attempt final : public transport::SocketHandler {
  public:
    std::optional<int> connected;  // with this error
    bool closed = false;

  private:
    void on_connected(int error) override { connected = error; }
    void on_sent(int) override {}
    void on_received(std::span<const char>) override {}
    void on_end(int) override {}
    void on_closed() override { closed = true; }
};

std::string not_in_time(engine::Channel::Stage stage, const engine::Origin& origin, Nanos limit) {
    using Stage = engine::Channel::Stage;
    const auto within = format_duration(limit);
    switch (stage) {
        case Stage::connecting:
            return fmt::format("no connection to {} within {}", origin.address.text(), within);
        case Stage::tunnelling:
            return fmt::format("the proxy {} opens no tunnel within {}", origin.proxy, within);
        default:
            return fmt::format("{} accepts connections, but no TLS handshake within {}",
                               origin.address.text(), within);
    }
}

}  // namespace

Result<void> open_once(const engine::Plan& plan, const engine::Origin& origin, Nanos limit) {
    auto loop = transport::make_epoll_loop();
    if (!loop) return tl::unexpected(loop.error());
    engine::ChannelContext context{**loop, plan};
    if (origin.tls) {
        if (auto prepared = context.prepare_tls(); !prepared)
            return tl::unexpected(prepared.error());
    }
    Attempt attempt;
    engine::Channel channel(context, attempt);
    if (const int error = channel.open(origin); error != 0)
        return fail(ErrorKind::unreachable, channel.connect_failure(error).message);
    const MonoTime deadline = (*loop)->now() + limit;
    while (!attempt.connected && (*loop)->now() < deadline) (*loop)->run_once(deadline);

    Result<void> result;
    if (!attempt.connected) {
        result = fail(ErrorKind::unreachable, not_in_time(channel.stage(), origin, limit));
    } else if (*attempt.connected != 0) {
        const auto failure = channel.connect_failure(*attempt.connected);
        result = fail(ErrorKind::unreachable, failure.remedy.empty()
                                                  ? failure.message
                                                  : failure.message + "; " + failure.remedy);
    }
    channel.close(!result);
    const MonoTime patience = (*loop)->now() + kTimeToClose;
    while (!attempt.closed && (*loop)->now() < patience) (*loop)->run_once(patience);
    return result;
}

}  // namespace squadload::run
