// Redirects on the simulated loop: one scheduled request, one outcome, however many requests it
// takes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/engine/sim_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Answer = ScriptedServer::Answer;

Answer redirect(int status, std::string_view location, Nanos after = 1ms) {
    return {after,
            fmt::format("HTTP/1.1 {} R\r\nLocation: {}\r\nContent-Length: 3\r\n\r\nsee", status,
                        location),
            false, false, 0};
}

// One request of one user, redirects followed.
struct Redirected {
    explicit Redirected(ScriptedServer::Script script, std::uint32_t max = 5,
                        const std::function<void(Plan&)>& change = {})
        : server(std::move(script)) {
        Plan plan = closed_plan(1, 10s);
        plan.scenario.requests = 1;
        plan.scenario.target.redirects.max = max;
        if (change) change(plan);
        run.emplace(std::move(plan), server);
        run->run();
        EXPECT_TRUE(run->adds_up());
    }
    // "GET /path host" of each request the server saw.
    [[nodiscard]] std::vector<std::string> seen() const {
        std::vector<std::string> lines;
        for (const std::string& text : server.requests) {
            const auto host = text.find("Host: ") + 6;
            lines.push_back(text.substr(0, text.find(" HTTP")) + " " +
                            text.substr(host, text.find('\r', host) - host));
        }
        return lines;
    }
    [[nodiscard]] std::string outcome() const {
        for (std::size_t i = 0; i < measure::kOutcomes; ++i) {
            const auto o = static_cast<Outcome>(i);
            if (run->outcome(o) > 0)
                return std::string(measure::name(o)) + ": " + run->first_message();
        }
        return "none";
    }

    ScriptedServer server;
    std::optional<WorkerRun> run;
};

TEST(RedirectedExchange, IsOffByDefault) {
    const Redirected r([](auto, auto&) { return redirect(302, "/next"); }, 0);
    EXPECT_EQ(r.outcome(), "check_failed: status 302");
    EXPECT_THAT(r.seen(), ElementsAre("GET / target"));
}

TEST(RedirectedExchange, IsOneRequestWithOneOutcome) {
    const Redirected r([](std::uint64_t n, const std::string&) {
        if (n == 0) return redirect(302, "/a/b?x=1#y", 10ms);
        if (n == 1) return redirect(308, "../c", 20ms);
        return Answer{30ms, kOk, false, false, 0};
    });
    EXPECT_EQ(r.outcome(), "ok: ");
    EXPECT_THAT(r.seen(), ElementsAre("GET / target", "GET /a/b?x=1 target", "GET /c target"));
    EXPECT_EQ(r.server.connections, 1);
    const auto all = r.run->all();
    EXPECT_EQ(all.outcomes.requests(), 1U);
    EXPECT_EQ(all.response_time.max(), 60ms);
    EXPECT_EQ(all.first_byte.max(), 60ms);
    EXPECT_EQ(all.redirects, 2U);
    std::uint64_t sent = 0;
    for (const std::string& request : r.server.requests) sent += request.size();
    EXPECT_EQ(all.bytes_sent, sent);
    EXPECT_EQ(all.bytes_received, redirect(302, "/a/b?x=1#y").bytes.size() +
                                      redirect(308, "../c").bytes.size() + kOk.size());
}

