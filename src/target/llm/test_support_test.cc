#include "target/llm/test_support.h"

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "target/llm/utf8.h"

namespace squadload::llm {
namespace {

using nlohmann::json;

std::string random_bytes(std::uint64_t index) {
    Random random(7, RandomStream::test, index);
    std::string text(random.below(200), '\0');
    for (char& c : text) c = static_cast<char>(random.below(256));
    return text;
}

// JSON's own characters at random: nearly documents.
std::string random_json(std::uint64_t index) {
    constexpr std::string_view kPieces[] = {
        "{",           "}",           "[",           "]",  ",",      ":",
        "\"error\"",   "\"choices\"", "\"message\"", "1",  "-1e999", "null",
        "\"\\ud800\"", "true",        "\"",          "\\", " "};
    Random random(8, RandomStream::test, index);
    std::string text;
    for (std::uint64_t i = random.below(40); i > 0; --i)
        text += kPieces[random.below(std::size(kPieces))];
    return text;
}

std::string repeated(std::string_view piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += piece;
    return text;
}

}  // namespace

testing::AssertionResult same_json(std::string_view actual, std::string_view golden) {
    const json left = json::parse(actual, nullptr, false);
    const json right = json::parse(golden, nullptr, false);
    if (right.is_discarded()) return testing::AssertionFailure() << "golden is no JSON: " << golden;
    if (left.is_discarded()) return testing::AssertionFailure() << "no JSON: " << actual;
    if (left == right) return testing::AssertionSuccess();
    return testing::AssertionFailure() << json::diff(right, left).dump() << "\n in " << actual;
}

bool is_json(std::string_view text) {
    return json::accept(text);
}

bool is_valid_utf8(std::string_view text) {
    return valid_utf8(text) == text;
}

std::optional<std::string_view> HeaderMap::operator()(std::string_view name) const {
    const auto found = fields.find(name);
    if (found == fields.end()) return std::nullopt;
    return found->second;
}

HeaderMap header_map(const Headers& headers) {
    HeaderMap map;
    for (const Header& header : headers) map.fields.emplace(header.name, header.value);
    return map;
}

std::string header_value(const Headers& headers, std::string_view name) {
    for (const Header& header : headers) {
        if (header.name == name) return header.value;
    }
    return "(none)";
}

ChatRequest example_request() {
    ChatRequest request;
    request.model = "llama-3.3-70b-versatile";
    request.messages = {{Role::system, "Be brief."},
                        {Role::user, "Say \"h\u00e9llo\"\n\tto \u4e16\u754c \U0001F600"},
                        {Role::assistant, "Hello."},
                        {Role::user, "Again\\"}};
    request.max_tokens = 256;
    request.temperature = 0.7;
    return request;
}

ChatReply example_reply() {
    ChatReply reply;
    reply.id = "chatcmpl-42";
    reply.model = "llama-3.3-70b-versatile";
    reply.content = "Line one\nline \"two\" \u4e16";
    reply.usage = {21, 7};
    reply.created_s = 1'795'575'600;
    return reply;
}

std::vector<std::string> hostile_texts() {
    std::vector<std::string> texts = {
        "",
        " ",
        "null",
        "1",
        "\"text\"",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "{\"error\":null}",
        "{\"error\":[]}",
        "{\"error\":{}}",
        "{\"error\":\"\"}",
        "[{\"error\":1}]",
        "{\"choices\":[]}",
        "{\"choices\":[null]}",
        "{\"choices\":[{}]}",
        "{\"candidates\":{}}",
        "{\"error\":{\"message\":\"\\ud800 lone\",\"code\":1e400}}",
        "\xff\xfe\x00\x01",
        "{\"error\":{\"details\":[1,[],{\"violations\":[1,{}]}],\"message\":7}}",
        "{\"error\":{\"code\":18446744073709551616}}",
        "\xef\xbb\xbf{}",
        std::string(5, '\0')};
    constexpr std::size_t kDeep = 100'000;
    texts.push_back(repeated("[", kDeep));
    texts.push_back(repeated("[", kDeep) + repeated("]", kDeep));
    texts.push_back(repeated("{\"error\":", kDeep) + "1" + repeated("}", kDeep));
    texts.push_back("{\"messages\":" + repeated("[", kDeep) + repeated("]", kDeep) + "}");
    // A number nobody can hold stands before the nesting.
    texts.push_back("[123456789012345678901234567890," + repeated("[", kDeep));
    for (std::uint64_t i = 0; i < 300; ++i) {
        texts.push_back(random_bytes(i));
        texts.push_back(random_json(i));
    }
    return texts;
}

}  // namespace squadload::llm
