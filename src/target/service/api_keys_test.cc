#include "target/service/api_keys.h"

#include <gtest/gtest.h>

namespace squadload::service {
namespace {

TEST(ApiKeysTest, EqualMeansEqual) {
    EXPECT_TRUE(constant_time_equal("", ""));
    EXPECT_TRUE(constant_time_equal("key", "key"));
    EXPECT_FALSE(constant_time_equal("key", "kez"));
    EXPECT_FALSE(constant_time_equal("key", "Key"));
    EXPECT_FALSE(constant_time_equal("key", ""));
    EXPECT_FALSE(constant_time_equal("", "key"));
    EXPECT_FALSE(constant_time_equal("keykey", "key")) << "compared with repetitions";
    EXPECT_FALSE(constant_time_equal("key", "keykey"));
}

TEST(ApiKeysTest, AKeyIsShownAsBearerOrAlone) {
    struct Case {
        Headers headers;
        const char* key;
    };
    for (const auto& c :
         {Case{{{"Authorization", "Bearer abc"}}, "abc"},
          Case{{{"authorization", "bEARER   abc=="}}, "abc=="},
          Case{{{"authorization", "Bearer abc"}, {"x-api-key", "d"}}, "abc"},
          Case{{{"X-Api-Key", "d"}}, "d"},
          Case{{{"authorization", "Basic abc"}, {"x-api-key", "d"}}, "d"},
          Case{{{"authorization", "Bearer"}}, ""}, Case{{{"authorization", "Bearer "}}, ""},
          Case{{{"authorization", "Bearer a b"}}, ""}, Case{{{"authorization", "Bearerabc"}}, ""},
          Case{{{"authorization", "Bearer a"}, {"authorization", "Bearer b"}}, ""},
          Case{{{"x-api-key", "a"}, {"x-api-key", "b"}}, ""}, Case{{}, ""}})
        EXPECT_EQ(presented_key(c.headers), c.key);
}

TEST(ApiKeysTest, OneOfSeveralIsEnough) {
    const ApiKeys keys({"one", "", "two"});
    EXPECT_FALSE(keys.empty());
    EXPECT_TRUE(keys.accepts("one"));
    EXPECT_TRUE(keys.accepts("two"));
    EXPECT_FALSE(keys.accepts("three"));
    EXPECT_FALSE(keys.accepts("")) << "an empty line in a list of keys lets nobody in";
    EXPECT_TRUE(ApiKeys({"", ""}).empty());
    EXPECT_FALSE(ApiKeys().accepts(""));
}

TEST(ApiKeysTest, Loopback) {
    for (const char* address : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "localhost"})
        EXPECT_TRUE(is_loopback(address)) << address;
    for (const char* address : {"0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "128.0.0.1", "",
                                "127.0.0.1.evil.example", "localhost.evil.example", "127.1"})
        EXPECT_FALSE(is_loopback(address)) << address;
}

}  // namespace
}  // namespace squadload::service
