#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "target/llm/reply.h"
#include "target/providers/answer_text.h"
#include "target/providers/provider.h"
#include "target/providers/replies.h"

namespace squadload::providers {
namespace {

// Gives the slot back, however the call ends.
class HeldSlot {
  public:
    explicit HeldSlot(Slots& slots) : slots_(slots) {}
    ~HeldSlot() { slots_.release(); }
    HeldSlot(const HeldSlot&) = delete;
    HeldSlot& operator=(const HeldSlot&) = delete;

  private:
    Slots& slots_;
};

service::Reply without_answer(service::Ending ending) {
    service::Reply reply;
    reply.ending = ending;
    return reply;
}

std::string id_of(llm::Dialect dialect, std::uint64_t seed, std::uint64_t number) {
    const std::string_view prefix = dialect == llm::Dialect::openrouter ? "gen-"
                                    : dialect == llm::Dialect::gemini   ? ""
                                                                        : "chatcmpl-";
    return fmt::format("{}{:016x}{:08x}", prefix, seed, number);
}

Nanos times(Nanos time, double factor) {
    return from_seconds(std::min(to_seconds(time) * factor, to_seconds(kLongestAnswer)));
}

}  // namespace

asio::awaitable<bool> SimulatedProvider::pass(Nanos time) const {
    asio::steady_timer timer(executor_, time);
    boost::system::error_code error;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
}

asio::awaitable<service::Reply> SimulatedProvider::answer(Call* arrived) {
    Call& call = *arrived;
    if (call.at_once) co_return std::move(*call.at_once);
    if (call.fault == FaultKind::hang) {
        // The client's patience ends it, or the end of ours.
        static_cast<void>(co_await pass(kLongestWait));
        if (call.arrival.reason.empty()) call.arrival.reason = name_of(FaultKind::hang);
        co_return without_answer(service::Ending::reset);
    }
    const MonoTime came = mono_now();
    bool at_work = slots_.try_take();
    if (!at_work) at_work = co_await slots_.take();
    if (!at_work) co_return without_answer(service::Ending::reset);
    const HeldSlot slot(slots_);
    const Nanos queued = mono_now() - came;
    const Nanos whole = answer_time(call.latency, call.drawn, latency_scale_ * call.slow);
    const bool fails_early = call.fault == FaultKind::error_rate || call.fault == FaultKind::reset;
    const Nanos time = fails_early ? times(call.drawn.ttft, latency_scale_ * call.slow) : whole;
    if (time > Nanos::zero()) {
        const bool passed = co_await pass(time);
        if (!passed) co_return without_answer(service::Ending::reset);
    }
    co_return call.fault ? faulty(call, queued) : served(call, queued);
}

service::Reply SimulatedProvider::served(Call& call, Nanos queued) const {
    llm::ChatReply answer;
    answer.id = id_of(call.dialect, seed_, call.number);
    answer.model = call.arrival.model;
    answer.content = answer_text(call.drawn.completion_tokens, call.number);
    answer.finish_reason = call.drawn.cut ? "length" : "stop";
    answer.usage.prompt_tokens = static_cast<std::uint64_t>(call.arrival.prompt_tokens);
    answer.usage.completion_tokens = static_cast<std::uint64_t>(call.drawn.completion_tokens);
    const WallTime now = wall_now();
    answer.created_s =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    answer.upstream_provider = "Simulated";
    const double scale = latency_scale_ * call.slow;
    const Nanos whole = answer_time(call.latency, call.drawn, scale);
    const Nanos prompt = times(call.drawn.ttft, scale);
    const llm::ReplyTiming timing{queued, prompt, whole - prompt};

    service::Reply reply =
        service::json_reply(200, llm::render_reply(call.dialect, answer, timing));
    add_headers(llm::limit_headers(call.dialect, call.limits, now), reply.headers);
    add_headers(llm::reply_headers(call.dialect, answer), reply.headers);
    call.arrival.status = 200;
    call.arrival.completion_tokens = call.drawn.completion_tokens;
    return reply;
}

service::Reply SimulatedProvider::faulty(Call& call, Nanos queued) const {
    const FaultKind kind = *call.fault;
    call.arrival.reason = name_of(kind);
    if (kind == FaultKind::reset) return without_answer(service::Ending::reset);
    if (kind == FaultKind::error_rate) {
        call.arrival.status = call.error_status;
        return error_reply(call.dialect, call.error_status, {}, call.arrival.model);
    }
    service::Reply reply = served(call, queued);
    if (kind == FaultKind::truncated)
        reply.ending = service::Ending::truncate;
    else
        reply.body.resize(reply.body.size() / 2);  // well delivered, but no JSON
    return reply;
}

service::Reply SimulatedProvider::no_such_path(llm::Dialect dialect,
                                               const service::Request& request) {
    return error_reply(dialect, 404,
                       fmt::format("Unknown request URL: {} {}", request.method, request.path));
}

service::Reply SimulatedProvider::models(llm::Dialect dialect) const {
    using nlohmann::ordered_json;
    ordered_json list = ordered_json::array();
    for (const ModelProfile& model : profile_.models) {
        if (dialect == llm::Dialect::gemini)
            list.push_back({{"name", "models/" + model.name}, {"displayName", model.name}});
        else
            list.push_back(
                {{"id", model.name}, {"object", "model"}, {"owned_by", profile_.provider}});
    }
    const ordered_json all = dialect == llm::Dialect::gemini
                                 ? ordered_json{{"models", std::move(list)}}
                                 : ordered_json{{"object", "list"}, {"data", std::move(list)}};
    return service::json_reply(200, all.dump());
}

}  // namespace squadload::providers
