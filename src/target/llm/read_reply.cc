#include <string>

#include "target/llm/error_shape.h"
#include "target/llm/gemini_words.h"
#include "target/llm/json_view.h"
#include "target/llm/reply.h"
#include "target/llm/utf8.h"

namespace squadload::llm {
namespace {

constexpr std::size_t kMaxName = 256;  // bytes of an id or a model's name

tl::unexpected<ProviderError> incomplete(std::string sentence) {
    ProviderError error;
    error.status = 200;
    error.kind = ProviderErrorKind::invalid_reply;
    error.message = std::move(sentence);
    return tl::unexpected(std::move(error));
}

std::string name_of(JsonView value) {
    return one_line(value.text().value_or(""), kMaxName);
}

void read_usage(JsonView from, ChatReply& to) {
    const auto prompt = from["prompt_tokens"].whole();
    const auto completion = from["completion_tokens"].whole();
    to.usage_reported = prompt && completion;
    if (to.usage_reported) to.usage = {*prompt, *completion};
}

// The text of an OpenAI message: a string, or parts that have one. nullopt when there is none.
std::optional<std::string> content_of(JsonView message) {
    if (const auto text = message["content"].text()) return valid_utf8(*text);
    if (const auto text = message["refusal"].text()) return valid_utf8(*text);
    if (!message["content"].is_array()) return std::nullopt;
    std::string all;
    message["content"].each([&](JsonView part) {
        all += valid_utf8(part["text"].text().value_or(""));
        return true;
    });
    return all;
}

// An answer cut short or filtered may have no text; one that came to its end must have some.
bool needs_text(std::string_view finish_reason) {
    return finish_reason != "length" && finish_reason != "content_filter";
}

ReplyResult read_openai(JsonView root) {
    ChatReply reply;
    const JsonView choice = root["choices"].front();
    if (!choice.exists()) return incomplete("the answer has no choices");
    const auto reason = choice["finish_reason"].text();
    if (!reason || reason->empty()) return incomplete("the answer does not say why it ended");
    reply.finish_reason = one_line(*reason, 64);
    auto content = content_of(choice["message"]);
    if (!content && choice["message"]["tool_calls"].is_array())
        return incomplete("the answer calls tools instead of giving text");
    if (!content && needs_text(*reason)) return incomplete("the answer has no text");
    reply.content = std::move(content).value_or("");
    reply.id = name_of(root["id"]);
    reply.model = name_of(root["model"]);
    reply.upstream_provider = name_of(root["provider"]);
    const auto created = root["created"].whole();
    if (created && *created <= std::uint64_t{1} << 53U)
        reply.created_s = static_cast<std::int64_t>(*created);
    read_usage(root["usage"], reply);
    return reply;
}

std::optional<std::string> gemini_text(JsonView parts) {
    std::optional<std::string> text;
    parts.each([&](JsonView part) {
        const auto piece = part["text"].text();
        if (piece && !part["thought"].boolean().value_or(false))
            text = std::move(text).value_or("") + valid_utf8(*piece);
        return true;
    });
    return text;
}

// Counts that are zero may be absent (proto3's JSON).
void read_gemini_usage(JsonView from, ChatReply& to) {
    const auto count = [&](std::string_view key) { return from[key].whole(); };
    const auto prompt = count("promptTokenCount");
    to.usage_reported = prompt || count("totalTokenCount");
    if (!to.usage_reported) return;
    to.usage.prompt_tokens = prompt.value_or(0);
    to.usage.completion_tokens =
        count("candidatesTokenCount").value_or(0) + count("thoughtsTokenCount").value_or(0);
}

ReplyResult blocked(std::string_view reason) {
    ProviderError error;
    error.status = 200;
    error.kind = ProviderErrorKind::bad_request;
    error.code = one_line(reason, kMaxErrorCode);
    error.message = "the provider blocked the prompt: " + error.code;
    return tl::unexpected(std::move(error));
}

ReplyResult read_gemini(JsonView root) {
    ChatReply reply;
    const JsonView candidate = root["candidates"].front();
    if (!candidate.exists()) {
        if (const auto reason = root["promptFeedback"]["blockReason"].text())
            return blocked(*reason);
        return incomplete("the answer has no candidates");
    }
    const auto reason = candidate["finishReason"].text();
    if (!reason || reason->empty()) return incomplete("the answer does not say why it ended");
    reply.finish_reason = one_line(openai_finish_reason(*reason), 64);
    auto content = gemini_text(candidate["content"]["parts"]);
    if (!content && needs_text(reply.finish_reason)) return incomplete("the answer has no text");
    reply.content = std::move(content).value_or("");
    reply.id = name_of(root["responseId"]);
    reply.model = name_of(root["modelVersion"]);
    read_gemini_usage(root["usageMetadata"], reply);
    return reply;
}

}  // namespace

ReplyResult read_reply(Dialect dialect, HeaderLookup headers, std::string_view body, WallTime now) {
    if (body.empty()) return incomplete("the answer is empty");
    const JsonDocument document(body);
    const JsonView root = document.root();
    if (!root.exists()) return incomplete("the answer is not valid JSON");
    if (auto error = error_inside(dialect, headers, root, now))
        return tl::unexpected(*std::move(error));
    if (!root.is_object()) return incomplete("the answer is not a JSON object");
    return dialect == Dialect::gemini ? read_gemini(root) : read_openai(root);
}

}  // namespace squadload::llm
