// The response side of one HTTP/1.1 exchange (RFC 9112), without I/O: feed bytes, read events.
// llhttp does the grammar. One parser per connection, reused for each exchange; no allocation in
// steady state. What it says does not depend on how the bytes were cut into pieces.
//
// Refused although some clients let them pass, because the end of the body would be a guess (RFC
// 9112 §6.3, §11.2): Content-Length together with Transfer-Encoding, a second Content-Length even
// if equal, bare CR or LF inside the header fields, HTTP versions other than 1.0 and 1.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace squadload::http {

struct ParserLimits {
    // Everything that is not body: status line, headers, skipped 1xx responses, trailers, chunk
    // extensions. The plain framing of chunks is free: per chunk 16 bytes and twice its data, as in
    // Go's net/http.
    std::uint64_t header_bytes = 64 * 1024;
    std::uint64_t body_bytes = 1024ULL * 1024 * 1024;
    std::uint64_t kept_body_bytes = 10 * 1024 * 1024;  // the bound instead of body_bytes when the
                                                       // body is kept; as received and as decoded
};

class ResponseParser {
  public:
    ResponseParser();
    ~ResponseParser();
    ResponseParser(ResponseParser&&) noexcept;
    ResponseParser& operator=(ResponseParser&&) noexcept;

    enum class Status {
        need_more,  // the response is not complete yet
        complete,   // complete; keep_alive() and excess_bytes() are final
        failed      // malformed or over a bound: error() says what in one sentence
    };

    // Starts the next exchange. head_request: no body follows whatever the headers say (RFC 9112
    // §6.3). keep_headers / keep_body: whether header() and body() will be asked for; keeping is
    // bounded by `limits`. A body that is kept is decoded (Content-Encoding) once it is complete: a
    // malformed or truncated coding fails, and so does a decoded body over its bound. One that is
    // not kept is not looked into.
    void start(bool head_request, bool keep_headers, bool keep_body, const ParserLimits& limits);

    // 1xx responses are skipped (101 is an error: nothing was to be upgraded). Bytes after the end
    // of the response are not parsed, only counted: excess_bytes(). A body whose announced length
    // is over its bound fails at the headers.
    [[nodiscard]] Status feed(std::span<const char> bytes);
    // The peer closed. Completes a close-delimited body; otherwise failed ("closed before …"): see
    // truncated().
    [[nodiscard]] Status finish();

    [[nodiscard]] bool started() const;    // at least one byte of this response was fed
    [[nodiscard]] bool truncated() const;  // failed because the peer closed too early:
                                           // connection_closed, not protocol_error
    [[nodiscard]] int status_code()
        const;  // 0 until the status line of the final response is complete
    [[nodiscard]] bool keep_alive() const;  // complete, and the connection may carry another
                                            // exchange; the caller decides what excess bytes mean
    [[nodiscard]] std::uint64_t body_bytes() const;  // received so far: de-chunked, not decoded
    [[nodiscard]] std::size_t excess_bytes() const;  // fed bytes beyond the end of the response
    // Kept body, decoded; valid until start(). As received while the response is not complete, and
    // when unknown_coding() is not "".
    [[nodiscard]] std::string_view body() const;
    // The content coding that kept the body of a complete response from being decoded ("zstd"), as
    // it was sent; "": none.
    [[nodiscard]] std::string_view unknown_coding() const;
    // The nth value (from 0) of a kept header, names compared without case; has_header tells absent
    // from empty. Trailers are not headers (RFC 9110 §6.5.1) and are dropped. Valid until start().
    [[nodiscard]] std::string_view header(std::string_view name, std::size_t nth = 0) const;
    [[nodiscard]] bool has_header(std::string_view name, std::size_t nth = 0) const;
    // The same sentence for the same cause, so that failures group; "" unless failed.
    [[nodiscard]] const std::string& error() const;

    struct State;  // defined in response_parser.cc

  private:
    std::unique_ptr<State> state_;
};

}  // namespace squadload::http
