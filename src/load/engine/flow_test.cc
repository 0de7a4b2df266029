#include "load/engine/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/engine/flow_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using Kind = Flow::Next::Kind;
using scenario::Variable;

constexpr std::string_view kJobs = R"yaml(
  U:
    on_start: [{name: login, path: /login, extract: {token: {json: /token}}}]
    on_stop: [{name: bye, path: /bye}]
    tasks:
      job:
        steps:
          - {name: submit, path: /submit, think: 2s, extract: {id: {json: /id, default: ""}}}
          - name: poll
            path: /poll
            when: id != none
            repeat: {times: 3, until: state == done}
            think: 1s
            extract: {state: {json: /s}}
          - {name: fetch, path: "/fetch/{{ var(state) }}"}
      single: GET /one
)yaml";

// One user of kJobs, moved by hand.
struct Walk {
    Plan plan = flow_plan("users: 1, duration: 1", kJobs);
    EntryTable entries{plan};
    Flow flow{entries, 0};
    std::vector<Variable> variables = std::vector<Variable>(3);  // token, id, state
    std::vector<std::string> labels = scenario::entry_labels(plan.scenario);

    void set(std::size_t variable, const std::string& text) { variables[variable] = {text, true}; }
    // The label of what is sent, or how the sequence ended.
    std::string told(const Flow::Next& next) const {
        switch (next.kind) {
            case Kind::send:
                return labels[next.entry];
            case Kind::over:
                return "over";
            case Kind::failed:
                return "failed";
            case Kind::missing:
                break;
        }
        return labels[next.entry] + " lacks " + plan.scenario.classes[0].variables[next.variable];
    }
    std::string on_start() { return told(flow.begin_on_start(variables)); }
    std::string iteration(std::uint16_t task = 0) {
        return told(flow.begin_iteration(static_cast<std::uint16_t>(1 + task), variables));
    }
    std::string ok() { return told(flow.answered(true, variables)); }
    std::string failed() { return told(flow.answered(false, variables)); }
    void log_in() {
        EXPECT_EQ(on_start(), "on_start.login");
        EXPECT_EQ(ok(), "over");
    }
};

TEST(Flow, OnStartHasToSucceedOnce) {
    Walk walk;
    EXPECT_TRUE(walk.flow.needs_on_start());
    EXPECT_EQ(walk.on_start(), "on_start.login");
    EXPECT_EQ(walk.failed(), "failed");
    EXPECT_TRUE(walk.flow.needs_on_start());
    EXPECT_FALSE(walk.flow.needs_on_stop()) << "it never came in";
    walk.log_in();
    EXPECT_FALSE(walk.flow.needs_on_start());
    EXPECT_TRUE(walk.flow.needs_on_stop());
}

TEST(Flow, StepsComeInTheirOrderAndRepeatUntilTheirConditionIsMet) {
    Walk walk;
    walk.log_in();
    EXPECT_EQ(walk.iteration(), "job.submit");
    walk.set(1, "7");
    EXPECT_EQ(walk.ok(), "job.poll");
    EXPECT_EQ(walk.ok(), "job.poll") << "not done";
    walk.set(2, "done");
    EXPECT_EQ(walk.ok(), "job.fetch");
    EXPECT_EQ(walk.ok(), "over");
    EXPECT_FALSE(walk.flow.under_way());
}

TEST(Flow, RepeatIsABound) {
    Walk walk;
    walk.log_in();
    EXPECT_EQ(walk.iteration(), "job.submit");
    walk.set(2, "working");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(walk.ok(), "job.poll");
    EXPECT_EQ(walk.ok(), "job.fetch");
}

TEST(Flow, AStepWhoseConditionIsNotMetIsLeftOut) {
    Walk walk;
    walk.log_in();
    walk.set(2, "old");
    EXPECT_EQ(walk.iteration(), "job.submit");
    walk.set(1, "none");
    EXPECT_EQ(walk.ok(), "job.fetch");
}

TEST(Flow, WhatIsNotOkEndsTheIteration) {
    Walk walk;
    walk.log_in();
    EXPECT_EQ(walk.iteration(), "job.submit");
    EXPECT_EQ(walk.failed(), "failed");
    EXPECT_FALSE(walk.flow.under_way());
    EXPECT_FALSE(walk.flow.needs_on_start()) << "the user stays logged in";
    EXPECT_EQ(walk.iteration(), "job.submit");
}

TEST(Flow, ARequestIsNotToBeSentBeforeItsVariablesAreSet) {
    Walk walk;
    walk.log_in();
    EXPECT_EQ(walk.iteration(), "job.submit");
    walk.set(1, "none");
    EXPECT_EQ(walk.ok(), "job.fetch lacks state");
    EXPECT_FALSE(walk.flow.under_way());
}

