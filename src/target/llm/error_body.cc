#include "target/llm/error_body.h"

#include "target/llm/json_text.h"

namespace squadload::llm {
namespace {

void append_field(std::string& out, std::string_view key_part, std::string_view text) {
    out += key_part;
    append_json_string(out, text);
}

}  // namespace

std::string openai_error(std::string_view message, std::string_view type, std::string_view code) {
    std::string out;
    append_field(out, R"({"error":{"message":)", message);
    append_field(out, R"(,"type":)", type);
    out += R"(,"param":null,"code":)";
    if (code.empty()) {
        out += "null";
    } else {
        append_json_string(out, code);
    }
    return out += "}}";
}

std::string groq_error(std::string_view message, std::string_view type, std::string_view code) {
    std::string out;
    append_field(out, R"({"error":{"message":)", message);
    append_field(out, R"(,"type":)", type);
    if (!code.empty()) append_field(out, R"(,"code":)", code);
    return out += "}}";
}

std::string cerebras_error(std::string_view message, std::string_view type, std::string_view param,
                           std::string_view code) {
    std::string out;
    append_field(out, R"({"message":)", message);
    append_field(out, R"(,"type":)", type);
    append_field(out, R"(,"param":)", param);
    append_field(out, R"(,"code":)", code);
    return out += '}';
}

std::string google_error(Dialect dialect, int code, std::string_view message,
                         std::string_view status, std::string_view details) {
    const bool in_array = dialect == Dialect::gemini_openai;
    std::string out = in_array ? R"([{"error":{"code":)" : R"({"error":{"code":)";
    append_number(out, std::int64_t{code});
    append_field(out, R"(,"message":)", message);
    append_field(out, R"(,"status":)", status);
    if (!details.empty()) {
        out += R"(,"details":[)";
        out += details;
        out += ']';
    }
    return out += in_array ? "}}]" : "}}";
}

std::string openrouter_error(int code, std::string_view message, std::string_view metadata) {
    std::string out;
    append_field(out, R"({"error":{"message":)", message);
    out += R"(,"code":)";
    append_number(out, std::int64_t{code});
    if (!metadata.empty()) {
        out += R"(,"metadata":)";
        out += metadata;
    }
    return out += R"(},"user_id":"user_simulated"})";
}

}  // namespace squadload::llm
