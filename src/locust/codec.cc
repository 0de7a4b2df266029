#include "locust/codec.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

// Last: it defines bool, and has no extern "C".
extern "C" {
#include <mpack.h>
}
#undef bool

namespace squadload::locust {
namespace {

// Each token is written at once, so nothing is kept between two.
void put(std::string& out, mpack_token_t token) {
    mpack_tokbuf_t state{};
    std::array<char, MPACK_MAX_TOKEN_LEN> buffer{};
    char* at = buffer.data();
    std::size_t left = buffer.size();
    mpack_write(&state, &at, &left, &token);
    out.append(buffer.data(), buffer.size() - left);
}

mpack_token_t double_token(double v) {
    mpack_token_t token = mpack_pack_float(v);
    token.length = 8;  // as msgpack-python; libmpack would shorten what a float holds
    const auto bits = std::bit_cast<std::uint64_t>(v);
    token.data.value.lo = static_cast<mpack_uint32_t>(bits);
    token.data.value.hi = static_cast<mpack_uint32_t>(bits >> 32);
    return token;
}

struct Packer {
    std::string& out;

    void operator()(std::monostate) const { put(out, mpack_pack_nil()); }
    void operator()(bool v) const { put(out, mpack_pack_boolean(v ? 1 : 0)); }
    void operator()(std::int64_t v) const {
        if (v >= 0)
            put(out, mpack_pack_uint(static_cast<mpack_uintmax_t>(v)));
        else
            negative(v);
    }
    // By hand: libmpack 1.0.5 writes -129 as 127.
    void negative(std::int64_t v) const {
        const auto big_endian = [&](unsigned char form, int bytes) {
            if (form != 0) out += static_cast<char>(form);
            for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
                out += static_cast<char>(static_cast<std::uint64_t>(v) >> shift);
        };
        if (v >= -32)
            big_endian(0, 1);
        else if (v >= std::numeric_limits<std::int8_t>::min())
            big_endian(0xd0, 1);
        else if (v >= std::numeric_limits<std::int16_t>::min())
            big_endian(0xd1, 2);
        else if (v >= std::numeric_limits<std::int32_t>::min())
            big_endian(0xd2, 4);
        else
            big_endian(0xd3, 8);
    }
    void operator()(std::uint64_t v) const { put(out, mpack_pack_uint(v)); }
    void operator()(double v) const { put(out, double_token(v)); }
    void operator()(const std::string& v) const {
        put(out, mpack_pack_str(static_cast<mpack_uint32_t>(v.size())));
        out += v;
    }
    void operator()(const Binary& v) const {
        put(out, mpack_pack_bin(static_cast<mpack_uint32_t>(v.bytes.size())));
        out += v.bytes;
    }
    void operator()(const Array& v) const {
        put(out, mpack_pack_array(static_cast<mpack_uint32_t>(v.size())));
        for (const Value& item : v) std::visit(*this, item.kind());
    }
    void operator()(const Map& v) const {
        put(out, mpack_pack_map(static_cast<mpack_uint32_t>(v.size())));
        for (const auto& [key, value] : v) {
            std::visit(*this, key.kind());
            std::visit(*this, value.kind());
        }
    }
};

class Unpacker {
  public:
    explicit Unpacker(std::string_view bytes) : all_(bytes), left_(bytes) {}

    Result<Value> whole() {
        auto value = next(0);
        if (value && !left_.empty()) return wrong("there is more behind the message");
        return value;
    }

  private:
    [[nodiscard]] tl::unexpected<Error> wrong(const char* what) const {
        return fail(ErrorKind::io, fmt::format("not a MessagePack message: {} at byte {} of {}",
                                               what, all_.size() - left_.size(), all_.size()));
    }

    Result<Value> next(std::size_t depth) {
        if (depth > kMostDepth) return wrong("too deep");
        mpack_tokbuf_t state{};
        mpack_token_t token{};
        const char* at = left_.data();
        std::size_t size = left_.size();
        if (size == 0) return wrong("it is cut off");
        const int status = mpack_read(&state, &at, &size, &token);
        if (status == MPACK_ERROR) return wrong("no value begins so");
        if (status != MPACK_OK) return wrong("it is cut off");
        left_.remove_prefix(left_.size() - size);
        switch (token.type) {
            case MPACK_TOKEN_NIL:
                return Value();
            case MPACK_TOKEN_BOOLEAN:
                return Value(mpack_unpack_boolean(token) != 0);
            case MPACK_TOKEN_UINT:
                return Value(std::uint64_t{mpack_unpack_uint(token)});
            case MPACK_TOKEN_SINT:
                return Value(std::int64_t{mpack_unpack_sint(token)});
            case MPACK_TOKEN_FLOAT:
                return Value(mpack_unpack_float(token));
            case MPACK_TOKEN_STR:
                return bytes(token.length, true);
            case MPACK_TOKEN_BIN:
            case MPACK_TOKEN_EXT:
                return bytes(token.length, false);
            case MPACK_TOKEN_ARRAY:
                return items(token.length, depth);
            case MPACK_TOKEN_MAP:
                return members(token.length, depth);
            case MPACK_TOKEN_CHUNK:
                break;
        }
        return wrong("no value begins so");
    }

    Result<Value> bytes(std::size_t length, bool is_text) {
        if (length > left_.size()) return wrong("it is cut off");
        std::string content(left_.substr(0, length));
        left_.remove_prefix(length);
        return is_text ? Value(std::move(content)) : Value(Binary{std::move(content)});
    }

    // The count is a claim: memory grows with what is really there.
    Result<Value> items(std::size_t count, std::size_t depth) {
        Array array;
        for (std::size_t i = 0; i < count; ++i) {
            auto item = next(depth + 1);
            if (!item) return item;
            array.push_back(*std::move(item));
        }
        return Value(std::move(array));
    }

    Result<Value> members(std::size_t count, std::size_t depth) {
        Map map;
        for (std::size_t i = 0; i < count; ++i) {
            auto key = next(depth + 1);
            if (!key) return key;
            auto value = next(depth + 1);
            if (!value) return value;
            map.emplace_back(*std::move(key), *std::move(value));
        }
        return Value(std::move(map));
    }

    std::string_view all_;
    std::string_view left_;
};

}  // namespace

std::string pack(const Value& value) {
    std::string out;
    std::visit(Packer{out}, value.kind());
    return out;
}

Result<Value> unpack(std::string_view bytes) {
    if (bytes.size() > kMostBytes)
        return fail(ErrorKind::io, fmt::format("a message of {} bytes is too long", bytes.size()));
    return Unpacker(bytes).whole();
}

}  // namespace squadload::locust
