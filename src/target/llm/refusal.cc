#include "target/llm/refusal.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "target/llm/decimal.h"
#include "target/llm/error_body.h"
#include "target/llm/go_duration.h"
#include "target/llm/instant.h"
#include "target/llm/json_text.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;

// Longer ones are told as this.
constexpr Nanos kLongestWait = std::chrono::years{1};

bool counts_tokens(RefusedBy by) {
    return by == RefusedBy::tokens_minute || by == RefusedBy::tokens_day ||
           by == RefusedBy::request_too_large;
}

bool is_of_a_day(RefusedBy by) {
    return by == RefusedBy::requests_day || by == RefusedBy::tokens_day;
}

// "on tokens per minute (TPM)"; `minute` is how the provider spells it.
std::string limit_words(RefusedBy by, std::string_view minute) {
    if (by == RefusedBy::concurrency) return "concurrent requests";
    const bool day = is_of_a_day(by);
    return fmt::format("{} per {} ({}P{})", counts_tokens(by) ? "tokens" : "requests",
                       day ? "day" : minute, counts_tokens(by) ? 'T' : 'R', day ? 'D' : 'M');
}

std::string wait_text(Nanos wait) {
    return format_go_duration(round_up(wait, 1ms));
}

std::string try_again(const Refusal& refusal) {
    if (!refusal.wait) return "";
    return fmt::format(" Please try again in {}.", wait_text(*refusal.wait));
}

void add_retry_after(Headers& to, const Refusal& refusal) {
    if (!refusal.wait) return;
    std::string text;
    append_seconds(text, *refusal.wait, refusal.fractional_header ? 3 : 0, Zeros::trim);
    to.push_back({"retry-after", std::move(text)});
}

// platform.openai.com/docs/guides/error-codes; the SDKs read both headers.
WireReply openai_refusal(const Refusal& refusal) {
    WireReply reply{429, {}, {}};
    if (refusal.by == RefusedBy::insufficient_quota) {
        reply.body = openai_error(
            "You exceeded your current quota, please check your plan and billing details. For "
            "more information on this error, read the docs: "
            "https://platform.openai.com/docs/guides/error-codes/api-errors.",
            "insufficient_quota", "insufficient_quota");
        return reply;
    }
    if (refusal.by == RefusedBy::concurrency) {
        reply.status = 503;
        reply.body = openai_error(
            "Slow down. A sudden increase in your request rate is impacting service reliability.",
            "server_error", "slow_down");
        return reply;
    }
    const std::string_view type = counts_tokens(refusal.by) ? "tokens" : "requests";
    const std::string limit = limit_words(refusal.by, "min");
    if (refusal.by == RefusedBy::request_too_large) {
        reply.body = openai_error(
            fmt::format("Request too large for {} in organization {} on {}: Limit {}, Requested "
                        "{}. The input or output tokens must be reduced in order to run "
                        "successfully. Visit https://platform.openai.com/account/rate-limits to "
                        "learn more.",
                        refusal.model, refusal.organization, limit, refusal.limit,
                        refusal.requested),
            type, "rate_limit_exceeded");
        return reply;
    }
    reply.body = openai_error(
        fmt::format("Rate limit reached for {} in organization {} on {}: Limit {}, Used {}, "
                    "Requested {}.{} Visit https://platform.openai.com/account/rate-limits to "
                    "learn more.",
                    refusal.model, refusal.organization, limit, refusal.limit, refusal.used,
                    refusal.requested, try_again(refusal)),
        type, "rate_limit_exceeded");
    add_retry_after(reply.headers, refusal);
    if (refusal.wait) {
        const Nanos wait = round_up(*refusal.wait, 1ms);
        reply.headers.push_back({"retry-after-ms", std::to_string(wait / 1ms)});
    }
    return reply;
}

