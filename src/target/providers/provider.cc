#include "target/providers/provider.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <charconv>
#include <utility>

#include "target/llm/refusal.h"
#include "target/llm/reply.h"
#include "target/llm/request.h"
#include "target/llm/tokens.h"
#include "target/providers/answer_text.h"
#include "target/providers/replies.h"
#include "target/service/api_keys.h"
#include "target/service/router.h"

namespace squadload::providers {
namespace {

bool is_google(llm::Dialect dialect) {
    return dialect == llm::Dialect::gemini || dialect == llm::Dialect::gemini_openai;
}

// Google's key may stand in a header of its own or in the query
// (ai.google.dev/gemini-api/docs/api-key); OpenAI's clients send a bearer token to either.
std::string key_of(const service::Request& request, llm::Dialect dialect) {
    const auto google = request.headers.find("x-goog-api-key");
    if (is_google(dialect) && google) return std::string(*google);
    const std::string_view bearer = service::presented_key(request.headers);
    if (!bearer.empty() || !is_google(dialect)) return std::string(bearer);
    return service::query_value(request.query, "key").value_or("");
}

// What the gateway says about itself; 0 without or with something else than a number.
std::int64_t attempt_of(const service::Request& request) {
    const std::string_view text = request.headers.get("x-squad-attempt");
    std::int64_t attempt = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), attempt);
    const bool good = error == std::errc() && end == text.data() + text.size() && attempt > 0;
    return good ? attempt : 0;
}

std::int64_t bounded(std::uint64_t tokens) {
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(tokens, static_cast<std::uint64_t>(limits::kMaxAmount)));
}

void refuse(Call& call, std::string_view reason, service::Reply reply) {
    call.arrival.admitted = false;
    call.arrival.reason = reason;
    call.arrival.status = reply.status;
    call.at_once = std::move(reply);
}

void refuse_for_now(Call& call, std::string_view reason, const llm::Refusal& refusal) {
    const WallTime now = wall_now();
    llm::WireReply wire = llm::render_refusal(call.dialect, refusal, call.limits, now);
    if (refusal.wait) call.arrival.retry_after = told_wait(call.dialect, wire, now);
    refuse(call, reason, to_reply(std::move(wire)));
}

// The provider has no capacity left: Cerebras has a 429 of its own for that.
void refuse_overloaded(Call& call) {
    if (call.dialect == llm::Dialect::cerebras) {
        llm::Refusal refusal;
        refusal.by = llm::RefusedBy::concurrency;
        refusal.model = call.arrival.model;
        return refuse_for_now(call, "overloaded", refusal);
    }
    refuse(call, "overloaded", error_reply(call.dialect, 503, {}, call.arrival.model));
}

}  // namespace

SimulatedProvider::SimulatedProvider(asio::any_io_executor executor, const Settings& settings,
                                     const Profile& profile, MonoTime log_start)
    : executor_(std::move(executor)),
      profile_(profile),
      seed_(seed_of(settings.seed, profile.provider)),
      latency_scale_(settings.latency_scale),
      fractional_hints_(settings.fractional_hints),
      faults_(seed_),
      quotas_(profile, settings.window, log_start),
      slots_(executor_, profile.concurrency, profile.queue, kLongestWait) {}

Call SimulatedProvider::begin(const service::Request& request, llm::Dialect dialect, MonoTime now) {
    Call call;
    call.dialect = dialect;
    call.number = ++calls_;
    call.hangup = request.hangup;
    describe(call, request);
    ++in_flight_;
    in_flight_peak_ = std::max(in_flight_peak_, in_flight_);
    if (!is_readable(call, request)) return call;
    const FaultPlan plan = faults_.plan(call.arrival.model, call.number, now);
    if (is_up(call, plan) && is_admitted(call, now)) meet_fault(call, plan, now);
    return call;
}

void SimulatedProvider::describe(Call& call, const service::Request& request) {
    arrivals::Arrival& arrival = call.arrival;
    arrival.provider = profile_.provider;
    arrival.key = hashes_.of(key_of(request, call.dialect));
    arrival.in_flight = in_flight_;
    arrival.correlation_id = request.headers.get("x-correlation-id");
    arrival.agent = request.headers.get("x-squad-agent");
    arrival.attempt = attempt_of(request);
}

