#include "target/squad_api/client_request.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace squadload::squad_api {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxUserId = 256;

tl::unexpected<Error> bad(std::string sentence) {
    return fail(ErrorKind::usage, std::move(sentence));
}

// A key of the body; null counts as missing.
json* find(json& body, const char* key) {
    const auto found = body.find(key);
    return found == body.end() || found->is_null() ? nullptr : &*found;
}

Result<void> take_text(json& body, const char* key, std::string& into) {
    json* value = find(body, key);
    if (value == nullptr) return {};
    if (!value->is_string()) return bad(fmt::format("'{}' must be a text", key));
    into = std::move(value->get_ref<std::string&>());
    return {};
}

Result<std::vector<llm::Message>> read_history(json& list) {
    std::vector<llm::Message> history;
    if (!list.is_array()) return bad("'conversation_history' must be a list");
    for (json& item : list) {
        const auto where = fmt::format("'conversation_history' number {}", history.size() + 1);
        if (!item.is_object()) return bad(where + " must be an object with role and content");
        json* role = find(item, "role");
        json* content = find(item, "content");
        if (role == nullptr || !role->is_string() || (*role != "user" && *role != "assistant"))
            return bad(where + " needs a role, 'user' or 'assistant'");
        if (content == nullptr || !content->is_string())
            return bad(where + " needs a content, which is a text");
        history.push_back(llm::Message{*role == "user" ? llm::Role::user : llm::Role::assistant,
                                       std::move(content->get_ref<std::string&>())});
    }
    return history;
}

Result<void> take_numbers(json& body, ClientRequest& request) {
    if (const json* value = find(body, "max_tokens")) {
        if (!value->is_number_integer() || value->is_number_float() ||
            (value->is_number_unsigned() && value->get<std::uint64_t>() > 10'000'000) ||
            value->get<std::int64_t>() < 1)
            return bad("'max_tokens' must be a whole number from 1 to 10,000,000");
        request.max_tokens = value->get<std::int64_t>();
    }
    if (const json* value = find(body, "temperature")) {
        const double number = value->is_number() ? value->get<double>() : std::nan("");
        if (!(number >= 0 && number <= 2)) return bad("'temperature' must be a number from 0 to 2");
        request.temperature = number;
    }
    if (const json* value = find(body, "stream")) {
        if (!value->is_boolean()) return bad("'stream' must be true or false");
        request.stream = value->get<bool>();
    }
    return {};
}

}  // namespace

Result<ClientRequest> read_client_request(std::string_view body_text) {
    json body = json::parse(body_text, nullptr, false);
    if (body.is_discarded()) return bad("the body is not valid JSON");
    if (!body.is_object()) return bad("the body must be a JSON object");
    ClientRequest request;
    // "prompt" is what the task was called once.
    for (const auto& [key, into] :
         {std::pair{"user_id", &request.user_id}, std::pair{"agent_id", &request.agent_id},
          std::pair{"prompt", &request.task}, std::pair{"task", &request.task}}) {
        if (auto taken = take_text(body, key, *into); !taken) return tl::unexpected(taken.error());
    }
    if (request.user_id.size() > kMaxUserId)
        return bad(fmt::format("'user_id' may have {} characters at most", kMaxUserId));
    if (request.task.empty()) return bad("'task' is missing: the text for the agent");
    if (json* list = find(body, "conversation_history")) {
        auto history = read_history(*list);
        if (!history) return tl::unexpected(history.error());
        request.history = std::move(*history);
    }
    if (auto taken = take_numbers(body, request); !taken) return tl::unexpected(taken.error());
    return request;
}

}  // namespace squadload::squad_api
