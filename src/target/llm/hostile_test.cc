// Whatever comes over the wire: nothing crashes, and what is kept is clean.
#include "target/llm/provider_error.h"
#include "target/llm/refusal.h"
#include "target/llm/reply.h"
#include "target/llm/request.h"
#include "target/llm/retry_after.h"
#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

void expect_clean(const ProviderError& error) {
    EXPECT_FALSE(error.message.empty());
    EXPECT_LE(error.message.size(), kMaxErrorMessage);
    EXPECT_LE(error.code.size(), kMaxErrorCode);
    EXPECT_TRUE(is_valid_utf8(error.message));
    EXPECT_TRUE(is_valid_utf8(error.code));
    if (error.retry_after) {
        EXPECT_TRUE(*error.retry_after >= Nanos{0} && *error.retry_after <= kLongestHint);
    }
}

void read_everything(Dialect d, std::string_view text) {
    const auto headers = [&](std::string_view) { return std::optional(text); };
    for (const int status : {0, 400, 401, 404, 413, 429, 503, 999, -1})
        expect_clean(read_error(d, status, headers, text, kNow));
    if (const auto inside = find_error(d, headers, text, kNow)) expect_clean(*inside);
    if (const auto reply = read_reply(d, headers, text, kNow); !reply) expect_clean(reply.error());
    for (const std::string_view path : {text, std::string_view("/models/m:generateContent")}) {
        const auto request = read_request(d, path, text);
        if (!request) {
            EXPECT_FALSE(request.error().message.empty());
            EXPECT_TRUE(is_valid_utf8(request.error().message));
        }
    }
}

TEST(HostileTest, AnyBytes) {
    for (const std::string& text : hostile_texts()) {
        for (const Dialect d : kDialects) read_everything(d, text);
    }
}

TEST(HostileTest, EveryCutAndEveryChangedByteOfRealBodies) {
    Refusal refusal;
    refusal.wait = std::chrono::milliseconds{26300};
    refusal.model = "m";
    for (const Dialect d : kDialects) {
        const std::vector<std::string> bodies = {
            render_request(d, example_request(), "k").body,
            render_reply(d, example_reply(), {}),
            render_refusal(d, refusal, {}, kNow).body,
            render_error(d, 401).body,
        };
        for (const std::string& body : bodies) {
            for (std::size_t i = 0; i < body.size(); ++i) {
                read_everything(d, std::string_view(body).substr(0, i));
                std::string changed = body;
                changed[i] = static_cast<char>(i % 3 == 0 ? 0xFF : i % 3 == 1 ? '"' : '[');
                read_everything(d, changed);
            }
        }
    }
}

TEST(HostileTest, RenderersWriteJsonWhateverTheyAreGiven) {
    for (const std::string& text : hostile_texts()) {
        if (text.size() > 1000) continue;
        ChatRequest request{text, {{Role::user, text}, {Role::system, text}}, 1, 0.5, true, text};
        ChatReply reply;
        reply.id = reply.model = reply.content = reply.finish_reason = text;
        reply.upstream_provider = text;
        Refusal refusal;
        refusal.model = refusal.organization = text;
        for (const Dialect d : kDialects) {
            EXPECT_TRUE(is_json(render_request(d, request, text).body));
            EXPECT_TRUE(is_json(render_reply(d, reply, {})));
            EXPECT_TRUE(is_json(render_refusal(d, refusal, {}, kNow).body));
            EXPECT_TRUE(is_json(render_error(d, 404, {text, text}).body));
        }
    }
}

}  // namespace
}  // namespace squadload::llm