// console.groq.com/docs/rate-limits.
WireReply groq_refusal(const Refusal& refusal) {
    constexpr std::string_view kUpgrade =
        "Need more tokens? Upgrade to Dev Tier today at "
        "https://console.groq.com/settings/billing";
    const std::string where = fmt::format(
        "for model `{}` in organization `{}` service tier `on_demand` on {}: Limit {}",
        refusal.model, refusal.organization, limit_words(refusal.by, "minute"), refusal.limit);
    WireReply reply{429, {}, {}};
    switch (refusal.by) {
        case RefusedBy::request_too_large:
            reply.status = 413;
            reply.body = groq_error(
                fmt::format("Request too large {}, Requested {}, please reduce your message size "
                            "and try again. {}",
                            where, refusal.requested, kUpgrade),
                "tokens", "rate_limit_exceeded");
            return reply;
        case RefusedBy::insufficient_quota:
            reply.status = 402;
            reply.body = groq_error("Your organization has reached its spend limit.",
                                    "insufficient_quota", "insufficient_quota");
            return reply;
        default:
            reply.body = groq_error(
                fmt::format("Rate limit reached {}, Used {}, Requested {}.{} {}", where,
                            refusal.used, refusal.requested, try_again(refusal), kUpgrade),
                counts_tokens(refusal.by) ? "tokens" : "requests", "rate_limit_exceeded");
            add_retry_after(reply.headers, refusal);
            return reply;
    }
}

// inference-docs.cerebras.ai. Its only hints are the resets in the limit headers.
WireReply cerebras_refusal(const Refusal& refusal) {
    switch (refusal.by) {
        case RefusedBy::insufficient_quota:
            return render_error(Dialect::cerebras, 402);
        case RefusedBy::concurrency:
            return render_error(Dialect::cerebras, 429);
        default:
            break;
    }
    const bool tokens = counts_tokens(refusal.by);
    const auto message = fmt::format(
        "{} per {} limit exceeded - too many {}.", tokens ? "Tokens" : "Requests",
        is_of_a_day(refusal.by) ? "day" : "minute", tokens ? "tokens processed" : "requests sent");
    return {429,
            {},
            cerebras_error(message, tokens ? "too_many_tokens_error" : "too_many_requests_error",
                           "quota", tokens ? "token_quota_exceeded" : "request_quota_exceeded")};
}

struct GoogleQuota {
    std::string_view metric;
    std::string_view id;
};

GoogleQuota google_quota(RefusedBy by) {
    constexpr std::string_view kRequests =
        "generativelanguage.googleapis.com/generate_content_free_tier_requests";
    constexpr std::string_view kTokens =
        "generativelanguage.googleapis.com/generate_content_free_tier_input_token_count";
    switch (by) {
        case RefusedBy::requests_day:
            return {kRequests, "GenerateRequestsPerDayPerProjectPerModel-FreeTier"};
        case RefusedBy::tokens_minute:
        case RefusedBy::request_too_large:
            return {kTokens, "GenerateContentInputTokensPerModelPerMinute-FreeTier"};
        case RefusedBy::tokens_day:
            return {kTokens, "GenerateContentInputTokensPerModelPerDay-FreeTier"};
        default:
            return {kRequests, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"};
    }
}

// proto3's JSON of a duration: 0, 3, 6 or 9 decimals.
std::string proto_duration(Nanos wait) {
    std::string text;
    const Nanos rounded = round_up(wait, 1ms);
    append_seconds(text, rounded, rounded % 1s == 0ns ? 0 : 3, Zeros::keep);
    return text += 's';
}

std::string google_details(const Refusal& refusal, const GoogleQuota& quota, bool with_hint) {
    std::string out =
        R"({"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":)"
        R"("Learn more about Gemini API quotas","url":)"
        R"("https://ai.google.dev/gemini-api/docs/rate-limits"}]},)"
        R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":)";
    append_json_string(out, quota.metric);
    out += R"(,"quotaId":)";
    append_json_string(out, quota.id);
    out += R"(,"quotaDimensions":{"location":"global","model":)";
    append_json_string(out, refusal.model);
    out += fmt::format(R"(}},"quotaValue":"{}"}}]}})", refusal.limit);
    if (with_hint) {
        out += fmt::format(
            R"(,{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{}"}})",
            proto_duration(*refusal.wait));
    }
    return out;
}

