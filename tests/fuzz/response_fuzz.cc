// A response means the same however the network cuts it, and stays within its bounds.
// Input: one byte of settings (bit 0: HEAD, bit 1: bodies not kept, bit 2: the peer stays, rest:
// the cuts), the bytes.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/check.h"
#include "base/random.h"
#include "load/http/response_parser.h"

namespace {

using squadload::Random;
using squadload::RandomStream;
using squadload::http::ParserLimits;
using squadload::http::ResponseParser;
using Status = ResponseParser::Status;

constexpr ParserLimits kLimits{512, 1024, 256};

struct Settings {
    bool head = false;
    bool keep_body = true;
    bool peer_closes = true;
};

// All a parser tells, excess bytes included.
struct Told {
    Status status = Status::need_more;
    int code = 0;
    bool keep_alive = false;
    bool started = false;
    bool truncated = false;
    std::uint64_t body_bytes = 0;
    std::size_t excess = 0;
    std::string body, unknown_coding, first_x, second_x, error;
    bool operator==(const Told&) const = default;
};

Told told(const ResponseParser& parser, Status status) {
    return {status, parser.status_code(), parser.keep_alive(), parser.started(), parser.truncated(),
            parser.body_bytes(), parser.excess_bytes(), std::string(parser.body()),
            std::string(parser.unknown_coding()),
            // A header still being read may be there in part: only complete ones are compared.
            std::string(status == Status::complete ? parser.header("x", 0) : ""),
            std::string(status == Status::complete ? parser.header("X", 1) : ""), parser.error()};
}

Told read(ResponseParser& parser, std::span<const char> bytes, const Settings& settings,
          const std::function<std::size_t()>& next_piece) {
    parser.start(settings.head, true, settings.keep_body, kLimits);
    auto status = Status::need_more;
    while (!bytes.empty()) {
        const std::size_t size = std::min(next_piece(), bytes.size());
        const std::string piece(bytes.data(), size);  // own storage: reading beyond it is seen
        status = parser.feed(piece);
        bytes = bytes.subspan(size);
    }
    if (settings.peer_closes) status = parser.finish();
    return told(parser, status);
}

void check_bounds(const Told& t, const Settings& settings, std::size_t size) {
    const auto limit = settings.keep_body ? kLimits.kept_body_bytes : kLimits.body_bytes;
    SQUADLOAD_CHECK(t.body_bytes <= limit && t.body_bytes + t.excess <= size);
    SQUADLOAD_CHECK(t.body.size() <= (settings.keep_body ? kLimits.kept_body_bytes : 0));
    if (t.status != Status::complete || !t.unknown_coding.empty())  // as received
        SQUADLOAD_CHECK(t.body.size() == (settings.keep_body ? t.body_bytes : 0));
    SQUADLOAD_CHECK((t.status == Status::failed) == !t.error.empty());
    SQUADLOAD_CHECK(!t.keep_alive || t.status == Status::complete);
    SQUADLOAD_CHECK(!t.truncated || (t.status == Status::failed && settings.peer_closes));
    SQUADLOAD_CHECK(!settings.peer_closes || t.status != Status::need_more);
    SQUADLOAD_CHECK(t.code == 0 || (t.code >= 200 && t.code <= 999));
    if (t.status == Status::complete) SQUADLOAD_CHECK(t.code != 0 && t.started);
    if (settings.head) SQUADLOAD_CHECK(t.body_bytes == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const Settings settings{(data[0] & 1) != 0, (data[0] & 2) == 0, (data[0] & 4) == 0};
    const std::span<const char> bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    ResponseParser parser;  // reused, as on a connection
    const Told whole = read(parser, bytes, settings, [&] { return bytes.size(); });
    check_bounds(whole, settings, bytes.size());
    SQUADLOAD_CHECK(whole == read(parser, bytes, settings, [] { return std::size_t{1}; }));
    Random random(data[0], RandomStream::test, size);
    const auto random_piece = [&] { return std::size_t{1} + random.below(40); };
    SQUADLOAD_CHECK(whole == read(parser, bytes, settings, random_piece));
    return 0;
}
