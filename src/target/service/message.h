// What a handler is given and what it gives back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "target/service/headers.h"

namespace squadload::service {

// Whether the client of a connection went away: it closed (also only its sending side) or reset the
// connection while an answer was due. Written and read on the service's thread.
class Hangup {
  public:
    [[nodiscard]] bool happened() const { return happened_; }
    void set() { happened_ = true; }

  private:
    bool happened_ = false;
};

struct Request {
    std::string method;  // as sent: "GET"
    std::string target;  // as sent: "/v1/agents/a%20b?x=1"
    std::string path;    // percent-decoded, without the query: "/v1/agents/a b"
    std::string query;   // as sent, without "?"
    Headers headers;
    std::string body;
    std::string peer;                                         // "127.0.0.1:54321"
    MonoTime arrived;                                         // when the loop read its first bytes
    std::vector<std::pair<std::string, std::string>> params;  // what the pattern's {names} matched
    std::shared_ptr<const Hangup> hangup;                     // never null in a handler

    // Of the pattern that matched, percent-decoded. Empty when the pattern has no such name.
    [[nodiscard]] std::string_view param(std::string_view name) const;
};

// How a reply ends.
enum class Ending {
    complete,
    truncate,  // Content-Length promises all, half of the body is sent, then the connection closes
    reset,     // no answer: RST
    close,     // no answer: FIN
};

// Date, Content-Length and Connection are the server's. A field that tries to set them, or whose
// name is no token, is left out; control characters in a value become spaces.
struct Reply {
    int status = 200;                               // 200 … 599
    std::string content_type = "application/json";  // empty: none
    Headers headers;                                // beside content_type
    std::string body;
    Ending ending = Ending::complete;
};

[[nodiscard]] Reply json_reply(int status, std::string text);
[[nodiscard]] Reply text_reply(int status, std::string text);  // text/plain; charset=utf-8
// {"error":{"type":…,"message":…}}; bytes that are no UTF-8 are replaced.
[[nodiscard]] Reply error_reply(int status, std::string_view type, std::string_view message);

[[nodiscard]] std::string_view reason_phrase(int status);  // "Not Found"; "" when unknown

}  // namespace squadload::service
