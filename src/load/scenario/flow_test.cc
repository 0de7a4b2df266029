#include <gtest/gtest.h>

#include "load/scenario/config.h"
#include "load/scenario/regex.h"

namespace squadload::scenario {
namespace {

using namespace std::chrono_literals;

std::optional<std::string> flow_environment(const std::string& name) {
    if (name == "PASSWORD") return "pw";
    return std::nullopt;
}

// A file with one scenario around user classes (each line indented by two) and a target.
std::string flow_file(const std::string& users, const std::string& target = "{}") {
    return "target: " + target + "\nscenarios: {s: {users: 1, duration: 1}}\nusers:\n" + users;
}

Result<Scenario> flow_scenario(const std::string& file) {
    const auto config = Config::parse(file, "f.yaml", flow_environment);
    if (!config) return tl::unexpected(config.error());
    return config->effective("s", {});
}

UserClass flow_user(const std::string& users, const std::string& target = "{}") {
    const auto scenario = flow_scenario(flow_file(users, target));
    if (scenario) return scenario->classes.at(0);
    ADD_FAILURE() << scenario.error().text();
    return {};
}

// A class U whose keys are on the lines given, each indented by four.
std::string flow_error(const std::string& keys, const std::string& target = "{}") {
    const auto scenario = flow_scenario(flow_file("  U:\n" + keys, target));
    return scenario ? "none" : scenario.error().text();
}

// The same for one task with these steps.
std::string step_error(const std::string& steps) {
    return flow_error("    tasks: {t: {steps: [" + steps + "]}}\n");
}

std::string written(const Template& t, std::span<const Variable> variables = {},
                    std::uint64_t user = 0) {
    Random random(1, RandomStream::iteration, 0);
    RenderContext context{0, random, user, variables};
    std::string out;
    t.render(context, out);
    return out;
}

constexpr std::string_view kMember = R"yaml(
  Member:
    wait_time: between(1, 3)
    on_start:
      - name: login
        method: POST
        path: /login
        json: {user: "member-{{ user() }}", password: "{{ env(PASSWORD) }}"}
        extract:
          token: {json: /token}
          session: {header: X-Session}
          csrf: {regex: 'name="csrf" value="([^"]+)"', default: ""}
    on_stop:
      - POST /logout
    tasks:
      conversation:
        weight: 3
        description: Talks
        steps:
          - name: ask
            path: /chat
            headers: {Authorization: "Bearer {{ var(token) }}"}
            repeat: 10
            think: between(1, 2)
            extract: {job: {json: /job, default: ""}}
          - name: poll
            path: "/jobs/{{ var(job) }}"
            when: job
            repeat: {times: 20, until: state == done}
            extract: {state: {json: /state}}
          - GET /a/{{ var(job) }}/b.c?x=1
          - {name: odd, path: /odd, when: "!job", think: 500ms, expect: {status: 404}, timeout: 2}
          - {name: last, path: /last, when: 'state != "not done"', think: none}
      plain: GET /health
      single: {path: /one, extract: {one: {regex: x}}}
)yaml";

TEST(FlowTest, ReadsEveryKey) {
    const UserClass user = flow_user(std::string(kMember));
    EXPECT_EQ(user.variables,
              (std::vector<std::string>{"token", "session", "csrf", "job", "state", "one"}));
    EXPECT_TRUE(user.cookies);
    ASSERT_EQ(user.on_start.size(), 1U);
    const Step& login = user.on_start[0];
    EXPECT_EQ(login.name + " " + login.method + " " + login.entry_name, "login POST /login");
    EXPECT_EQ(written(login.body, {}, 7), R"({"user":"member-7","password":"pw"})");
    ASSERT_EQ(login.extract.size(), 3U);
    EXPECT_EQ(login.extract[0].variable, 0U);
    EXPECT_EQ(login.extract[0].from, Extraction::From::json);
    EXPECT_EQ(login.extract[0].what, "/token");
    EXPECT_FALSE(login.extract[0].fallback);
    EXPECT_EQ(login.extract[1].from, Extraction::From::header);
    EXPECT_EQ(login.extract[2].from, Extraction::From::regex);
    EXPECT_EQ(login.extract[2].what, "name=\"csrf\" value=\"([^\"]+)\"");
    EXPECT_EQ(login.extract[2].fallback, "");
    ASSERT_NE(login.extract[2].regex, nullptr);
    EXPECT_EQ(login.extract[2].regex->find("<input name=\"csrf\" value=\"c1\">"), "c1");
    EXPECT_EQ(login.repeat, 1U);
    ASSERT_EQ(user.on_stop.size(), 1U);
    EXPECT_EQ(user.on_stop[0].name, "logout");
    EXPECT_EQ(user.on_stop[0].method, "POST");

    ASSERT_EQ(user.tasks.size(), 3U);
    const Task& talk = user.tasks[0];
    EXPECT_EQ(talk.weight, 3U);
    EXPECT_EQ(talk.description, "Talks");
    ASSERT_EQ(talk.steps.size(), 5U);
    const Step& ask = talk.steps[0];
    EXPECT_EQ(ask.repeat, 10U);
    EXPECT_EQ(ask.think, (pacing::WaitTime{pacing::WaitTime::Kind::between, 1s, 2s, 0}));
    const std::vector<Variable> values{{"T", true}, {}, {}, {"j/1", true}};
    EXPECT_EQ(written(ask.headers.at(0).second, values), "Bearer T");
    const Step& poll = talk.steps[1];
    ASSERT_TRUE(poll.when && poll.until);
    EXPECT_EQ(poll.when->is, Condition::Is::set);
    EXPECT_EQ(poll.when->variable, 3U);
    EXPECT_EQ(poll.repeat, 20U);
    EXPECT_EQ(poll.until->is, Condition::Is::equal);
    EXPECT_EQ(poll.until->variable, 4U);
    EXPECT_EQ(poll.until->text, "done");
    EXPECT_EQ(written(poll.path, values), "/jobs/j%2F1");
    EXPECT_EQ(talk.steps[2].name, "a_b.c");
    EXPECT_EQ(talk.steps[2].entry_name, "/a/{{ var(job) }}/b.c");
    EXPECT_EQ(talk.steps[3].when->is, Condition::Is::unset);
    EXPECT_EQ(talk.steps[3].think,
              (pacing::WaitTime{pacing::WaitTime::Kind::constant, 500ms, {}, 0}));
    EXPECT_EQ(talk.steps[3].timeouts.total, 2s);
    EXPECT_TRUE(talk.steps[3].expect.accepts(404));
    EXPECT_EQ(talk.steps[4].when->is, Condition::Is::different);
    EXPECT_EQ(talk.steps[4].when->text, "not done");
    EXPECT_TRUE(user.tasks[1].steps.empty());
    EXPECT_EQ(user.tasks[2].extract.at(0).variable, 5U);
}

TEST(FlowTest, CookiesAreOnForAFlowUnlessTheFileSaysOtherwise) {
    const auto cookies = [](const std::string& keys) {
        return flow_user("  U:\n    " + keys + "\n").cookies;
    };
    EXPECT_FALSE(cookies("tasks: {t: GET /}"));
    EXPECT_TRUE(cookies("{cookies: true, tasks: {t: GET /}}"));
    EXPECT_TRUE(cookies("tasks: {t: {steps: [GET /]}}"));
    EXPECT_TRUE(cookies("{on_start: [GET /], tasks: {t: GET /}}"));
    EXPECT_TRUE(cookies("{on_stop: [GET /], tasks: {t: GET /}}"));
    EXPECT_TRUE(cookies("tasks: {t: {path: /, extract: {a: {json: /a}}}}"));
    EXPECT_FALSE(cookies("{cookies: false, tasks: {t: {steps: [GET /]}}}"));
}

TEST(FlowTest, NamesOfShortStepsComeFromTheirPaths) {
    const UserClass user = flow_user(
        "  U:\n    on_start: [GET /a]\n    on_stop: [GET /a, PUT /]\n    tasks: {t: {steps: [GET "
        "/a, POST /a, {name: a_3, path: /x}, DELETE /a, 'GET /v1//b c/{{ user() }}?d']}}\n");
    const auto names = [](const std::vector<Step>& steps) {
        std::string all;
        for (const Step& step : steps) all += step.name + " ";
        return all;
    };
    EXPECT_EQ(names(user.on_start), "a ");
    EXPECT_EQ(names(user.on_stop), "a_2 root ");
    EXPECT_EQ(names(user.tasks.at(0).steps), "a a_2 a_3 a_4 v1_b_c ");
    const UserClass map =
        flow_user("  U:\n    tasks: {t: {steps: {one: GET /a, two: {path: /b}}}}\n");
    EXPECT_EQ(names(map.tasks.at(0).steps), "one two ");
}

TEST(FlowTest, AHeaderOfTheTargetGoesWhereItsVariableCanBe) {
    const std::string target = "{headers: {Authorization: 'Bearer {{ var(token) }}', X-A: b}}";
    const std::string users = R"(
  Other:
    tasks: {t: {path: /o, headers: {authorization: none}}}
  U:
    on_start:
      - POST /first
      - {name: login, path: /login, extract: {pre: {json: /p}, token: {json: /t}}}
      - GET /profile
    tasks: {t: GET /t, own: {path: /own, headers: {authorization: "X {{ var(pre) }}"}}}
    on_stop: [POST /logout]
)";
    const auto scenario = flow_scenario(flow_file(users, target));
    ASSERT_TRUE(scenario) << scenario.error().text();
    const UserClass& user = scenario->classes.at(1);
    const std::vector<Variable> values{{"p", true}, {"T", true}};
    const auto headers = [&](const Request& request) {
        std::string all;
        for (const auto& [name, value] : request.headers) {
            all += name + "=" + written(value, values) + ";";
        }
        return all;
    };
    EXPECT_EQ(headers(user.on_start.at(0)), "X-A=b;");
    EXPECT_EQ(headers(user.on_start.at(1)), "X-A=b;");
    EXPECT_EQ(headers(user.on_start.at(2)), "Authorization=Bearer T;X-A=b;");
    EXPECT_EQ(headers(user.tasks.at(0)), "Authorization=Bearer T;X-A=b;");
    EXPECT_EQ(headers(user.tasks.at(1)), "X-A=b;authorization=X p;");
    EXPECT_EQ(headers(user.on_stop.at(0)), "Authorization=Bearer T;X-A=b;");
    EXPECT_EQ(headers(scenario->classes.at(0).tasks.at(0)), "X-A=b;authorization=none;");
}

