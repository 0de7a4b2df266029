#include "load/http/expectation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace squadload::http {
namespace {

using scenario::Expectation;
using namespace std::chrono_literals;

ResponseParser response(std::string_view body, std::string_view headers = "") {
    ResponseParser parser;
    parser.start(false, true, true, {});
    const auto status = parser.feed(fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}",
                                                headers, body.size(), body));
    EXPECT_EQ(status, ResponseParser::Status::complete);
    return parser;
}

std::string unmet_of(const Expectation& expect, std::string_view body,
                     std::string_view headers = "") {
    return unmet_expectation(expect, response(body, headers), 1ms);
}

std::string json(std::string pointer, std::optional<std::string> equals, std::string_view body) {
    Expectation expect;
    expect.json.push_back({std::move(pointer), std::move(equals)});
    return unmet_of(expect, body);
}

TEST(Expectation, NothingExpectedIsMet) {
    EXPECT_EQ(unmet_of({}, "anything"), "");
}

TEST(Expectation, Headers) {
    const std::string_view headers = "X-A: one\r\nX-B: two three\r\nX-A: second\r\nX-Empty:\r\n";
    const auto check = [&](scenario::HeaderExpectation header) {
        Expectation expect;
        expect.headers.push_back(std::move(header));
        return unmet_of(expect, "", headers);
    };
    EXPECT_EQ(check({"x-a", {}, {}}), "");
    EXPECT_EQ(check({"X-Empty", {}, {}}), "");
    EXPECT_EQ(check({"X-Empty", "", {}}), "");
    EXPECT_EQ(check({"X-A", "one", {}}), "");
    EXPECT_EQ(check({"X-A", "second", {}}), "");
    EXPECT_EQ(check({"X-B", {}, "o th"}), "");
    EXPECT_EQ(check({"X-C", {}, {}}), "header X-C missing");
    EXPECT_EQ(check({"X-A", "One", {}}), "header X-A is not \"One\"");
    EXPECT_EQ(check({"X-B", {}, "four"}), "header X-B does not contain \"four\"");
}

TEST(Expectation, BodyContains) {
    Expectation expect;
    expect.body_contains = {"ok", "done"};
    EXPECT_EQ(unmet_of(expect, "all done, ok"), "");
    EXPECT_EQ(unmet_of(expect, "all done"), "body does not contain \"ok\"");
    EXPECT_EQ(unmet_of(expect, ""), "body does not contain \"ok\"");
    expect.body_contains = {"a\nb" + std::string(200, 'c')};
    EXPECT_EQ(unmet_of(expect, ""), "body does not contain \"a?b" + std::string(77, 'c') + "...\"");
}

TEST(Expectation, Time) {
    Expectation expect;
    expect.max_time = 2s;
    EXPECT_EQ(unmet_expectation(expect, response(""), 2s), "");
    EXPECT_EQ(unmet_expectation(expect, response(""), 2s + 1ns), "took longer than 2s");
}

TEST(Expectation, TheFirstUnmetIsNamed) {
    Expectation expect;
    expect.headers.push_back({"X", {}, {}});
    expect.body_contains = {"ok"};
    expect.json.push_back({"/a", {}});
    expect.max_time = 0ns;
    EXPECT_EQ(unmet_of(expect, ""), "header X missing");
    EXPECT_EQ(unmet_of(expect, "", "X: 1\r\n"), "body does not contain \"ok\"");
    EXPECT_EQ(unmet_of(expect, "ok", "X: 1\r\n"), "body is not valid JSON");
    EXPECT_EQ(unmet_of(expect, "[\"ok\"]", "X: 1\r\n"), "json /a missing");
    EXPECT_EQ(unmet_of(expect, "{\"a\":\"ok\"}", "X: 1\r\n"), "took longer than 0s");
}

// RFC 6901 §5.
TEST(Expectation, PointersOfTheRfc) {
    const std::string_view document =
        R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,)"
        R"("i\\j":5,"k\"l":6," ":7,"m~n":8})";
    const std::pair<const char*, const char*> cases[] = {
        {"/foo", R"(["bar","baz"])"},
        {"/foo/0", "\"bar\""},
        {"/foo/1", "\"baz\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
    };
    for (const auto& [pointer, value] : cases)
        EXPECT_EQ(json(pointer, value, document), "") << pointer;
    EXPECT_EQ(json("", std::string(document), document), "");
}

TEST(Expectation, PointersThatLeadNowhere) {
    const std::string_view document = R"({"a":[1,{"b":null}],"~1":2,"s":"text"})";
    for (const char* pointer : {"/a/1/b", "/a/0", "/~01", "/s", ""})
        EXPECT_EQ(json(pointer, {}, document), "") << pointer;
    for (const char* pointer :
         {"/a/2", "/a/-", "/a/01", "/a/-1", "/a/x", "/a/", "/a/1/c", "/a/0/0", "/A", "/~1", "/~",
          "/~2", "a", "/s/0", "/a/18446744073709551616", "/a/99999999999999999999999"}) {
        EXPECT_EQ(json(pointer, {}, document), std::string("json ") + pointer + " missing")
            << pointer;
    }
}

