#include "target/service/client.h"

#include "target/service/client_channel.h"
#include "target/service/client_pool.h"
#include "target/service/message_head.h"

namespace squadload::service {
namespace {

// RFC 9110 §9.2.2.
bool is_idempotent(const std::string& method) {
    for (const char* name : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
        if (method == name) return true;
    return false;
}

Answer failed(Answer answer, Failure failure) {
    answer.failure = std::move(failure);
    answer.status = 0;
    answer.headers.clear();
    answer.body.clear();
    answer.timings.done = mono_now();
    return answer;
}

}  // namespace

const char* name_of(FailureKind kind) {
    switch (kind) {
        case FailureKind::resolve:
            return "resolve";
        case FailureKind::connect:
            return "connect";
        case FailureKind::tls:
            return "tls";
        case FailureKind::timeout:
            return "timeout";
        case FailureKind::closed:
            return "closed";
        case FailureKind::protocol:
            return "protocol";
        case FailureKind::too_large:
            return "too_large";
    }
    return "";
}

asio::awaitable<Answer> ClientCore::send(std::shared_ptr<ClientCore> core, ClientRequest request,
                                         MonoTime deadline) {
    Answer answer;
    answer.timings.started = mono_now();
    ++core->counters.requests;
    std::string head;
    if (!append_request_head(head, request)) {
        Failure failure{FailureKind::protocol, "the request's method or target is malformed"};
        co_return failed(std::move(answer), std::move(failure));
    }
    auto& pool = core->pool_of(request.origin);
    auto place = core->take(pool);
    if (!place) place = co_await wait(core, &pool, deadline);
    if (!place) {
        Failure failure{FailureKind::timeout,
                        "no connection to " + request.origin.text() + " was free in time"};
        co_return failed(std::move(answer), std::move(failure));
    }
    for (;;) {
        answer.reused = place.channel != nullptr;
        if (!answer.reused) {
            place.channel = std::make_unique<Channel>(core, std::move(place.slot));
            auto failure = co_await place.channel->open(&request.origin, deadline);
            if (failure) co_return failed(std::move(answer), std::move(*failure));
        }
        answer.timings.connected_at = mono_now();
        auto exchange = co_await place.channel->exchange(&request, &head, &answer, deadline);
        if (!exchange.failure) {
            answer.timings.done = mono_now();
            if (exchange.keep) core->give_back(pool, std::move(place.channel));
            co_return answer;
        }
        if (!answer.reused || !exchange.peer_left || !is_idempotent(request.method))
            co_return failed(std::move(answer), std::move(*exchange.failure));
        ++core->counters.retries;
        answer.retried = true;
        place.slot = place.channel->take_slot();
        place.channel.reset();
    }
}

Result<std::unique_ptr<Client>> Client::create(asio::io_context& io, ClientOptions options) {
    auto tls = make_tls_context(options);
    if (!tls) return tl::unexpected(tls.error());
    auto core = std::make_shared<ClientCore>(io, std::move(options), std::move(*tls));
    return std::unique_ptr<Client>(new Client(std::move(core)));
}

Client::Client(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}

Client::~Client() {
    close();
}

asio::awaitable<Answer> Client::send(ClientRequest request, MonoTime deadline) {
    return ClientCore::send(core_, std::move(request), deadline);
}

const ClientCounters& Client::counters() const {
    return core_->counters;
}

void Client::close() {
    core_->close();
}

}  // namespace squadload::service
