#include "target/service/http_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <optional>

#include "target/service/message_head.h"

namespace squadload::service {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastText = boost::beast::string_view;

// More is reserved as it arrives: a length is only a promise.
constexpr std::uint64_t kReserve = 64 * 1024;
// Before the request line (RFC 9112 §2.2 asks for tolerance of one).
constexpr std::size_t kEmptyLines = 4;
constexpr int kInterimAnswers = 16;

std::string_view view(BeastText text) {
    return {text.data(), text.size()};
}

std::uint32_t beast_limit(std::size_t bytes) {
    constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max() / 2;
    return static_cast<std::uint32_t>(std::min(bytes, kMost));
}

ReadState state_of(const error_code& error) {
    if (error == http::error::body_limit) return ReadState::body_too_large;
    if (error == http::error::header_limit) return ReadState::header_too_large;
    return ReadState::bad;
}

std::string_view sentence(const error_code& error) {
    switch (static_cast<http::error>(error.value())) {
        case http::error::bad_method:
            return "the method is malformed";
        case http::error::bad_target:
            return "the request target is malformed";
        case http::error::bad_version:
            return "the HTTP version is malformed or not 1.0 or 1.1";
        case http::error::bad_status:
        case http::error::bad_reason:
            return "the status line is malformed";
        case http::error::bad_content_length:
        case http::error::multiple_content_length:
            return "Content-Length is malformed, repeated or beside Transfer-Encoding";
        case http::error::bad_transfer_encoding:
            return "Transfer-Encoding is repeated or beside Content-Length";
        case http::error::bad_chunk:
        case http::error::bad_chunk_extension:
            return "a chunk is malformed";
        default:
            return "a header field is malformed";
    }
}

// Collects the body; the header is the derived class's.
template <bool is_request>
class BodyParser : public http::basic_parser<is_request> {
  public:
    explicit BodyParser(std::string& body) : body_(body) {}

  protected:
    [[nodiscard]] bool in_trailer() const { return header_done_; }

  private:
    void on_header_impl(error_code&) override { header_done_ = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
        if (length) body_.reserve(static_cast<std::size_t>(std::min(*length, kReserve)));
    }
    std::size_t on_body_impl(BeastText text, error_code&) override {
        body_.append(text.data(), text.size());
        return text.size();
    }
    void on_chunk_header_impl(std::uint64_t, BeastText, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, BeastText text, error_code&) override {
        body_.append(text.data(), text.size());
        return text.size();
    }
    void on_finish_impl(error_code&) override {}

    std::string& body_;
    bool header_done_ = false;
};

}  // namespace

struct RequestReader::Parser {
    class Beast final : public BodyParser<true> {
      public:
        Beast(Request& request, ReadBounds bounds)
            : BodyParser<true>(request.body), request_(request) {
            header_limit(beast_limit(bounds.header_bytes + 8));
            body_limit(bounds.body_bytes);
            eager(true);
        }
        // Empty, or why the framing of the message is refused (RFC 9112 §6.3, §3.2).
        [[nodiscard]] std::string_view framing_problem() const {
            if (lengths > 1 || bad_length) return "Content-Length is malformed or repeated";
            if (encodings > 0 && lengths > 0)
                return "Content-Length and Transfer-Encoding exclude each other";
            if (bad_encoding || encodings > 1 || (encodings > 0 && version < 11))
                return "Transfer-Encoding is not just \"chunked\"";
            if (hosts > 1 || (hosts == 0 && version >= 11))
                return "there must be exactly one Host field";
            return {};
        }

        int version = 0;
        int lengths = 0;
        int encodings = 0;
        int hosts = 0;
        bool bad_length = false;
        bool bad_encoding = false;
        bool expects_continue = false;

