#include "report/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/samples_for_tests.h"
#include "report/text.h"

namespace squadload::report {
namespace {

using namespace samples;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const Style kWide{.colour = false, .unicode = true, .width = 100};

engine::Measurements late() {
    auto m = nothing_measured();
    add(m, 0, Outcome::ok, 1000, milliseconds{10}, milliseconds{50}, milliseconds{38});
    return m;
}

engine::Measurements down() {
    auto m = nothing_measured();
    add(m, 0, Outcome::connect_error, 300, milliseconds{1}, milliseconds{1});
    for (int i = 0; i < 300; ++i)
        m.failures.add(0, Outcome::connect_error, "connection refused", seconds{1});
    return m;
}

engine::Measurements tiny() {
    auto m = nothing_measured();
    add(m, 1, Outcome::ok, 1, milliseconds{3}, milliseconds{3});
    m.schedule_duration = seconds{1};
    return m;
}

// Billions of requests over hours, names and messages from elsewhere.
result::ScenarioResult huge() {
    auto s = concluded(bad());
    s.name = "прогон-その-1";
    s.tasks.clear();
    for (int i = 0; i < 60; ++i) {
        result::TaskResult task;
        task.name = "a task with a rather long name, number " + std::to_string(i);
        task.stats.outcomes.add(Outcome::ok, 123'456'789'012);
        task.stats.response_time.record(std::chrono::hours{1}, 123'456'789'012);
        s.totals.merge(task.stats);
        s.tasks.push_back(task);
    }
    s.failures[0].message =
        "tab\tbell\a escape\x1b[31m bad \xff utf-8 and " + std::string(300, 'x');
    s.notes.push_back(std::string(250, 'y') + " and words that follow it");
    return s;
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t start = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
        lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    EXPECT_EQ(start, text.size()) << "the text ends with a newline";
    return lines;
}

std::string without_colour(std::string text) {
    for (auto at = text.find('\x1b'); at != std::string::npos; at = text.find('\x1b')) {
        text.erase(at, text.find('m', at) - at + 1);
    }
    return text;
}

TEST(Summary, ShowsIterationsOnlyWhereThereAreSome) {
    auto s = concluded(good());
    EXPECT_THAT(summary(s, kWide), Not(HasSubstr("iterations")));
    measure::IterationStats stats;
    for (int i = 1; i <= 1000; ++i) stats.time.record(milliseconds{10 * i});
    stats.ok = 980;
    stats.failed = 20;
    stats.cut_off = 7;
    stats.add_reason("at ask: timeout", 8);
    stats.add_reason("before ask: token is not set", 12);
    s.iterations.push_back({"conversation", stats});
    const std::string text = summary(s, kWide);
    EXPECT_THAT(text, HasSubstr("60.0 iterations/s delivered as scheduled"));
    EXPECT_THAT(text, HasSubstr("iterations, ms  started   ok  failed  cut off"));
    EXPECT_THAT(text, HasSubstr("conversation      1,007  980      20        7"));
    EXPECT_THAT(text, HasSubstr("12 of conversation ended before ask: token is not set\n"
                                "   8 of conversation ended at ask: timeout"));
}

TEST(Summary, OfAPass) {
    EXPECT_EQ(
        summary(concluded(good()), kWide),
        "PASS  spike — 7,200 requests in 2:00, 60.0/s delivered as scheduled (generator lag p99 "
        R"(0.04 ms)

    criterion                    bound    actual
 ✔  success rate               > 99 %   99.79 %
 ✔  rate limited (429)          < 1 %    0.17 %
 ✔  failures                  ≤ 0.7 %    0.04 %
 ✔  server errors (5xx)       < 0.1 %    0.00 %
 ✔  p95 response            < 3,000 ms  1,240 ms
 ✔  p99 response            < 5,000 ms  1,297 ms
 ✔  max response            < 5,000 ms  2,730 ms
 ✔  p95 response of health     < 50 ms   8.64 ms

 task    requests     ok  429  failed    p50      p75      p90      p95      p99    p99.9      max
 chat       5,760  5,745   12       3  744    1,027    1,197    1,254    1,300    1,309    2,730
 health     1,440  1,440    0       0    5.0      7.0      8.2      8.6      9.0      9.0      9.0
 all        7,200  7,185   12       3  603      957    1,169    1,240    1,297    1,309    2,730

 count  task  outcome  seen         message
     3  chat  timeout  00:41–01:12  no complete response within 2.73s

 note: only 7,200 samples for p99.9 (10,000 wanted)
)");
}

TEST(Summary, OfAFailPutsTheBrokenCriteriaFirst) {
    auto s = concluded(bad());
    s.thresholds[0].first_broken_at_s = 41;
    EXPECT_EQ(summary(s, kWide), R"(FAIL  spike — 5 of 8 criteria broken
      7,160 of 7,200 scheduled requests in 2:00, 59.7/s of 60.0/s delivered (generator lag p99 0.04
      ms)

    criterion                    bound    actual
 ✘  success rate               > 99 %   89.39 %   first broken at 00:41
 ✘  rate limited (429)          < 1 %    6.42 %
 ✘  failures                  ≤ 0.7 %    4.19 %
 ✘  server errors (5xx)       < 0.1 %    4.19 %
 ✘  p95 response            < 3,000 ms  4,427 ms
 ✔  p99 response            < 5,000 ms  4,494 ms
 ✔  max response            < 5,000 ms  4,510 ms
 ✔  p95 response of health     < 50 ms   8.64 ms

 task    requests     ok  429  failed      p50      p75      p90      p95      p99    p99.9      max
 chat       5,760  5,000  460     300  3,862    4,185    4,381    4,444    4,498    4,510    4,510
 health     1,400  1,400    0       0      5.0      7.0      8.2      8.6      9.0      9.0      9.0
 all        7,160  6,400  460     300  3,707    4,105    4,347    4,427    4,494    4,507    4,510

 waiting the user felt, ms    p50    p75    p90    p95    p99  p99.9    max
 response, from schedule    3,707  4,105  4,347  4,427  4,494  4,507  4,510
 service, from send           569    972  1,210  1,288  3,264  3,927  4,000
 blocked by the target      3,199  3,199  3,199  3,199  3,199  3,199  3,200

 count  task  outcome       seen         message
   294  chat  server_error  00:30–01:38  status 500
     1  chat  server_error  00:31        status 501
     1  chat  server_error  00:32        status 502
     1  chat  server_error  00:33        status 503
     1  chat  server_error  00:34        status 504
 … 2 more kinds of failure in the metrics file

 note: 40 scheduled requests never started: no user or connection came free before the end
 note: only 7,160 samples for p99.9 (10,000 wanted)
)");
}

TEST(Summary, OfATargetThatIsDownIsOneSentence) {
    EXPECT_EQ(summary(concluded(down()), kWide),
              "FAIL  spike — nothing at http://127.0.0.1:8000 answered: not one of 300 requests "
              "succeeded; most\n"
              "      often connect_error: connection refused (300)\n");
}

TEST(Summary, ATargetThatSendsGarbageDidAnswer) {
    auto s = concluded(down());
    s.totals.outcomes.add(measure::Outcome::protocol_error);
    EXPECT_THAT(summary(s, kWide), HasSubstr("no complete response came from http://127.0.0.1:80"));
}

TEST(Summary, OfNothingIsOneSentence) {
    EXPECT_EQ(summary(concluded(nothing_measured()), kWide),
              "FAIL  spike — no request was sent, so there is nothing to judge\n");
}

TEST(Summary, OfAVoidSaysWhatToChange) {
    const auto text = summary(concluded(late()), kWide);
    EXPECT_THAT(
        text,
        StartsWith(
            "VOID  spike — the run does not count: the generator could not start requests on"));
    EXPECT_THAT(
        text,
        HasSubstr("1,000 requests in 2:00, 8.3/s sent, but late (generator lag p99 38.0 ms)"));
    EXPECT_THAT(text, HasSubstr("\n generator lag              38.0"));
    EXPECT_THAT(text, HasSubstr("✘  p95 response of health     < 50 ms  no samples"));
}

TEST(Summary, OfOneRequestSaysHowLittleThatIs) {
    const auto text = summary(concluded(tiny()), kWide);
    EXPECT_THAT(text, StartsWith("PASS  spike — 1 request in 1.0 s, 1.0/s delivered as scheduled"));
    EXPECT_THAT(text, HasSubstr("note: only 1 sample for p95, 200 wanted"));
    EXPECT_THAT(text, Not(HasSubstr("\n all "))) << "one task is its own total";
    EXPECT_THAT(text, Not(HasSubstr("waiting the user felt")));
}

TEST(Summary, OverTlsSaysWhatTheHandshakesTook) {
    auto s = concluded(good());
    EXPECT_THAT(summary(s, kWide), Not(HasSubstr("TLS")));
    s.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
    for (int i = 0; i < 3; ++i) {
        s.totals.connect.record(std::chrono::microseconds{100});
        s.totals.handshake.record(milliseconds{2});
    }
    const std::string line = "\n TLS handshake p50 2.00 ms (connect 0.10 ms); 3 made";
    EXPECT_THAT(summary(s, kWide), HasSubstr(line + "; TLSv1.3 TLS_AES_256_GCM_SHA384\n"));
    s.totals.handshakes_resumed = 2;
    EXPECT_THAT(summary(s, kWide), HasSubstr(line + ", 2 resumed; TLSv1.3 "));
}

TEST(Summary, OfAClosedRunNamesItsUsers) {
    auto s = concluded(good());
    s.model = "closed";
    s.load_description = "closed, 30 users";
    EXPECT_THAT(
        summary(s, kWide),
        StartsWith("PASS  spike — 7,200 requests in 2:00, closed, 30 users, 59.5/s completed"));
}

TEST(Summary, NeverExceedsTheTerminal) {
    for (const auto& s : {concluded(good()), concluded(bad()), concluded(late()), concluded(down()),
                          concluded(tiny()), concluded(nothing_measured()), huge()}) {
        for (const int width : {10, 40, 52, 66, 79, 80, 81, 100, 132, 250}) {
            for (const bool unicode : {true, false}) {
                const Style style{.colour = true, .unicode = unicode, .width = width};
                for (const auto& text : split(summary(s, style))) {
                    const auto plain = without_colour(text);
                    EXPECT_LE(display_width(plain), std::max(width, 40)) << plain;
                    EXPECT_FALSE(plain.ends_with(' ')) << "'" << plain << "'";
                }
            }
        }
    }
}

TEST(Summary, ColourOnlyAddsToTheText) {
    for (const auto& s : {concluded(bad()), concluded(late()), huge()}) {
        Style style = kWide;
        const auto plain = summary(s, style);
        EXPECT_EQ(plain.find('\x1b'), std::string::npos) << "not even from a target's message";
        style.colour = true;
        EXPECT_EQ(without_colour(summary(s, style)), plain);
    }
}

TEST(Summary, WithoutUnicodeIsAscii) {
    Style style = kWide;
    style.unicode = false;
    const auto text = summary(huge(), style);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c > 0 && c < 127; }))
        << text;
    EXPECT_THAT(text, HasSubstr(" NO  success rate"));
    EXPECT_THAT(text, HasSubstr(" ok  p95 response of health"));
    EXPECT_THAT(text, HasSubstr("<= 0.7 %"));
}

TEST(Summary, ManyTasksAreCounted) {
    EXPECT_THAT(summary(huge(), kWide), HasSubstr(" … 40 more tasks in the metrics file\n"));
}

TEST(Suite, ListsScenariosAfterTheVerdict) {
    result::RunResult run;
    run.scenarios = {concluded(good()), concluded(bad()), concluded(late()),
                     concluded(nothing_measured())};
    run.scenarios[0].name = "warm_up";
    for (auto& s : run.scenarios) s.verdict_reason.clear();
    verdict::conclude_run(run, false);
    EXPECT_EQ(suite_summary(run, kWide), R"(FAIL  suite — 1 of 4 scenarios passed
       scenario  requests   success  p95 ms  max ms
 PASS  warm_up      7,200   99.79 %   1,240   2,730
 FAIL  spike        7,160   89.39 %   4,427   4,510
 VOID  spike        1,000  100.00 %    86.0    88.0
 FAIL  spike            0         –       –       –
)");
    run.scenarios.resize(1);
    EXPECT_EQ(suite_summary(run, kWide), "");
}

// What the observer sees of a run in one second.
class Live : public ::testing::Test {
  protected:
    explicit Live()
        : plan_(plan()), bounds_(bounds(plan_)), context_{plan_.scenario, bounds_, "epoll"} {}

