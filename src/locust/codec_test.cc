#include "locust/codec.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"

namespace squadload::locust {
namespace {

std::string bytes(std::initializer_list<int> values) {
    std::string out;
    for (const int v : values) out += static_cast<char>(v);
    return out;
}

Value random_value(Random& random, int depth) {
    switch (random.below(depth > 0 ? 9 : 7)) {
        case 0:
            return {};
        case 1:
            return random.below(2) == 0;
        case 2:
            return static_cast<std::int64_t>(random.next() >> random.below(64));
        case 3:
            return -static_cast<std::int64_t>(random.next() >> (1 + random.below(63)));
        case 4:
            return random.unit() * 1e6;
        case 5: {
            std::string text(random.below(40) * random.below(40), 'x');
            return random.below(20) == 0 ? std::string(70'000, 'y') : text;
        }
        case 6:
            return Binary{std::string(random.below(300), '\0')};
        case 7: {
            Array array;
            for (auto n = random.below(20); n > 0; --n)
                array.push_back(random_value(random, depth - 1));
            return array;
        }
        default: {
            Map map;
            for (auto n = random.below(20); n > 0; --n)
                map.emplace_back(random_value(random, 0), random_value(random, depth - 1));
            return map;
        }
    }
}

TEST(Codec, WhatIsPackedIsUnpackedTheSame) {
    Random random(1, RandomStream::test, 0);
    for (int i = 0; i < 3000; ++i) {
        const Value value = random_value(random, 4);
        const auto packed = pack(value);
        const auto back = unpack(packed);
        ASSERT_TRUE(back) << back.error().message;
        ASSERT_EQ(*back, value);
        ASSERT_EQ(pack(*back), packed);
    }
}

// https://github.com/msgpack/msgpack/blob/master/spec.md: the shortest form of each integer.
TEST(Codec, IntegersTakeTheirShortestForm) {
    const std::vector<std::pair<Value, std::string>> forms{
        {0, bytes({0x00})},
        {127, bytes({0x7f})},
        {128, bytes({0xcc, 0x80})},
        {255, bytes({0xcc, 0xff})},
        {256, bytes({0xcd, 0x01, 0x00})},
        {65536, bytes({0xce, 0x00, 0x01, 0x00, 0x00})},
        {std::int64_t{1} << 32, bytes({0xcf, 0, 0, 0, 1, 0, 0, 0, 0})},
        {std::numeric_limits<std::uint64_t>::max(),
         bytes({0xcf, 255, 255, 255, 255, 255, 255, 255, 255})},
        {-1, bytes({0xff})},
        {-32, bytes({0xe0})},
        {-33, bytes({0xd0, 0xdf})},
        {-129, bytes({0xd1, 0xff, 0x7f})},
        {-40000, bytes({0xd2, 0xff, 0xff, 0x63, 0xc0})},
        {std::numeric_limits<std::int64_t>::min(), bytes({0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0})},
    };
    for (const auto& [value, form] : forms) {
        EXPECT_EQ(pack(value), form);
        EXPECT_EQ(*unpack(form), value);
    }
}

TEST(Codec, DoublesTakeEightBytesAndFloatsAreRead) {
    EXPECT_EQ(pack(12.5), bytes({0xcb, 0x40, 0x29, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(*unpack(bytes({0xca, 0x41, 0x48, 0, 0})), Value(12.5));
    EXPECT_EQ(pack(-0.0), bytes({0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Codec, TextIsTextAndBytesAreBytes) {
    EXPECT_EQ(pack("ab"), bytes({0xa2, 'a', 'b'}));
    EXPECT_EQ(pack(Binary{"ab"}), bytes({0xc4, 2, 'a', 'b'}));
    EXPECT_EQ(pack(std::string(32, 'a')).substr(0, 2), bytes({0xd9, 32}));
    EXPECT_EQ(*unpack(bytes({0xd4, 0x05, 'x'})), Value(Binary{"x"})) << "an extension";
}

TEST(Codec, MapsMayHaveIntegersAsKeys) {
    const Value counts = Map{{100, 3}, {1200, 1}};
    EXPECT_EQ(pack(counts), bytes({0x82, 0x64, 0x03, 0xcd, 0x04, 0xb0, 0x01}));
    EXPECT_EQ(*unpack(pack(counts)), counts);
}

TEST(Codec, EveryPrefixOfAMessageIsAnErrorAndSoIsMore) {
    Random random(2, RandomStream::test, 0);
    for (int i = 0; i < 50; ++i) {
        const auto packed = pack(random_value(random, 3));
        for (std::size_t n = 0; n < std::min<std::size_t>(packed.size(), 600); ++n) {
            const auto cut = unpack(std::string_view(packed).substr(0, n));
            ASSERT_FALSE(cut) << n << " of " << packed.size();
            ASSERT_NE(cut.error().message.find("cut off"), std::string::npos);
        }
        ASSERT_FALSE(unpack(packed + '\0'));
    }
}

TEST(Codec, ClaimsOfSizeCostNothing) {
    EXPECT_FALSE(unpack(bytes({0xdd, 0xff, 0xff, 0xff, 0xff})));        // array of 4 billion
    EXPECT_FALSE(unpack(bytes({0xdf, 0xff, 0xff, 0xff, 0xff, 0x01})));  // map
    EXPECT_FALSE(unpack(bytes({0xdb, 0xff, 0xff, 0xff, 0xff, 'x'})));   // text
    EXPECT_FALSE(unpack(bytes({0xc1})));                                // never used
    EXPECT_FALSE(unpack(std::string(100'000, '\x91')));                 // nested
    EXPECT_FALSE(unpack(std::string(kMostBytes + 1, '\0')));
}

}  // namespace
}  // namespace squadload::locust
