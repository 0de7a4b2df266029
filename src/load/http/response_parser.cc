#include "load/http/response_parser.h"

#include <llhttp.h>

#include <algorithm>

#include "load/http/content_coding.h"
#include "load/http/kept_headers.h"

namespace squadload::http {
namespace {

// A connection that once kept a huge body does not hold on to the memory.
constexpr std::size_t kRetainedBodyBytes = 1024 * 1024;
// Framing a chunk may have for nothing: 16 bytes, and twice its data.
constexpr std::uint64_t kFreeChunkFraming = 16;

constexpr std::string_view kContentEncoding = "Content-Encoding";

constexpr int kNoBody = 1;  // from on_headers_complete: the message ends here

bool never_has_body(int status) {
    return status / 100 == 1 || status == 204 || status == 304;
}

}  // namespace

struct ResponseParser::State {
    explicit State(const llhttp_settings_t& settings) {
        llhttp_init(&grammar, HTTP_RESPONSE, &settings);
    }

    llhttp_t grammar{};
    Status status = Status::need_more;
    ParserLimits limits;
    bool head_request = false;
    bool keep_headers = false;
    bool keep_body = false;

    bool started = false;
    bool truncated = false;
    bool in_header_block = true;  // not in body or trailers
    bool at_body = false;         // paused between headers and a chunked body
    bool chunked = false;         // llhttp's own flag is lost to a trailer named Transfer-Encoding
    bool interim = false;         // the response being read is 1xx
    bool message_done = false;
    bool keep_alive = false;
    int status_code = 0;
    std::size_t name_bytes = 0;  // of the field being read
    std::uint64_t body_bytes = 0;
    std::size_t excess_bytes = 0;

    // Bytes that are not body. head_bytes is settled; chunk_excess is framing beyond what is free;
    // open_bytes came since the last chunk line and are settled at the next one.
    std::uint64_t head_bytes = 0;
    std::uint64_t chunk_excess = 0;
    std::uint64_t open_bytes = 0;

    KeptHeaders headers;
    std::string body;     // as received
    std::string decoded;  // when is_decoded
    bool is_decoded = false;
    std::string_view unknown_coding;  // into headers
    std::string error;

    Status fail(std::string_view sentence) {
        error.assign(sentence);
        status = Status::failed;
        headers.clear();  // how far they were read depends on how the bytes were cut
        return status;
    }

    void restart_grammar() {
        llhttp_reset(&grammar);
        grammar.data = this;
        in_header_block = true;
        at_body = chunked = interim = false;
        name_bytes = 0;
        message_done = false;
    }

    // Named as in the scenario file, for whoever wants to raise it.
    void fail_over_body_limit() {
        const bool kept = keep_body && limits.kept_body_bytes < limits.body_bytes;
        fail(kept ? "the body, needed for its expectations, is over its bound "
                    "(limits.checked_body_bytes)"
                  : "the body is over its bound (limits.body_bytes)");
    }
    [[nodiscard]] std::uint64_t body_limit() const {
        return keep_body ? std::min(limits.body_bytes, limits.kept_body_bytes) : limits.body_bytes;
    }

    [[nodiscard]] std::uint64_t header_bytes() const {
        return head_bytes + chunk_excess + open_bytes;
    }

    // Also for Content-Encoding.
    [[nodiscard]] bool keeps_field() const {
        return in_header_block && (keep_headers || keep_body);
    }

    // In a body that is not chunked every byte is body.
    [[nodiscard]] bool in_plain_body() const { return !in_header_block && !chunked; }

    // At a chunk line: what has come since the last one is framing of that chunk.
    void settle_chunk(std::uint64_t chunk_size) {
        const std::uint64_t free =
            kFreeChunkFraming + 2 * std::min<std::uint64_t>(chunk_size, limits.header_bytes);
        const std::uint64_t framing = chunk_excess + open_bytes;
        chunk_excess = framing > free ? framing - free : 0;
        open_bytes = 0;
    }

