#include "target/providers/simulator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "target/llm/reply.h"
#include "target/llm/retry_after.h"
#include "target/providers/beds_for_tests.h"
#include "target/service/key_hash.h"

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;
using arrivals::Arrival;
using llm::Dialect;
using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;

auto lookup_in(const Answer& answer) {
    return [&answer](std::string_view name) { return answer.headers.find(name); };
}

struct Endpoint {
    const char* provider;
    Dialect dialect;
    const char* path;
    const char* model;
};

constexpr Endpoint kEndpoints[] = {
    {"groq", Dialect::groq, "/groq/openai/v1/chat/completions", "llama-3.3-70b-versatile"},
    {"cerebras", Dialect::cerebras, "/cerebras/v1/chat/completions", "gpt-oss-120b"},
    {"gemini", Dialect::gemini, "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
     "gemini-2.5-flash"},
    {"gemini", Dialect::gemini_openai, "/gemini/v1beta/openai/chat/completions",
     "gemini-2.5-flash"},
    {"openrouter", Dialect::openrouter, "/openrouter/api/v1/chat/completions",
     "meta-llama/llama-3.3-70b-instruct"},
    {"openai", Dialect::openai, "/openai/v1/chat/completions", "gpt-4o-mini"},
};

std::string body_for(const Endpoint& endpoint) {
    if (endpoint.dialect != Dialect::gemini) return chat_body(endpoint.model, 50);
    return R"({"contents":[{"role":"user","parts":[{"text":"Hello there"}]}],)"
           R"("generationConfig":{"maxOutputTokens":50}})";
}

Headers key_for(const Endpoint& endpoint) {
    if (endpoint.dialect == Dialect::gemini) return {{"x-goog-api-key", "secret"}};
    return {{"authorization", "Bearer secret"}};
}

Settings shipped_without_latency() {
    Settings settings = *shipped_settings();
    settings.latency_scale = 0;
    return settings;
}

TEST(SimulatorTest, EveryProviderAnswersInItsDialectAndTheLogSaysTheSame) {
    Bed bed(shipped_without_latency());
    for (const Endpoint& endpoint : kEndpoints) {
        SCOPED_TRACE(endpoint.path);
        Headers headers = key_for(endpoint);
        headers.add("x-correlation-id", "c-1");
        headers.add("x-squad-agent", "tech_support");
        headers.add("x-squad-attempt", "2");
        const Answer answer =
            bed.send(bed.request("POST", endpoint.path, body_for(endpoint), headers));
        ASSERT_TRUE(answer.ok()) << answer.failure->sentence;
        ASSERT_EQ(answer.status, 200) << answer.body;
        const auto reply =
            llm::read_reply(endpoint.dialect, lookup_in(answer), answer.body, wall_now());
        ASSERT_TRUE(reply) << reply.error().message;
        EXPECT_EQ(reply->model, endpoint.model);
        const Arrival arrival = bed.last();
        EXPECT_EQ(arrival.provider, endpoint.provider);
        EXPECT_EQ(arrival.model, endpoint.model);
        EXPECT_EQ(arrival.key, service::key_hash("secret"));
        EXPECT_TRUE(arrival.admitted);
        EXPECT_EQ(arrival.reason, "");
        EXPECT_EQ(arrival.status, 200);
        EXPECT_EQ(arrival.max_tokens, 50);
        EXPECT_EQ(arrival.correlation_id, "c-1");
        EXPECT_EQ(arrival.agent, "tech_support");
        EXPECT_EQ(arrival.attempt, 2);
        EXPECT_EQ(static_cast<std::uint64_t>(arrival.prompt_tokens), reply->usage.prompt_tokens);
        EXPECT_EQ(static_cast<std::uint64_t>(arrival.completion_tokens),
                  reply->usage.completion_tokens);
        EXPECT_EQ(arrival.completion_tokens, 50);  // the shortest answer has 60, cut at 50
        EXPECT_EQ(reply->finish_reason, "length");
        EXPECT_EQ(arrival.in_flight, 0);
        ASSERT_TRUE(arrival.done);
        EXPECT_GE(*arrival.done, arrival.at);
    }
}