bool SimulatedProvider::is_readable(Call& call, const service::Request& request) const {
    arrivals::Arrival& arrival = call.arrival;
    auto read = llm::read_request(call.dialect, request.path, request.body);
    if (read) {
        arrival.model = read->model;
        arrival.prompt_tokens = bounded(llm::estimate_prompt_tokens(read->messages));
        arrival.max_tokens = bounded(read->max_tokens.value_or(0));
    }
    if (arrival.key.empty()) {
        refuse(call, "unauthorized", error_reply(call.dialect, 401));
        return false;
    }
    if (!read) {
        refuse(call, "bad_request", error_reply(call.dialect, 400, read.error().message));
        return false;
    }
    const ModelProfile* model = profile_.model(arrival.model);
    if (model == nullptr && !profile_.other_models) {
        refuse(call, "not_found", error_reply(call.dialect, 404, {}, arrival.model));
        return false;
    }
    if (read->stream) {
        refuse(
            call, "bad_request",
            error_reply(call.dialect, 400, "this simulator does not stream: leave 'stream' out"));
        return false;
    }
    call.latency = model != nullptr ? model->latency : profile_.latency;
    call.drawn = draw(call.latency, seed_, call.number, arrival.max_tokens);
    return true;
}

bool SimulatedProvider::is_up(Call& call, const FaultPlan& plan) {
    if (plan.outage == nullptr) return true;
    faults_.count(plan.outage->id);
    call.arrival.reason = name_of(FaultKind::outage);
    switch (plan.outage->spec.how) {
        case How::unavailable:
            refuse(call, name_of(FaultKind::outage),
                   error_reply(call.dialect, 503, {}, call.arrival.model));
            break;
        case How::reset: {
            service::Reply reply;
            reply.ending = service::Ending::reset;
            call.at_once = std::move(reply);
            break;
        }
        case How::hang:
            call.fault = FaultKind::hang;
            break;
    }
    return false;
}

bool SimulatedProvider::is_admitted(Call& call, MonoTime now) {
    arrivals::Arrival& arrival = call.arrival;
    call.quota = quotas_.find(arrival.key, arrival.model, now);
    if (call.quota == nullptr) {
        refuse(call, "keys", error_reply(call.dialect, 503, "the simulator knows too many keys"));
        return false;
    }
    // A call that sets no bound reserves what the longest answer would take.
    const std::int64_t answer =
        arrival.max_tokens > 0 ? arrival.max_tokens : call.latency.completion_max;
    const std::int64_t tokens = arrival.prompt_tokens + answer;
    arrival.reserved_tokens = tokens;
    const limits::Admission admission = call.quota->admit(tokens, now);
    const limits::QuotaState state = call.quota->state(now);
    call.limits = limit_state(call.quota->settings(), state);
    if (!admission.admitted) {
        llm::Refusal refusal =
            refusal_of(admission.refused_by, call.quota->settings(), state, tokens, arrival.model);
        if (admission.wait > Nanos::zero() && admission.wait < Nanos::max())
            refusal.wait = admission.wait;
        refusal.fractional_header = fractional_hints_;
        refuse_for_now(call, limits::name_of(admission.refused_by), refusal);
        return false;
    }
    call.ticket = admission.ticket;
    if (!slots_.has_room()) {
        call.quota->cancel(std::exchange(call.ticket, {}), now);
        refuse_overloaded(call);
        return false;
    }
    arrival.admitted = true;
    return true;
}

void SimulatedProvider::meet_fault(Call& call, const FaultPlan& plan, MonoTime now) {
    call.slow = plan.factor;
    for (const std::uint64_t id : plan.slowed_by) faults_.count(id);
    if (plan.fault == nullptr) return;
    faults_.count(plan.fault->id);
    const FaultSpec& spec = plan.fault->spec;
    if (spec.kind != FaultKind::storm) {
        call.fault = spec.kind;
        call.error_status = spec.status;
        return;
    }
    // Nothing was done for it: as if it had never been admitted.
    call.quota->cancel(std::exchange(call.ticket, {}), now);
    const limits::QuotaState state = call.quota->state(now);
    llm::Refusal refusal =
        refusal_of(limits::Limit::requests, call.quota->settings(), state, 0, call.arrival.model);
    refusal.wait = spec.retry_after;
    refusal.fractional_header = fractional_hints_;
    // The limit headers must not tell another story: cerebras gives its hint there alone.
    if (!spec.retry_after)
        call.limits.requests_minute.reset();
    else if (auto& told = call.limits.requests_minute)
        *told = {told->limit, 0, *spec.retry_after};
    refuse_for_now(call, name_of(FaultKind::storm), refusal);
}

void SimulatedProvider::end(Call& call, MonoTime now) {
    --in_flight_;
    if (call.ticket == limits::Ticket{}) return;
    call.quota->finish(call.ticket, call.arrival.prompt_tokens + call.arrival.completion_tokens,
                       now);
}

}  // namespace squadload::providers
