#include "judge/verdict/threshold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/scenario/entries.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::verdict {
namespace {

using measure::Outcome;
using measure::TaskStats;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

scenario::Scenario two_tasks(scenario::Kind kind = scenario::Kind::steady) {
    scenario::Scenario s;
    s.name = "sustained";
    s.kind = kind;
    scenario::UserClass user;
    user.name = "SquadApiUser";
    for (const char* name : {"chat", "health"}) user.tasks.emplace_back().name = name;
    s.classes.push_back(user);
    return s;
}

scenario::Scenario shared_names() {
    auto s = two_tasks();
    s.classes.push_back(s.classes[0]);
    s.classes[1].name = "Other";
    s.classes[1].tasks[1].name = "metrics";
    return s;
}

scenario::ThresholdEntry entry(std::string name, std::string value, int line = 1) {
    return {std::move(name), std::move(value), SourceMark{"load.yaml", line, 3}};
}

Result<Threshold> one(const std::string& name, const std::string& value,
                      const scenario::Scenario& scenario = two_tasks()) {
    auto all = compile({entry(name, value)}, scenario);
    if (!all) return tl::unexpected(all.error());
    if (all->empty()) return fail(ErrorKind::internal, "no bound");
    return all->front();
}

std::vector<std::string> names(const Result<std::vector<Threshold>>& all) {
    std::vector<std::string> out;
    if (!all) return {all.error().text()};
    for (const auto& t : *all) out.push_back(t.name);
    return out;
}

void add(TaskStats& stats, Outcome outcome, int n,
         std::chrono::microseconds time = std::chrono::milliseconds{100}) {
    for (int i = 0; i < n; ++i) {
        measure::RequestRecord r;
        r.outcome = outcome;
        r.response_time = r.service_time = time;
        stats.record(r);
    }
}

struct Expression {
    const char* text;
    Figure figure;
    Comparison comparison;
    double bound;
    const char* task = "";
};
const Expression kExpressions[] = {
    {"p95(chat) < 2s", Figure::percentile, Comparison::less, 2000, "chat"},
    {"p99.9 < 3s", Figure::percentile, Comparison::less, 3000},
    {"p50<=250ms", Figure::percentile, Comparison::less_equal, 250},
    {"rate(server_error) < 0.1%", Figure::server_error_rate, Comparison::less, 0.001},
    {"rate(ok) > 99%", Figure::success_rate, Comparison::greater, 0.99},
    {"rate(ok, chat) >= 100%", Figure::success_rate, Comparison::greater_equal, 1, "chat"},
    {"rate(rate_limited) < 0.01", Figure::rate_limited_rate, Comparison::less, 0.01},
    {"rate(failed) <= 0.7%", Figure::failure_rate, Comparison::less_equal, 0.007},
    {"rate(timeout,health) == 0", Figure::outcome_rate, Comparison::equal, 0, "health"},
    {"  max  <  5s ", Figure::max, Comparison::less, 5000},
    {"mean( chat ) <= 300ms", Figure::mean, Comparison::less_equal, 300, "chat"},
    {"min > 0", Figure::min, Comparison::greater, 0},
    {"count(timeout) == 0", Figure::outcome_count, Comparison::equal, 0},
    {"count(unsent) == 0", Figure::outcome_count, Comparison::equal, 0},
    {"count(failed) <= 3", Figure::failed_count, Comparison::less_equal, 3},
    {"throughput > 29/s", Figure::throughput, Comparison::greater, 29},
    {"throughput(chat) > 600/m", Figure::throughput, Comparison::greater, 10, "chat"},
    {"requests >= 9000", Figure::count, Comparison::greater_equal, 9000},
    {"requests(SquadApiUser.health) > 1", Figure::count, Comparison::greater, 1, "health"},
};

TEST(Expression, Compiles) {
    for (const auto& e : kExpressions) {
        const auto t = one("", e.text);
        ASSERT_TRUE(t) << e.text << ": " << t.error().text();
        EXPECT_EQ(t->figure, e.figure) << e.text;
        EXPECT_EQ(t->comparison, e.comparison) << e.text;
        EXPECT_DOUBLE_EQ(t->bound, e.bound) << e.text;
        EXPECT_EQ(t->task_name, e.task) << e.text;
    }
    EXPECT_DOUBLE_EQ(one("", "p99.9 < 3s")->quantile, 0.999);
    EXPECT_EQ(one("", "count(timeout) == 0")->outcome, Outcome::timeout);
    EXPECT_EQ(one("", " max < 5s ")->name, "max < 5s");
    EXPECT_THAT(one("", "p95(health) < 1s")->entries, ElementsAre(1));
}

struct Bad {
    const char* text;
    const char* sentence;
};
const Bad kBadExpressions[] = {
    {"", "column 1: an expression starts with a figure"},
    {"   ", "an expression starts with a figure"},
    {"< 5s", "column 1: an expression starts with a figure"},
    {"q95 < 2s", "in 'q95 < 2s', column 1: 'q95' is no figure; did you mean 'p95'?"},
    {"throughputs > 1/s", "did you mean 'throughput'?"},
    {"p0 < 2s", "'p0' is no percentile"},
    {"p100 < 2s", "max is the largest value"},
    {"p9x < 2s", "'p9x' is no percentile"},
    {"p95(chat < 2s", "column 4: this '(' is never closed"},
    {"p95(chta) < 2s", "column 5: there is no task 'chta'; did you mean 'chat'?"},
    {"p95() < 2s", "column 5: a name is missing here"},
    {"p95(chat, health) < 2s", "column 11: p95 takes one task at most"},
    {"rate < 1%", "column 1: rate needs an outcome, such as rate(timeout)"},
    {"rate(timout) < 1%", "column 6: 'timout' is no outcome; did you mean 'timeout'?"},
    {"rate(unsent) < 1%", "write count(unsent)"},
    {"rate(ok, nobody) > 1%", "column 10: there is no task 'nobody'"},
    {"p95 2s", "column 5: a comparison is missing here"},
    {"p95 = 2s", "column 5: a comparison is missing here"},
    {"p95 <", "column 6: a value is missing here"},
    {"p95 < 2", "column 7: '2' needs a unit, such as 2ms or 2s"},
    {"p95 < 2 parsecs", "column 7: '2 parsecs' is no time"},
    {"p95 < -2s", "'-2s' is no time"},
    {"p95 < 2s && max < 3s", "'2s && max < 3s' is no time"},
    {"rate(ok) > 99", "column 12: '99' is no share; write 0.1% or 0.001"},
    {"count(timeout) < -1", "'-1' is no count"},
    {"count(timeout) < 1.5", "'1.5' is no count"},
    {"throughput > fast", "'fast' is no rate; write 29/s or 600/m"},
    {"rate(ok) > 100%", "can never be met"},
    {"max < 0ms", "can never be met: nothing is less than 0"},
};

TEST(Expression, ErrorsNameTheColumn) {
    for (const auto& bad : kBadExpressions) {
        const auto t = one("", bad.text);
        ASSERT_FALSE(t) << bad.text;
        EXPECT_EQ(t.error().kind, ErrorKind::config);
        EXPECT_THAT(t.error().text(), HasSubstr("load.yaml:1:3: ")) << bad.text;
        EXPECT_THAT(t.error().text(), HasSubstr(bad.sentence)) << bad.text;
    }
}

TEST(Expression, AnyTruncationEndsInAnErrorOrABound) {
    for (const auto& e : kExpressions) {
        const std::string text = e.text;
        for (std::size_t n = 0; n <= text.size(); ++n) {
            const auto t = one("", text.substr(0, n));
            if (!t) {
                EXPECT_FALSE(t.error().message.empty());
            }
        }
    }
}

TEST(Expression, TasksOfSeveralUsersCarryTheirName) {
    const auto s = shared_names();
    EXPECT_THAT(scenario::entry_labels(s),
                ElementsAre("SquadApiUser.chat", "health", "Other.chat", "metrics"));
    EXPECT_THAT(one("", "p95(Other.chat) < 1s", s)->entries, ElementsAre(2));
    EXPECT_THAT(one("", "p95(metrics) < 1s", s)->entries, ElementsAre(3));
    const auto t = one("", "p95(chat) < 1s", s);
    ASSERT_FALSE(t);
    EXPECT_THAT(t.error().message, HasSubstr("several users have a task 'chat'; write User.chat"));
}

TEST(Expression, ALabelComesBeforeAClassWithItsTask) {
    auto s = two_tasks();
    s.classes[0].name = "health";  // health.chat: task chat of this class, or the other's step
    s.classes.push_back(s.classes[0]);
    s.classes[1].name = "Other";
    s.classes[1].tasks.erase(s.classes[1].tasks.begin());
    s.classes[1].tasks[0].steps.resize(1);
    s.classes[1].tasks[0].steps[0].name = "chat";
    s.classes[0].tasks.pop_back();
    EXPECT_THAT(scenario::entry_labels(s), ElementsAre("chat", "health.chat"));
    EXPECT_THAT(one("", "p95(health.chat) < 1s", s)->entries, ElementsAre(1));
}

TEST(Expression, ATaskWithStepsMeansAllOfThem) {
    auto s = two_tasks();
    s.classes[0].on_start.resize(1);
    s.classes[0].on_start[0].name = "login";
    s.classes[0].tasks[1].steps.resize(2);
    s.classes[0].tasks[1].steps[0].name = "open";
    s.classes[0].tasks[1].steps[1].name = "ask";
    const std::string task = s.classes[0].tasks[1].name;
    const auto bound = [&](const std::string& name) {
        const auto t = one("", "p95(" + name + ") < 1s", s);
        return t ? t->entries : std::vector<std::uint16_t>{};
    };
    EXPECT_THAT(bound("on_start"), ElementsAre(0));
    EXPECT_THAT(bound("on_start.login"), ElementsAre(0));
    EXPECT_THAT(bound(s.classes[0].tasks[0].name), ElementsAre(1));
    EXPECT_THAT(bound(task), ElementsAre(2, 3));
    EXPECT_THAT(bound(task + ".ask"), ElementsAre(3));
    EXPECT_THAT(bound(s.classes[0].name + "." + task + ".ask"), ElementsAre(3));
    const auto unknown = one("", "p95(" + task + ".aks) < 1s", s);
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message, HasSubstr("did you mean '" + task + ".ask'?"));
    std::vector<TaskStats> tasks(4);
    for (std::uint16_t i = 0; i < 4; ++i) tasks[i].outcomes.add(Outcome::ok, i + 1);
    const auto requests = one("", "requests(" + task + ") == 7", s);
    ASSERT_TRUE(requests);
    EXPECT_TRUE(judge(*requests, tasks, 1).pass);
}

