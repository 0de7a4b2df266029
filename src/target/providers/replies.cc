#include "target/providers/replies.h"

#include <algorithm>
#include <utility>

#include "target/llm/retry_after.h"

namespace squadload::providers {
namespace {

std::uint64_t amount(std::int64_t n) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(n, 0));
}

std::optional<llm::LimitGauge> gauge(const std::optional<limits::Level>& level) {
    if (!level) return std::nullopt;
    return llm::LimitGauge{amount(level->limit), amount(level->remaining), level->reset_after};
}

struct Word {
    llm::RefusedBy by;
    std::int64_t limit;
    const std::optional<limits::Level>* level;
};

// The providers have no word for a burst: it is the rate they speak of.
Word word_for(limits::Limit limit, const limits::QuotaSettings& settings,
              const limits::QuotaState& state) {
    using limits::Limit;
    using llm::RefusedBy;
    switch (limit) {
        case Limit::requests_day:
            return {RefusedBy::requests_day, settings.requests_day, &state.requests_day};
        case Limit::tokens:
            return {RefusedBy::tokens_minute, settings.tokens, &state.tokens};
        case Limit::too_large:
            return {RefusedBy::request_too_large, settings.tokens, &state.tokens};
        case Limit::concurrency:
            return {RefusedBy::concurrency, settings.concurrency, &state.concurrency};
        case Limit::none:
        case Limit::requests:
        case Limit::burst:
        case Limit::throttle:
            break;
    }
    return {RefusedBy::requests_minute, settings.requests, &state.requests};
}

}  // namespace

void add_headers(const llm::Headers& from, service::Headers& to) {
    for (const llm::Header& header : from) to.add(header.name, header.value);
}

service::Reply to_reply(llm::WireReply wire) {
    service::Reply reply = service::json_reply(wire.status, std::move(wire.body));
    add_headers(wire.headers, reply.headers);
    return reply;
}

service::Reply error_reply(llm::Dialect dialect, int status, std::string_view message,
                           std::string_view model) {
    return to_reply(llm::render_error(dialect, status, {message, model}));
}

llm::LimitState limit_state(const limits::QuotaSettings& settings,
                            const limits::QuotaState& state) {
    llm::LimitState told{gauge(state.requests), gauge(state.requests_day), gauge(state.tokens),
                         std::nullopt};
    if (!told.requests_minute) return told;
    llm::LimitGauge& minute = *told.requests_minute;
    minute.limit = amount(settings.requests);
    minute.remaining = std::min(minute.remaining, minute.limit);
    if (state.burst) minute.remaining = std::min(minute.remaining, amount(state.burst->remaining));
    return told;
}

llm::Refusal refusal_of(limits::Limit limit, const limits::QuotaSettings& settings,
                        const limits::QuotaState& state, std::int64_t tokens,
                        std::string_view model) {
    const Word word = word_for(limit, settings, state);
    llm::Refusal refusal;
    refusal.by = word.by;
    refusal.model = model;
    refusal.limit = amount(word.limit);
    // Of a bucket and of a burst only what is left is known; a refusal means that the rate is used.
    if (word.by == llm::RefusedBy::requests_minute)
        refusal.used = refusal.limit;
    else if (*word.level)
        refusal.used = amount(word.limit - (*word.level)->remaining);
    const bool of_tokens = limit == limits::Limit::tokens || limit == limits::Limit::too_large;
    refusal.requested = of_tokens ? amount(tokens) : 1;
    return refusal;
}

std::optional<Nanos> told_wait(llm::Dialect dialect, const llm::WireReply& wire, WallTime now) {
    const auto find = [&](std::string_view name) -> std::optional<std::string_view> {
        for (const llm::Header& header : wire.headers) {
            if (header.name == name) return header.value;
        }
        return std::nullopt;
    };
    return llm::find_retry_after(dialect, find, wire.body, now);
}

}  // namespace squadload::providers
