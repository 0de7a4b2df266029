#include <nlohmann/json.hpp>

#include "base/random.h"
#include "target/llm/json_text.h"
#include "target/llm/json_view.h"
#include "target/llm/test_support.h"
#include "target/llm/tokens.h"
#include "target/llm/utf8.h"

namespace squadload::llm {
namespace {

std::string json_of(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string bytes_at_random(std::uint64_t index) {
    Random random(5, RandomStream::test, index);
    std::string text(random.below(60), '\0');
    // Mostly lead and continuation bytes, so that characters come about.
    for (char& c : text) {
        const auto roll = random.below(4);
        c = static_cast<char>(roll == 0 ? random.below(128) : 0x80 + random.below(128));
    }
    return text;
}

TEST(Utf8Test, ReplacesWhatIsNone) {
    EXPECT_EQ(valid_utf8("a\xff\xe4\xb8\x96\xe4\xb8"), "a\ufffd\u4e16\ufffd\ufffd");
    EXPECT_EQ(valid_utf8(""), "");
    // Also where eight bytes at a time are looked at.
    for (std::size_t at = 0; at < 20; ++at) {
        std::string text(20, 'x');
        text[at] = '\xff';
        std::string expected(20, 'x');
        EXPECT_EQ(valid_utf8(text), expected.replace(at, 1, "\ufffd"));
    }
}

TEST(Utf8Test, OneLineIsCutBetweenCharacters) {
    EXPECT_EQ(one_line("  a\r\n\tb\x7f  ", 100), "a b");
    EXPECT_EQ(one_line("abcdef", 6), "abcdef");
    EXPECT_EQ(one_line("abcdefg", 6), "abc\u2026");
    EXPECT_EQ(one_line("\u4e16\u4e16\u4e16", 8), "\u4e16\u2026");
    EXPECT_EQ(one_line("\u4e16\u4e16\u4e16", 9), "\u4e16\u4e16\u4e16");
    for (std::uint64_t i = 0; i < 500; ++i) {
        for (std::size_t most = 3; most < 40; most += 7) {
            const std::string line = one_line(bytes_at_random(i), most);
            EXPECT_LE(line.size(), most);
            EXPECT_TRUE(is_valid_utf8(line));
        }
    }
}

TEST(JsonTextTest, EscapesAsAnotherReaderExpects) {
    EXPECT_EQ(json_of("a\"b\\c\n\r\t\x01/\x7f"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001/\x7f\"");
    EXPECT_EQ(json_of("\xff\u4e16"), "\"\ufffd\u4e16\"");
    EXPECT_EQ(json_of(std::string_view("\0", 1)), "\"\\u0000\"");
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const std::string text = bytes_at_random(i);
        const auto read = nlohmann::json::parse(json_of(text));
        EXPECT_EQ(read.get<std::string>(), valid_utf8(text));
    }
}

TEST(JsonTextTest, NumbersReadBackTheSame) {
    for (const double number : {0.0, 0.7, 1e-300, 1.7976931348623157e308, -2.5, 1.0 / 3.0}) {
        std::string out;
        append_number(out, number);
        EXPECT_EQ(nlohmann::json::parse(out).get<double>(), number);
    }
    std::string out;
    append_number(out, std::uint64_t{18'446'744'073'709'551'615U});
    append_number(out, std::int64_t{-1});
    EXPECT_EQ(out, "18446744073709551615-1");
}

TEST(JsonViewTest, AskedForWhatIsNotThereItGivesNothing) {
    const JsonDocument document(
        R"({"text":"a\u00e9","list":[1,2.0,-1,1.5],"null":null,"on":true,"text":"second"})");
    const JsonView root = document.root();
    EXPECT_TRUE(root.is_object());
    EXPECT_EQ(root["text"].text(), "a\u00e9");
    EXPECT_FALSE(root["none"].exists());
    EXPECT_FALSE(root["none"]["deeper"].front().exists());
    EXPECT_TRUE(root["null"].exists() && root["null"].is_null());
    EXPECT_EQ(root["on"].boolean(), true);
    EXPECT_EQ(root["on"].number(), std::nullopt);
    EXPECT_EQ(root["text"].whole(), std::nullopt);
    std::vector<std::optional<std::uint64_t>> wholes;
    root["list"].each([&](JsonView item) {
        wholes.push_back(item.whole());
        return true;
    });
    const std::vector<std::optional<std::uint64_t>> expected = {1, 2, std::nullopt, std::nullopt};
    EXPECT_EQ(wholes, expected);
    int seen = 0;
    root["list"].each([&](JsonView) { return ++seen < 2; });
    EXPECT_EQ(seen, 2);
}

TEST(JsonViewTest, ReadsADocumentAfterABrokenOne) {
    for (const std::string& text : hostile_texts()) {
        const JsonDocument document(text);
        if (document.root().exists()) {
            EXPECT_TRUE(is_json(text)) << text.substr(0, 100);
        }
    }
    const JsonDocument document("[7]");
    EXPECT_EQ(document.root().front().whole(), 7U);
}

TEST(TokensTest, CountsCodePointsByFour) {
    EXPECT_EQ(estimate_tokens(""), 1U);
    EXPECT_EQ(estimate_tokens("abcd"), 1U);
    EXPECT_EQ(estimate_tokens("abcde"), 2U);
    EXPECT_EQ(estimate_tokens("\u4e16\u4e16\u4e16\u4e16"), 1U);
    EXPECT_EQ(estimate_tokens(std::string(4000, 'x')), 1000U);
    for (std::uint64_t i = 0; i < 300; ++i) {
        const std::string text = bytes_at_random(i);
        const auto begin = std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
        EXPECT_EQ(estimate_tokens(text),
                  std::max<std::uint64_t>(1, (static_cast<std::uint64_t>(begin) + 3) / 4));
    }
}

TEST(TokensTest, APromptHasItsOverhead) {
    EXPECT_EQ(estimate_prompt_tokens({}), 3U);
    const std::vector<Message> messages = {{Role::system, ""}, {Role::user, "abcde"}};
    EXPECT_EQ(estimate_prompt_tokens(messages), 3U + 4U + 4U + 2U);
}

}  // namespace
}  // namespace squadload::llm
