#include "target/squad_api/stores/redis_codec.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace squadload::squad_api {
namespace {

using Kind = RedisReply::Kind;

// Everything that comes of these bytes; the sentence of the error at its end, if there is one.
struct Decoded {
    std::vector<RedisReply> replies;
    std::string error;
};

Decoded decode(std::string_view bytes, std::size_t piece = 1, RedisBounds bounds = {}) {
    RedisDecoder decoder(bounds);
    Decoded decoded;
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
        decoder.feed(bytes.substr(i, piece));
        while (true) {
            auto reply = decoder.next();
            if (!reply) {
                decoded.error = reply.error().message;
                return decoded;
            }
            if (!*reply) break;
            decoded.replies.push_back(std::move(**reply));
        }
    }
    return decoded;
}

TEST(RedisCodec, CommandsAreListsOfBulkStrings) {
    const std::vector<std::string_view> command = {"SET", "", std::string_view("a\0\r\n", 4)};
    EXPECT_EQ(encode_command(command),
              std::string("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\0\r\n\r\n", 29));
    const std::vector<std::string_view> empty_view = {"GET", std::string_view{}};
    EXPECT_EQ(encode_command(empty_view), "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
}

TEST(RedisCodec, EveryKindOfReplyCutAnywhere) {
    const std::string bytes =
        "+OK\r\n-ERR no\r\n:-42\r\n$5\r\na\r\nb!\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n"
        "*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        const Decoded decoded = decode(bytes, piece);
        EXPECT_EQ(decoded.error, "");
        ASSERT_EQ(decoded.replies.size(), 9U) << piece;
        EXPECT_EQ(decoded.replies[0].kind, Kind::status);
        EXPECT_EQ(decoded.replies[0].text, "OK");
        EXPECT_TRUE(decoded.replies[1].is_error());
        EXPECT_EQ(decoded.replies[2].integer, -42);
        EXPECT_EQ(decoded.replies[3].text, "a\r\nb!");
        EXPECT_EQ(decoded.replies[4].kind, Kind::nil);
        EXPECT_EQ(decoded.replies[5].kind, Kind::nil);
        EXPECT_EQ(decoded.replies[6].kind, Kind::list);
        EXPECT_EQ(decoded.replies[7].kind, Kind::text);
        const RedisReply& nested = decoded.replies[8];
        ASSERT_EQ(nested.items.size(), 3U);
        ASSERT_EQ(nested.items[1].items.size(), 2U);
        EXPECT_EQ(nested.items[1].items[0].text, "x");
        EXPECT_EQ(nested.items[2].text, "y");
    }
}

TEST(RedisCodec, BrokenBytesAreSentences) {
    for (const char* const bytes :
         {"HTTP/1.1 400 Bad Request\r\n\r\n", "*1\r\nx\r\n", "*x\r\n", "$x\r\n", "$-7\r\n", ":\r\n",
          ":12a\r\n", ":99999999999999999999\r\n", "*-7\r\n", "*2147483648\r\n",
          "*99999999999999999999\r\n", "$99999999999999999999\r\n",
          "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
        const Decoded decoded = decode(bytes);
        EXPECT_NE(decoded.error, "") << bytes;
        EXPECT_EQ(decoded.replies.size(), 0U) << bytes;
    }
}

TEST(RedisCodec, RepliesHaveBounds) {
    RedisBounds bounds;
    bounds.bytes = 100;
    bounds.elements = 10;
    EXPECT_EQ(decode("*10\r\n" + std::string(40, ' ').replace(0, 40,
                                                              ":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"
                                                              ":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"),
                     7, bounds)
                  .replies.size(),
              1U);
    EXPECT_NE(decode("*11\r\n", 1, bounds).error.find("more than 10 elements"), std::string::npos);
    EXPECT_NE(decode("*6\r\n*6\r\n", 1, bounds).error.find("more than 10 elements"),
              std::string::npos);
    // Announced only: nothing is reserved for it, and waiting for it ends.
    EXPECT_NE(decode("$1000000000\r\n" + std::string(200, 'x'), 10, bounds)
                  .error.find("more than 100 bytes"),
              std::string::npos);
    EXPECT_NE(decode("+" + std::string(200, 'x'), 10, bounds).error.find("more than 100 bytes"),
              std::string::npos);
    // The bounds are of one reply, not of a connection.
    std::string many;
    for (int i = 0; i < 100; ++i) many += "*2\r\n:1\r\n:2\r\n";
    EXPECT_EQ(decode(many, 50, bounds).replies.size(), 100U);
}

// Mutations of good replies: never a crash, never beyond the bounds.
TEST(RedisCodec, AnyBytes) {
    const std::string good =
        "*3\r\n$3\r\nyes\r\n:123\r\n*2\r\n+a\r\n$-1\r\n-ERR x\r\n$5\r\nhello\r\n:7\r\n*-1\r\n";
    const std::string alphabet = "*$:+-0123456789\r\nax";
    RedisBounds bounds;
    bounds.bytes = 10'000;
    bounds.elements = 1000;
    std::size_t errors = 0;
    std::size_t replies = 0;
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        Random random(seed, RandomStream::test, 0);
        std::string bytes = good;
        for (std::uint64_t changes = 1 + random.below(6); changes > 0; --changes) {
            const std::size_t at = random.below(bytes.size());
            const char c = alphabet[random.below(alphabet.size())];
            if (random.below(3) == 0) {
                bytes.insert(at, 1, c);
            } else {
                bytes[at] = random.below(8) == 0 ? static_cast<char>(random.below(256)) : c;
            }
        }
        const Decoded decoded = decode(bytes, 1 + random.below(20), bounds);
        errors += decoded.error.empty() ? 0U : 1U;
        replies += decoded.replies.size();
    }
    EXPECT_GT(errors, 1000U);
    EXPECT_GT(replies, 1000U);
}

}  // namespace
}  // namespace squadload::squad_api
