#include "locust/locustfile.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "locust/error_key.h"
#include "locust/messages.h"
#include "locust/users.h"

namespace squadload::locust {
namespace {

// In a comment or docstring: one line, and nothing that could end it.
std::string plain(std::string_view text) {
    std::string out = valid_utf8(text);
    std::replace_if(
        out.begin(), out.end(),
        [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '"' || c == '\\'; }, ' ');
    return out;
}

std::string class_text(const LocustClass& one, const std::string& name, const std::string& host) {
    std::string out = fmt::format("class {}(User):\n    weight = {}\n", name, one.weight);
    if (!host.empty()) out += fmt::format("    host = {}\n", python_repr(valid_utf8(host)));
    out += "    wait_time = constant(1)\n";
    std::set<std::string> taken;
    for (const auto& task : one.tasks) {
        if (task.weight == 0) continue;
        // Behind a prefix no name is one of User's own.
        const auto first = "task_" + python_class_name(task.name);
        auto unique = first;
        for (int n = 2; !taken.insert(unique).second; ++n) unique = fmt::format("{}_{}", first, n);
        out +=
            fmt::format("\n    @task({})\n    def {}(self):\n        pass\n", task.weight, unique);
    }
    return out;
}

constexpr const char* kInit = R"(
@events.init.add_listener
def of_a_master_only(environment, **_):
    if not isinstance(environment.runner, MasterRunner):
        sys.exit("This file sends no requests: it is for --master, and squadload worker joins.")
)";

// The rate of an open scenario is shared among workers: each must know how large the whole is.
constexpr const char* kTell = R"(

started = None


@events.test_start.add_listener
def begin(environment, **_):
    global started
    started = time.time()


@events.init.add_listener
def tell_workers(environment, **_):
    def tell(runner):
        while True:
            if started is not None and runner.state in ("spawning", "running"):
                elapsed = time.time() - started
                runner.send_message("{}", {{"users": runner.target_user_count, "elapsed": elapsed}})
            gevent.sleep(1)

    if isinstance(environment.runner, MasterRunner):
        gevent.spawn(tell, environment.runner)
)";

}  // namespace

std::string locustfile(const LocustfileFacts& facts) {
    std::string out = fmt::format(
        R"("""For a Locust master whose workers are squadload: the users of scenario {} ({}).

    locust -f locustfile.py --master
    squadload worker --master-host HOST --config FILE --scenario {}

Made by squadload locustfile. The workers send the requests; what stands here is what the master
counts by.
"""

import sys
{}
from locust import User, constant, events, task
from locust.runners import MasterRunner

)",
        plain(facts.scenario), plain(facts.load), plain(facts.scenario),
        facts.open ? "import time\n\nimport gevent" : "");
    std::vector<ScenarioClass> classes;
    for (const auto& one : facts.classes) classes.push_back({one.name, one.weight});
    const auto names = python_class_names(classes);
    for (std::size_t c = 0; c < classes.size(); ++c)
        if (classes[c].weight > 0)
            out += "\n" + class_text(facts.classes[c], names[c], facts.host) + "\n";
    out += kInit;
    if (facts.open) out += fmt::format(fmt::runtime(kTell), kTestFacts);
    return out;
}

}  // namespace squadload::locust