TEST(SimulatorTest, PathsAreWhatItServes) {
    Bed bed(shipped_without_latency());
    std::vector<std::string> bases;
    for (const auto& path : bed.simulator().paths()) bases.push_back(path.base);
    EXPECT_EQ(bases, (std::vector<std::string>{"/groq/openai/v1", "/cerebras/v1", "/gemini/v1beta",
                                               "/openrouter/api/v1", "/openai/v1"}));
    for (const std::string& base : bases) {
        const Answer models = bed.get(base + "/models");
        EXPECT_EQ(models.status, 200);
        EXPECT_THAT(models.body,
                    AnyOf(HasSubstr("models\":[{\"name\""), HasSubstr("\"object\":\"list\"")));
    }
    EXPECT_EQ(json::parse(bed.get("/health").body)["status"], "ok");
    EXPECT_TRUE(bed.simulator().arrivals(0, 10).arrivals.empty());  // none of these is a call
}

TEST(SimulatorTest, WithoutAKeyItIsTheProvidersRefusal) {
    Bed bed(shipped_without_latency());
    for (const Endpoint& endpoint : kEndpoints) {
        SCOPED_TRACE(endpoint.path);
        const Answer answer = bed.send(bed.request("POST", endpoint.path, body_for(endpoint)));
        // Google answers a bad key with 400 and API_KEY_INVALID.
        const bool google = std::string(endpoint.provider) == "gemini";
        EXPECT_EQ(answer.status, google ? 400 : 401) << answer.body;
        const Arrival arrival = bed.last();
        EXPECT_EQ(arrival.reason, "unauthorized");
        EXPECT_EQ(arrival.key, "");
        EXPECT_EQ(arrival.status, answer.status);
        EXPECT_FALSE(arrival.admitted);
        EXPECT_EQ(arrival.model, endpoint.model);
    }
    const Answer by_query = bed.send(
        bed.request("POST", "/gemini/v1beta/models/gemini-2.5-flash:generateContent?key=secret",
                    body_for(kEndpoints[2])));
    EXPECT_EQ(by_query.status, 200);
    EXPECT_EQ(bed.last().key, service::key_hash("secret"));
}

TEST(SimulatorTest, BadRequestsAreRefusedAndLogged) {
    Bed bed(with(plain_profile()));
    const struct {
        std::string body;
        int status;
        const char* reason;
        const char* says;
    } cases[] = {
        {"", 400, "bad_request", ""},
        {"not json", 400, "bad_request", ""},
        {R"({"model":"large","messages":[]})", 400, "bad_request", "messages"},
        {chat_body("unknown"), 404, "not_found", "unknown"},
        {R"({"model":"large","stream":true,"messages":[{"role":"user","content":"hi"}]})", 400,
         "bad_request", "stream"},
    };
    for (const auto& c : cases) {
        const Answer answer = bed.call(c.body);
        EXPECT_EQ(answer.status, c.status) << c.body;
        EXPECT_THAT(answer.body, HasSubstr(c.says));
        EXPECT_TRUE(json::parse(answer.body).contains("error"));
        const Arrival arrival = bed.last();
        EXPECT_EQ(arrival.reason, c.reason);
        EXPECT_EQ(arrival.status, c.status);
        EXPECT_FALSE(arrival.admitted);
    }
    const Answer missing = bed.get("/groq/v2/chat");
    EXPECT_EQ(missing.status, 404);
    EXPECT_THAT(missing.body, HasSubstr("Unknown request URL: GET /groq/v2/chat"));
    EXPECT_EQ(bed.get("/nowhere").status, 404);
}

TEST(SimulatorTest, OtherModelsWhereTheProfileAcceptsThem) {
    Profile profile = plain_profile();
    profile.other_models = true;
    Bed bed(with(profile));
    EXPECT_EQ(bed.call(chat_body("anything")).status, 200);
    EXPECT_EQ(bed.last().model, "anything");
}

