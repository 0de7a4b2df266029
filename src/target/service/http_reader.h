// Reading HTTP/1.1 messages from bytes: no I/O, no clock, any split of the input. The grammar is
// Beast's; what it lets pass and two readers could understand differently is refused here.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "target/service/message.h"

namespace squadload::service {

enum class ReadState { need_more, done, bad, header_too_large, body_too_large };

struct ReadProgress {
    ReadState state = ReadState::need_more;
    std::size_t used = 0;  // bytes taken; the others are to be shown again
};

struct ReadBounds {
    std::size_t header_bytes = 0;  // first line and fields
    std::size_t body_bytes = 0;    // chunks joined
};

// Requests, one after the other. Owned by a connection.
class RequestReader {
  public:
    explicit RequestReader(ReadBounds bounds);
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    // Starts the next message. Fills in method, target, headers and body of `request`, which stays
    // where it is until the message is done or begin() is called again.
    void begin(Request& request);
    // After need_more: the bytes not used, and more. After anything else: begin() first.
    [[nodiscard]] ReadProgress feed(std::string_view bytes);

    [[nodiscard]] bool header_done() const;
    // The next four: once the header is done.
    [[nodiscard]] bool keep_alive() const;
    [[nodiscard]] bool is_http_10() const;
    [[nodiscard]] bool expects_continue() const;     // and has a body
    [[nodiscard]] std::string_view problem() const;  // after bad: a sentence

  private:
    struct Parser;

    [[nodiscard]] ReadProgress scan_header(std::string_view bytes);
    [[nodiscard]] ReadProgress refuse(std::string_view problem);
    [[nodiscard]] ReadProgress parse(std::string_view bytes);

    ReadBounds bounds_;
    std::unique_ptr<Parser> parser_;
    Request* request_ = nullptr;
    std::size_t scanned_ = 0;      // of the header: whole lines looked at
    std::size_t empty_lines_ = 0;  // before the request line
    std::string_view problem_;
};

// One answer, interim ones (1xx) skipped. Owned by a client's connection.
class ResponseReader {
  public:
    explicit ResponseReader(ReadBounds bounds);
    ~ResponseReader();
    ResponseReader(const ResponseReader&) = delete;
    ResponseReader& operator=(const ResponseReader&) = delete;

    // Starts the answer to the next request, into `headers` and `body`, which stay where they are.
    void begin(bool to_head, Headers& headers, std::string& body);
    [[nodiscard]] ReadProgress feed(std::string_view bytes);
    // The peer closed: done, when that is what ends the body, else bad.
    [[nodiscard]] ReadState feed_end();

    [[nodiscard]] int status() const;       // once the header is done
    [[nodiscard]] bool keep_alive() const;  // once it is done
    [[nodiscard]] std::string_view problem() const { return problem_; }

  private:
    struct Parser;

    ReadBounds bounds_;
    std::unique_ptr<Parser> parser_;
    bool to_head_ = false;
    Headers* headers_ = nullptr;
    std::string* body_ = nullptr;
    int interim_ = 0;
    std::string_view problem_;
};

}  // namespace squadload::service