// chat, and a conversation of two steps.
scenario::Scenario with_conversation() {
    auto s = two_tasks();
    s.classes[0].tasks[1].name = "conversation";
    s.classes[0].tasks[1].steps.resize(2);
    s.classes[0].tasks[1].steps[0].name = "open";
    s.classes[0].tasks[1].steps[1].name = "ask";
    return s;
}

TEST(IterationBounds, AreJudgedOnIterations) {
    const auto s = with_conversation();
    std::vector<measure::IterationStats> iterations(4);  // on_start, chat, conversation, on_stop
    auto& stats = iterations[2];
    for (int i = 1; i <= 200; ++i) stats.time.record(std::chrono::milliseconds{100 * i});
    stats.ok = 190;
    stats.failed = 10;
    stats.cut_off = 50;
    iterations[1].failed = 7;  // a task without steps does not count
    struct Case {
        const char* text;
        const char* criterion;
        double actual;
        bool pass;
    };
    const Case cases[] = {
        {"iteration_p95(conversation) < 30s", "p95 iteration of conversation", 19000, true},
        {"iteration_p50 <= 9s", "p50 iteration", 10000, false},
        {"iteration_mean(conversation) < 11s", "mean iteration of conversation", 10050, true},
        {"iteration_min > 50ms", "min iteration", 100, true},
        {"iteration_max < 20s", "max iteration", 20000, false},
        {"iterations(conversation) >= 250", "iterations of conversation", 250, true},
        {"iterations == 250", "iterations", 250, true},
        {"iteration_rate(failed, conversation) < 1%", "failed iterations of conversation", 0.05,
         false},
        {"iteration_rate(ok) >= 95%", "ok iterations", 0.95, true},
        {"iteration_rate(cut_off) <= 20%", "cut off iterations", 0.2, true},
    };
    for (const auto& c : cases) {
        const auto t = one("", c.text, s);
        ASSERT_TRUE(t) << t.error().text();
        const auto judged = judge(*t, {}, 10, iterations);
        EXPECT_EQ(judged.criterion, c.criterion);
        EXPECT_NEAR(judged.actual_value.value_or(-1), c.actual, c.actual * 1e-3) << c.text;
        EXPECT_EQ(judged.pass, c.pass) << c.text;
    }
    const auto few = judge(*one("", "iteration_p99(conversation) < 30s", s), {}, 10, iterations);
    EXPECT_EQ(few.note, "only 200 samples for p99 of conversation, 1,000 wanted");
    const auto none = judge(*one("", "iterations >= 0", s), {}, 10, {});
    EXPECT_EQ(none.actual, "no samples");
    EXPECT_FALSE(none.pass);
}

