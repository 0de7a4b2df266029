// The simulator's own endpoints: what they refuse, who may use them, and the log over HTTP.
#include "target/providers/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "target/providers/beds_for_tests.h"

namespace squadload::providers {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string message_of(const Answer& answer) {
    return json::parse(answer.body)["error"]["message"].get<std::string>();
}

TEST(ControlTest, RequestsThatAreWrongSayWhy) {
    Bed bed(with(plain_profile()));
    const struct {
        const char* method;
        const char* target;
        const char* body;
        const char* says;
    } cases[] = {
        {"POST", "/control/faults", "", "expected a JSON object"},
        {"POST", "/control/faults", "[]", "expected a JSON object"},
        {"POST", "/control/faults", R"({"kind":"outage"})", "needs provider"},
        {"POST", "/control/faults", R"({"provider":"groq"})", "a fault needs a kind"},
        {"POST", "/control/faults", R"({"provider":"grok","kind":"outage"})",
         "there is no provider 'grok'; there are groq"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outages"})",
         "the request:1:27: kind: expected outage, storm"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outage","four":"20s"})",
         "four: unknown key; did you mean 'for'?"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outage","for":"20 lightyears"})",
         "for: expected a duration"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outage","for":0})",
         "for: expected a duration above 0"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outage","for":"2000h"})",
         "for: expected at most 1000h"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outage","share":1.5})",
         "share: expected a share such as 0.3 or 30%"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outage","status":502})",
         "status: a fault of kind outage has no status"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"hang","retry_after":1})",
         "retry_after: a fault of kind hang has no retry_after"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"error_rate","status":404})",
         "status: expected a whole number from 500 to 599"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"slow_down","factor":0})",
         "factor: expected a number from"},
        {"POST", "/control/faults", R"({"provider":"groq","kind":"outage","model":"huge"})",
         "groq has no model 'huge'"},
        {"DELETE", "/control/faults?id=77", "", "there is no fault of that id"},
        {"DELETE", "/control/faults?id=x", "", "there is no fault of that id"},
        {"PUT", "/control/quota", R"({"provider":"groq"})", "needs what to change"},
        {"PUT", "/control/quota", R"({"provider":"groq","requests":-1})",
         "requests: expected a whole number from 1"},
        {"PUT", "/control/quota", R"({"provider":"groq","requests":0})",
         "requests: expected a whole number from 1"},
        {"PUT", "/control/quota", "[]", R"(such as {"provider": "groq", "requests": 1040})"},
        {"PUT", "/control/quota", R"({"provider":"groq","rpm":10})", "rpm: unknown key"},
        {"DELETE", "/control/quota?model=large", "", "there is no parameter 'model' here"},
        {"DELETE", "/control/faults?provder=groq", "", "there is no parameter 'provder' here"},
        {"GET", "/arrivals?form=1", "", "there is no parameter 'form' here"},
        {"PUT", "/control/quota", R"({"provider":"grok","requests":10})", "no provider 'grok'"},
        {"PUT", "/control/quota", R"({"provider":"groq","requests":10,"model":"huge"})",
         "groq has no model 'huge'"},
        {"DELETE", "/control/quota?provider=grok", "", "no provider 'grok'"},
        {"GET", "/arrivals?since=x", "", "since and limit are whole numbers"},
        {"GET", "/arrivals?limit=0", "", "since and limit are whole numbers"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.target) + " " + c.body);
        const Answer answer = bed.send(bed.request(c.method, c.target, c.body));
        ASSERT_EQ(answer.status, 400) << answer.body;
        EXPECT_THAT(message_of(answer), HasSubstr(c.says));
    }
    EXPECT_EQ(json::parse(bed.get("/control/faults").body)["faults"].size(), 0U);
    EXPECT_EQ(json::parse(bed.get("/control/quota").body)["quotas"][0]["changes"].size(), 0U);
}

TEST(ControlTest, JsonInAllItsForms) {
    Bed bed(with(plain_profile()));
    for (const char* body :
         {R"({"provider":"groq","kind":"storm","share":0.5,"retry_after":2,"for":1.5})",
          "{\n  \"provider\" : \"groq\",\n  \"kind\" : \"storm\",\n  \"for\" : \"1m\"\n}\n",
          R"({"provider":"groq","kind":"hang","model":"large","after":"1h","for":null})"}) {
        const Answer answer = bed.send(bed.request("POST", "/control/faults", body));
        EXPECT_EQ(answer.status, 200) << answer.body;
    }
}