TEST(SimulatorTest, RefusalsGiveTheHintThatIsLogged) {
    Settings settings = shipped_without_latency();
    for (Profile& profile : settings.profiles) {
        limits::QuotaSettings quota = profile.quota;
        quota.requests = 2;
        quota.burst = 0;
        set_quota(profile, quota);
    }
    Bed bed(std::move(settings));
    for (const Endpoint& endpoint : kEndpoints) {
        if (endpoint.dialect == Dialect::gemini_openai) continue;  // shares gemini's quota
        SCOPED_TRACE(endpoint.path);
        Answer answer;
        for (int i = 0; i < 3; ++i) {
            answer =
                bed.send(bed.request("POST", endpoint.path, body_for(endpoint), key_for(endpoint)));
        }
        ASSERT_EQ(answer.status, 429) << answer.body;
        const Arrival arrival = bed.last();
        EXPECT_FALSE(arrival.admitted);
        EXPECT_EQ(arrival.reason, "requests");
        const auto hint =
            llm::find_retry_after(endpoint.dialect, lookup_in(answer), answer.body, wall_now());
        ASSERT_TRUE(hint) << answer.body;
        ASSERT_TRUE(arrival.retry_after);
        // OpenRouter's names an instant, which comes nearer.
        EXPECT_NEAR(to_ms(*hint), to_ms(*arrival.retry_after), 1'000);
        EXPECT_GT(*hint, 10s);
        EXPECT_LE(*hint, 61s);
    }
}

TEST(SimulatorTest, SameSeedSameAnswers) {
    const auto answers = [](std::uint64_t seed) {
        Settings settings = with(plain_profile());
        settings.profiles[0].models[0].latency.completion_max = 200;
        settings.seed = seed;
        Bed bed(std::move(settings));
        std::vector<std::string> contents;
        for (int i = 0; i < 20; ++i) {
            const json body = json::parse(bed.call().body);
            contents.push_back(body["id"].get<std::string>() +
                               body["choices"][0]["message"]["content"].get<std::string>());
        }
        return contents;
    };
    const auto once = answers(1);
    EXPECT_EQ(once, answers(1));
    EXPECT_NE(once, answers(2));
}

TEST(SimulatorTest, CallsTakeTheirTime) {
    Profile profile = plain_profile();
    set_latency(profile, {40ms, 40ms, 1'000, 11, 11});
    Bed bed(with(profile, 1));
    const Answer answer = bed.call();
    EXPECT_GE(answer.timings.done - answer.timings.sent, 49ms);
    const Arrival arrival = bed.last();
    EXPECT_GE(*arrival.done - arrival.at, 50ms);
    const json usage = json::parse(answer.body)["usage"];
    EXPECT_NEAR(usage["prompt_time"].get<double>(), 0.040, 1e-6);
    EXPECT_NEAR(usage["completion_time"].get<double>(), 0.010, 1e-6);

    Bed scaled(with(profile, 2));
    static_cast<void>(scaled.call());
    EXPECT_GE(*scaled.last().done - scaled.last().at, 100ms);
}

TEST(SimulatorTest, StartSaysWhatIsWrong) {
    asio::io_context io;
    const auto error = [&](const Settings& settings) {
        const auto simulator = Simulator::start(io, settings);
        return simulator ? "none" : simulator.error().text();
    };
    EXPECT_EQ(error(Settings{}), "there is no provider to simulate");
    Settings settings = with(plain_profile());
    settings.window = 1ms;
    EXPECT_EQ(error(settings), "the window must be from 10ms to 1h");
    settings = with(plain_profile());
    settings.latency_scale = -1;
    EXPECT_EQ(error(settings), "the latency scale must be from 0 to 1000");
    settings = with(plain_profile());
    settings.profiles[0].faults.push_back(FaultSpec{});
    settings.profiles[0].faults[0].model = "huge";
    EXPECT_EQ(error(settings), "groq has no model 'huge'");
    Bed bed(with(plain_profile()));
    settings = with(plain_profile());
    settings.port = bed.simulator().port();
    EXPECT_THAT(error(settings), HasSubstr(std::to_string(settings.port)));
    settings = with(plain_profile());
    settings.arrivals_file = "/no/such/folder/arrivals.ndjson";
    EXPECT_THAT(error(settings), HasSubstr("cannot create /no/such/folder/arrivals.ndjson"));
}

}  // namespace
}  // namespace squadload::providers