TEST(IterationBounds, ErrorsNameWhatExists) {
    const auto s = with_conversation();
    const std::string chat = s.classes[0].tasks[0].name;
    const std::pair<std::string, std::string> cases[] = {
        {"iteration_p95(" + chat + ") < 1s",
         "'" + chat + "' has no steps, so its iterations are its requests"},
        {"iteration_p95(conversatoin) < 1s",
         "there is no task 'conversatoin' with steps; those that have some: conversation"},
        {"iteration_rate(conversation) < 1%", "iteration_rate needs ok, failed or cut_off"},
        {"iteration_rate < 1%", "iteration_rate needs ok, failed or cut_off"},
        {"iteration_p100 < 1s", "'p100' is no percentile"},
        {"iteration_median < 1s", "'iteration_median' is no figure; there are iterations, "},
        {"iterations(conversation, ask) > 1", "iterations takes one task at most"},
        {"iterations > 1.5", "is no count"},
        {"iteration_rate(ok, conversation) > 100%", "can never be met"},
        {"iteratons > 1", "did you mean 'iterations'?"},
    };
    for (const auto& [text, sentence] : cases) {
        const auto t = one("", text, s);
        ASSERT_FALSE(t) << text;
        EXPECT_THAT(t.error().text(), HasSubstr(sentence));
    }
    const auto plain = one("", "iterations > 1");
    ASSERT_FALSE(plain);
    EXPECT_THAT(plain.error().text(), HasSubstr("no task has steps, so iterations are requests"));
    EXPECT_FALSE(one("", "iteration_mean(" + chat + "x) < 1s"));
}

