#include "target/service/message.h"

#include <nlohmann/json.hpp>

namespace squadload::service {

std::string_view Request::param(std::string_view name) const {
    for (const auto& [key, value] : params)
        if (key == name) return value;
    return {};
}

Reply json_reply(int status, std::string text) {
    Reply reply;
    reply.status = status;
    reply.body = std::move(text);
    return reply;
}

Reply text_reply(int status, std::string text) {
    auto reply = json_reply(status, std::move(text));
    reply.content_type = "text/plain; charset=utf-8";
    return reply;
}

Reply error_reply(int status, std::string_view type, std::string_view message) {
    nlohmann::ordered_json error;
    error["error"]["type"] = type;
    error["error"]["message"] = message;
    constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
    return json_reply(status, error.dump(-1, ' ', false, kReplace));
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 498:
            return "Capacity Exceeded";
        case 499:
            return "Client Closed Request";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 529:
            return "Overloaded";
        default:
            return "";
    }
}

}  // namespace squadload::service
