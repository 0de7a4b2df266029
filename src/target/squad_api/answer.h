// What clients get: bodies and headers of chat answers and of errors. Pure but for the core's
// names.
#pragma once

#include <string>
#include <string_view>

#include "target/service/message.h"
#include "target/squad_api/call.h"
#include "target/squad_api/core.h"

namespace squadload::squad_api {

enum class Shape { squad, openai };

// A refusal before any provider was asked.
struct Problem {
    int status = 400;
    std::string_view type;  // "invalid_request_error", "not_found_error", …
    std::string message;    // one sentence
};

[[nodiscard]] service::Reply problem_reply(const Problem& problem, std::string_view request_id,
                                           Shape shape);

// served.verdict.kind served.
[[nodiscard]] service::Reply chat_reply(const Core& core, const ChatCall& call,
                                        const Served& served, Shape shape, Nanos latency);
// Any other verdict.
[[nodiscard]] service::Reply verdict_reply(const Core& core, const ChatCall& call,
                                           const Served& served, Shape shape);

// "groq=429, cerebras=ok"
[[nodiscard]] std::string attempts_text(const Core& core, const std::vector<Attempt>& attempts);
// Of the audit row and the error type: "ok", "rate_limited", "provider_error", …
[[nodiscard]] std::string_view outcome_name(Verdict::Kind kind);

}  // namespace squadload::squad_api