const std::vector<scenario::ThresholdEntry> kAllKeys{
    entry("p95_latency_max_ms", "2000"),       entry("success_rate_min", "0.99"),
    entry("rate_limited_max", "0.01"),         entry("p99_latency_max_ms", "3000"),
    entry("p99_latency_spike_max_ms", "5000"), entry("error_rate_max", "0.001"),
    entry("failure_rate_max", "0.007"),        entry("p95_latency_spike_max_ms", "3000"),
    entry("max_latency_spike_ms", "5000"),
};

TEST(Keys, GeneralOnesApplyToASteadyScenario) {
    EXPECT_THAT(names(compile(kAllKeys, two_tasks())),
                ElementsAre("success_rate_min", "rate_limited_max", "failure_rate_max",
                            "error_rate_max", "p95_latency_max_ms", "p99_latency_max_ms"));
}

TEST(Keys, SpikeOnesTakeTheirPlaceInASpike) {
    EXPECT_THAT(names(compile(kAllKeys, two_tasks(scenario::Kind::spike))),
                ElementsAre("success_rate_min", "rate_limited_max", "failure_rate_max",
                            "error_rate_max", "p95_latency_spike_max_ms",
                            "p99_latency_spike_max_ms", "max_latency_spike_ms"));
    EXPECT_THAT(
        names(compile({entry("p50_latency_max_ms", "100"), entry("p99_latency_max_ms", "3000"),
                       entry("p99_latency_spike_max_ms", "0")},
                      two_tasks(scenario::Kind::spike))),
        ElementsAre("p50_latency_max_ms"))
        << "0 lifts the bound";
}