TEST(RedirectedExchange, TheLastResponseIsJudged) {
    const Redirected r(
        [](std::uint64_t n, const std::string&) {
            if (n == 0) return redirect(301, "/");
            return Answer{1ms, "HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 4\r\n\r\nlast"};
        },
        5,
        [](Plan& plan) {
            auto& expect = plan.scenario.classes[0].tasks[0].expect;
            expect.body_contains = {"last"};
            expect.headers.push_back({"X", {}, {}});
        });
    EXPECT_EQ(r.outcome(), "ok: ");
    const Redirected missing([](std::uint64_t n, const std::string&) {
        if (n == 0) return redirect(301, "/");
        return Answer{1ms, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"};
    });
    EXPECT_EQ(missing.outcome(), "client_error: status 404");
}

TEST(RedirectedExchange, OtherStatusesAreAnswers) {
    for (const int status : {300, 304, 305, 306}) {
        const Redirected r([&](auto, auto&) { return redirect(status, "/next"); });
        EXPECT_EQ(r.server.requests.size(), 1U);
        EXPECT_EQ(r.run->outcome(Outcome::ok), 0U);
    }
}

TEST(RedirectedExchange, ATaskHasItsOwnNumber) {
    const auto script = [](std::uint64_t n, const std::string&) {
        return n == 0 ? redirect(302, "/next") : Answer{};
    };
    const auto with = [](std::uint32_t max) {
        return [=](Plan& plan) { plan.scenario.classes[0].tasks[0].redirects = max; };
    };
    EXPECT_EQ(Redirected(script, 5, with(0)).outcome(), "check_failed: status 302");
    EXPECT_EQ(Redirected(script, 0, with(1)).outcome(), "ok: ");
}

TEST(RedirectedExchange, NotForEver) {
    const auto loop = [](auto, auto&) { return redirect(302, "/"); };
    const Redirected r(loop, 3);
    EXPECT_EQ(r.outcome(), "check_failed: redirected more than 3 times");
    EXPECT_EQ(r.server.requests.size(), 4U);
    EXPECT_EQ(Redirected(loop, 1).outcome(), "check_failed: redirected more than 1 time");
}

TEST(RedirectedExchange, LocationsThatCannotBeFollowed) {
    const auto outcome = [](const std::string& location) {
        return Redirected([&](auto, auto&) {
                   return Answer{1ms,
                                 "HTTP/1.1 302 R\r\n" + location + "Content-Length: 0\r\n\r\n"};
               })
            .outcome();
    };
    EXPECT_EQ(outcome(""), "check_failed: redirected without a Location");
    EXPECT_THAT(outcome("Location: http://\r\n"),
                StartsWith("check_failed: redirected to where nothing can be: "));
    EXPECT_THAT(outcome("Location: mailto:x\r\n"), HasSubstr("names a scheme, but no host"));
    EXPECT_EQ(outcome("Location: http://other:81/x\r\n"),
              "check_failed: redirected to http://other:81, which is not allowed; list it in "
              "target.redirects.hosts");
    EXPECT_EQ(outcome("Location: //target.evil.org/\r\n"),
              "check_failed: redirected to http://target.evil.org, which is not allowed; list it "
              "in target.redirects.hosts");
}

scenario::HeaderTemplates credentials() {
    return {{"Authorization", scenario::Template::constant("Bearer t")},
            {"cookie", scenario::Template::constant("own=1")},
            {"X-Kept", scenario::Template::constant("1")}};
}

TEST(RedirectedExchange, AListedOriginIsConnectedToWithoutCredentials) {
    const Redirected r(
        [](std::uint64_t n, const std::string&) {
            if (n == 0) return redirect(302, "http://login.test:81/in");
            if (n == 1) return redirect(302, "/again");
            if (n == 2) return redirect(302, "http://TARGET/back");
            return Answer{};
        },
        5,
        [](Plan& plan) {
            plan.scenario.classes[0].tasks[0].headers = credentials();
            plan.redirect_origins.push_back({false, "login.test", {}, "login.test:81"});
        });
    EXPECT_EQ(r.outcome(), "ok: ");
    EXPECT_THAT(r.seen(), ElementsAre("GET / target", "GET /in login.test:81",
                                      "GET /again login.test:81", "GET /back target"));
    EXPECT_EQ(r.server.connections, 3);
    for (const std::size_t i : {0U, 3U}) {
        EXPECT_THAT(r.server.requests[i], HasSubstr("Authorization: Bearer t\r\n"));
        EXPECT_THAT(r.server.requests[i], HasSubstr("cookie: own=1\r\n"));
    }
    for (const std::size_t i : {1U, 2U}) {
        EXPECT_THAT(r.server.requests[i], Not(HasSubstr("Bearer")));
        EXPECT_THAT(r.server.requests[i], Not(HasSubstr("own=1")));
        EXPECT_THAT(r.server.requests[i], HasSubstr("X-Kept: 1\r\n"));
    }
}

TEST(RedirectedExchange, AnotherPortOfTheHostIsAnotherConnection) {
    const Redirected r(
        [](std::uint64_t n, const std::string&) {
            if (n == 0) return redirect(302, "http://target:81/a");
            if (n == 1) return redirect(302, "//target:82/b");
            if (n == 2) return redirect(302, "/c");
            if (n == 3) return redirect(302, "http://target:81/d");
            return Answer{};
        },
        5, [](Plan& plan) { plan.scenario.classes[0].tasks[0].headers = credentials(); });
    EXPECT_EQ(r.outcome(), "ok: ");
    EXPECT_THAT(r.seen(), ElementsAre("GET / target", "GET /a target:81", "GET /b target:82",
                                      "GET /c target:82", "GET /d target:81"));
    EXPECT_EQ(r.server.connections, 4);
    EXPECT_THAT(r.server.requests[0], HasSubstr("Bearer t"));
    for (std::size_t i = 1; i < r.server.requests.size(); ++i)
        EXPECT_THAT(r.server.requests[i], Not(HasSubstr("Bearer t"))) << "another service";
}

http::ResponseParser response_to(std::string_view location) {
    http::ResponseParser parser;
    parser.start(false, true, false, {});
    EXPECT_EQ(parser.feed(redirect(302, location).bytes), http::ResponseParser::Status::complete);
    return parser;
}

const std::string kSecret = "GET / HTTP/1.1\r\nHost: target\r\nAuthorization: Bearer t\r\n\r\n";

TEST(RedirectChain, NeverFromHttpsToHttpUnlessListed) {
    Plan plan = make_plan();
    plan.origin.tls = true;
    RedirectChain chain(plan);
    chain.begin(kSecret);
    EXPECT_EQ(chain.follow(response_to("https://target:8443/")), "");
    EXPECT_FALSE(chain.is_trusted());
    EXPECT_TRUE(chain.origin().tls);
    EXPECT_EQ(chain.follow(response_to("http://target:81/")),
              "redirected from https to http://target:81, which is not allowed; list it in "
              "target.redirects.hosts");
    plan.redirect_origins.push_back({false, "target", {}, "target:81"});
    chain.begin(kSecret);
    EXPECT_EQ(chain.follow(response_to("http://target:81/")), "");
    EXPECT_FALSE(chain.is_trusted());
    chain.render(std::nullopt);
    const std::string text(chain.request().begin(), chain.request().end());
    EXPECT_THAT(text, Not(HasSubstr("Bearer"))) << "not in plain text";
}

TEST(RedirectChain, FromHttpToHttpsOfTheHost) {
    Plan plan = make_plan();
    plan.origin.address = *transport::Address::parse("127.0.0.1", 80);
    RedirectChain chain(plan);
    chain.begin(kSecret);
    EXPECT_EQ(chain.follow(response_to("https://target/")), "");
    EXPECT_TRUE(chain.origin().tls);
    EXPECT_EQ(chain.origin().address.text(), "127.0.0.1:443");
    chain.render(std::nullopt);
    const std::string text(chain.request().begin(), chain.request().end());
    EXPECT_THAT(text, HasSubstr("Bearer t")) << "the same service";
    EXPECT_EQ(chain.follow(response_to("http://target/")), "") << "which is the target itself";
    EXPECT_EQ(&chain.origin(), &plan.origin);
}

TEST(RedirectedExchange, TheNextOneBeginsAtTheTarget) {
    ScriptedServer server([](std::uint64_t n, const std::string&) {
        return n % 2 == 0 ? redirect(302, "http://target:81/") : Answer{};
    });
    Plan plan = closed_plan(1, 10s);
    plan.scenario.requests = 3;
    plan.scenario.target.redirects.max = 1;
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 3U);
    EXPECT_EQ(server.connections, 6);
    for (std::size_t i = 0; i < server.requests.size(); ++i)
        EXPECT_THAT(server.requests[i], HasSubstr(i % 2 == 0 ? "target\r\n" : "target:81\r\n"));
}

