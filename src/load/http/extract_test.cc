#include "load/http/extract.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace squadload::http {
namespace {

using scenario::Extraction;
using scenario::Variable;

const std::vector<std::string> kNames = {"token", "id", "page"};

Extraction from_json(std::uint16_t variable, std::string pointer,
                     std::optional<std::string> fallback = {}) {
    return {variable, Extraction::From::json, std::move(pointer), std::move(fallback), nullptr};
}

Extraction from_header(std::uint16_t variable, std::string name,
                       std::optional<std::string> fallback = {}) {
    return {variable, Extraction::From::header, std::move(name), std::move(fallback), nullptr};
}

Extraction from_regex(std::uint16_t variable, std::string expression) {
    auto regex = scenario::Regex::compile(expression);
    EXPECT_TRUE(regex);
    return {variable, Extraction::From::regex, std::move(expression), std::nullopt,
            std::make_shared<const scenario::Regex>(*std::move(regex))};
}

ResponseParser answer(std::string_view body, std::string_view headers = "") {
    ResponseParser parser;
    parser.start(false, true, true, {});
    const auto status = parser.feed(fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}",
                                                headers, body.size(), body));
    EXPECT_EQ(status, ResponseParser::Status::complete) << parser.error();
    return parser;
}

struct Extracted {
    std::string sentence;
    std::vector<Variable> variables = std::vector<Variable>(kNames.size());
};

Extracted extract(const std::vector<Extraction>& what, const ResponseParser& response) {
    Extracted e;
    e.sentence = Extractor(what, kNames).extract(response, e.variables);
    return e;
}

// The value of one pointer, or the sentence.
std::string json_value(std::string_view pointer, std::string_view body,
                       std::optional<std::string> fallback = {}) {
    const std::vector what = {from_json(0, std::string(pointer), std::move(fallback))};
    const Extracted e = extract(what, answer(body));
    EXPECT_EQ(e.variables[0].set, e.sentence.empty());
    return e.sentence.empty() ? e.variables[0].text : e.sentence;
}

TEST(Extract, SaysWhatItNeeds) {
    const Extractor nothing;
    EXPECT_TRUE(nothing.empty());
    EXPECT_FALSE(nothing.needs_body() || nothing.needs_headers());
    EXPECT_EQ(nothing.extract(answer("x"), {}), "");
    const std::vector json = {from_json(0, "/a")};
    EXPECT_TRUE(Extractor(json, kNames).needs_body());
    EXPECT_FALSE(Extractor(json, kNames).needs_headers());
    const std::vector header = {from_header(0, "X")};
    EXPECT_FALSE(Extractor(header, kNames).needs_body());
    EXPECT_TRUE(Extractor(header, kNames).needs_headers());
    const std::vector regex = {from_regex(0, "x")};
    EXPECT_TRUE(Extractor(regex, kNames).needs_body());
}

TEST(Extract, JsonValues) {
    EXPECT_EQ(json_value("/token", R"({"token": "abc"})"), "abc");
    EXPECT_EQ(json_value("/a/1/b", R"({"a": [0, {"b": true}]})"), "true");
    EXPECT_EQ(json_value("", "\"whole\""), "whole");
    EXPECT_EQ(json_value("/t", R"({"t": "line\nquote\"\u00e9\u0000."})"),
              std::string("line\nquote\"\xc3\xa9\0.", 15));
    EXPECT_EQ(json_value("/t", R"({"t": ""})"), "");
    EXPECT_EQ(json_value("/t", R"({"t": false})"), "false");
    EXPECT_EQ(json_value("/t", R"({"t": -42})"), "-42");
    EXPECT_EQ(json_value("/t", R"({"t": 1.5})"), "1.5");
    EXPECT_EQ(json_value("/t", R"({"t": 18446744073709551615})"), "18446744073709551615");
    EXPECT_EQ(json_value("/t", R"({"t": 9223372036854775807})"), "9223372036854775807");
    EXPECT_EQ(json_value("/t", R"({"t": { "a" : [ 1 , "x y" , null ] } })"),
              R"({"a":[1,"x y",null]})");
}

TEST(Extract, JsonThatIsNotThere) {
    EXPECT_EQ(json_value("/token", "{}"), "extract token: json /token missing");
    EXPECT_EQ(json_value("/token", R"({"token": null})"), "extract token: json /token missing");
    EXPECT_EQ(json_value("/token", "<html>"), "extract token: body is not valid JSON");
    EXPECT_EQ(json_value("/token", ""), "extract token: body is empty, not JSON");
    EXPECT_EQ(json_value("/token", "{\"token\": \"x\"} {}"),
              "extract token: body is not valid JSON");
    for (const std::string_view body : {"{}", R"({"t": null})", "<html>", ""})
        EXPECT_EQ(json_value("/t", body, "none"), "none") << body;
    EXPECT_EQ(json_value("/t", "{}", ""), "");
}