TEST(Keys, BoundsAreStrictButForFailures) {
    EXPECT_EQ(one("success_rate_min", "0.99")->comparison, Comparison::greater);
    EXPECT_EQ(one("rate_limited_max", "1%")->comparison, Comparison::less);
    EXPECT_DOUBLE_EQ(one("rate_limited_max", "1%")->bound, 0.01);
    EXPECT_EQ(one("error_rate_max", "0.001")->figure, Figure::server_error_rate);
    EXPECT_EQ(one("failure_rate_max", "0.007")->comparison, Comparison::less_equal);
    EXPECT_EQ(one("p95_latency_max_ms", "2s")->bound, 2000);
}

TEST(Keys, AreThoseAFileMayUse) {
    EXPECT_THAT(known_threshold_keys(),
                ::testing::UnorderedElementsAreArray(scenario::threshold_keys()));
}

TEST(Keys, ZeroMeansNone) {
    for (const auto& key : known_threshold_keys()) {
        const auto all = compile({entry(key, "0")}, two_tasks(scenario::Kind::spike));
        ASSERT_TRUE(all) << key;
        EXPECT_TRUE(all->empty()) << key;
    }
}

TEST(Keys, TheLaterOfOneNameCounts) {
    const auto all = compile(
        {entry("rate_limited_max", "0.01"), entry("rate_limited_max", "0.05", 9)}, two_tasks());
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ(all->front().bound, 0.05);
}

TEST(Keys, TwoSpellingsOfOneBoundAreRefused) {
    const auto all = compile({entry("p99_latency_spike_max_ms", "5000", 4),
                              entry("spike_p99_latency_max_ms", "4000", 7)},
                             two_tasks());
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().text(),
              "load.yaml:7:3: spike_p99_latency_max_ms and p99_latency_spike_max_ms are two "
              "spellings of one bound, and "
              "both are given (the other at load.yaml:4); keep one");
    EXPECT_EQ(one("spike_p99_latency_max_ms", "4000", two_tasks(scenario::Kind::spike))->bound,
              4000);
}