scenario::Task post() {
    scenario::Task task = make_task("post", "/form");
    task.method = "POST";
    task.body = scenario::Template::constant("a=1");
    task.has_body = true;
    task.headers = {{"Content-Type", scenario::Template::constant("text/plain")}};
    return task;
}

TEST(RedirectedExchange, MethodsAndBodies) {
    const auto second_request = [](int status, std::string_view method) {
        const Redirected r(
            [&](std::uint64_t n, const std::string&) {
                if (n == 0) {
                    Answer answer = redirect(status, "/next");
                    if (method == "HEAD") answer.bytes.resize(answer.bytes.size() - 3);
                    return answer;
                }
                return Answer{1ms, method == "HEAD" ? kOk.substr(0, kOk.size() - 2) : kOk};
            },
            5,
            [&](Plan& plan) {
                auto& task = plan.scenario.classes[0].tasks[0];
                task = post();
                task.method = method;
                if (method == "HEAD") task.has_body = false;
            });
        EXPECT_EQ(r.outcome(), "ok: ") << status << " " << method;
        const std::string& text = r.server.requests.at(1);
        return text.substr(0, text.find(' ')) + (text.ends_with("\r\n\r\na=1") ? " body" : "") +
               (text.find("Content-Type") != std::string::npos ? " type" : "");
    };
    EXPECT_EQ(second_request(301, "POST"), "GET");
    EXPECT_EQ(second_request(302, "POST"), "GET");
    EXPECT_EQ(second_request(303, "POST"), "GET");
    EXPECT_EQ(second_request(307, "POST"), "POST body type");
    EXPECT_EQ(second_request(308, "POST"), "POST body type");
    EXPECT_EQ(second_request(302, "PUT"), "PUT body type");
    EXPECT_EQ(second_request(303, "PUT"), "GET");
    EXPECT_EQ(second_request(303, "HEAD"), "HEAD type");
}