      private:
        void on_request_impl(http::verb, BeastText method, BeastText target, int http_version,
                             error_code&) override {
            request_.method = view(method);
            request_.target = view(target);
            version = http_version;
        }
        void on_response_impl(int, BeastText, int, error_code&) override {}
        void on_field_impl(http::field field, BeastText name, BeastText text,
                           error_code&) override {
            if (in_trailer()) return;  // what comes after the body changes nothing any more
            const auto value = view(text);
            switch (field) {
                case http::field::content_length:
                    ++lengths;
                    bad_length = value.empty() || value.size() > 18 ||
                                 value.find_first_not_of("0123456789") != std::string_view::npos;
                    break;
                case http::field::transfer_encoding:
                    ++encodings;
                    bad_encoding = bad_encoding || !equal_ignoring_case(value, "chunked");
                    break;
                case http::field::host:
                    ++hosts;
                    break;
                case http::field::expect:
                    expects_continue = equal_ignoring_case(value, "100-continue");
                    break;
                default:
                    break;
            }
            request_.headers.add(view(name), value);
        }

        Request& request_;
    };

    std::optional<Beast> beast;
};

RequestReader::RequestReader(ReadBounds bounds)
    : bounds_(bounds), parser_(std::make_unique<Parser>()) {}

RequestReader::~RequestReader() = default;

void RequestReader::begin(Request& request) {
    request.headers.clear();
    request.body.clear();
    request_ = &request;
    parser_->beast.emplace(request, bounds_);
    scanned_ = 0;
    empty_lines_ = 0;
    problem_ = {};
}

bool RequestReader::header_done() const {
    return parser_->beast->is_header_done();
}
bool RequestReader::keep_alive() const {
    return parser_->beast->keep_alive();
}
bool RequestReader::is_http_10() const {
    return parser_->beast->version < 11;
}
bool RequestReader::expects_continue() const {
    return parser_->beast->expects_continue && !is_http_10() && !parser_->beast->is_done();
}
std::string_view RequestReader::problem() const {
    return problem_;
}

ReadProgress RequestReader::refuse(std::string_view problem) {
    problem_ = problem;
    return {ReadState::bad, 0};
}

// Looks at whole lines, so that a malformed one is refused without waiting for the rest. `used` of
// done: the length of the header. Beast accepts folded lines; they are refused (RFC 9112 §5.2).
ReadProgress RequestReader::scan_header(std::string_view bytes) {
    if (scanned_ == 0 && !is_token(bytes.substr(0, 1))) return refuse("this is not HTTP");
    for (;;) {
        const auto newline = bytes.find('\n', scanned_);
        const bool too_large = std::min(newline, bytes.size()) >= bounds_.header_bytes;
        if (too_large) return {ReadState::header_too_large, 0};
        if (newline == std::string_view::npos) return {ReadState::need_more, 0};
        const auto line = bytes.substr(scanned_, newline - scanned_);
        if (!line.ends_with('\r') || line.find('\r') != line.size() - 1)
            return refuse("a line does not end with CR LF");
        if (line.starts_with(' ') || line.starts_with('\t'))
            return refuse("folded header lines are not accepted");
        scanned_ = newline + 1;
        if (line.size() == 1) return {ReadState::done, scanned_};
    }
}

ReadProgress RequestReader::feed(std::string_view bytes) {
    if (header_done()) return parse(bytes);
    std::size_t skipped = 0;
    while (scanned_ == 0 && bytes.starts_with("\r\n")) {
        if (++empty_lines_ > kEmptyLines) return refuse("there are only empty lines");
        bytes.remove_prefix(2);
        skipped += 2;
    }
    if (bytes.empty() || (scanned_ == 0 && bytes == "\r")) return {ReadState::need_more, skipped};
    const auto scan = scan_header(bytes);
    if (scan.state != ReadState::done) return {scan.state, skipped};

    error_code error;
    const auto used = parser_->beast->put({bytes.data(), scan.used}, error);
    if (const auto problem = parser_->beast->framing_problem();
        !problem.empty() && error != http::error::body_limit && header_done())
        return refuse(problem);
    if (error && error != http::error::need_more) {
        problem_ = sentence(error);
        return {state_of(error), skipped};
    }
    if (!header_done() || used != scan.used) return refuse("the header is malformed");
    if (parser_->beast->is_done()) return {ReadState::done, skipped + used};
    const auto rest = parse(bytes.substr(used));
    return {rest.state, skipped + used + rest.used};
}

