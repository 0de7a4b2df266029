// Content codings: what an encoder wrote comes back, and nothing a target sends as coded breaks the
// decoder or its bound. Input: a line with the codings, the body.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "load/http/content_coding.h"

namespace {

using squadload::http::ContentCodings;

constexpr std::uint64_t kMaxBytes = 100'000;

std::string deflated(std::string_view text, int window_bits) {
    z_stream stream{};
    SQUADLOAD_CHECK(deflateInit2(&stream, 1, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) ==
                    Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    std::string in(text);
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    SQUADLOAD_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

void check_round_trip(std::string_view field, std::string_view text, int window_bits) {
    ContentCodings codings;
    codings.add(field);
    std::string out;
    const auto why = codings.decode(deflated(text, window_bits), kMaxBytes, out);
    SQUADLOAD_CHECK(why.empty() && out == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view field = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    if (text.size() <= kMaxBytes) {
        check_round_trip("gzip", text, 15 + 16);
        check_round_trip("deflate", text, 15);
        check_round_trip("deflate", text, -15);
    }
    ContentCodings codings;
    codings.add(field);
    if (codings.none() || !codings.unknown().empty()) return 0;
    std::string once, twice;
    const auto why = codings.decode(text, kMaxBytes, once);
    SQUADLOAD_CHECK(once.size() <= kMaxBytes);
    SQUADLOAD_CHECK(codings.decode(text, kMaxBytes, twice) == why);
    if (why.empty()) SQUADLOAD_CHECK(once == twice);
    if (!why.empty() || once.empty()) return 0;
    SQUADLOAD_CHECK(codings.decode(text, once.size(), twice) == why ||
                    field.find(',') != field.npos);
    SQUADLOAD_CHECK(!codings.decode(text, once.size() - 1, twice).empty());
    return 0;
}
