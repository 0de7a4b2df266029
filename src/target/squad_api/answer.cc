#include "target/squad_api/answer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "target/llm/json_text.h"
#include "target/llm/reply.h"

namespace squadload::squad_api {
namespace {

using llm::append_json_string;
using llm::append_number;

// Three digits after the point are enough for milliseconds.
void append_ms(std::string& out, Nanos time) {
    append_number(out, std::round(to_ms(time) * 1000) / 1000);
}

void append_attempts(std::string& out, const Core& core, const std::vector<Attempt>& attempts) {
    out += '[';
    bool first = true;
    for (const Attempt& attempt : attempts) {
        const ProviderConfig& provider = core.providers[attempt.provider].config;
        out += first ? "{\"provider\":" : ",{\"provider\":";
        first = false;
        append_json_string(out, provider.name);
        out += ",\"model\":";
        append_json_string(out, provider.model);
        out += ",\"outcome\":\"";
        out += name_of(attempt.outcome);
        out += '"';
        if (attempt.reason != Reason::none) {
            out += ",\"reason\":\"";
            out += name_of(attempt.reason);
            out += '"';
        }
        if (attempt.status != 0) {
            out += ",\"status\":";
            append_number(out, static_cast<std::int64_t>(attempt.status));
        }
        out += ",\"time_ms\":";
        append_ms(out, attempt.time);
        out += '}';
    }
    out += ']';
}

// The header fields all answers of a chat have.
void add_fields(service::Headers& headers, const Core& core, const ChatCall& call,
                const Served& served) {
    headers.add("x-request-id", call.request_id);
    if (call.route->agent) headers.add("x-squad-agent", call.route->name);
    if (served.attempts.empty()) return;
    headers.add("x-squad-attempts", attempts_text(core, served.attempts));
    std::string times;
    for (const Attempt& attempt : served.attempts) {
        if (!times.empty()) times += ", ";
        append_ms(times, attempt.time);
    }
    headers.add("x-squad-attempt-ms", times);
}

// The provider's own count; none when it gave none.
void append_usage(std::string& out, const llm::ChatReply& reply) {
    if (!reply.usage_reported) {
        out += "null";
        return;
    }
    out += "{\"prompt\":";
    append_number(out, reply.usage.prompt_tokens);
    out += ",\"completion\":";
    append_number(out, reply.usage.completion_tokens);
    out += ",\"total\":";
    append_number(out, reply.usage.total_tokens());
    out += '}';
}

std::string squad_body(const Core& core, const ChatCall& call, const Served& served,
                       Nanos latency) {
    const llm::ChatReply& reply = served.reply;
    const ProviderConfig& provider = core.providers[served.verdict.provider].config;
    std::string out;
    out.reserve(reply.content.size() + 768);
    out += "{\"request_id\":";
    append_json_string(out, call.request_id);
    out += ",\"agent_id\":";
    append_json_string(out, call.route->name);
    out += ",\"response\":";
    append_json_string(out, reply.content);
    out += ",\"provider\":";
    append_json_string(out, provider.name);
    out += ",\"model\":";
    append_json_string(out, provider.model);
    out += ",\"finish_reason\":";
    append_json_string(out, reply.finish_reason);
    out += ",\"fallback_used\":";
    out += served.verdict.fallback ? "true" : "false";
    if (served.verdict.fallback) {
        out += ",\"fallback_reason\":\"";
        out += name_of(served.verdict.fallback_reason);
        out += '"';
    }
    out += ",\"attempts\":";
    append_attempts(out, core, served.attempts);
    out += ",\"tokens\":";
    append_usage(out, reply);
    out += ",\"latency_ms\":";
    append_ms(out, latency);
    out += '}';
    return out;
}

std::string openai_body(const ChatCall& call, const Served& served) {
    llm::ChatReply reply = served.reply;
    reply.id = "chatcmpl-" + call.request_id;
    if (reply.model.empty()) reply.model = call.chat.model;
    if (reply.created_s == 0)
        reply.created_s =
            std::chrono::floor<std::chrono::seconds>(wall_now().time_since_epoch()).count();
    return llm::render_reply(llm::Dialect::openai, reply, llm::ReplyTiming{});
}

struct ErrorText {
    std::string_view type;
    std::string_view message;
    std::string_view request_id;
    std::optional<Nanos> retry_after;
};

std::string error_body(const ErrorText& error, Shape shape, const std::string& attempts) {
    std::string out = "{\"error\":{\"type\":";
    append_json_string(out, error.type);
    out += ",\"message\":";
    append_json_string(out, error.message);
    if (shape == Shape::openai) {
        out += ",\"param\":null,\"code\":";
        append_json_string(out, error.type);
    }
    out += ",\"request_id\":";
    append_json_string(out, error.request_id);
    if (error.retry_after) {
        out += ",\"retry_after_ms\":";
        append_ms(out, *error.retry_after);
    }
    out += ",\"attempts\":";
    out += attempts;
    out += "}}";
    return out;
}

// Whole seconds (RFC 9110 §10.2.3), rounded up: never too early.
std::int64_t whole_seconds(Nanos wait) {
    return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count());
}

struct Said {
    int status;
    std::string_view type;
    std::string message;
};

// A provider's no, for the client. Bad keys and unknown models are this gateway's configuration,
// not the client's mistake.
Said rejection(const Core& core, const Served& served) {
    const std::string& name = core.providers[served.verdict.provider].config.name;
    switch (served.error.status) {
        case 400:
        case 413:
        case 422:
            if (served.error.kind == llm::ProviderErrorKind::unauthorized) break;
            return {served.error.status,
                    served.error.status == 413 ? "request_too_large" : "invalid_request_error",
                    fmt::format("{} refused the request: {}", name, served.error.message)};
        default:
            break;
    }
    return {502, "provider_error",
            fmt::format("{} does not accept this gateway's calls (status {})", name,
                        served.error.status)};
}

Said said(const Core& core, const ChatCall& call, const Served& served) {
    const std::string& route = call.route->name;
    using Kind = Verdict::Kind;
    switch (served.verdict.kind) {
        case Kind::rejected:
            return rejection(core, served);
        case Kind::rate_limited:
            return {429, "rate_limit_error",
                    fmt::format("all providers of {} are out of quota; come back in {} s", route,
                                whole_seconds(served.verdict.retry_after.value_or(Nanos{})))};
        case Kind::too_large:
            return {413, "request_too_large",
                    fmt::format("the request needs {} tokens, more than any provider of {} takes",
                                call.tokens, route)};
        case Kind::unavailable:
            return {503, "unavailable_error",
                    fmt::format("no provider of {} is available now", route)};
        case Kind::timed_out:
            return {504, "timeout_error", fmt::format("no provider of {} answered in time", route)};
        case Kind::served:
        case Kind::failed:
            break;
    }
    return {502, "provider_error", fmt::format("no provider of {} could answer", route)};
}

}  // namespace