TEST(Keys, BadOnesAreNamedWithTheirPlace) {
    const Bad cases[][1] = {
        {{"succes_rate_min=0.99",
          "unknown threshold 'succes_rate_min'; did you mean 'success_rate_min'?"}},
        {{"colour=red", "unknown threshold 'colour'"}},
        {{"success_rate_min=99",
          "success_rate_min is '99'; write a share between 0 and 1, such as 0.01 or 1%"}},
        {{"success_rate_min=1", "success_rate_min 1 can never be met"}},
        {{"error_rate_max=-0.1", "error_rate_max is '-0.1'"}},
        {{"p95_latency_max_ms=fast",
          "p95_latency_max_ms is 'fast'; write milliseconds, such as 2000"}},
        {{"p95_latency_max_ms=-5", "p95_latency_max_ms is '-5'; write milliseconds"}},
    };
    for (const auto& row : cases) {
        const std::string text = row[0].text;
        const auto equals = text.find('=');
        const auto t = one(text.substr(0, equals), text.substr(equals + 1));
        ASSERT_FALSE(t) << text;
        EXPECT_THAT(t.error().text(), HasSubstr(std::string("load.yaml:1:3: ") + row[0].sentence));
    }
}

TEST(Judge, StoryBoundsAtTheirEdges) {
    struct Case {
        const char* key;
        const char* value;
        int ok, limited, server_errors, timeouts;
        bool pass;
    };
    const Case cases[] = {
        {"success_rate_min", "0.99", 991, 9, 0, 0, true},
        {"success_rate_min", "0.99", 990, 10, 0, 0, false},
        {"rate_limited_max", "0.01", 991, 9, 0, 0, true},
        {"rate_limited_max", "0.01", 990, 10, 0, 0, false},
        {"failure_rate_max", "0.007", 993, 0, 0, 7, true},
        {"failure_rate_max", "0.7%", 993, 0, 0, 7, true},
        {"failure_rate_max", "0.007", 992, 0, 0, 8, false},
        {"error_rate_max", "0.001", 999, 0, 0, 1, true},
        {"error_rate_max", "0.001", 999, 0, 1, 0, false},
        {"error_rate_max", "0.2%", 999, 0, 1, 0, true},
    };
    for (const auto& c : cases) {
        std::vector<TaskStats> tasks(2);
        add(tasks[0], Outcome::ok, c.ok);
        add(tasks[1], Outcome::rate_limited, c.limited);
        add(tasks[0], Outcome::server_error, c.server_errors);
        add(tasks[1], Outcome::timeout, c.timeouts);
        const auto judged = judge(*one(c.key, c.value), tasks, 10);
        EXPECT_EQ(judged.pass, c.pass) << c.key << " " << judged.actual << " " << judged.bound;
    }
}

TEST(Judge, FiguresOfOneTaskAndOfAll) {
    std::vector<TaskStats> tasks(2);
    add(tasks[0], Outcome::ok, 90, std::chrono::milliseconds{100});
    add(tasks[0], Outcome::timeout, 10, std::chrono::milliseconds{900});
    add(tasks[1], Outcome::ok, 100, std::chrono::milliseconds{10});
    const auto actual = [&](const char* text) {
        return judge(*one("", text), tasks, 20).actual_value.value_or(-1);
    };
    EXPECT_NEAR(actual("p95(chat) < 2s"), 900, 1);
    EXPECT_NEAR(actual("p95 < 2s"), 100, 1);
    EXPECT_NEAR(actual("mean(chat) < 2s"), 180, 0.01);
    EXPECT_DOUBLE_EQ(actual("max < 2s"), 900);
    EXPECT_DOUBLE_EQ(actual("min < 2s"), 10);
    EXPECT_DOUBLE_EQ(actual("rate(timeout) < 1%"), 0.05);
    EXPECT_DOUBLE_EQ(actual("rate(timeout, chat) < 1%"), 0.1);
    EXPECT_DOUBLE_EQ(actual("count(failed) == 0"), 10);
    EXPECT_DOUBLE_EQ(actual("requests > 0"), 200);
    EXPECT_DOUBLE_EQ(actual("throughput > 0"), 9.5) << "a timeout is no completed response";
}