TEST(ControlTest, OffLoopbackItNeedsAToken) {
    Settings settings = with(plain_profile());
    settings.host = "0.0.0.0";
    {
        Bed bed(settings);
        EXPECT_EQ(bed.get("/control/faults").status, 403);
        EXPECT_EQ(bed.send(bed.request("DELETE", "/arrivals")).status, 403);
        EXPECT_EQ(bed.call().status, 200);
        EXPECT_EQ(bed.get("/arrivals").status, 200);
    }
    settings.control_token = "open sesame";
    settings.host = "127.0.0.1";
    Bed bed(settings);
    const auto faults = [&](const Headers& headers) {
        return bed.send(bed.request("GET", "/control/faults", "", headers)).status;
    };
    EXPECT_EQ(faults({}), 401);
    EXPECT_EQ(faults({{"x-api-key", "open sesam"}}), 401);
    EXPECT_EQ(faults({{"x-api-key", "open sesame"}}), 200);
}

TEST(ControlTest, TheClockIsTheLogs) {
    Bed bed(with(plain_profile()));
    const json before = json::parse(bed.get("/control/clock").body);
    static_cast<void>(bed.call());
    const json after = json::parse(bed.get("/control/clock").body);
    const auto at = bed.last().at.count();
    EXPECT_LE(before["now_ns"].get<std::int64_t>(), at);
    EXPECT_GE(after["now_ns"].get<std::int64_t>(), at);
    EXPECT_EQ(before["log_started_at"], after["log_started_at"]);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

TEST(ControlTest, ArrivalsInPages) {
    Bed bed(with(plain_profile()));
    static_cast<void>(bed.call_all(25));
    std::uint64_t since = 0;
    std::vector<arrivals::Arrival> all;
    for (int page = 0; page < 3; ++page) {
        const Answer answer = bed.get("/arrivals?limit=10&since=" + std::to_string(since));
        EXPECT_EQ(answer.headers.get("content-type"), "application/x-ndjson");
        EXPECT_EQ(answer.headers.get("x-arrivals-more"), page < 2 ? "true" : "false");
        auto lines = lines_of(answer.body);
        const json log = json::parse(lines.back())["log"];
        lines.pop_back();
        EXPECT_EQ(lines.size(), page < 2 ? 10U : 5U);
        for (const std::string& line : lines) all.push_back(arrivals::from_line(line).value());
        since = log["next_since"].get<std::uint64_t>();
        EXPECT_EQ(log["recorded"], 25);
        EXPECT_EQ(log["overflow"], 0);
    }
    EXPECT_EQ(all, bed.simulator().take_arrivals());
}

TEST(ControlTest, OverflowIsShownEverywhere) {
    Settings settings = with(plain_profile());
    settings.log_capacity = 5;
    Bed bed(std::move(settings));
    static_cast<void>(bed.call_all(8));
    const Answer answer = bed.get("/arrivals");
    const auto lines = lines_of(answer.body);
    ASSERT_EQ(lines.size(), 6U);
    EXPECT_EQ(json::parse(lines.back())["log"]["overflow"], 3);
    EXPECT_EQ(answer.headers.get("x-arrivals-overflow"), "3");
    const json summary = json::parse(bed.get("/arrivals/summary").body);
    EXPECT_EQ(summary["log"]["overflow"], 3);
    EXPECT_EQ(summary["log"]["recorded"], 8);
    EXPECT_EQ(summary["calls"][0]["arrivals"], 8);  // counted all the same

    EXPECT_EQ(json::parse(bed.send(bed.request("DELETE", "/arrivals")).body)["recorded"], 8);
    static_cast<void>(bed.call());
    const auto later = lines_of(bed.get("/arrivals?since=8").body);
    ASSERT_EQ(later.size(), 2U);
    EXPECT_EQ(json::parse(later[0])["seq"], 9);
}

TEST(ControlTest, WhatNeverBecameACallIsCountedToo) {
    Bed bed(with(plain_profile()));
    const Answer answer = bed.call(std::string(2 * 1024 * 1024, 'x'));
    EXPECT_TRUE(!answer.ok() || answer.status == 413);
    const json summary = json::parse(bed.get("/arrivals/summary").body);
    EXPECT_EQ(summary["server"]["too_large"], 1);
    EXPECT_EQ(summary["log"]["recorded"], 0);
}

}  // namespace
}  // namespace squadload::providers