TEST(Extract, NumbersBeyond64BitsAreNotRounded) {
    const std::string_view body =
        R"({"big": 18446744073709551616, "n": 7, "d": 0.5, "s": "x", "z": null, "in": [1e19]})";
    EXPECT_EQ(json_value("/big", body), "extract token: json /big has a number beyond 64 bits");
    EXPECT_EQ(json_value("/in", body), "extract token: json /in has a number beyond 64 bits");
    EXPECT_EQ(json_value("/n", body), "7");
    EXPECT_EQ(json_value("/d", body), "0.5");
    EXPECT_EQ(json_value("/s", body), "x");
    EXPECT_EQ(json_value("/z", body), "extract token: json /z missing");
    EXPECT_EQ(json_value("/no", body), "extract token: json /no missing");
}

// The slower reading of wide numbers must be no way around the bound on nesting.
TEST(Extract, DeepNestingBehindANumberBeyond64Bits) {
    const auto nested = [](std::size_t levels) {
        return "[18446744073709551616, " + std::string(levels, '[') + "\"]\\\"\"" +
               std::string(levels, ']') + "]";
    };
    EXPECT_EQ(json_value("/1", nested(400'000)), "extract token: body is not valid JSON");
    EXPECT_EQ(json_value("/1", nested(1'024)), "extract token: body is not valid JSON");
    EXPECT_EQ(json_value("/1", nested(1'000)), nested(1'000).substr(23, 2'005));
}

TEST(Extract, Headers) {
    const auto response = answer("", "X-Token: one\r\nX-Token: two\r\nEmpty:\r\n");
    const auto value = [&](Extraction what) {
        const Extracted e = extract({std::move(what)}, response);
        return e.sentence.empty() ? e.variables[0].text : e.sentence;
    };
    EXPECT_EQ(value(from_header(0, "x-token")), "one");
    EXPECT_EQ(value(from_header(0, "Empty")), "");
    EXPECT_EQ(value(from_header(0, "X-Other")), "extract token: header X-Other missing");
    EXPECT_EQ(value(from_header(0, "X-Other", "f")), "f");
}

TEST(Extract, RegularExpressions) {
    const auto response = answer("<a href='/page/17'>next</a>");
    EXPECT_EQ(extract({from_regex(2, "/page/(\\d+)")}, response).variables[2].text, "17");
    EXPECT_EQ(extract({from_regex(2, "/page/\\d+")}, response).variables[2].text, "/page/17");
    EXPECT_EQ(extract({from_regex(2, "x(\\d+)")}, response).sentence,
              "extract page: regex x(\\d+) missing");
}

TEST(Extract, ABodyThatCannotBeDecoded) {
    const auto response = answer("abc", "X: 1\r\nContent-Encoding: zstd\r\n");
    const std::string_view sentence =
        "extract token: body has content coding \"zstd\", which cannot be decoded; set "
        "Accept-Encoding to some of gzip, deflate and br";
    EXPECT_EQ(extract({from_json(0, "/t")}, response).sentence, sentence);
    EXPECT_EQ(extract({from_regex(0, "b")}, response).sentence, sentence);
    EXPECT_EQ(extract({from_header(0, "X")}, response).sentence, "");
    EXPECT_EQ(extract({from_json(0, "/t", "none")}, response).variables[0].text, "none");
}

TEST(Extract, AllOrNothing) {
    const std::vector what = {from_json(0, "/t"), from_header(1, "X"), from_json(2, "/p")};
    const Extractor extractor(what, kNames);
    std::vector<Variable> variables = {{"old", true}, {"", false}, {"", false}};
    EXPECT_EQ(extractor.extract(answer(R"({"t": "new"})", "X: 1\r\n"), variables),
              "extract page: json /p missing");
    EXPECT_EQ(variables[0].text, "old");
    EXPECT_FALSE(variables[1].set);
    EXPECT_EQ(extractor.extract(answer(R"({"t": "new", "p": 3})", "X: 1\r\n"), variables), "");
    EXPECT_EQ(variables[0].text + variables[1].text + variables[2].text, "new13");
    EXPECT_TRUE(variables[1].set && variables[2].set);
}

TEST(Extract, ValuesAreBounded) {
    const std::string most(kMaxExtractedBytes, 'x');
    EXPECT_EQ(json_value("/t", fmt::format(R"({{"t": "{}"}})", most)), most);
    EXPECT_EQ(json_value("/t", fmt::format(R"({{"t": "{}y"}})", most), "fallback"),
              "extract token: the value of /t is longer than 64 KiB");
    const std::vector both = {from_json(0, "/t", "fallback"), from_json(1, "/u")};
    EXPECT_EQ(extract(both, answer(fmt::format(R"({{"u": "short", "t": ["{}"]}})", most))).sentence,
              "extract token: the value of /t is longer than 64 KiB");
    EXPECT_EQ(extract({from_regex(1, "x+")}, answer(most + "x")).sentence,
              "extract id: the value of x+ is longer than 64 KiB");
}

TEST(Extract, ReusesTheMemoryOfTheVariables) {
    const std::vector what = {from_json(0, "/t")};
    const Extractor extractor(what, kNames);
    std::vector<Variable> variables(1);
    const std::string value(100, 'x');
    ASSERT_EQ(extractor.extract(answer(fmt::format(R"({{"t": "{}"}})", value)), variables), "");
    const char* where = variables[0].text.data();
    ASSERT_EQ(extractor.extract(answer(R"({"t": "a value of forty characters, more or less"})"),
                                variables),
              "");
    EXPECT_EQ(variables[0].text.data(), where);
}

}  // namespace
}  // namespace squadload::http
