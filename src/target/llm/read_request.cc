#include <fmt/core.h>

#include <utility>

#include "target/llm/gemini_words.h"
#include "target/llm/json_view.h"
#include "target/llm/request.h"
#include "target/llm/utf8.h"

namespace squadload::llm {
namespace {

tl::unexpected<Error> refuse(std::string sentence) {
    return fail(ErrorKind::usage, std::move(sentence));
}

// A word of the client's, quoted in a sentence.
std::string shown(std::string_view word) {
    return one_line(word, 60);
}

// Appends text that is valid UTF-8 whatever came.
void append_text(std::string& out, std::string_view text) {
    if (out.empty()) {
        out = valid_utf8(text);
    } else {
        out += valid_utf8(text);
    }
}

// A list of parts: their texts, joined.
Result<std::string> read_parts(JsonView parts, std::string_view key) {
    std::string text;
    std::string sentence;
    parts.each([&](JsonView part) {
        const auto piece = part["text"].text();
        if (piece) {
            append_text(text, *piece);
            return true;
        }
        const auto type = part["type"].text();
        sentence = type && *type != "text"
                       ? fmt::format("'{}' has a part of type '{}'; only text is supported", key,
                                     shown(*type))
                       : fmt::format("every part of '{}' must have a 'text'", key);
        return false;
    });
    if (!sentence.empty()) return refuse(std::move(sentence));
    return text;
}

Result<Message> read_openai_message(JsonView from, std::size_t index) {
    const auto role = from["role"].text();
    if (!role) return refuse(fmt::format("'messages[{}].role' must be given", index));
    const auto known = parse_role(*role);
    if (!known) {
        return refuse(
            fmt::format("'messages[{}].role' must be system, user, assistant or tool, not '{}'",
                        index, shown(*role)));
    }
    Message message{*known, {}};
    const JsonView content = from["content"];
    if (const auto text = content.text()) {
        append_text(message.content, *text);
    } else if (content.is_array()) {
        auto parts = read_parts(content, fmt::format("messages[{}].content", index));
        if (!parts) return tl::unexpected(std::move(parts.error()));
        message.content = *std::move(parts);
    } else if (*known != Role::assistant || (content.exists() && !content.is_null())) {
        // An assistant that called tools said nothing.
        return refuse(fmt::format("'messages[{}].content' must be text or a list of parts", index));
    }
    return message;
}

using MessageReader = Result<Message> (*)(JsonView, std::size_t);

// "" or why the list is none. Appends to `to`.
std::string read_messages(JsonView list, std::string_view key, MessageReader read,
                          std::vector<Message>& to) {
    if (!list.is_array() || !list.front().exists())
        return fmt::format("'{}' must be a list with at least one message", key);
    std::string sentence;
    std::size_t index = 0;
    list.each([&](JsonView item) {
        auto message = item.is_object()
                           ? read(item, index)
                           : refuse(fmt::format("'{}[{}]' must be an object", key, index));
        if (message) {
            to.push_back(*std::move(message));
        } else {
            sentence = std::move(message.error().message);
        }
        ++index;
        return sentence.empty();
    });
    return sentence;
}

// The value of the first of the keys that is there; null counts as absent.
JsonView first_of(JsonView object, std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
        const JsonView value = object[key];
        if (value.exists() && !value.is_null()) return value;
    }
    return {};
}

std::string read_max_tokens(JsonView value, std::string_view key, ChatRequest& to) {
    if (!value.exists()) return "";
    const auto tokens = value.whole();
    if (!tokens || *tokens == 0) return fmt::format("'{}' must be a whole number from 1", key);
    to.max_tokens = tokens;
    return "";
}

std::string read_temperature(JsonView value, std::string_view key, ChatRequest& to) {
    if (!value.exists()) return "";
    const auto degree = value.number();
    if (!degree || !(*degree >= 0 && *degree <= 2))
        return fmt::format("'{}' must be a number from 0 to 2", key);
    to.temperature = degree;
    return "";
}

// Options that ask for something else than one text. Null, and what is the default, asks for
// nothing.
std::string unsupported_option(JsonView root) {
    if (const JsonView n = first_of(root, {"n"}); n.exists() && n.whole() != 1) return "n";
    if (const JsonView format = first_of(root, {"response_format"});
        format.exists() && format["type"].text() != "text")
        return "response_format";
    for (const std::string_view key :
         {"tools", "tool_choice", "functions", "function_call", "modalities", "audio", "logprobs",
          "top_logprobs", "prediction", "web_search_options"}) {
        const JsonView value = first_of(root, {key});
        if (value.exists() && value.boolean() != false && value.text() != "none")
            return std::string(key);
    }
    return "";
}

std::string read_openai_options(JsonView root, ChatRequest& to) {
    to.unsupported = unsupported_option(root);
    std::string sentence =
        read_max_tokens(first_of(root, {"max_completion_tokens", "max_tokens"}), "max_tokens", to);
    if (sentence.empty())
        sentence = read_temperature(first_of(root, {"temperature"}), "temperature", to);
    if (!sentence.empty()) return sentence;
    if (const JsonView stream = first_of(root, {"stream"}); stream.exists()) {
        const auto on = stream.boolean();
        if (!on) return "'stream' must be true or false";
        to.stream = *on;
    }
    if (const JsonView user = first_of(root, {"user"}); user.exists()) {
        const auto name = user.text();
        if (!name) return "'user' must be text";
        to.user = valid_utf8(*name);
    }
    return "";
}

std::string read_openai(JsonView root, ChatRequest& to) {
    const auto model = root["model"].text();
    if (!model || model->empty()) return "'model' must be the name of a model";
    to.model = valid_utf8(*model);
    std::string sentence =
        read_messages(root["messages"], "messages", read_openai_message, to.messages);
    return sentence.empty() ? read_openai_options(root, to) : sentence;
}

Result<Message> read_gemini_content(JsonView from, std::size_t index) {
    Message message;
    const JsonView role = first_of(from, {"role"});
    if (role.exists() && role.text() != "user" && role.text() != "model") {
        return refuse(fmt::format("'contents[{}].role' must be user or model", index));
    }
    if (role.text() == "model") message.role = Role::assistant;
    const JsonView parts = from["parts"];
    if (!parts.is_array() || !parts.front().exists())
        return refuse(fmt::format("'contents[{}].parts' must be a list with one part", index));
    auto text = read_parts(parts, fmt::format("contents[{}].parts", index));
    if (!text) return tl::unexpected(std::move(text.error()));
    message.content = *std::move(text);
    return message;
}

// Every part is a message of its own: that is how render_request writes several.
std::string read_system_instruction(JsonView from, ChatRequest& to) {
    if (!from.exists()) return "";
    const JsonView parts = from["parts"];
    if (!parts.is_array()) return "'systemInstruction' must have a list of parts";
    std::string sentence;
    parts.each([&](JsonView part) {
        const auto text = part["text"].text();
        if (text) {
            to.messages.push_back({Role::system, valid_utf8(*text)});
        } else {
            sentence = "every part of 'systemInstruction' must have a 'text'";
        }
        return text.has_value();
    });
    return sentence;
}

// proto3's JSON takes names in both spellings.
std::string read_gemini(JsonView root, ChatRequest& to) {
    std::string sentence =
        read_system_instruction(first_of(root, {"systemInstruction", "system_instruction"}), to);
    if (sentence.empty())
        sentence = read_messages(root["contents"], "contents", read_gemini_content, to.messages);
    if (!sentence.empty()) return sentence;
    const JsonView config = first_of(root, {"generationConfig", "generation_config"});
    if (!config.exists()) return "";
    if (!config.is_object()) return "'generationConfig' must be an object";
    sentence = read_max_tokens(first_of(config, {"maxOutputTokens", "max_output_tokens"}),
                               "generationConfig.maxOutputTokens", to);
    if (!sentence.empty()) return sentence;
    return read_temperature(first_of(config, {"temperature"}), "generationConfig.temperature", to);
}

// "" or why the path is none of gemini's.
std::string read_path(std::string_view path, ChatRequest& to) {
    auto named = read_gemini_path(path);
    if (!named) return "the path must be /models/{model}:generateContent";
    to.stream = named->method == "streamGenerateContent";
    if (!to.stream && named->method != "generateContent")
        return fmt::format("'{}' is not a method of a model", shown(named->method));
    to.model = valid_utf8(named->model);
    return "";
}

}  // namespace

Result<ChatRequest> read_request(Dialect dialect, std::string_view path, std::string_view body) {
    ChatRequest request;
    const bool native = dialect == Dialect::gemini;
    std::string sentence = native ? read_path(path, request) : "";
    if (!sentence.empty()) return refuse(std::move(sentence));
    const JsonDocument document(body);
    if (!document.root().exists()) return refuse("the body is not valid JSON");
    if (!document.root().is_object()) return refuse("the body must be a JSON object");
    sentence =
        native ? read_gemini(document.root(), request) : read_openai(document.root(), request);
    if (!sentence.empty()) return refuse(std::move(sentence));
    return request;
}

}  // namespace squadload::llm
