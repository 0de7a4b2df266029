// A chat call and its answer, whatever the dialect. Plain values; text is valid UTF-8 when it comes
// from this room's readers, and the renderers replace what is not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace squadload::llm {

enum class Role { system, user, assistant, tool };  // "developer" is read as system

[[nodiscard]] std::string_view role_name(Role role);  // OpenAI's word
[[nodiscard]] std::optional<Role> parse_role(std::string_view name);

struct Message {
    Role role = Role::user;
    std::string content;
    friend bool operator==(const Message&, const Message&) = default;
};

struct ChatRequest {
    std::string model;
    std::vector<Message> messages;
    std::optional<std::uint64_t> max_tokens;  // of the answer, > 0
    std::optional<double> temperature;        // 0 … 2
    bool stream = false;
    std::string user;  // who asks, empty: not said
    // The first option read that asks for another kind of answer than one text, and is not kept
    // here: "tools", "response_format", … Empty: none.
    std::string unsupported = {};
    friend bool operator==(const ChatRequest&, const ChatRequest&) = default;
};

struct Usage {
    std::uint64_t prompt_tokens = 0;
    std::uint64_t completion_tokens = 0;  // reasoning included
    [[nodiscard]] std::uint64_t total_tokens() const { return prompt_tokens + completion_tokens; }
    friend bool operator==(const Usage&, const Usage&) = default;
};

struct ChatReply {
    std::string id;     // the provider's; empty when it gave none
    std::string model;  // who answered, as the provider names it
    std::string content;
    std::string finish_reason = "stop";  // OpenAI's words: stop, length, content_filter, …
    Usage usage;
    bool usage_reported = true;     // read: false when the answer had no usage
    std::int64_t created_s = 0;     // seconds since 1970; 0 where the dialect has none
    std::string upstream_provider;  // openrouter: who served in its place, such as "Groq"
    friend bool operator==(const ChatReply&, const ChatReply&) = default;
};

// How long the parts of an answer took, for the dialects that say so (groq, cerebras).
struct ReplyTiming {
    Nanos queue{};
    Nanos prompt{};      // until the first token
    Nanos completion{};  // from then on
};

}  // namespace squadload::llm