ReadProgress RequestReader::parse(std::string_view bytes) {
    if (bytes.empty()) return {ReadState::need_more, 0};
    error_code error;
    const auto used = parser_->beast->put({bytes.data(), bytes.size()}, error);
    if (error && error != http::error::need_more) {
        problem_ = sentence(error);
        return {state_of(error), used};
    }
    if (parser_->beast->is_done()) return {ReadState::done, used};
    // Chunk lines and trailers have no end of their own.
    if (bytes.size() - used > bounds_.header_bytes) return {ReadState::header_too_large, used};
    return {ReadState::need_more, used};
}

struct ResponseReader::Parser {
    class Beast final : public BodyParser<false> {
      public:
        Beast(bool to_head, Headers& headers, std::string& body, ReadBounds bounds)
            : BodyParser<false>(body), headers_(headers), room_(bounds.header_bytes) {
            header_limit(beast_limit(bounds.header_bytes));
            body_limit(bounds.body_bytes);
            eager(true);
            skip(to_head);
        }
        int status = 0;

      private:
        void on_request_impl(http::verb, BeastText, BeastText, int, error_code&) override {}
        void on_response_impl(int code, BeastText, int, error_code&) override { status = code; }
        void on_field_impl(http::field, BeastText name, BeastText value,
                           error_code& error) override {
            if (in_trailer()) return;
            // Beast's limit counts what it has not used yet; this one counts all.
            const auto size = name.size() + value.size() + 4;
            if (size > room_) {
                error = http::error::header_limit;
                return;
            }
            room_ -= size;
            headers_.add(view(name), view(value));
        }

        Headers& headers_;
        std::size_t room_;
    };

    std::optional<Beast> beast;
};

ResponseReader::ResponseReader(ReadBounds bounds)
    : bounds_(bounds), parser_(std::make_unique<Parser>()) {}

ResponseReader::~ResponseReader() = default;

void ResponseReader::begin(bool to_head, Headers& headers, std::string& body) {
    to_head_ = to_head;
    headers_ = &headers;
    body_ = &body;
    interim_ = 0;
    problem_ = {};
    headers.clear();
    body.clear();
    parser_->beast.emplace(to_head, headers, body, bounds_);
}

ReadProgress ResponseReader::feed(std::string_view bytes) {
    std::size_t used = 0;
    for (;;) {
        if (bytes.size() == used) return {ReadState::need_more, used};
        error_code error;
        const auto rest = bytes.substr(used);
        used += parser_->beast->put({rest.data(), rest.size()}, error);
        if (error && error != http::error::need_more) {
            problem_ = sentence(error);
            return {state_of(error), used};
        }
        if (!parser_->beast->is_done()) {
            if (bytes.size() - used > bounds_.header_bytes)
                return {ReadState::header_too_large, used};
            return {ReadState::need_more, used};
        }
        if (status() >= 200 && status() <= 599) return {ReadState::done, used};
        if (status() == 101 || status() > 599 || status() < 100 || ++interim_ > kInterimAnswers) {
            problem_ = "the status is none that was asked for";
            return {ReadState::bad, used};
        }
        headers_->clear();
        parser_->beast.emplace(to_head_, *headers_, *body_, bounds_);
    }
}

ReadState ResponseReader::feed_end() {
    if (!parser_->beast->got_some()) return ReadState::bad;
    error_code error;
    parser_->beast->put_eof(error);
    return error ? ReadState::bad : ReadState::done;
}

int ResponseReader::status() const {
    return parser_->beast->status;
}

bool ResponseReader::keep_alive() const {
    return parser_->beast->keep_alive();
}

}  // namespace squadload::service
