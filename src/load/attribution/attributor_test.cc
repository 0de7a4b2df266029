#include "load/attribution/attributor.h"

#include <gtest/gtest.h>

namespace squadload::attribution {
namespace {

using Fallback = measure::Claim::Fallback;
using scenario::Attribution;

struct Read {
    bool any = false;
    measure::Claim claim;
    Attributor::Scratch scratch;
};

void read(Read& out, const std::string& preset, const std::string& headers,
          const std::string& body = "{}") {
    const Attributor attributor(*scenario::attribution_preset(preset));
    http::ResponseParser parser;
    parser.start(false, attributor.needs_headers(), attributor.needs_body(), {});
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                             "\r\n" + headers + "\r\n" + body;
    ASSERT_EQ(parser.feed(text), http::ResponseParser::Status::complete);
    out.any = attributor.read(parser, out.scratch, out.claim);
}

TEST(Attribution, OursSaysEverythingInHeaders) {
    Read r;
    read(r, "squad",
         "x-request-id: r-1\r\nX-Squad-Provider: cerebras\r\nx-squad-model: oss\r\n"
         "x-squad-fallback: true\r\nx-squad-fallback-reason: 429\r\n"
         "x-squad-attempts: groq=429, gemini=skipped:quota, cerebras=ok\r\n"
         "x-squad-agent: travel_planner\r\nx-squad-tokens: 120+80\r\n");
    ASSERT_TRUE(r.any);
    EXPECT_EQ(r.claim.request_id, "r-1");
    EXPECT_EQ(r.claim.provider, "cerebras");
    EXPECT_EQ(r.claim.model, "oss");
    EXPECT_EQ(r.claim.fallback, Fallback::yes);
    EXPECT_EQ(r.claim.fallback_reason, "429");
    EXPECT_EQ(r.claim.calls, 2U);
    EXPECT_EQ(r.claim.agent, "travel_planner");
    EXPECT_EQ(r.claim.prompt_tokens, 120);
    EXPECT_EQ(r.claim.completion_tokens, 80);
}

TEST(Attribution, AResponseThatNamesNobodyIsNotClaimed) {
    Read r;
    read(r, "squad", "x-request-id: r-1\r\n");
    EXPECT_FALSE(r.any) << "/health and the like";
    read(r, "squad", "x-request-id: r-2\r\nx-squad-attempts: groq=skipped:quota\r\n");
    EXPECT_TRUE(r.any) << "a 429 of the gateway tells of its attempts";
    EXPECT_EQ(r.claim.provider, "");
    EXPECT_EQ(r.claim.calls, 0U);
    read(r, "none", "x-squad-provider: groq\r\n");
    EXPECT_FALSE(r.any);
}

TEST(Attribution, OthersSayItTheirWay) {
    Read r;
    read(r, "litellm",
         "x-litellm-model-id: d-1\r\nx-litellm-attempted-fallbacks: 1\r\n"
         "x-litellm-attempted-retries: 2\r\nx-litellm-call-id: c\r\n",
         R"({"model":"m","usage":{"prompt_tokens":5,"completion_tokens":7}})");
    ASSERT_TRUE(r.any);
    EXPECT_EQ(r.claim.provider, "d-1");
    EXPECT_EQ(r.claim.fallback, Fallback::yes);
    EXPECT_EQ(r.claim.calls, 3U);
    EXPECT_EQ(r.claim.completion_tokens, 7);
    read(r, "squad_original", "", R"({"provider":"groq","metadata":{"fallback_used":false}})");
    ASSERT_TRUE(r.any);
    EXPECT_EQ(r.claim.provider, "groq");
    EXPECT_EQ(r.claim.fallback, Fallback::no);
    read(r, "portkey",
         "x-portkey-provider: openai\r\nx-portkey-last-used-option-index: config.targets[1]\r\n");
    ASSERT_TRUE(r.any);
    EXPECT_EQ(r.claim.fallback, Fallback::yes);
    read(r, "bifrost", "", R"({"extra_fields":{"provider":"openai"}})");
    EXPECT_EQ(r.claim.provider, "openai");
    read(r, "openai", "", R"({"model":"gpt"})");
    EXPECT_EQ(r.claim.provider, "gpt");
}

TEST(Attribution, NonsenseIsNoClaim) {
    Read r;
    read(r, "squad_original", "", "not json");
    EXPECT_FALSE(r.any);
    read(r, "squad",
         "x-squad-provider: groq\r\nx-squad-tokens: -5+x\r\nx-squad-fallback: maybe\r\n");
    ASSERT_TRUE(r.any);
    EXPECT_EQ(r.claim.prompt_tokens, 0);
    EXPECT_EQ(r.claim.fallback, Fallback::unknown);
    EXPECT_EQ(read_calls(",,=,a=ok,b"), 2U);
    EXPECT_EQ(read_calls(""), 0U);
    EXPECT_EQ(read_calls("99999999999999999999"), 0U);
    EXPECT_EQ(read_calls("0"), 1U);
}

}  // namespace
}  // namespace squadload::attribution
