#include "target/service/message.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "target/service/message_head.h"

namespace squadload::service {
namespace {

std::string reply_head(const Reply& reply, ConnectionField connection = ConnectionField::none) {
    std::string text;
    append_reply_head(text, reply, "today", connection);
    return text;
}

TEST(Message, AnErrorIsJson) {
    const auto reply = error_reply(404, "not_found", "no \"x\"\n\xff here");
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(reply.content_type, "application/json");
    const auto body = nlohmann::json::parse(reply.body);
    EXPECT_EQ(body["error"]["type"], "not_found");
    EXPECT_EQ(body["error"]["message"], "no \"x\"\n\xef\xbf\xbd here");
    EXPECT_EQ(reply.body.substr(0, 17), R"({"error":{"type":)");
}

TEST(Message, TheHeadOfAReply) {
    auto reply = json_reply(200, "{}");
    reply.headers.add("x-request-id", "7");
    EXPECT_EQ(reply_head(reply),
              "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Type: application/json\r\n"
              "Content-Length: 2\r\nx-request-id: 7\r\n\r\n");
    EXPECT_NE(reply_head(reply, ConnectionField::close).find("\r\nConnection: close\r\n"),
              std::string::npos);
    reply.status = 204;
    reply.body.clear();
    EXPECT_EQ(reply_head(reply),
              "HTTP/1.1 204 No Content\r\nDate: today\r\nx-request-id: 7\r\n\r\n");
    reply.status = 99;
    EXPECT_EQ(reply_head(reply).substr(0, 12), "HTTP/1.1 500") << "no status of an answer";
}

TEST(Message, AHandlerCannotBreakTheFraming) {
    auto reply = json_reply(200, "{}");
    reply.headers.add("x-a", "1\r\nInjected: yes\r\n\r\nbody");
    reply.headers.add("x b", "no token");
    reply.headers.add("x\r\nc", "no token");
    reply.headers.add("", "no name");
    reply.headers.add("content-LENGTH", "9");
    reply.headers.add("Transfer-Encoding", "chunked");
    reply.headers.add("connection", "upgrade");
    reply.headers.add("content-type", "text/html");
    EXPECT_EQ(reply_head(reply),
              "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Type: application/json\r\n"
              "Content-Length: 2\r\nx-a: 1  Injected: yes    body\r\n\r\n");
}

TEST(Message, TheHeadOfARequest) {
    ClientRequest request;
    request.origin = {false, "::1", 8080};
    std::string text;
    EXPECT_TRUE(append_request_head(text, request));
    EXPECT_EQ(text, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n");
    request.method = "POST";
    request.target = "/v1?x=1";
    request.headers = {{"Accept", "*/*"}, {"host", "evil"}, {"Content-Length", "3"}};
    text.clear();
    EXPECT_TRUE(append_request_head(text, request));
    EXPECT_EQ(text,
              "POST /v1?x=1 HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 0\r\n"
              "Accept: */*\r\n\r\n");
    for (const char* target : {"", "/a b", "/a\r\nX: 1", "/\x01", "/\x7f"}) {
        request.target = target;
        text.clear();
        EXPECT_FALSE(append_request_head(text, request)) << target;
        EXPECT_EQ(text, "");
    }
    request.target = "/";
    request.method = "GET /";
    EXPECT_FALSE(append_request_head(text, request));
}

}  // namespace
}  // namespace squadload::service
