// What clients of the agents' endpoints send:
//   {"user_id": "user_7", "agent_id": "travel_planner", "task": "Plan a trip to Tokyo",
//    "conversation_history": [{"role": "user", "content": "…"}, …],
//    "max_tokens": 200, "temperature": 0.3, "stream": false}
// All but task may be missing; agent_id stands in the path of /v1/agents/{agent}. Other keys are
// ignored. The OpenAI-compatible endpoint's body is target/llm's. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "target/llm/chat.h"

namespace squadload::squad_api {

struct ClientRequest {
    std::string user_id;
    std::string agent_id;
    std::string task;
    std::optional<std::vector<llm::Message>> history;  // none: not in the body
    std::optional<std::int64_t> max_tokens;            // > 0
    std::optional<double> temperature;                 // 0 … 2
    bool stream = false;
};

// The error is one sentence for the client.
[[nodiscard]] Result<ClientRequest> read_client_request(std::string_view body);

}  // namespace squadload::squad_api