TEST(FlowTest, ATargetHeaderThatAClassCannotFillNamesTheClass) {
    const std::string users =
        "  Reader:\n    tasks: {search: GET /s}\n  U:\n    tasks: {t: {steps: [{name: a, path: /, "
        "extract: {token: {json: /t}}}]}}\n";
    const auto refused = flow_scenario(flow_file(users, "{headers: {X-T: '{{ var(token) }}'}}"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text(),
              "f.yaml:5:21: users.Reader.tasks.search: the header X-T of target needs 'token', "
              "which no step of Reader extracts");
    EXPECT_NE(flow_error("    tasks: {t: GET /}\n", "{headers: {X-T: '{{ var(token) }}'}}")
                  .find("f.yaml:1:25: target.headers.X-T: no step extracts 'token'"),
              std::string::npos);
}

TEST(FlowTest, VariablesMustBePossibleWhereTheyAreUsed) {
    // Another task, an earlier step and on_start can have set it.
    EXPECT_EQ(flow_error("    tasks:\n      a: {path: /, extract: {x: {json: /x}}}\n      b: "
                         "'GET /{{ var(x) }}'\n"),
              "none");
    EXPECT_EQ(step_error("{name: a, path: /, extract: {x: {json: /x}}}, 'GET /{{ var(x) }}'"),
              "none");
    EXPECT_EQ(flow_error("    on_start: [{name: a, path: /, extract: {x: {json: /x}}}]\n    "
                         "tasks: {t: 'GET /{{ var(x) }}'}\n    on_stop: ['GET /{{ var(x) }}']\n"),
              "none");
    EXPECT_EQ(flow_error("    tasks: {t: {path: /, extract: {x: {json: /x}}}}\n    on_stop: ['GET "
                         "/{{ var(x) }}']\n"),
              "none");
    // The task's own earlier iterations can, if the step asks first.
    EXPECT_EQ(step_error("{name: a, path: '/{{ var(x) }}', when: x}, {name: b, path: /, extract: "
                         "{x: {json: /x}}}"),
              "none");
    EXPECT_EQ(step_error("{name: a, path: /, when: '!x', extract: {x: {json: /x}}}, {name: b, "
                         "path: '/{{ var(x) }}'}"),
              "none");
    EXPECT_EQ(step_error("{name: a, path: /, repeat: {times: 3, until: x != y}, extract: {x: "
                         "{json: /x}}}"),
              "none");
    const std::string early = "needs 'x' before any step can have extracted it";
    for (const char* use : {"path: '/{{ var(x) }}'", "path: /, query: {q: '{{ var(x) }}'}",
                            "path: /, json: "
                            "['{{ var(x) }}']",
                            "path: /, body: '{{ var(x) }}'",
                            "path: /, headers: {A: '{{ var(x) "
                            "}}'}",
                            "path: '/{{ var(x) }}', when: '!x'"}) {
        const std::string got = step_error("{name: a, " + std::string(use) +
                                           "}, {name: b, path: /, extract: {x: {json: /x}}}");
        EXPECT_NE(got.find(early), std::string::npos) << use << " → " << got;
    }
    // A step cannot need what only its own response brings: its first time would fail.
    EXPECT_NE(step_error("{name: a, path: '/{{ var(x) }}', repeat: 2, extract: {x: {json: /x}}}")
                  .find(early),
              std::string::npos);
    EXPECT_NE(flow_error("    on_start: ['GET /{{ var(x) }}']\n    tasks: {t: {path: /, extract: "
                         "{x: {json: /x}}}}\n")
                  .find("f.yaml:5:16: users.U.on_start[0]: " + early),
              std::string::npos);
    const std::string asks = "asks for 'x' before any step can have extracted it";
    EXPECT_NE(step_error("{name: a, path: /, repeat: {times: 2, until: x}}, {name: b, path: /, "
                         "extract: {x: {json: /x}}}")
                  .find(asks),
              std::string::npos);
    EXPECT_NE(flow_error("    on_start: [{name: a, path: /, when: x}]\n    tasks: {t: {path: /, "
                         "extract: {x: {json: /x}}}}\n")
                  .find(asks),
              std::string::npos);
}

TEST(FlowTest, MistakesAreSaidWithThePlace) {
    const std::string get = "{name: a, path: /, ";
    const std::string token = "{name: l, path: /, extract: {token: {json: /t}}}, ";
    const std::vector<std::pair<std::string, std::string>> steps{
        {token + get + "when: tokn}", "when: no step extracts 'tokn'; did you mean 'token'?"},
        {token + get + "repeat: {times: 2, until: '!tokn'}}", "did you mean 'token'?"},
        {token + "'GET /{{ var(tokn) }}'", "no step extracts 'tokn'; did you mean 'token'?"},
        {token + get + "when: 'a b'}", "expected job, \"!job\", job == text or job != text"},
        {token + get + "when: 'token = 1'}", "not 'token = 1'"},
        {token + get + "when: 'token =='}", "not 'token =='"},
        {token + get + "when: '!token == 1'}", "not '!token == 1'"},
        {token + get + "when: ''}", "expected job"},
        {get + "when: !job}", "a text that begins with '!' stands in quotes"},
        {get + "repeat: 0}", "from 1 to 1,000,000"},
        {get + "repeat: 1000001}", "from 1 to 1,000,000"},
        {get + "repeat: {until: x}}", "expected times"},
        {get + "repeat: {time: 2}}", "did you mean 'times'?"},
        {get + "think: constant_pacing(2)}", "think: expected none, constant(2), between(1, 3)"},
        {get + "think: {constant_throughput: 2}}", "constant_throughput"},
        {get + "think: 'between(2, 1)'}", "the smaller number first"},
        {get + "think: often}", "or a duration such as 500ms"},
        {get + "extract: {x: {}}}", "exactly one of json, header and regex"},
        {get + "extract: {x: {json: /a, regex: b}}}", "exactly one of json, header and regex"},
        {get + "extract: {x: {default: a}}}", "exactly one of json, header and regex"},
        {get + "extract: {x: {jsn: /a}}}", "did you mean 'json'?"},
        {get + "extract: {x: {json: a}}}", "expected a JSON pointer such as /choices/0/text"},
        {get + "extract: {x: {json: /~2}}}", "expected a JSON pointer"},
        {get + "extract: {x: {header: 'a b'}}}", "'a b' is not a header name"},
        {get + "extract: {x: {regex: '(a'}}}", "missing )"},
        {get + "extract: {x-y: {json: /a}}}", "named with letters, digits and '_'"},
        {get + "extract: {1x: {json: /a}}}", "named with letters, digits and '_'"},
        {get + "extract: {x: /a}}", "users.U.tasks.t.steps[0].extract.x"},
        {get + "weight: 2}", "a step has no weight of its own; a task has"},
        {get + "steps: [GET /]}", "a step has no steps of its own"},
        {get + "extract: x}", "expected variables and where they come from, such as {token: "},
        {get + "extract: {x: /x}}", "extract.x: expected exactly one of json, header and regex"},
        {get + "extract: {x: {json: /a, default: " + std::string(65'537, 'x') + "}}}",
         "default: a variable holds at most 64 KiB"},
        {token + "{name: b, path: '/{{ token }}'}", "write {{ var(token) }} for what a step"},
        {"CONNECT /", "CONNECT opens a tunnel and is not supported"},
        {"{name: \"a\\nb\", path: /}", "may not hold line breaks or control characters"},
        {"{path: /}", "a step in a list needs a name"},
        {"{name: a}", "a step needs a path"},
        {"{name: a, path: /}, {name: a, path: /}", "there is a step named 'a' already"},
        {"GET", "a text such as GET /health"},
        {"GET /a#b", "a path has no '#'"},
        {"", "expected at least one step"},
    };
    for (const auto& [text, sentence] : steps) {
        const std::string got = step_error(text);
        EXPECT_TRUE(got.starts_with("f.yaml:5:")) << text << " → " << got;
        EXPECT_NE(got.find(sentence), std::string::npos) << text << " → " << got;
    }
    const std::vector<std::pair<std::string, std::string>> classes{
        {"    on_start: []\n    tasks: {t: GET /}\n", "users.U.on_start: expected at least one"},
        {"    on_stop: {}\n    tasks: {t: GET /}\n", "users.U.on_stop: expected at least one"},
        {"    on_start: {a: GET /}\n    on_stop: {a: GET /}\n    tasks: {t: GET /}\n",
         "there is a step named 'a' already"},
        {"    on_start: {a: GET /}\n    tasks: {on_start.a: GET /}\n",
         "another request of U is called 'on_start.a' in reports already"},
        {"    tasks: {a.b: GET /, a: {steps: {b: GET /}}}\n", "is called 'a.b' in reports already"},
        {"    tasks: {t: {path: /, steps: [GET /]}}\n",
         "f.yaml:5:23: users.U.tasks.t.path: a task with steps has no path of its own; write it "
         "into a step"},
        {"    tasks: {t: {steps: [GET /], expect: }}\n", "has no expect of its own"},
        {"    tasks: {t: {steps: [GET /], extract: {a: {json: /}}}}\n",
         "has no extract of its own"},
        {"    tasks: {t: {steps: {a: {name: b, path: /}}}}\n", "the key is the name of the step"},
        {"    tasks: {t: {steps: GET /}}\n", "expected a list of steps, such as [GET /health]"},
        {"    on_start: {path: /, method: POST}\n    tasks: {t: GET /}\n",
         "f.yaml:5:15: users.U.on_start: expected a list of steps, such as [GET /health], or a "
         "map"},
        {"    tasks: {t: {path: /, when: x}}\n", "when belongs to a step; write the request into"},
        {"    tasks: {t: {path: /, think: 1}}\n", "think belongs to a step"},
        {"    tasks: {'': GET /}\n", "a task needs a name that is not empty"},
        {"    tasks: {\"\\e[2J\": GET /}\n", "the name of a task may not hold line breaks or"},
        {"    tasks: {t: {steps: {'': GET /}}}\n", "a step needs a name that is not empty"},
        {"    on_strat: [GET /]\n", "did you mean 'on_start'?"},
        {"    on_start: [GET /]\n", "a user needs tasks"},
        {"    cookies: maybe\n    tasks: {t: GET /}\n", "true or false"},
    };
    for (const auto& [text, sentence] : classes) {
        const std::string got = flow_error(text);
        EXPECT_NE(got.find(sentence), std::string::npos) << text << " → " << got;
    }
}

TEST(FlowTest, AStepMayBeCalledLikeAKey) {
    EXPECT_EQ(flow_error("    on_start: {path: GET /}\n    tasks: {t: {steps: {path: GET /}}}\n"),
              "none");
}

TEST(FlowTest, ClassesAndHeadersAreBoundedAndClassesNamed) {
    std::string users = "  U: {tasks: {t: GET /}}\n", headers;
    for (int i = 0; i < 1'000; ++i) {
        users += "  c" + std::to_string(i) + ": {weight: 0}\n";
        headers += "h" + std::to_string(i) + ": 1, ";
    }
    EXPECT_NE(flow_scenario(flow_file(users)).error().text().find("more than 1000 user classes"),
              std::string::npos);
    EXPECT_EQ(step_error("{name: a, path: /, headers: {" + headers + "}}"), "none");
    EXPECT_NE(step_error("{name: a, path: /, headers: {" + headers + "x: 1}}")
                  .find("headers: more than 1000 headers"),
              std::string::npos);
    EXPECT_NE(flow_scenario(flow_file("  '': {tasks: {t: GET /}}\n"))
                  .error()
                  .text()
                  .find("a user class needs a name that is not empty"),
              std::string::npos);
}

TEST(FlowTest, RequestsAndVariablesAreBounded) {
    const auto many = [](const std::string& one, int n) {
        std::string all;
        for (int i = 0; i < n; ++i) all += (i > 0 ? ", " : "") + one;
        return all;
    };
    EXPECT_EQ(step_error(many("GET /a", 1000)), "none");
    EXPECT_NE(step_error(many("GET /a", 1001)).find("more than 1000 requests"), std::string::npos);
    EXPECT_NE(flow_error("    on_start: [" + many("GET /a", 500) + "]\n    tasks: {t: {steps: [" +
                         many("GET /a", 500) + "]}, u: GET /}\n")
                  .find("more than 1000 requests"),
              std::string::npos);
    const auto extract = [](int n) {
        std::string all;
        for (int i = 0; i < n; ++i) all += "v" + std::to_string(i) + ": {json: /a}, ";
        return "{name: a, path: /, extract: {" + all + "}}";
    };
    EXPECT_EQ(step_error(extract(64)), "none");
    EXPECT_NE(step_error(extract(65)).find("users.U: a user class extracts at most 64 variables"),
              std::string::npos);
}

TEST(FlowTest, EndpointsAdjustEveryStep) {
    const auto scenario = flow_scenario(
        flow_file("  U: {tasks: {t: {steps: [GET /a, {name: b, path: /b, timeout: 1}]}}}\n") +
        "endpoints: {t: {weight: 7, timeout: 9, description: D}}\n");
    ASSERT_TRUE(scenario) << scenario.error().text();
    const Task& task = scenario->classes.at(0).tasks.at(0);
    EXPECT_EQ(task.weight, 7U);
    EXPECT_EQ(task.description, "D");
    EXPECT_EQ(task.steps.at(0).timeouts.total, 9s);
    EXPECT_EQ(task.steps.at(1).timeouts.total, 9s);
}

TEST(FlowTest, TheNoteOnRatesCountsTheRequestsOfAnIteration) {
    const auto notes = [](const std::string& tasks, const std::string& wait = "1") {
        const auto scenario = flow_scenario(
            "scenarios: {s: {users: 10, duration: 1, description: 30 req/s}}\nusers: {U: "
            "{wait_time: " +
            wait + ", tasks: {" + tasks + "}}}\n");
        return scenario ? testing::PrintToString(scenario->notes) : scenario.error().text();
    };
    // 5 requests in 1 s of wait and 1 s of think; what follows the last one is not waited for.
    EXPECT_EQ(notes("t: {steps: [{name: a, path: /, repeat: 3, think: 0.25}, {name: b, path: /, "
                    "think: 0.25}, {name: c, path: /, think: 9}]}"),
              "{ \"s cannot reach the 30 requests per second its description names: with "
              "iterations of 5 requests and 2 s of waits on average, 10 users make at most 25 "
              "(closed model); `rate: 6` delivers it\" }");
    EXPECT_EQ(notes("t: {steps: [{name: a, path: /, repeat: 3}, GET /b]}"), "{}");
    EXPECT_EQ(notes("t: {steps: [GET /b]}", "none"), "{}");
    EXPECT_NE(notes("t: {steps: [GET /b]}, u: GET /"), "{}");
    // How often such a step is sent, the answers decide.
    EXPECT_EQ(notes("t: {steps: [{name: a, path: /, extract: {x: {json: /x}}}, {name: b, path: /, "
                    "when: x}]}"),
              "{}");
    EXPECT_NE(
        notes("t: {steps: [GET /a, {name: b, path: /, think: 3}, GET /c]}", "constant_pacing(4)")
            .find("3 requests and 4 s"),
        std::string::npos);
}

void expect_same(const Request& a, const Request& b, const std::vector<Variable>& values) {
    EXPECT_EQ(a.name + a.entry_name + a.description + a.method,
              b.name + b.entry_name + b.description + b.method);
    EXPECT_EQ(written(a.path, values), written(b.path, values));
    EXPECT_EQ(written(a.body, values), written(b.body, values));
    EXPECT_EQ(a.timeouts.total, b.timeouts.total);
    ASSERT_EQ(a.headers.size(), b.headers.size());
    for (std::size_t i = 0; i < a.headers.size(); ++i) {
        EXPECT_EQ(a.headers[i].first, b.headers[i].first);
        EXPECT_EQ(written(a.headers[i].second, values), written(b.headers[i].second, values));
    }
    ASSERT_EQ(a.extract.size(), b.extract.size());
    for (std::size_t i = 0; i < a.extract.size(); ++i) {
        EXPECT_EQ(a.extract[i].variable, b.extract[i].variable);
        EXPECT_EQ(a.extract[i].from, b.extract[i].from);
        EXPECT_EQ(a.extract[i].what, b.extract[i].what);
        EXPECT_EQ(a.extract[i].fallback, b.extract[i].fallback);
    }
}

void expect_same(const std::optional<Condition>& a, const std::optional<Condition>& b) {
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) return;
    EXPECT_EQ(a->variable, b->variable);
    EXPECT_EQ(a->is, b->is);
    EXPECT_EQ(a->text, b->text);
}

void expect_same(const std::vector<Step>& a, const std::vector<Step>& b,
                 const std::vector<Variable>& values) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        SCOPED_TRACE(a[i].name);
        expect_same(static_cast<const Request&>(a[i]), static_cast<const Request&>(b[i]), values);
        expect_same(a[i].when, b[i].when);
        expect_same(a[i].until, b[i].until);
        EXPECT_EQ(a[i].repeat, b[i].repeat);
        EXPECT_EQ(a[i].think, b[i].think);
    }
}

