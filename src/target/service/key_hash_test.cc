#include "target/service/key_hash.h"

#include <gtest/gtest.h>

namespace squadload::service {
namespace {

TEST(KeyHashTest, IsTheBeginningOfSha256) {
    // "abc" is the example of FIPS 180-4: ba7816bf 8f01cfea …
    EXPECT_EQ(key_hash("abc"), "ba7816bf8f01");
    EXPECT_EQ(key_hash(""), "");
    KeyHashes hashes;
    EXPECT_EQ(hashes.of("abc"), "ba7816bf8f01");
    EXPECT_EQ(hashes.of("abc"), "ba7816bf8f01");
    for (int i = 0; i < 2'000; ++i) {
        const std::string key = "key" + std::to_string(i);
        EXPECT_EQ(hashes.of(key), key_hash(key));
    }
    EXPECT_EQ(hashes.of(""), "");
}

}  // namespace
}  // namespace squadload::service
