#include <algorithm>
#include <cmath>

#include "target/llm/gemini_words.h"
#include "target/llm/json_text.h"
#include "target/llm/request.h"

namespace squadload::llm {
namespace {

std::size_t body_size(const ChatRequest& request) {
    std::size_t bytes = 256 + request.model.size() + request.user.size();
    // Room for some escapes.
    for (const Message& message : request.messages) bytes += 48 + message.content.size() * 9 / 8;
    return bytes;
}

bool is_sendable(std::string_view key) {
    return !key.empty() &&
           std::ranges::all_of(key, [](unsigned char c) { return c > ' ' && c != 0x7F; });
}

Headers request_headers(Dialect dialect, std::string_view key) {
    Headers headers{{"content-type", "application/json"}};
    if (!is_sendable(key)) return headers;
    if (dialect == Dialect::gemini) {
        headers.push_back({"x-goog-api-key", std::string(key)});
    } else {
        headers.push_back({"authorization", "Bearer " + std::string(key)});
    }
    return headers;
}

std::string_view max_tokens_key(Dialect dialect) {
    const bool old_word = dialect == Dialect::openrouter || dialect == Dialect::gemini_openai;
    return old_word ? R"(,"max_tokens":)" : R"(,"max_completion_tokens":)";
}

std::string openai_body(Dialect dialect, const ChatRequest& request) {
    std::string out;
    out.reserve(body_size(request));
    out += R"({"model":)";
    append_json_string(out, request.model);
    out += R"(,"messages":[)";
    for (const Message& message : request.messages) {
        if (out.back() != '[') out += ',';
        out += R"({"role":")";
        out += role_name(message.role);
        out += R"(","content":)";
        append_json_string(out, message.content);
        out += '}';
    }
    out += ']';
    if (request.max_tokens) {
        out += max_tokens_key(dialect);
        append_number(out, *request.max_tokens);
    }
    if (request.temperature && std::isfinite(*request.temperature)) {
        out += R"(,"temperature":)";
        append_number(out, *request.temperature);
    }
    if (request.stream) out += R"(,"stream":true,"stream_options":{"include_usage":true})";
    if (!request.user.empty()) {
        out += R"(,"user":)";
        append_json_string(out, request.user);
    }
    out += '}';
    return out;
}

void append_part(std::string& out, std::string_view text) {
    out += R"({"text":)";
    append_json_string(out, text);
    out += '}';
}

void append_contents(std::string& out, const ChatRequest& request, bool with_system) {
    out += R"("contents":[)";
    for (const Message& message : request.messages) {
        if (message.role == Role::system && !with_system) continue;
        if (out.back() != '[') out += ',';
        out += message.role == Role::assistant ? R"({"role":"model","parts":[)"
                                               : R"({"role":"user","parts":[)";
        append_part(out, message.content);
        out += "]}";
    }
    out += ']';
}

void append_system(std::string& out, const ChatRequest& request) {
    out += R"("systemInstruction":{"parts":[)";
    for (const Message& message : request.messages) {
        if (message.role != Role::system) continue;
        if (out.back() != '[') out += ',';
        append_part(out, message.content);
    }
    out += "]},";
}

void append_generation_config(std::string& out, const ChatRequest& request) {
    const bool warm = request.temperature && std::isfinite(*request.temperature);
    if (!request.max_tokens && !warm) return;
    out += R"(,"generationConfig":{)";
    if (request.max_tokens) {
        out += R"("maxOutputTokens":)";
        append_number(out, *request.max_tokens);
    }
    if (warm) {
        if (request.max_tokens) out += ',';
        out += R"("temperature":)";
        append_number(out, *request.temperature);
    }
    out += '}';
}

std::string gemini_body(const ChatRequest& request) {
    std::string out;
    out.reserve(body_size(request));
    const auto is_system = [](const Message& m) { return m.role == Role::system; };
    const bool any = std::ranges::any_of(request.messages, is_system);
    // Without contents there is no request: a prompt of system messages alone is asked as a user.
    const bool only = any && std::ranges::all_of(request.messages, is_system);
    out += '{';
    if (any && !only) append_system(out, request);
    append_contents(out, request, only);
    append_generation_config(out, request);
    out += '}';
    return out;
}

}  // namespace

WireRequest render_request(Dialect dialect, const ChatRequest& request, std::string_view key) {
    WireRequest out;
    out.headers = request_headers(dialect, key);
    if (dialect == Dialect::gemini) {
        out.path = gemini_path(request.model,
                               request.stream ? "streamGenerateContent" : "generateContent");
        if (request.stream) out.path += "?alt=sse";
        out.body = gemini_body(request);
    } else {
        out.path = "/chat/completions";
        out.body = openai_body(dialect, request);
    }
    return out;
}

}  // namespace squadload::llm
