#include "target/service/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::service {
namespace {

TEST(Url, IsTakenApart) {
    struct Case {
        const char* text;
        Origin origin;
        const char* target;
    };
    for (const auto& c : {Case{"http://localhost", {false, "localhost", 80}, "/"},
                          Case{"HTTPS://API.Groq.com/openai/v1?x=1#frag",
                               {true, "api.groq.com", 443},
                               "/openai/v1?x=1"},
                          Case{"http://127.0.0.1:8080/", {false, "127.0.0.1", 8080}, "/"},
                          Case{"http://[::1]:81/a", {false, "::1", 81}, "/a"},
                          Case{"http://[::1]", {false, "::1", 80}, "/"},
                          Case{"https://host?x=1", {true, "host", 443}, "/?x=1"},
                          Case{"http://host#a", {false, "host", 80}, "/"}}) {
        const auto url = parse_url(c.text);
        ASSERT_TRUE(url) << c.text;
        EXPECT_EQ(url->origin, c.origin) << c.text;
        EXPECT_EQ(url->target, c.target) << c.text;
    }
}

TEST(Url, MistakesAreNamed) {
    struct Case {
        const char* text;
        const char* says;
    };
    for (const auto& c :
         {Case{"ftp://host", "does not start with http:// or https://"},
          Case{"", "does not start with"}, Case{"host", "does not start with"},
          Case{"http://", "no valid host"}, Case{"http://:80", "no valid host"},
          Case{"http://a:0", "port"}, Case{"http://a:65536", "port"}, Case{"http://a:", "port"},
          Case{"http://a:8x", "port"}, Case{"http://[::1", "]"}, Case{"http://[::1]8", "port"},
          Case{"http://a/b c", "percent-encoded"},
          Case{"http://user:secret@host/", "credentials"}}) {
        const auto url = parse_url(c.text);
        ASSERT_FALSE(url) << c.text;
        EXPECT_THAT(url.error().text(), ::testing::HasSubstr(c.says)) << c.text;
        EXPECT_THAT(url.error().text(), ::testing::Not(::testing::HasSubstr("secret")));
    }
}

TEST(Url, AnOriginAsText) {
    EXPECT_EQ((Origin{true, "host", 443}.text()), "https://host");
    EXPECT_EQ((Origin{true, "host", 80}.text()), "https://host:80");
    EXPECT_EQ((Origin{false, "::1", 8080}.text()), "http://[::1]:8080");
    EXPECT_EQ((Origin{false, "::1", 80}.authority()), "[::1]");
}

}  // namespace
}  // namespace squadload::service