TEST(Expectation, ValuesAreComparedByValue) {
    const auto equal = [](const std::string& wanted, const std::string& body) {
        const std::string sentence = json("/v", wanted, "{\"v\":" + body + "}");
        EXPECT_TRUE(sentence.empty() || sentence == "json /v is not " + wanted) << sentence;
        return sentence.empty();
    };
    const std::pair<const char*, const char*> same[] = {
        {"1", "1"},
        {"1", "1.0"},
        {"1.0", "1"},
        {"1", "10e-1"},
        {"100", "1e2"},
        {"0", "-0.0"},
        {"0", "-0"},
        {"-5", "-5.0"},
        {"18446744073709551615", "18446744073709551615"},
        {"9007199254740992", "9007199254740992.0"},
        {"0.1", "0.10"},
        {"\"a\"", "\"\\u0061\""},
        {"\"\\u00e9\"", "\"\xc3\xa9\""},
        {"\"\"", "\"\""},
        {"null", "null"},
        {"true", " true "},
        {"[]", "[ ]"},
        {"[1,[2]]", "[1.0, [2]]"},
        {"{}", "{}"},
        {"{\"a\":1,\"b\":{\"c\":[]}}", "{\"b\":{\"c\":[]},\"a\":1}"},
    };
    for (const auto& [wanted, body] : same)
        EXPECT_TRUE(equal(wanted, body)) << wanted << " " << body;
    const std::pair<const char*, const char*> different[] = {
        {"1", "2"},
        {"1", "1.5"},
        {"1", "\"1\""},
        {"1", "true"},
        {"0", "false"},
        {"0", "null"},
        {"\"\"", "null"},
        {"9007199254740993", "9007199254740992.0"},
        {"-1", "18446744073709551615"},
        {"18446744073709551615", "-1"},
        {"9223372036854775807", "9223372036854775808.0"},
        {"18446744073709551615", "18446744073709551616.0"},
        {"-1", "1"},
        {"true", "false"},
        {"\"a\"", "\"A\""},
        {"\"a\"", "\"a\\u0000\""},
        {"[]", "{}"},
        {"[1]", "[1,2]"},
        {"[1,2]", "[1]"},
        {"[1,2]", "[2,1]"},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}"},
        {"{\"a\":1}", "{\"b\":1}"},
        {"{\"a\":null}", "{\"b\":null}"},
    };
    for (const auto& [wanted, body] : different)
        EXPECT_FALSE(equal(wanted, body)) << wanted << " " << body;
}

TEST(Expectation, ADamagedDocumentIsNotJsonWhereverThePointerLeads) {
    const std::string whole = R"({"a":1,"b":["x",{"c":"\u00e9\n"}],"d":-1.5e3})";
    ASSERT_EQ(json("/a", "1", whole), "");
    for (std::size_t size = 1; size < whole.size(); ++size) {
        EXPECT_EQ(json("/a", "1", whole.substr(0, size)), "body is not valid JSON") << size;
    }
    EXPECT_EQ(json("/a", "1", ""), "body is empty, not JSON");
    for (const char* body :
         {R"({"a":1}x)", R"({"a":1}{)", R"({"a":1,})", R"({"a":1,"b":01})", R"({"a":1,"b":tru})",
          R"({"a":1,"b":NaN})", R"({"a":1,"b":'x'})", R"({"a":1,"b":"\x"})", R"({"a":1,"b":[1 2]})",
          R"({"a":1,b:2})", "{\"a\":1,\"b\":\"\xff\"}", "{\"a\":1,\"b\":\"\n\"}",
          "{\"a\":1,\"b\":1.}", "{\"a\":1,\"b\":+1}", "{\"a\":1,\"b\":\"\\ud800\"}",
          "{\"a\":1} /* */", "\xef\xbb\xbf{\"a\":1}", "<html>", " "}) {
        EXPECT_EQ(json("/a", "1", body), "body is not valid JSON") << body;
    }
}

TEST(Expectation, NumbersBeyond64BitsAreStillJson) {
    const std::string body = R"({"a":1,"id":123456789012345678901234567890,"list":[1,{"b":2}]})";
    EXPECT_EQ(json("/a", "1", body), "");
    EXPECT_EQ(json("/id", {}, body), "");
    EXPECT_EQ(json("/id", "123456789012345678901234567890", body), "");
    EXPECT_EQ(json("/list/1", "{\"b\":2.0}", body), "");
    EXPECT_EQ(json("/a", "2", body), "json /a is not 2");
    EXPECT_EQ(json("/z", {}, body), "json /z missing");
    EXPECT_EQ(json("a", {}, body), "json a missing");
    EXPECT_EQ(json("/list/-", {}, body), "json /list/- missing");
    EXPECT_EQ(json("/list/01", {}, body), "json /list/01 missing");
    EXPECT_EQ(json("/a", {}, body.substr(0, body.size() - 1)), "body is not valid JSON");
    EXPECT_EQ(json("/a", {}, R"({"a":1e999})"), "body is not valid JSON");
    EXPECT_EQ(json("/a", {}, body + '\0'), "body is not valid JSON");
}

TEST(Expectation, DeepNestingIsBounded) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_EQ(json("", {}, nested(1000)), "");
    EXPECT_EQ(json("", {}, nested(100'000)), "body is not valid JSON");
}

TEST(Expectation, ABodyOfMegabytesIsRead) {
    std::string body = "{\"list\":[";
    for (int i = 0; i < 400'000; ++i) body += "12345,";
    body += "0],\"end\":true}";
    EXPECT_EQ(json("/end", "true", body), "");
    EXPECT_EQ(json("/end", "true", "{\"end\":true}"), "");
}

}  // namespace
}  // namespace squadload::http
