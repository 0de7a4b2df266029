// The response side of one HTTP/1.1 exchange (RFC 9112), without I/O: feed bytes, read events. llhttp does the grammar.
// One parser per connection, reused for each exchange; no allocation in steady state.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squadload::http {

struct ParserLimits {
    std::uint64_t header_bytes = 64 * 1024;               // status line, headers and trailers together
    std::uint64_t body_bytes = 1024ULL * 1024 * 1024;
    std::uint64_t kept_body_bytes = 10 * 1024 * 1024;     // when the body is kept
};

class ResponseParser {
  public:
    ResponseParser();
    ~ResponseParser();
    ResponseParser(ResponseParser&&) noexcept;
    ResponseParser& operator=(ResponseParser&&) noexcept;

    enum class Status {
        need_more,     // the response is not complete yet
        complete,      // complete; keep_alive() and excess_bytes() are final
        failed         // malformed or over a bound: error() says what in one sentence
    };

    // Starts the next exchange. head_request: no body follows whatever the headers say (RFC 9112 §6.3).
    // keep_headers / keep_body: whether header() and body() will be asked for; keeping is bounded by `limits`.
    void start(bool head_request, bool keep_headers, bool keep_body, const ParserLimits& limits);

    // 1xx responses are skipped (101 is an error: nothing was to be upgraded). Bytes after the end of the response are
    // not consumed: excess_bytes().
    [[nodiscard]] Status feed(std::span<const char> bytes);
    // The peer closed. Completes a close-delimited body; otherwise failed ("closed before …"): see truncated().
    [[nodiscard]] Status finish();

    [[nodiscard]] bool started() const;             // at least one byte of this response was fed
    [[nodiscard]] bool truncated() const;           // failed because the peer closed too early: connection_closed, not protocol_error
    [[nodiscard]] int status_code() const;          // 0 until the status line of the final response is complete
    [[nodiscard]] bool keep_alive() const;          // the connection may carry another exchange
    [[nodiscard]] std::uint64_t body_bytes() const;  // received so far, after de-chunking
    [[nodiscard]] std::size_t excess_bytes() const;  // fed bytes beyond the end of the response
    [[nodiscard]] std::string_view body() const;     // kept body
    // First value of a kept header, names compared without case; has_header tells absent from empty.
    [[nodiscard]] std::string_view header(std::string_view name) const;
    [[nodiscard]] bool has_header(std::string_view name) const;
    [[nodiscard]] const std::string& error() const;

    struct State;  // defined in response_parser.cc

  private:
    std::unique_ptr<State> state_;
};

}  // namespace squadload::http
