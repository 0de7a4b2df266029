// Which handler answers a request: by method and path.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/service/message.h"

namespace squadload::service {

namespace asio = boost::asio;

// Answers later, as a coroutine on the service's thread. It is called through the router's copy,
// which outlives the coroutine, but must not be a capturing coroutine lambda itself (g++ 12, and
// clang-tidy refuses it): capture in a plain lambda that calls a function.
//     router.add("POST", "/chat", [this](Request r) { return chat(std::move(r)); });
// When the client hangs up the coroutine is cancelled: the operation it waits for ends with
// asio::error::operation_aborted, and so does every later co_await; clean up without awaiting. Its
// reply is then thrown away. An exception is answered with 500, counted and logged.
using Handler = std::function<asio::awaitable<Reply>(Request)>;

// Answers at once, without a coroutine: the quickest form. Must not block.
using QuickHandler = std::function<Reply(const Request&)>;

// Patterns are made of segments: "/v1/agents/{agent}" takes one segment, not empty;
// "/models/{model}:generateContent" one with that ending; "/groq/{rest...}" the rest of the path,
// also empty, slashes included ("/groq/" matches, "/groq" does not). Segments are split before they
// are percent-decoded, so that %2F does not separate.
// Of several patterns that match, the one with the more literal segment furthest left wins.
// HEAD is answered by GET's handler when there is none for HEAD; the server leaves the body out.
// Filled at start, then handed to a Server; immutable from then on.
class Router {
  public:
    // Patterns are the programmer's: SQUADLOAD_CHECK on a malformed one or on a repetition.
    void add(std::string_view method, std::string_view pattern, Handler handler);
    void add_quick(std::string_view method, std::string_view pattern, QuickHandler handler);

    // Asked before every handler, with the request complete; an answer ends the matter (401, 503).
    void set_gate(std::function<std::optional<Reply>(const Request&)> gate);

    // Exactly one of the three. Handlers belong to the router.
    struct Choice {
        const Handler* handler = nullptr;
        const QuickHandler* quick = nullptr;
        std::optional<Reply> reply;  // 404, 405 with Allow, 400, or the gate's
    };
    // Fills in request.path, query and params.
    [[nodiscard]] Choice choose(Request& request) const;

  private:
    struct Segment {
        enum class Kind { literal, name, rest };
        Kind kind = Kind::literal;
        std::string text;    // literal: itself; else the name
        std::string ending;  // name: what follows it in the segment
    };
    struct Route {
        std::string method;
        std::string pattern;
        std::vector<Segment> segments;
        Handler handler;
        QuickHandler quick;
    };

    void insert(Route route);
    static std::vector<Segment> parse(std::string_view pattern);
    static bool before(const Route& a, const Route& b);
    static bool match(const Route& route, const std::vector<std::string>& segments);
    static void take_params(const Route& route, std::vector<std::string>& segments,
                            Request& request);

    std::vector<Route> routes_;  // the more particular first
    std::function<std::optional<Reply>(const Request&)> gate_;
};

// The decoded value of a query's first "name=value"; "+" is a space. Nothing without the name or
// with a malformed percent sign.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);
// Its names in order, decoded; one with a malformed percent sign as it stands.
[[nodiscard]] std::vector<std::string> query_names(std::string_view query);
// Nothing when a percent sign is not followed by two hex digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

}  // namespace squadload::service
