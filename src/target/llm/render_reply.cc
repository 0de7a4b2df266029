#include <array>

#include "target/llm/decimal.h"
#include "target/llm/gemini_words.h"
#include "target/llm/json_text.h"
#include "target/llm/reply.h"

namespace squadload::llm {
namespace {

// Field by field into one string; each call writes the separator, key and value together.
class Writer {
  public:
    explicit Writer(std::size_t reserve) { out_.reserve(reserve); }

    Writer& raw(std::string_view text) {
        out_ += text;
        return *this;
    }
    Writer& text(std::string_view key_part, std::string_view value) {
        out_ += key_part;
        append_json_string(out_, value);
        return *this;
    }
    template <class Number>
    Writer& number(std::string_view key_part, Number value) {
        out_ += key_part;
        append_number(out_, value);
        return *this;
    }
    Writer& seconds(std::string_view key_part, Nanos value) {
        out_ += key_part;
        append_seconds(out_, value, 9, Zeros::trim);
        return *this;
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

Nanos total(const ReplyTiming& timing) {
    return timing.queue + timing.prompt + timing.completion;
}

void write_tokens(Writer& to, const Usage& usage) {
    to.number(R"("prompt_tokens":)", usage.prompt_tokens)
        .number(R"(,"completion_tokens":)", usage.completion_tokens)
        .number(R"(,"total_tokens":)", usage.total_tokens());
}

void write_head(Writer& to, const ChatReply& reply) {
    to.text(R"({"id":)", reply.id)
        .number(R"(,"object":"chat.completion","created":)", reply.created_s)
        .text(R"(,"model":)", reply.model);
}

void write_choice(Writer& to, const ChatReply& reply) {
    to.text(R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)", reply.content)
        .text(R"(},"logprobs":null,"finish_reason":)", reply.finish_reason)
        .raw("}]");
}

void write_openai(Writer& to, const ChatReply& reply) {
    write_head(to, reply);
    to.text(R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)", reply.content)
        .text(R"(,"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":)",
              reply.finish_reason)
        .raw(R"(}],"usage":{)");
    write_tokens(to, reply.usage);
    to.raw(R"(,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0})")
        .raw(R"(,"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)")
        .raw(R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}})")
        .raw(R"(,"service_tier":"default","system_fingerprint":"fp_simulated"})");
}

void write_groq(Writer& to, const ChatReply& reply, const ReplyTiming& timing) {
    write_head(to, reply);
    write_choice(to, reply);
    to.seconds(R"(,"usage":{"queue_time":)", timing.queue)
        .number(R"(,"prompt_tokens":)", reply.usage.prompt_tokens)
        .seconds(R"(,"prompt_time":)", timing.prompt)
        .number(R"(,"completion_tokens":)", reply.usage.completion_tokens)
        .seconds(R"(,"completion_time":)", timing.completion)
        .number(R"(,"total_tokens":)", reply.usage.total_tokens())
        .seconds(R"(,"total_time":)", total(timing))
        .text(R"(},"usage_breakdown":null,"system_fingerprint":"fp_simulated","x_groq":{"id":)",
              reply.id)
        .raw(R"(},"service_tier":"on_demand"})");
}

void write_cerebras(Writer& to, const ChatReply& reply, const ReplyTiming& timing) {
    write_head(to, reply);
    to.text(R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)", reply.content)
        .text(R"(},"finish_reason":)", reply.finish_reason)
        .raw(R"(}],"system_fingerprint":"fp_simulated","usage":{)");
    write_tokens(to, reply.usage);
    to.raw(R"(,"prompt_tokens_details":{"cached_tokens":0}})")
        .seconds(R"(,"time_info":{"queue_time":)", timing.queue)
        .seconds(R"(,"prompt_time":)", timing.prompt)
        .seconds(R"(,"completion_time":)", timing.completion)
        .seconds(R"(,"total_time":)", total(timing))
        .number(R"(,"created":)", reply.created_s)
        .raw("}}");
}

void write_gemini(Writer& to, const ChatReply& reply) {
    to.text(R"({"candidates":[{"content":{"parts":[{"text":)", reply.content)
        .text(R"(}],"role":"model"},"finishReason":)", gemini_finish_reason(reply.finish_reason))
        .number(R"(,"index":0}],"usageMetadata":{"promptTokenCount":)", reply.usage.prompt_tokens)
        .number(R"(,"candidatesTokenCount":)", reply.usage.completion_tokens)
        .number(R"(,"totalTokenCount":)", reply.usage.total_tokens())
        .text(R"(},"modelVersion":)", reply.model)
        .text(R"(,"responseId":)", reply.id)
        .raw("}");
}

void write_gemini_openai(Writer& to, const ChatReply& reply) {
    write_head(to, reply);
    to.text(R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)", reply.content)
        .text(R"(},"finish_reason":)", reply.finish_reason)
        .raw(R"(}],"usage":{)");
    write_tokens(to, reply.usage);
    to.raw("}}");
}

void write_openrouter(Writer& to, const ChatReply& reply) {
    const std::string_view upstream = reply.upstream_provider;
    to.text(R"({"id":)", reply.id)
        .text(R"(,"provider":)", upstream.empty() ? "Simulated" : upstream)
        .text(R"(,"model":)", reply.model)
        .number(R"(,"object":"chat.completion","created":)", reply.created_s)
        .text(R"(,"choices":[{"logprobs":null,"finish_reason":)", reply.finish_reason)
        .text(R"(,"native_finish_reason":)", reply.finish_reason)
        .text(R"(,"index":0,"message":{"role":"assistant","content":)", reply.content)
        .raw(R"(,"refusal":null,"reasoning":null}}],"usage":{)");
    write_tokens(to, reply.usage);
    to.raw("}}");
}

// Ids go into headers: visible ASCII, at most 128 bytes.
std::string header_text(std::string_view text) {
    std::string out(text.substr(0, 128));
    for (char& c : out) {
        if (c <= ' ' || c > '~') c = '_';
    }
    return out;
}

}  // namespace

std::string render_reply(Dialect dialect, const ChatReply& reply, const ReplyTiming& timing) {
    Writer to(640 + 2 * reply.model.size() + 2 * reply.id.size() + reply.content.size() * 9 / 8);
    switch (dialect) {
        case Dialect::openai:
            write_openai(to, reply);
            break;
        case Dialect::groq:
            write_groq(to, reply, timing);
            break;
        case Dialect::cerebras:
            write_cerebras(to, reply, timing);
            break;
        case Dialect::gemini:
            write_gemini(to, reply);
            break;
        case Dialect::gemini_openai:
            write_gemini_openai(to, reply);
            break;
        case Dialect::openrouter:
            write_openrouter(to, reply);
            break;
    }
    return to.take();
}

Headers reply_headers(Dialect dialect, const ChatReply& reply) {
    if (reply.id.empty()) return {};
    if (dialect == Dialect::openrouter) return {{"x-generation-id", header_text(reply.id)}};
    if (dialect == Dialect::openai || dialect == Dialect::groq)
        return {{"x-request-id", header_text(reply.id)}};
    return {};
}

}  // namespace squadload::llm