    void show(const engine::Measurements& m) {
        totals_.tasks = m.tasks;
        totals_.scheduled = m.scheduled;
        totals_.failures.merge(m.failures);
        point_.started = point_.scheduled = 60;
        point_.in_flight = 27;
        point_.generator_lag_p99_ms = 0.084;
        point_.users = 30;
        series_.resize(15, point_);
        series_[5].started = 20;
    }
    [[nodiscard]] engine::Progress progress(Nanos elapsed) const {
        return {point_, totals_, totals_, elapsed};
    }
    [[nodiscard]] std::string view(Nanos elapsed, const Style& style) const {
        std::string out;
        for (const auto& text : live_view(context_, progress(elapsed), series_, style))
            out += text + "\n";
        return out;
    }

    engine::Plan plan_;
    std::vector<verdict::Threshold> bounds_;
    LiveContext context_;
    measure::Interval totals_{2};
    measure::SeriesPoint point_;
    std::vector<measure::SeriesPoint> series_;
};

TEST_F(Live, WhoServedHasALine) {
    show(good());
    const auto served = [&](const char* name, int n, measure::Claim::Fallback fallback) {
        measure::Claim claim;
        claim.provider = name;
        claim.ok = true;
        claim.fallback = fallback;
        for (int i = 0; i < n; ++i) totals_.providers.record(claim, milliseconds{300});
    };
    served("groq", 75, measure::Claim::Fallback::no);
    served("cerebras", 25, measure::Claim::Fallback::yes);
    EXPECT_THAT(view(seconds{65}, {.colour = false, .unicode = true, .width = 100}),
                HasSubstr("\n providers groq 75 % ████▌  cerebras 25 % █▌     25 fallbacks\n"));
    EXPECT_THAT(view(seconds{65}, {.colour = false, .unicode = false, .width = 40}),
                HasSubstr("\n providers groq 75 %"));
}

TEST_F(Live, HalfWay) {
    show(good());
    totals_.scheduled = 3900;
    EXPECT_EQ(view(seconds{65}, {.colour = false, .unicode = true, .width = 100}),
              R"([███████████████▏            ]  54 %   01:05 / 02:00   3,900 of 7,200

 rate      60/s of 60/s █████▃█████████  in flight 27
 success   99.79 % (> 99 %)  429 0.17 % (< 1 %)  failed 0.04 % (≤ 0.7 %)
 response  p50 603  p95 1,240 (< 3,000)  p99 1,297 (< 5,000)  max 2,730 ms (< 5,000)
 lag p99   0.08 ms  blocked p99 0.00 ms
 failing   3 timeout: no complete response within 2.73s
)");
}

TEST_F(Live, NarrowWithoutUnicodeDrainingAndBroken) {
    show(bad());
    point_.backlog = 1234;
    EXPECT_EQ(view(seconds{130}, {.colour = false, .unicode = false, .width = 80}),
              R"([############################] 100 %   02:10 / 02:00   7,200 of 7,200

 rate      60/s of 60/s   awaiting 27  waiting 1,234
 success   89.39 % NO  429 6.42 % NO  failed 4.19 % NO
 response  p50 3,707  p95 4,427 NO  p99 4,494  max 4,510 ms
 lag p99   0.08 ms  blocked p99 0.00 ms
 failing   294 server_error: status 500
)");
}

TEST_F(Live, BeforeAnythingEnded) {
    EXPECT_EQ(view(Nanos{0}, {.colour = false, .unicode = true, .width = 80}),
              R"([                            ]   0 %   00:00 / 02:00   0 of 7,200

 rate      0/s of 0/s   in flight 0
 no request has ended yet
)");
}

TEST_F(Live, ClosedRunThatEndsByRequests) {
    show(good());
    plan_.scenario.model = scenario::Model::closed;
    plan_.scenario.users = 30;
    plan_.scenario.duration = Nanos::max();
    plan_.scenario.requests = 14'400;
    const auto text = view(seconds{65}, {.colour = false, .unicode = true, .width = 80});
    EXPECT_THAT(text, HasSubstr("] "
                                " 50 %   01:05   7,200 of 14,400\n"));
    EXPECT_THAT(text, HasSubstr(" rate      60/s by 30 of 30 users "));
}

TEST_F(Live, NeverExceedsTheTerminal) {
    show(bad());
    plan_.scenario.name = "その名前はとても長いその名前はとても長いその名前はとても長い";
    totals_.failures.add(0, Outcome::timeout, std::string(500, 'x') + "\x1b[2J", seconds{1});
    for (const int width : {40, 41, 60, 80, 120}) {
        for (const bool unicode : {true, false}) {
            const Style style{.colour = true, .unicode = unicode, .width = width};
            for (const auto& text : live_view(context_, progress(seconds{65}), series_, style)) {
                EXPECT_LE(display_width(without_colour(text)), width) << text;
            }
        }
    }
}

TEST_F(Live, ProgressLine) {
    EXPECT_EQ(progress_line(context_, progress(Nanos{0})),
              "spike 00:00/02:00 0/s no request has ended yet lag p99 0.00 ms in flight 0");
    show(good());
    EXPECT_EQ(
        progress_line(context_, progress(seconds{65})),
        "spike 01:05/02:00 60/s ok 99.79 % 429 0.17 % failed 0.04 % p50 603 p95 1,240 max 2,730 ms "
        "lag p99 0.08 ms in flight 27");
}

}  // namespace
}  // namespace squadload::report