TEST(Judge, WithoutSamplesEveryBoundIsBroken) {
    for (const auto& e : kExpressions) {
        std::vector<TaskStats> tasks(2);
        tasks[0].record_unsent(5);
        const auto judged = judge(*one("", e.text), tasks, 10);
        EXPECT_FALSE(judged.pass) << e.text;
        EXPECT_EQ(judged.actual, "no samples");
        EXPECT_FALSE(judged.actual_value);
    }
    std::vector<TaskStats> tasks(2);
    add(tasks[0], Outcome::ok, 5);
    EXPECT_TRUE(judge(*one("", "p95(chat) < 2s"), tasks, 10).pass);
    EXPECT_FALSE(judge(*one("", "p95(health) < 2s"), tasks, 10).pass);
}

TEST(Judge, WordsForPeople) {
    std::vector<TaskStats> tasks(2);
    add(tasks[0], Outcome::ok, 9979, std::chrono::microseconds{1'310'000});
    add(tasks[0], Outcome::timeout, 21, std::chrono::microseconds{1'310'000});
    auto judged = judge(*one("success_rate_min", "0.99"), tasks, 10);
    EXPECT_EQ(judged.criterion, "success rate");
    EXPECT_EQ(judged.bound, "> 99 %");
    EXPECT_EQ(judged.actual, "99.79 %");
    EXPECT_EQ(judged.comparison, ">");
    EXPECT_EQ(judged.unit, "share");
    judged = judge(*one("failure_rate_max", "0.7%"), tasks, 10);
    EXPECT_EQ(judged.bound, "≤ 0.7 %");
    judged = judge(*one("", "max(chat) < 2s"), tasks, 10);
    EXPECT_EQ(judged.criterion, "max response of chat");
    EXPECT_EQ(judged.bound, "< 2,000 ms");
    EXPECT_EQ(judged.actual, "1,310 ms");
    judged = judge(*one("", "count(connection_closed) == 0"), tasks, 10);
    EXPECT_EQ(judged.criterion, "connection closed count");
    EXPECT_EQ(judged.bound, "= 0");
    judged = judge(*one("", "throughput > 29.5/s"), tasks, 10);
    EXPECT_EQ(judged.bound, "> 29.5/s");
    EXPECT_EQ(judged.actual, "997.9/s");
}

TEST(Judge, AFigureNearItsBoundIsPrintedOnItsSide) {
    std::vector<TaskStats> tasks(1);
    add(tasks[0], Outcome::ok, 99'001);
    add(tasks[0], Outcome::timeout, 999);
    EXPECT_EQ(judge(*one("success_rate_min", "0.99"), tasks, 1).actual, "99.001 %");
    tasks[0].clear();
    add(tasks[0], Outcome::ok, 1, std::chrono::microseconds{1'999'700});
    const auto judged = judge(*one("", "max < 2s"), tasks, 1);
    EXPECT_TRUE(judged.pass);
    EXPECT_EQ(judged.actual, "1,999.7 ms");
}

TEST(Judge, FewSamplesAreSaidButJudged) {
    std::vector<TaskStats> tasks(1);
    add(tasks[0], Outcome::ok, 62);
    auto judged = judge(*one("p99_latency_max_ms", "3000"), tasks, 10);
    EXPECT_TRUE(judged.pass);
    EXPECT_EQ(judged.note, "only 62 samples for p99, 1,000 wanted");
    add(tasks[0], Outcome::ok, 1000 - 62);
    EXPECT_EQ(judge(*one("p99_latency_max_ms", "3000"), tasks, 10).note, "");
    EXPECT_EQ(judge(*one("", "p99.9 < 1s"), tasks, 10).note,
              "only 1,000 samples for p99.9, 10,000 wanted");
    EXPECT_EQ(judge(*one("", "max < 1s"), tasks, 10).note, "");
    EXPECT_EQ(few_samples_note(0.95, 6, "chat"), "only 6 samples for p95 of chat, 200 wanted");
    EXPECT_EQ(samples_wanted(0.5), 20U);
    EXPECT_EQ(samples_wanted(0.9), 100U);
}

}  // namespace
}  // namespace squadload::verdict