TEST(RedirectedExchange, ABodyOnceDroppedStaysDropped) {
    const Redirected r(
        [](std::uint64_t n, const std::string&) {
            return n == 0 ? redirect(303, "/a") : n == 1 ? redirect(307, "/b") : Answer{};
        },
        5, [](Plan& plan) { plan.scenario.classes[0].tasks[0] = post(); });
    EXPECT_THAT(r.seen(), ElementsAre("POST /form target", "GET /a target", "GET /b target"));
}

TEST(RedirectedExchange, AServerThatClosesIsConnectedToAgain) {
    const Redirected r([](std::uint64_t n, const std::string&) {
        if (n > 1) return Answer{};
        Answer answer{1ms,
                      "HTTP/1.1 302 R\r\nLocation: /next\r\nConnection: close\r\n"
                      "Content-Length: 0\r\n\r\n"};
        answer.close = true;
        if (n == 1) answer.bytes = "HTTP/1.1 302 R\r\nLocation: /last\r\n\r\nuntil the end";
        return answer;
    });
    EXPECT_EQ(r.outcome(), "ok: ");
    EXPECT_THAT(r.seen(), ElementsAre("GET / target", "GET /next target", "GET /last target"));
    EXPECT_EQ(r.server.connections, 3);
}

TEST(RedirectedExchange, TimeoutsRunOverAllOfIt) {
    const auto slow = [](std::uint64_t, const std::string&) { return redirect(302, "/", 30ms); };
    const Redirected total(slow, 100, [](Plan& plan) {
        plan.scenario.classes[0].tasks[0].timeouts.total = 100ms;
        plan.scenario.classes[0].tasks[0].timeouts.first_byte = 50ms;
    });
    EXPECT_EQ(total.outcome(), "timeout: no complete response within 100ms");
    EXPECT_EQ(total.run->all().response_time.max(), 100ms);
    EXPECT_EQ(total.server.requests.size(), 4U);
    const Redirected silent(
        [&](std::uint64_t n, const std::string& text) {
            return n < 2 ? slow(n, text) : Answer{0ns, "", true, false, 0};
        },
        100, [](Plan& plan) { plan.scenario.classes[0].tasks[0].timeouts.first_byte = 50ms; });
    EXPECT_EQ(silent.outcome(), "timeout: no first byte within 50ms");
    EXPECT_EQ(silent.run->all().response_time.max(), 110ms) << "counted from the last request";
}

TEST(RedirectedExchange, FailuresOfALaterHop) {
    const auto then = [](Answer answer) {
        return Redirected([&](std::uint64_t n, const std::string&) {
                   return n == 0 ? redirect(302, "/next") : answer;
               })
            .outcome();
    };
    EXPECT_THAT(then({1ms, "", false, true, 0}), StartsWith("connection_closed: "));
    EXPECT_THAT(then({1ms, "garbage\r\n\r\n"}), StartsWith("protocol_error: "));
    EXPECT_EQ(then({1ms, "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n"}), "rate_limited: ");
    EXPECT_EQ(then({1ms, kOk + "more"}), "protocol_error: bytes after the end of the response");
    // Of the redirect itself.
    const Redirected excess([](std::uint64_t n, const std::string&) {
        Answer answer = n == 0 ? redirect(302, "/next") : Answer{};
        answer.bytes += "more";
        return answer;
    });
    EXPECT_EQ(excess.outcome(), "protocol_error: bytes after the end of the response");
}

TEST(RedirectedExchange, AConnectionThatCannotBeMade) {
    struct Refusing : ScriptedServer {
        using ScriptedServer::ScriptedServer;
        Accept on_connect(transport::SimConnection& connection) override {
            ScriptedServer::on_connect(connection);
            return connections > 1 ? Accept{ECONNREFUSED, 1ms} : Accept{};
        }
    };
    Refusing server([](auto, auto&) { return redirect(302, "http://target:81/"); });
    Plan plan = closed_plan(1, 10s);
    plan.scenario.requests = 1;
    plan.scenario.target.redirects.max = 1;
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::connect_error), 1U);
    EXPECT_THAT(run.first_message(), HasSubstr("refused"));
}

TEST(RedirectedExchange, IsAbandonedAsAWhole) {
    ScriptedServer server([](auto, auto&) { return redirect(302, "http://target:81/", 300ms); });
    Plan plan = closed_plan(1, 1s);
    plan.scenario.graceful_stop = 1s;
    plan.scenario.target.redirects.max = 1000;
    plan.scenario.classes[0].tasks[0].timeouts = {0ns, 0ns, 0ns};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::abandoned), 1U);
    EXPECT_TRUE(run.adds_up());
}

}  // namespace
}  // namespace squadload::engine