TEST(FlowTest, AllOfItSurvivesTheRoundTrip) {
    const std::string odd = R"yaml(
      "null": {steps: {"true": {path: /, extract: {"null": {json: ""}, exists: {json: "/a b",
            default: "null"}}, repeat: {times: 2, until: "null"}},
          "x: y": {path: "/{{ var(token) }}", when: 'exists == " a ""b'},
          z: {path: /, when: 'exists != ""'}, w: {path: /, when: '!exists'}}}
  Second:
    cookies: false
    tasks: {t: {path: /, headers: {x-token: "{{ user() }}"}}}
)yaml";
    const std::string target =
        "{headers: {X-Token: '{{ var(token) }}', X-Two: '{{ user() }}{{ env(PASSWORD) }}'}}";
    const auto first = flow_scenario(flow_file(std::string(kMember) + odd, target));
    ASSERT_TRUE(first) << first.error().text();
    const std::string yaml = to_yaml(*first);
    const auto second = flow_scenario(yaml);
    ASSERT_TRUE(second) << second.error().text() << "\n" << yaml;
    EXPECT_EQ(to_yaml(*second), yaml);
    ASSERT_EQ(first->classes.size(), second->classes.size());
    const std::vector<Variable> values{{"T", true}, {"S", true}, {"C", true}, {"J", true},
                                       {"s", true}, {"1", true}, {"n", true}, {"e", true}};
    for (std::size_t c = 0; c < first->classes.size(); ++c) {
        const UserClass& a = first->classes[c];
        const UserClass& b = second->classes[c];
        EXPECT_EQ(a.variables, b.variables);
        EXPECT_EQ(a.cookies, b.cookies);
        expect_same(a.on_start, b.on_start, values);
        expect_same(a.on_stop, b.on_stop, values);
        ASSERT_EQ(a.tasks.size(), b.tasks.size());
        for (std::size_t t = 0; t < a.tasks.size(); ++t) {
            expect_same(static_cast<const Request&>(a.tasks[t]), b.tasks[t], values);
            expect_same(a.tasks[t].steps, b.tasks[t].steps, values);
        }
    }
    // What a variable holds is no secret of the file; a text beside it might be.
    EXPECT_NE(yaml.find("Authorization: \"Bearer {{ var(token) }}\""), std::string::npos) << yaml;
    EXPECT_NE(yaml.find("X-Token: \"{{ var(token) }}\""), std::string::npos);
    const auto masked = flow_scenario(
        flow_file("  U:\n    tasks: {t: {path: /, headers: {X-Token: \"sk-{{ user() }}\", X-Key: "
                  "\"{{ 'env(sk)' }}\"}}}\n"));
    EXPECT_EQ(to_yaml(masked.value()).find("sk-"), std::string::npos);
    EXPECT_EQ(to_yaml(masked.value()).find("(sk"), std::string::npos);
}

}  // namespace
}  // namespace squadload::scenario
