#include "locust/locustfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::locust {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

LocustfileFacts facts() {
    LocustfileFacts f;
    f.scenario = "spike";
    f.load = "closed, 30 users";
    f.host = "http://127.0.0.1:8000";
    f.classes = {{"api-user", 3, {{"chat", 80}, {"health check", 15}, {"off", 0}}},
                 {"Off", 0, {{"x", 1}}}};
    return f;
}

// That Python takes it, and Locust with it: tests/e2e/test_locust_worker.py.
TEST(Locustfile, HasNamesWeightsAndHost) {
    const auto text = locustfile(facts());
    EXPECT_THAT(text, HasSubstr("class api_user(User):\n    weight = 3\n"
                                "    host = 'http://127.0.0.1:8000'\n"));
    EXPECT_THAT(text, HasSubstr("    @task(80)\n    def task_chat(self):"));
    EXPECT_THAT(text, HasSubstr("def task_health_check(self):"));
    EXPECT_THAT(text, Not(HasSubstr("task_off")));
    EXPECT_THAT(text, Not(HasSubstr("class Off")));
    EXPECT_THAT(text, Not(HasSubstr("squadload_test")));
}

TEST(Locustfile, OfAnOpenScenarioTellsTheWorkersOfTheWhole) {
    auto f = facts();
    f.open = true;
    f.host.clear();
    const auto text = locustfile(f);
    EXPECT_THAT(text, HasSubstr(R"(send_message("squadload_test", {"users": runner.target)"));
    EXPECT_THAT(text, HasSubstr("import gevent"));
    EXPECT_THAT(text, Not(HasSubstr("host =")));
}

TEST(Locustfile, NoNameEndsItsString) {
    auto f = facts();
    f.scenario = "\"\"\"\nimport os\\";
    f.host = "http://x/'\n\"";
    f.classes[0].tasks = {{"a b", 1}, {"a-b", 1}};
    const auto text = locustfile(f);
    EXPECT_THAT(text, Not(HasSubstr("\nimport os")));
    EXPECT_THAT(text, HasSubstr(R"(host = 'http://x/\'\n"')"));
    EXPECT_THAT(text, HasSubstr("task_a_b_2"));
}

}  // namespace
}  // namespace squadload::locust
