#include "load/scenario/entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::scenario {
namespace {

using ::testing::ElementsAre;

Step named_step(const std::string& name) {
    Step step;
    step.name = name;
    return step;
}

Task named_task(const std::string& name, std::vector<Step> steps = {}) {
    Task task;
    task.name = name;
    task.steps = std::move(steps);
    return task;
}

Scenario chatter_and_probe() {
    Scenario s;
    UserClass chatter{"Chatter", 1, {}, {}};
    chatter.on_start = {named_step("login")};
    chatter.tasks = {named_task("conversation", {named_step("open"), named_step("ask")}),
                     named_task("health")};
    chatter.on_stop = {named_step("logout")};
    UserClass probe{"Probe", 1, {}, {named_task("health"), named_task("metrics")}};
    s.classes = {chatter, probe};
    return s;
}

TEST(Entries, AreNumberedOverOnStartTasksAndOnStopOfEachClass) {
    const auto s = chatter_and_probe();
    EXPECT_THAT(entry_labels(s),
                ElementsAre("on_start.login", "conversation.open", "conversation.ask",
                            "Chatter.health", "on_stop.logout", "Probe.health", "metrics"));
    const auto sequences = number_sequences(s);
    const auto entries = number_entries(s);
    ASSERT_EQ(entries.size(), 7U);
    std::vector<std::string> names;
    for (const EntryRef ref : entries) {
        names.push_back(request_of(s, sequences[ref.sequence], ref.step).name);
    }
    EXPECT_THAT(names,
                ElementsAre("login", "open", "ask", "health", "logout", "health", "metrics"));
}

TEST(Entries, SequencesHaveNamesOfTheirOwn) {
    auto s = chatter_and_probe();
    EXPECT_THAT(sequence_labels(s),
                ElementsAre("on_start", "conversation", "Chatter.health", "on_stop",
                            "Probe.on_start", "Probe.health", "metrics", "Probe.on_stop"));
    s.classes[1].on_start = {named_step("hello")};
    EXPECT_EQ(sequence_labels(s)[0], "Chatter.on_start");
    EXPECT_EQ(entry_labels(s)[0], "on_start.login") << "not shared: no class in front";
}

TEST(Entries, AClassWithoutStepsAndVariablesIsPlain) {
    auto s = chatter_and_probe();
    EXPECT_TRUE(has_flow(s.classes[0]));
    EXPECT_FALSE(has_flow(s.classes[1]));
    EXPECT_TRUE(has_iterations(s));
    s.classes[1].cookies = true;
    EXPECT_TRUE(has_flow(s.classes[1]));
    s.classes.erase(s.classes.begin());
    EXPECT_FALSE(has_iterations(s));
}

}  // namespace
}  // namespace squadload::scenario