    std::size_t feed_some(const char* bytes, std::size_t size);
    void after_pause();
    int headers_complete();
    int add_body(std::string_view piece);
    void complete();
    void start(bool is_head_request, bool keeps_headers, bool keeps_body,
               const ParserLimits& bounds);
};

namespace {

using State = ResponseParser::State;

State& state_of(llhttp_t* grammar) {
    return *static_cast<State*>(grammar->data);
}

bool is_control(char c) {
    return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7f';
}

int on_status(llhttp_t* grammar, const char* at, std::size_t size) {
    if (std::none_of(at, at + size, is_control)) return HPE_OK;  // llhttp would let them pass
    state_of(grammar).fail("malformed response: control character in the status line");
    return HPE_USER;
}

int on_header_field(llhttp_t* grammar, const char* at, std::size_t size) {
    State& state = state_of(grammar);
    state.name_bytes += size;
    if (state.keeps_field()) state.headers.append_name({at, size});
    return HPE_OK;
}

int on_header_field_complete(llhttp_t* grammar) {
    State& state = state_of(grammar);
    const bool named = state.name_bytes > 0;
    state.name_bytes = 0;
    if (named) return HPE_OK;
    state.fail("malformed response: a header without a name");
    return -1;
}

int on_header_value(llhttp_t* grammar, const char* at, std::size_t size) {
    State& state = state_of(grammar);
    if (state.keeps_field()) state.headers.append_value({at, size});
    return HPE_OK;
}

int on_header_value_complete(llhttp_t* grammar) {
    state_of(grammar).headers.end_field();
    return HPE_OK;
}

int on_status_complete(llhttp_t* grammar) {
    State& state = state_of(grammar);
    if (grammar->http_major != 1) {
        state.fail("malformed response: not HTTP/1.0 or HTTP/1.1");
        return -1;
    }
    if (grammar->status_code < 100 || grammar->status_code > 999) {
        state.fail("malformed response: the status is not a number of three digits");
        return -1;
    }
    if (grammar->status_code >= 200) state.status_code = grammar->status_code;
    return HPE_OK;
}

int on_headers_complete(llhttp_t* grammar) {
    return state_of(grammar).headers_complete();
}

int on_body(llhttp_t* grammar, const char* at, std::size_t size) {
    return state_of(grammar).add_body({at, size});
}

int on_chunk_header(llhttp_t*) {
    return HPE_PAUSED;
}

int on_message_complete(llhttp_t* grammar) {
    State& state = state_of(grammar);
    state.message_done = true;
    state.keep_alive = llhttp_should_keep_alive(grammar) != 0;
    return HPE_PAUSED;  // a second response behind this one is not ours to read
}

const llhttp_settings_t& settings() {
    static const llhttp_settings_t instance = [] {
        llhttp_settings_t s;
        llhttp_settings_init(&s);
        s.on_status = on_status;
        s.on_status_complete = on_status_complete;
        s.on_header_field = on_header_field;
        s.on_header_field_complete = on_header_field_complete;
        s.on_header_value = on_header_value;
        s.on_header_value_complete = on_header_value_complete;
        s.on_headers_complete = on_headers_complete;
        s.on_body = on_body;
        s.on_chunk_header = on_chunk_header;
        s.on_message_complete = on_message_complete;
        return s;
    }();
    return instance;
}

}  // namespace

int ResponseParser::State::headers_complete() {
    in_header_block = false;
    interim = grammar.status_code / 100 == 1;
    if (grammar.status_code == 101) {
        fail("malformed response: 101 Switching Protocols without being asked to");
        return -1;
    }
    if (head_request || never_has_body(grammar.status_code)) return kNoBody;
    if ((grammar.flags & F_CONTENT_LENGTH) != 0 && grammar.content_length > body_limit()) {
        fail_over_body_limit();
        return -1;
    }
    at_body = chunked = (grammar.flags & F_CHUNKED) != 0;
    return at_body ? HPE_PAUSED : HPE_OK;
}

int ResponseParser::State::add_body(std::string_view piece) {
    const std::uint64_t room = body_limit() - body_bytes;
    const bool fits = piece.size() <= room;
    if (!fits) piece = piece.substr(0, static_cast<std::size_t>(room));
    body_bytes += piece.size();
    if (keep_body) body.append(piece);
    if (fits) return HPE_OK;
    fail_over_body_limit();
    return HPE_USER;
}

// Parses up to the next pause or the end of the bytes; returns how many bytes it took. Status tells
// how it went.
std::size_t ResponseParser::State::feed_some(const char* bytes, std::size_t size) {
    const std::uint64_t body_before = body_bytes;
    const llhttp_errno_t result = llhttp_execute(&grammar, bytes, size);
    if (status == Status::failed) return size;  // a callback said why
    if (result != HPE_OK && result != HPE_PAUSED) {
        const char* reason = llhttp_get_error_reason(&grammar);
        fail(std::string("malformed response: ") + (reason != nullptr ? reason : "unknown"));
        return size;
    }
    const std::size_t taken =
        result == HPE_OK ? size : static_cast<std::size_t>(llhttp_get_error_pos(&grammar) - bytes);
    open_bytes += taken - (body_bytes - body_before);
    if (result == HPE_PAUSED) after_pause();
    if (header_bytes() > limits.header_bytes)
        fail("the headers are over their bound (limits.header_bytes)");
    return taken;
}

void ResponseParser::State::after_pause() {
    if (at_body) {
        at_body = false;
        head_bytes += open_bytes;
        open_bytes = 0;
        llhttp_resume(&grammar);
    } else if (!message_done) {  // at a chunk line
        settle_chunk(grammar.content_length);
        llhttp_resume(&grammar);
    } else if (interim) {
        headers.clear();
        restart_grammar();
    } else {
        complete();
    }
}

void ResponseParser::State::complete() {
    status = Status::complete;
    if (!keep_body || body.empty()) return;
    ContentCodings codings;
    for (std::size_t nth = 0; headers.find(kContentEncoding, nth).data() != nullptr; ++nth)
        codings.add(headers.find(kContentEncoding, nth));
    unknown_coding = codings.unknown();
    if (codings.none() || !unknown_coding.empty()) return;
    const auto why =
        codings.decode(body, std::min(limits.body_bytes, limits.kept_body_bytes), decoded);
    is_decoded = why.empty();
    if (!is_decoded) fail(why);
}

ResponseParser::ResponseParser() : state_(std::make_unique<State>(settings())) {
    state_->restart_grammar();
}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

void ResponseParser::State::start(bool is_head_request, bool keeps_headers, bool keeps_body,
                                  const ParserLimits& bounds) {
    restart_grammar();
    status = Status::need_more;
    limits = bounds;
    head_request = is_head_request;
    keep_headers = keeps_headers;
    keep_body = keeps_body;
    started = truncated = keep_alive = is_decoded = false;
    status_code = 0;
    body_bytes = head_bytes = chunk_excess = open_bytes = 0;
    excess_bytes = 0;
    headers.clear();
    unknown_coding = {};
    error.clear();
    for (std::string* text : {&body, &decoded}) {
        text->clear();
        if (text->capacity() > kRetainedBodyBytes) text->shrink_to_fit();
    }
}

void ResponseParser::start(bool head_request, bool keep_headers, bool keep_body,
                           const ParserLimits& limits) {
    state_->start(head_request, keep_headers, keep_body, limits);
}

ResponseParser::Status ResponseParser::feed(std::span<const char> bytes) {
    State& s = *state_;
    if (!bytes.empty() && s.status == Status::need_more) s.started = true;
    while (!bytes.empty() && s.status == Status::need_more) {
        // Never more than the bound has room for, so that it strikes at the same byte however the
        // bytes were cut.
        const std::uint64_t room =
            s.limits.header_bytes - std::min(s.limits.header_bytes, s.header_bytes());
        const std::size_t piece =
            s.in_plain_body()
                ? bytes.size()
                : static_cast<std::size_t>(std::clamp<std::uint64_t>(room, 1, bytes.size()));
        bytes = bytes.subspan(s.feed_some(bytes.data(), piece));
    }
    if (s.status == Status::complete) s.excess_bytes += bytes.size();
    return s.status;
}

ResponseParser::Status ResponseParser::finish() {
    State& s = *state_;
    if (s.status != Status::need_more) return s.status;
    if (llhttp_finish(&s.grammar);
        s.message_done) {  // calls on_message_complete if the end of input ends the body
        s.complete();
        return s.status;
    }
    s.truncated = true;
    if (!s.started) return s.fail("closed before a response");
    return s.fail(s.in_header_block ? "closed before the end of the headers"
                                    : "closed before the end of the body");
}

bool ResponseParser::started() const {
    return state_->started;
}
bool ResponseParser::truncated() const {
    return state_->truncated;
}
int ResponseParser::status_code() const {
    return state_->status_code;
}
bool ResponseParser::keep_alive() const {
    return state_->status == Status::complete && state_->keep_alive;
}
std::uint64_t ResponseParser::body_bytes() const {
    return state_->body_bytes;
}
std::size_t ResponseParser::excess_bytes() const {
    return state_->excess_bytes;
}
std::string_view ResponseParser::body() const {
    return state_->is_decoded ? state_->decoded : state_->body;
}
std::string_view ResponseParser::unknown_coding() const {
    return state_->unknown_coding;
}
std::string_view ResponseParser::header(std::string_view name, std::size_t nth) const {
    return state_->headers.find(name, nth);
}
bool ResponseParser::has_header(std::string_view name, std::size_t nth) const {
    return state_->headers.find(name, nth).data() != nullptr;
}
const std::string& ResponseParser::error() const {
    return state_->error;
}

}  // namespace squadload::http