std::string_view outcome_name(Verdict::Kind kind) {
    using Kind = Verdict::Kind;
    switch (kind) {
        case Kind::served:
            return "ok";
        case Kind::rejected:
            return "rejected";
        case Kind::rate_limited:
            return "rate_limited";
        case Kind::too_large:
            return "too_large";
        case Kind::unavailable:
            return "unavailable";
        case Kind::timed_out:
            return "timeout";
        case Kind::failed:
            break;
    }
    return "provider_error";
}

std::string attempts_text(const Core& core, const std::vector<Attempt>& attempts) {
    std::string text;
    for (const Attempt& attempt : attempts) {
        if (!text.empty()) text += ", ";
        text += core.providers[attempt.provider].config.name;
        text += '=';
        text += short_text(attempt);
    }
    return text;
}

service::Reply problem_reply(const Problem& problem, std::string_view request_id, Shape shape) {
    const ErrorText text{problem.type, problem.message, request_id, std::nullopt};
    service::Reply reply = service::json_reply(problem.status, error_body(text, shape, "[]"));
    reply.headers.add("x-request-id", request_id);
    return reply;
}

service::Reply chat_reply(const Core& core, const ChatCall& call, const Served& served, Shape shape,
                          Nanos latency) {
    const ProviderConfig& provider = core.providers[served.verdict.provider].config;
    service::Reply reply =
        service::json_reply(200, shape == Shape::squad ? squad_body(core, call, served, latency)
                                                       : openai_body(call, served));
    add_fields(reply.headers, core, call, served);
    reply.headers.add("x-squad-provider", provider.name);
    reply.headers.add("x-squad-model", provider.model);
    reply.headers.add("x-squad-fallback", served.verdict.fallback ? "true" : "false");
    if (served.verdict.fallback)
        reply.headers.add("x-squad-fallback-reason", name_of(served.verdict.fallback_reason));
    if (served.reply.usage_reported)
        reply.headers.add("x-squad-tokens", fmt::format("{}+{}", served.reply.usage.prompt_tokens,
                                                        served.reply.usage.completion_tokens));
    return reply;
}

service::Reply verdict_reply(const Core& core, const ChatCall& call, const Served& served,
                             Shape shape) {
    const Said no = said(core, call, served);
    std::string attempts;
    append_attempts(attempts, core, served.attempts);
    const ErrorText text{no.type, no.message, call.request_id, served.verdict.retry_after};
    service::Reply reply = service::json_reply(no.status, error_body(text, shape, attempts));
    add_fields(reply.headers, core, call, served);
    if (no.status == 429 || no.status == 503)
        reply.headers.add(
            "retry-after",
            fmt::format("{}", whole_seconds(served.verdict.retry_after.value_or(Nanos{}))));
    return reply;
}

}  // namespace squadload::squad_api