TEST(Flow, ThinkingComesAfterAResponseButNeverAtTheEnds) {
    Walk walk;
    walk.log_in();
    const auto first = walk.flow.begin_iteration(1, walk.variables);
    EXPECT_EQ(first.think, nullptr);
    walk.set(1, "7");
    const auto second = walk.flow.answered(true, walk.variables);
    ASSERT_NE(second.think, nullptr);
    EXPECT_EQ(second.think->low, 2s);
    EXPECT_EQ(walk.flow.answered(true, walk.variables).think->low, 1s) << "also when it repeats";
    EXPECT_EQ(walk.iteration(1), "single");
    EXPECT_EQ(walk.ok(), "over") << "a task's own request";
}

TEST(Flow, OnStopComesOnce) {
    Walk walk;
    walk.log_in();
    EXPECT_EQ(walk.told(walk.flow.begin_on_stop(walk.variables)), "on_stop.bye");
    EXPECT_FALSE(walk.flow.needs_on_stop());
    EXPECT_EQ(walk.ok(), "over");
}

TEST(Flow, WithoutOnStartAUserIsThereFromItsFirstIterationOn) {
    Plan plan = flow_plan("users: 1, duration: 1",
                          "  U: {on_stop: [GET /bye], tasks: {t: {steps: [GET /a]}}}\n");
    const EntryTable entries(plan);
    Flow flow(entries, 0);
    EXPECT_FALSE(flow.needs_on_start());
    EXPECT_FALSE(flow.needs_on_stop());
    EXPECT_EQ(flow.begin_iteration(1, {}).kind, Kind::send);
    EXPECT_TRUE(flow.needs_on_stop());
}

TEST(Flow, ConditionsAskWhetherAVariableIsSetOrWhatItIs) {
    using Is = scenario::Condition::Is;
    const std::vector<Variable> variables{{"done", true}, {"", true}, {"", false}};
    const auto met = [&](std::uint16_t variable, Is is, const std::string& text = "") {
        return is_met({variable, is, text}, variables);
    };
    EXPECT_TRUE(met(0, Is::set));
    EXPECT_TRUE(met(1, Is::set)) << "empty, but set";
    EXPECT_FALSE(met(2, Is::set));
    EXPECT_FALSE(met(0, Is::unset));
    EXPECT_TRUE(met(2, Is::unset));
    EXPECT_TRUE(met(0, Is::equal, "done"));
    EXPECT_FALSE(met(0, Is::equal, "don"));
    EXPECT_TRUE(met(1, Is::equal, ""));
    EXPECT_FALSE(met(2, Is::equal, "")) << "not set is no text";
    EXPECT_TRUE(met(2, Is::different, ""));
    EXPECT_FALSE(met(0, Is::different, "done"));
}

// The judge of the tests of flows must itself be able to find fault.
TEST(TokenService, CountsWhateverIsNotInOrder) {
    TokenService service;
    const auto ask = [&](const std::string& token, const std::string& user,
                         const std::string& cookie) {
        return service
            .answer("GET /chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token +
                    "\r\nX-User: " + user + "\r\nCookie: " + cookie + "\r\n\r\n")
            .status;
    };
    EXPECT_EQ(service.answer("POST /login?user=7 HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(service.answer("POST /login?user=8 HTTP/1.1\r\n\r\n").status, 200);
    EXPECT_EQ(ask("token-0", "7", "session=s0.0"), 200);
    EXPECT_EQ(ask("token-1", "8", "session=s1.0"), 200);
    EXPECT_EQ(service.wrong(), 0U);
    EXPECT_EQ(ask("token-9", "7", "session=s0.1"), 403);
    EXPECT_EQ(ask("token-1", "7", "session=s1.1"), 403);
    EXPECT_EQ(ask("token-0", "7", "session=s1.1"), 403);
    EXPECT_EQ(ask("token-0", "7", "session=s0.0"), 403) << "used before";
    EXPECT_EQ(ask("token-0", "7", ""), 403);
    EXPECT_EQ(service.unknown_tokens, 1U);
    EXPECT_EQ(service.foreign_tokens, 1U);
    EXPECT_EQ(service.foreign_cookies, 1U);
    EXPECT_EQ(service.stale_cookies, 1U);
    EXPECT_EQ(service.missing_cookies, 1U);
    EXPECT_EQ(ask("token-0", "7", "session=s0.1"), 200) << "a refusal changes nothing";
    EXPECT_EQ(service.chats, 3U);
}

}  // namespace
}  // namespace squadload::engine
