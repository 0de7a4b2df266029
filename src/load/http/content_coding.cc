#include "load/http/content_coding.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/check.h"
#include "load/http/kept_headers.h"

namespace squadload::http {
namespace {

constexpr std::string_view kTooLong =
    "the decoded body, needed for its expectations, is over its bound "
    "(limits.checked_body_bytes)";

// A thread that once decoded a huge body does not hold on to the memory.
constexpr std::size_t kRetainedBytes = 1024 * 1024;

constexpr int kGzip = 15 + 16;  // window bits as zlib wants them said
constexpr int kZlib = 15;
constexpr int kRaw = -15;

enum class Outcome { done, malformed, truncated, too_long };

struct Sentences {
    std::string_view malformed, truncated;
    [[nodiscard]] constexpr std::string_view of(Outcome outcome) const {
        if (outcome == Outcome::malformed) return malformed;
        if (outcome == Outcome::truncated) return truncated;
        return outcome == Outcome::too_long ? kTooLong : "";
    }
};

using Buffer = std::array<unsigned char, 64UL * 1024>;

// Room for what comes out next, before it is known to be within the bound.
Buffer& buffer() {
    thread_local Buffer instance;
    return instance;
}

[[nodiscard]] bool append(const Buffer& from, std::size_t size, std::uint64_t max_bytes,
                          std::string& out) {
    if (size > max_bytes - out.size()) return false;
    out.append(reinterpret_cast<const char*>(from.data()), size);
    return true;
}

class Inflater {
  public:
    Inflater() { SQUADLOAD_CHECK(inflateInit2(&stream_, kGzip) == Z_OK); }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    Outcome run(int window_bits, std::string_view in, std::uint64_t max_bytes, std::string& out);

  private:
    z_stream stream_{};
};

Outcome Inflater::run(int window_bits, std::string_view in, std::uint64_t max_bytes,
                      std::string& out) {
    SQUADLOAD_CHECK(inflateReset2(&stream_, window_bits) == Z_OK);
    Buffer& to = buffer();
    for (;;) {
        const std::size_t piece =
            std::min<std::size_t>(in.size(), std::numeric_limits<uInt>::max());
        // zlib does not write to what it reads.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(piece);
        stream_.next_out = to.data();
        stream_.avail_out = static_cast<uInt>(to.size());
        const int result = inflate(&stream_, Z_NO_FLUSH);
        in.remove_prefix(piece - stream_.avail_in);
        if (!append(to, to.size() - stream_.avail_out, max_bytes, out)) return Outcome::too_long;
        if (result == Z_STREAM_END) {
            if (in.empty()) return Outcome::done;
            if (window_bits != kGzip) return Outcome::malformed;
            SQUADLOAD_CHECK(inflateReset(&stream_) == Z_OK);  // gzip: another member (§2.2)
        } else if (result == Z_BUF_ERROR ||
                   (result == Z_OK && in.empty() && stream_.avail_out > 0)) {
            return Outcome::truncated;
        } else if (result != Z_OK) {
            return Outcome::malformed;
        }
    }
}

Inflater& inflater() {
    thread_local Inflater instance;
    return instance;
}

// RFC 1950 §2.2. No deflate data that an encoder writes begins like that.
bool has_zlib_header(std::string_view in) {
    if (in.size() < 2) return false;
    const unsigned first = static_cast<unsigned char>(in[0]);
    const unsigned second = static_cast<unsigned char>(in[1]);
    return (first & 0x0fU) == Z_DEFLATED && (first >> 4U) <= 7 && (first * 256 + second) % 31 == 0;
}

Outcome decode_brotli(std::string_view in, std::uint64_t max_bytes, std::string& out) {
    const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
        BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
    SQUADLOAD_CHECK(state != nullptr);
    Buffer& to = buffer();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    std::size_t left = in.size();
    for (;;) {
        std::size_t room = to.size();
        std::uint8_t* next_out = to.data();
        const auto result =
            BrotliDecoderDecompressStream(state.get(), &left, &next_in, &room, &next_out, nullptr);
        if (!append(to, to.size() - room, max_bytes, out)) return Outcome::too_long;
        if (result == BROTLI_DECODER_RESULT_SUCCESS)
            return left == 0 ? Outcome::done : Outcome::malformed;
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) return Outcome::truncated;
        if (result == BROTLI_DECODER_RESULT_ERROR) return Outcome::malformed;
    }
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace

void ContentCodings::add(std::string_view field) {
    while (!field.empty()) {
        const std::string_view element = field.substr(0, field.find(','));
        field.remove_prefix(std::min(element.size() + 1, field.size()));
        const std::string_view name = trimmed(element);
        if (name.empty() || equal_ignoring_case(name, "identity")) continue;
        auto coding = Coding::gzip;
        if (equal_ignoring_case(name, "deflate")) {
            coding = Coding::deflate;
        } else if (equal_ignoring_case(name, "br")) {
            coding = Coding::br;
        } else if (!equal_ignoring_case(name, "gzip") && !equal_ignoring_case(name, "x-gzip")) {
            if (unknown_.empty()) unknown_ = name;
            continue;
        }
        if (count_ < kMax) codings_[count_] = coding;
        count_ = std::min(count_ + 1, kMax + 1);
    }
}

std::string_view ContentCodings::undo(Coding coding, std::string_view in, std::uint64_t max_bytes,
                                      std::string& out) {
    static constexpr Sentences kGzipSentences = {
        "malformed response: the body is not valid gzip",
        "malformed response: the body's gzip coding is cut off"};
    static constexpr Sentences kDeflateSentences = {
        "malformed response: the body is not valid deflate",
        "malformed response: the body's deflate coding is cut off"};
    static constexpr Sentences kBrSentences = {
        "malformed response: the body is not valid br",
        "malformed response: the body's br coding is cut off"};
    out.clear();
    switch (coding) {
        case Coding::gzip:
            return kGzipSentences.of(inflater().run(kGzip, in, max_bytes, out));
        case Coding::deflate: {
            const int window_bits = has_zlib_header(in) ? kZlib : kRaw;
            return kDeflateSentences.of(inflater().run(window_bits, in, max_bytes, out));
        }
        case Coding::br:
            return kBrSentences.of(decode_brotli(in, max_bytes, out));
    }
    return "";
}

std::string_view ContentCodings::decode(std::string_view body, std::uint64_t max_bytes,
                                        std::string& out) const {
    SQUADLOAD_CHECK(unknown_.empty());
    if (count_ > kMax) return "malformed response: more than 4 content codings";
    thread_local std::string between;
    std::string_view in = body;
    std::string_view why;
    for (std::size_t i = count_; i-- > 0 && why.empty();) {
        why = undo(codings_[i], in, max_bytes, out);
        if (i == 0) break;
        std::swap(between, out);
        in = between;
    }
    if (between.capacity() > kRetainedBytes) between = {};
    return why;
}

}  // namespace squadload::http
