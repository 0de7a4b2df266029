#include "target/squad_api/call.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "target/llm/reply.h"
#include "target/llm/request.h"

namespace squadload::squad_api {
namespace {

Reason reason_of(const service::Answer& answer) {
    using service::FailureKind;
    switch (answer.failure->kind) {
        case FailureKind::timeout:
            // Not even a connection within the time for that.
            return answer.timings.connected_at == MonoTime{} ? Reason::connect : Reason::timeout;
        case FailureKind::protocol:
        case FailureKind::too_large:
            return Reason::invalid;
        default:
            return Reason::connect;
    }
}

// How a call ended, as a label.
std::string label_of(const CallEnd& end) {
    if (end.status != 0) return fmt::format("{}", end.status);
    return std::string(end.abandoned ? "given_up" : name_of(end.reason));
}

// A call under way. Its end without done() is that of the coroutine: the client left.
class CallGuard {
  public:
    CallGuard(Core& core, const ChatCall& call, Lease lease, ProviderState::Pass pass)
        : core_(core), call_(call), lease_(lease), pass_(pass) {
        ++provider().counters.calls;
    }
    ~CallGuard() {
        if (done_) return;
        CallEnd end;
        end.reason = Reason::timeout;
        end.abandoned = true;
        done(end, std::nullopt, mono_now());
    }
    CallGuard(const CallGuard&) = delete;
    CallGuard& operator=(const CallGuard&) = delete;

    void done(const CallEnd& end, std::optional<std::int64_t> used_tokens, MonoTime now) {
        done_ = true;
        core_.stores.limiter->finish(lease_, used_tokens, now);
        Provider& p = provider();
        p.state.ended(pass_, end, now);
        count(p, end, now);
        core_.kick(lease_.provider);
    }

  private:
    [[nodiscard]] Provider& provider() { return core_.providers[lease_.provider]; }

    void count(Provider& p, const CallEnd& end, MonoTime now) {
        const std::size_t route = core_.place_of(*call_.route);
        ++core_.counters.calls[{lease_.provider, route, label_of(end)}];
        if (end.status != 0) p.counters.latency.add(now - pass_.began);
        if (end.abandoned)
            ++p.counters.given_up;
        else if (end.reason == Reason::none)
            ++p.counters.served;
        else
            ++p.counters.failed[static_cast<std::size_t>(end.reason)];
        if (end.status == 429) {
            ++p.counters.answers_429;
            p.counters.last_429 = wall_now();
        }
    }

    Core& core_;
    const ChatCall& call_;
    Lease lease_;
    ProviderState::Pass pass_;
    bool done_ = false;
};

}  // namespace

Reason reason_of(const llm::ProviderError& error, int status) {
    using Kind = llm::ProviderErrorKind;
    if (error.kind == Kind::quota_exhausted) return Reason::quota;
    if (status == 429) return Reason::rate_limited;
    switch (error.kind) {
        case Kind::rate_limited:
            return Reason::rate_limited;
        case Kind::overloaded:
            return Reason::server_error;
        case Kind::server_error:
            return status == 408 ? Reason::timeout : Reason::server_error;
        case Kind::invalid_reply:
            return Reason::invalid;
        case Kind::other:
            // A redirect, for instance, is an answer nobody can use.
            return status >= 400 && status < 500 ? Reason::rejected : Reason::invalid;
        default:
            return Reason::rejected;
    }
}

CallResult judge(llm::Dialect dialect, const service::Answer& answer, bool cut, WallTime now) {
    CallResult result;
    if (answer.failure) {
        result.end.reason = reason_of(answer);
        result.end.abandoned = cut && answer.failure->kind == service::FailureKind::timeout;
        return result;
    }
    result.end.status = answer.status;
    const auto find = [&answer](std::string_view name) { return answer.headers.find(name); };
    if (answer.status < 300) {
        auto reply = llm::read_reply(dialect, find, answer.body, now);
        if (reply) {
            result.reply = std::move(*reply);
            return result;
        }
        result.error = std::move(reply.error());
        if (result.error.kind != llm::ProviderErrorKind::invalid_reply)
            result.end.status = result.error.status;
    } else {
        result.error = llm::read_error(dialect, answer.status, find, answer.body, now);
    }
    result.end.reason = reason_of(result.error, result.end.status);
    result.end.retry_after = result.error.retry_after;
    return result;
}

service::ClientRequest call_request(const Provider& provider, const ChatCall& call,
                                    std::int64_t attempt) {
    llm::WireRequest wire =
        llm::render_request(provider.config.dialect, call.chat, provider.config.key);
    service::ClientRequest request;
    request.method = "POST";
    request.origin = provider.origin;
    request.target = provider.base_path + wire.path;
    for (const llm::Header& header : wire.headers) request.headers.add(header.name, header.value);
    request.headers.add("x-correlation-id", call.request_id);
    if (call.route->agent) request.headers.add("x-squad-agent", call.route->name);
    request.headers.add("x-squad-attempt", fmt::format("{}", attempt));
    request.body = std::move(wire.body);
    return request;
}

asio::awaitable<void> make_call(std::shared_ptr<Core> core, ChatCall* call, Walk* walk,
                                Served* served, Lease lease) {
    Provider& provider = core->providers[lease.provider];
    const MonoTime began = mono_now();
    const auto pass = provider.state.begin(began);
    if (!pass) {
        core->stores.limiter->cancel(lease, began);
        core->kick(lease.provider);
        const auto closed = provider.state.closed(began);
        const Reason reason = closed ? closed->reason : Reason::breaker;
        ++provider.counters.skipped[static_cast<std::size_t>(reason)];
        walk->refused(reason, closed ? closed->wait : Nanos::zero(), began);
        co_return;
    }
    CallGuard guard(*core, *call, lease, *pass);
    const MonoTime timeout = began + provider.config.timeout;
    const MonoTime deadline = std::min(timeout, walk->deadline());
    call->chat.model = provider.config.model;
    service::ClientRequest request = call_request(provider, *call, walk->calls() + 1);
    const service::Answer answer = co_await core->client->send(std::move(request), deadline);
    // A failure that is the client's leaving is nobody's failure.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    // A provider that had half of its time and did not answer has failed, whoever ended the call.
    const bool cut = deadline - began < provider.config.timeout / 2;
    CallResult result = judge(provider.config.dialect, answer, cut, wall_now());
    std::optional<std::int64_t> used;
    if (result.end.reason == Reason::none && result.reply.usage_reported) {
        used = static_cast<std::int64_t>(result.reply.usage.total_tokens());
        provider.counters.prompt_tokens += result.reply.usage.prompt_tokens;
        provider.counters.completion_tokens += result.reply.usage.completion_tokens;
    }
    const MonoTime now = mono_now();
    guard.done(result.end, used, now);
    walk->ended(result.end, now - began, now);
    if (result.end.reason == Reason::none)
        served->reply = std::move(result.reply);
    else
        served->error = std::move(result.error);
}

}  // namespace squadload::squad_api
