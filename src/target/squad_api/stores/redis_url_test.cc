#include "target/squad_api/stores/redis_url.h"

#include <gtest/gtest.h>

namespace squadload::squad_api {
namespace {

TEST(RedisUrl, HasHostPortDatabaseAndCredentials) {
    struct Case {
        const char* url;
        const char* text;
        const char* user;
        const char* password;
    };
    for (const Case& c : {
             Case{"redis://127.0.0.1", "127.0.0.1:6379/0", "", ""},
             Case{"redis://cache.example:7000/3", "cache.example:7000/3", "", ""},
             Case{"redis://[::1]:7000", "[::1]:7000/0", "", ""},
             Case{"redis://[::1]", "[::1]:6379/0", "", ""},
             Case{"redis://:secret@h/", "h:6379/0", "", "secret"},
             Case{"redis://me:s%40c%2Fret:x@h", "h:6379/0", "me", "s@c/ret:x"},
             Case{"redis://me@h", "h:6379/0", "me", ""},
             Case{"redis://a:b@c@h", "h:6379/0", "a", "b@c"},
             Case{"unix:///run/redis.sock", "/run/redis.sock", "", ""},
             Case{"unix://:pw@/run/r.sock?db=7", "/run/r.sock", "", "pw"},
         }) {
        const auto address = parse_redis_url(c.url);
        ASSERT_TRUE(address) << c.url << ": " << address.error().message;
        EXPECT_EQ(address->text(), c.text);
        EXPECT_EQ(address->user, c.user);
        EXPECT_EQ(address->password, c.password);
    }
    EXPECT_EQ(parse_redis_url("unix:///s?db=7")->database, 7);
}

TEST(RedisUrl, MistakesAreSentencesWithoutThePassword) {
    struct Case {
        const char* url;
        const char* words;
    };
    for (const Case& c : {
             Case{"", "does not begin with redis:// or unix://"},
             Case{"http://h:pass-word@h", "does not begin with redis://"},
             Case{"rediss://:pass-word@h", "TLS"},
             Case{"redis://", "no host"},
             Case{"redis://:pass-word@", "no host"},
             Case{"redis://:pass-word@:6379", "no host"},
             Case{"redis://:pass-word@h:0", "port"},
             Case{"redis://:pass-word@h:65536", "port"},
             Case{"redis://:pass-word@h:63x", "port"},
             Case{"redis://:pass-word@h/x", "database"},
             Case{"redis://:pass-word@h/99999", "database"},
             Case{"redis://:pass-word@[::1", "["},
             Case{"redis://:pass-word@[::1]6379", "]"},
             Case{"redis://:pass-word%2@h", "%"},
             Case{"redis://:pass-word%zz@h", "%"},
             Case{"redis://:pass-word/more@h", "%2F"},
             Case{"unix://relative", "absolute"},
             Case{"unix:///s?x=1", "query"},
             Case{"unix:///s?db=", "database"},
         }) {
        const auto address = parse_redis_url(c.url);
        ASSERT_FALSE(address) << c.url;
        EXPECT_NE(address.error().message.find(c.words), std::string::npos)
            << c.url << ": " << address.error().message;
        EXPECT_EQ(address.error().message.find("pass-word"), std::string::npos);
        EXPECT_EQ(address.error().kind, ErrorKind::config);
    }
}

}  // namespace
}  // namespace squadload::squad_api
