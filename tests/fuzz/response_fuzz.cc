// A response means the same however the network cuts it, and stays within its bounds.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "base/check.h"
#include "load/http/response_parser.h"

namespace {

using squadload::http::ParserLimits;
using squadload::http::ResponseParser;
using Status = ResponseParser::Status;

constexpr ParserLimits kLimits{2048, 4096, 1024};

struct Read {
    Status status = Status::need_more;
    int code = 0;
    bool keep_alive = false;
    std::uint64_t body_bytes = 0;
    std::string body;
    bool operator==(const Read&) const = default;
};

// Feeds `bytes` in pieces of at most `piece` bytes, then closes if more was wanted.
Read read(ResponseParser& parser, std::span<const char> bytes, std::size_t piece, bool head) {
    parser.start(head, true, true, kLimits);
    auto status = Status::need_more;
    while (!bytes.empty() && status == Status::need_more) {
        const auto n = std::min(piece, bytes.size());
        status = parser.feed(bytes.first(n));
        bytes = bytes.subspan(n);
    }
    if (status == Status::need_more) status = parser.finish();
    SQUADLOAD_CHECK(status != Status::need_more);
    SQUADLOAD_CHECK(parser.body().size() <= kLimits.kept_body_bytes);
    if (status == Status::failed) {
        SQUADLOAD_CHECK(!parser.error().empty());
        Read failed;
        failed.status = status;
        return failed;
    }
    SQUADLOAD_CHECK(parser.body_bytes() <= kLimits.body_bytes);
    return {status, parser.status_code(), parser.keep_alive(), parser.body_bytes(),
            std::string(parser.body())};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const bool head = (data[0] & 1) != 0;
    const std::size_t piece = 1 + data[0] / 2U;
    const std::span<const char> bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    ResponseParser parser;  // reused, as on a connection
    const auto whole = read(parser, bytes, std::max<std::size_t>(bytes.size(), 1), head);
    const auto cut = read(parser, bytes, piece, head);
    SQUADLOAD_CHECK(whole == cut);
    return 0;
}