// ai.google.dev/gemini-api/docs/rate-limits: no headers, the hint is in the body.
WireReply google_refusal(Dialect dialect, const Refusal& refusal) {
    if (refusal.by == RefusedBy::concurrency) return render_error(dialect, 503);
    if (refusal.by == RefusedBy::insufficient_quota) return render_error(dialect, 402);
    if (refusal.bare) return render_error(dialect, 429);
    const GoogleQuota quota = google_quota(refusal.by);
    std::string message = fmt::format(
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this error, head to: "
        "https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for metric: {}, "
        "limit: {}, model: {}",
        quota.metric, refusal.limit, refusal.model);
    const bool with_hint = refusal.wait && refusal.by != RefusedBy::request_too_large;
    if (with_hint) {
        message += "\nPlease retry in ";
        append_seconds(message, round_up(*refusal.wait, 1ms), 9, Zeros::trim);
        message += "s.";
    }
    return {429,
            {},
            google_error(dialect, 429, message, "RESOURCE_EXHAUSTED",
                         google_details(refusal, quota, with_hint))};
}

WireReply openrouter_upstream(const Refusal& refusal) {
    std::string metadata = R"({"raw":)";
    append_json_string(metadata,
                       fmt::format("{} is temporarily rate-limited upstream. Please retry "
                                   "shortly, or add your own key to accumulate your rate limits: "
                                   "https://openrouter.ai/settings/integrations",
                                   refusal.model));
    metadata += R"(,"provider_name":"Simulated"})";
    WireReply reply{429, {}, openrouter_error(429, "Provider returned error", metadata)};
    add_retry_after(reply.headers, refusal);
    return reply;
}

// openrouter.ai/docs/api-reference/limits: the headers stand in the body.
WireReply openrouter_refusal(const Refusal& refusal, WallTime now) {
    std::string_view limit = "free-models-per-min.";
    switch (refusal.by) {
        case RefusedBy::requests_minute:
            break;
        case RefusedBy::requests_day:
            limit =
                "free-models-per-day. Add 10 credits to unlock 1000 free model requests per "
                "day";
            break;
        case RefusedBy::request_too_large:
            return render_error(
                Dialect::openrouter, 400,
                {fmt::format("This endpoint's maximum context length is {} tokens. However, you "
                             "requested about {} tokens. Please reduce the length of either one.",
                             refusal.limit, refusal.requested),
                 refusal.model});
        case RefusedBy::concurrency:
            return render_error(Dialect::openrouter, 503);
        case RefusedBy::insufficient_quota:
            return render_error(Dialect::openrouter, 402);
        default:
            return openrouter_upstream(refusal);
    }
    std::string metadata =
        fmt::format(R"({{"headers":{{"X-RateLimit-Limit":"{}","X-RateLimit-Remaining":"{}")",
                    refusal.limit, refusal.used < refusal.limit ? refusal.limit - refusal.used : 0);
    if (refusal.wait) {
        metadata += fmt::format(R"(,"X-RateLimit-Reset":"{}")", epoch_ms(now + *refusal.wait));
    }
    metadata += R"(},"provider_name":null})";
    return {
        429, {}, openrouter_error(429, fmt::format("Rate limit exceeded: {}", limit), metadata)};
}

WireReply refusal_of(Dialect dialect, const Refusal& refusal, WallTime now) {
    switch (dialect) {
        case Dialect::openai:
            return openai_refusal(refusal);
        case Dialect::groq:
            return groq_refusal(refusal);
        case Dialect::cerebras:
            return cerebras_refusal(refusal);
        case Dialect::gemini:
        case Dialect::gemini_openai:
            return google_refusal(dialect, refusal);
        case Dialect::openrouter:
            return openrouter_refusal(refusal, now);
    }
    return {};
}

}  // namespace

WireReply render_refusal(Dialect dialect, const Refusal& refusal, const LimitState& state,
                         WallTime now) {
    Refusal bounded = refusal;
    if (bounded.wait) bounded.wait = std::clamp(*bounded.wait, Nanos{0}, kLongestWait);
    WireReply reply = refusal_of(dialect, bounded, now);
    for (Header& header : limit_headers(dialect, state, now))
        reply.headers.push_back(std::move(header));
    return reply;
}

}  // namespace squadload::llm
