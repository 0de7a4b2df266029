#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "run/test_support.h"

namespace squadload::cli {
namespace {

using run::environment_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

Invocation parsed(const std::vector<std::string>& arguments,
                  std::map<std::string, std::string> variables = {}) {
    auto result = parse(arguments, environment_of(std::move(variables)));
    const auto* ended = std::get_if<Ended>(&result);
    EXPECT_EQ(ended, nullptr) << (ended != nullptr ? ended->err + ended->out : "");
    return ended == nullptr ? std::get<Invocation>(result) : Invocation{};
}

Ended ended(const std::vector<std::string>& arguments,
            std::map<std::string, std::string> variables = {}) {
    auto result = parse(arguments, environment_of(std::move(variables)));
    EXPECT_TRUE(std::holds_alternative<Ended>(result));
    const auto* end = std::get_if<Ended>(&result);
    return end != nullptr ? *end : Ended{-1, "", ""};
}

TEST(Options, RunWithEverything) {
    const auto run = parsed({"run",
                             "sustained",
                             "--scenario",
                             "spike",
                             "--config",
                             "my.yaml",
                             "--host",
                             "http://h",
                             "--users",
                             "30",
                             "--spawn-rate",
                             "3",
                             "--rate",
                             "50",
                             "--duration",
                             "5m",
                             "--requests",
                             "100",
                             "--seed",
                             "7",
                             "--stage",
                             "staging",
                             "--workers",
                             "2",
                             "--graceful-stop",
                             "10s",
                             "--fail-fast",
                             "--allow-void",
                             "--lag-budget",
                             "20ms",
                             "--output-dir",
                             "out",
                             "--quiet",
                             "--backend",
                             "epoll"});
    EXPECT_EQ(run.command, Command::run);
    EXPECT_THAT(run.arguments, ElementsAre("sustained"));
    EXPECT_THAT(run.scenarios, ElementsAre("spike"));
    EXPECT_EQ(run.config, "my.yaml");
    EXPECT_TRUE(run.config_given);
    EXPECT_EQ(run.load.host, "http://h");
    EXPECT_EQ(run.load.users, "30");
    EXPECT_EQ(run.load.spawn_rate, "3");
    EXPECT_EQ(run.load.rate, "50");
    EXPECT_EQ(run.load.duration, "5m");
    EXPECT_EQ(run.load.requests, "100");
    EXPECT_EQ(run.load.seed, "7");
    EXPECT_EQ(run.load.stage, "staging");
    EXPECT_EQ(run.load.workers, "2");
    EXPECT_EQ(run.load.graceful_stop, "10s");
    EXPECT_TRUE(run.load.fail_fast);
    EXPECT_TRUE(run.allow_void);
    EXPECT_EQ(run.lag_budget_ms, 20.0);
    EXPECT_EQ(run.output_dir, "out");
    EXPECT_TRUE(run.quiet);
    EXPECT_EQ(run.backend, "epoll");
}

TEST(Options, Defaults) {
    const auto run = parsed({"run"});
    EXPECT_THAT(run.arguments, IsEmpty());
    EXPECT_FALSE(run.config);
    EXPECT_FALSE(run.load.users);
    EXPECT_FALSE(run.load.rate_or_spawn_rate);
    EXPECT_EQ(run.output_dir, "reports");
    EXPECT_EQ(run.backend, "auto");
    EXPECT_FALSE(run.quiet || run.allow_void || run.load.fail_fast);
    EXPECT_FALSE(run.lag_budget_ms);
}

TEST(Options, LocustSpellings) {
    const auto run = parsed({"run", "-f", "my.yaml", "-H", "http://h", "-u", "10", "-r", "2", "-t",
                             "1h30m", "-s", "5", "-n", "9", "--headless", "-q"});
    EXPECT_EQ(run.config, "my.yaml");
    EXPECT_EQ(run.load.host, "http://h");
    EXPECT_EQ(run.load.users, "10");
    EXPECT_EQ(run.load.rate_or_spawn_rate, "2");
    EXPECT_EQ(run.load.duration, "1h30m");
    EXPECT_EQ(run.load.graceful_stop, "5");
    EXPECT_EQ(run.load.requests, "9");
    EXPECT_TRUE(run.quiet);
    EXPECT_EQ(parsed({"run", "--run-time=20s"}).load.duration, "20s");
    EXPECT_EQ(parsed({"run", "--stop-timeout", "3"}).load.graceful_stop, "3");
}

TEST(Options, SeveralScenariosAndOptionsBetween) {
    EXPECT_THAT(parsed({"run", "warm_up", "-q", "spike"}).arguments,
                ElementsAre("warm_up", "spike"));
    EXPECT_THAT(parsed({"run", "--scenario", "a", "--scenario", "b", "c"}).scenarios,
                ElementsAre("a", "b"));
    EXPECT_THAT(parsed({"run", "http://h/p", "-r", "50"}).arguments, ElementsAre("http://h/p"));
}

TEST(Options, TheLastOfARepeatedOptionCounts) {
    EXPECT_EQ(parsed({"run", "-u", "1", "--users", "2"}).load.users, "2");
}

TEST(Options, OtherCommands) {
    EXPECT_EQ(parsed({"list"}).command, Command::list);
    EXPECT_EQ(parsed({"list", "-f", "x.yaml"}).config, "x.yaml");
    const auto validate = parsed({"validate", "my.yaml", "--stage", "s", "-u", "3"});
    EXPECT_EQ(validate.command, Command::validate);
    EXPECT_THAT(validate.arguments, ElementsAre("my.yaml"));
    EXPECT_EQ(validate.load.users, "3");
    const auto init = parsed({"init", "http://h", "--output", "new.yaml"});
    EXPECT_EQ(init.command, Command::init);
    EXPECT_THAT(init.arguments, ElementsAre("http://h"));
    EXPECT_EQ(init.output, "new.yaml");
    const auto attempt = parsed({"try", "chat", "--scenario", "spike", "--host", "http://h"});
    EXPECT_EQ(attempt.command, Command::try_task);
    EXPECT_THAT(attempt.arguments, ElementsAre("chat"));
    EXPECT_THAT(attempt.scenarios, ElementsAre("spike"));
}

TEST(Options, MistakesNameTheNearestKnownWord) {
    struct Case {
        std::vector<std::string> arguments;
        const char* says;
    };
    const std::vector<Case> cases{
        {{"rnu"}, "unknown command rnu; did you mean run?"},
        {{"valdate", "x.yaml"}, "unknown command valdate; did you mean validate?"},
        {{"frobnicate"}, "unknown command frobnicate\n"},
        {{"run", "--usres", "5"}, "unknown option --usres; did you mean --users?"},
        {{"run", "--usres=5"}, "unknown option --usres; did you mean --users?"},
        {{"run", "--spawnrate", "5"}, "unknown option --spawnrate; did you mean --spawn-rate?"},
        {{"run", "-u", "5", "--xml", "out"}, "unknown option --xml"},
        {{"run", "--json-file", "out"}, "unknown option --json-file"},
        {{"run", "-Z"}, "unknown option -Z"},
        {{"--quite", "run"}, "unknown option --quite"},
        {{"list", "extra"}, "unexpected argument extra"},
        {{"validate", "a.yaml", "b.yaml"}, "unexpected argument b.yaml"},
        {{"try", "chat", "health"}, "unexpected argument health"},
        {{"init", "--ouput", "x.yaml"}, "unknown option --ouput; did you mean --output?"},
        {{"init"}, "url is required"},
        {{"run", "-u"}, "--users needs a value"},
        {{"run", "-r", "5", "--rate", "6"}, "-r 5 and --rate 6 both name a rate"},
        {{"run", "--lag-budget", "soon"}, "--lag-budget: "},
    };
    for (const auto& c : cases) {
        const auto end = ended(c.arguments);
        EXPECT_EQ(end.exit_code, 2) << c.says;
        EXPECT_THAT(end.err, HasSubstr(c.says));
        EXPECT_THAT(end.err, StartsWith("squadload: error: "));
        EXPECT_THAT(end.out, IsEmpty());
    }
}

TEST(Options, HelpAndVersion) {
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"--help"}, {"-h"}}) {
        const auto help = ended(arguments);
        EXPECT_EQ(help.exit_code, 0);
        for (const auto* command : {"run", "list", "validate", "init", "try"})
            EXPECT_THAT(help.out, HasSubstr(command));
    }
    const auto run = ended({"run", "--help"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_THAT(run.out, HasSubstr("squadload run http://127.0.0.1:8000/health -r 50 -t 30s"));
    EXPECT_THAT(run.out, HasSubstr("Usage: squadload run"));
    EXPECT_THAT(run.out, HasSubstr("Exit codes"));
    EXPECT_EQ(ended({"--version"}).out, "squadload " + version() + "\n");
    EXPECT_EQ(ended({"-V"}).exit_code, 0);
    const auto nothing = ended({});
    EXPECT_EQ(nothing.exit_code, 2);
    EXPECT_THAT(nothing.err, HasSubstr("run"));
}

TEST(Options, EnvironmentBelowTheCommandLine) {
    const std::map<std::string, std::string> variables{
        {"SQUADLOAD_OUTPUT_DIR", "env_dir"}, {"SQUADLOAD_CONFIG", "env.yaml"},
        {"SQUADLOAD_BACKEND", "epoll"},      {"SQUADLOAD_LAG_BUDGET", "50ms"},
        {"SQUADLOAD_ALLOW_VOID", "1"},       {"SQUADLOAD_QUIET", "yes"}};
    const auto from_environment = parsed({"run"}, variables);
    EXPECT_EQ(from_environment.output_dir, "env_dir");
    EXPECT_EQ(from_environment.config, "env.yaml");
    EXPECT_FALSE(from_environment.config_given);
    EXPECT_EQ(from_environment.backend, "epoll");
    EXPECT_EQ(from_environment.lag_budget_ms, 50.0);
    EXPECT_TRUE(from_environment.allow_void);
    EXPECT_TRUE(from_environment.quiet);

    const auto both = parsed({"run", "--output-dir", "cli_dir", "-f", "cli.yaml", "--lag-budget",
                              "20ms", "--backend", "auto"},
                             variables);
    EXPECT_EQ(both.output_dir, "cli_dir");
    EXPECT_EQ(both.config, "cli.yaml");
    EXPECT_TRUE(both.config_given);
    EXPECT_EQ(both.lag_budget_ms, 20.0);
    EXPECT_EQ(both.backend, "auto");

    EXPECT_FALSE(parsed({"run"}, {{"SQUADLOAD_ALLOW_VOID", "0"}}).allow_void);
    EXPECT_EQ(parsed({"run"}, {{"SQUADLOAD_OUTPUT_DIR", ""}}).output_dir, "reports")
        << "empty means unset";
    EXPECT_FALSE(parsed({"validate", "arg.yaml"}, variables).config) << "the file is given";
    EXPECT_EQ(parsed({"validate"}, variables).config, "env.yaml");
}

TEST(Options, WrongEnvironmentNamesTheVariable) {
    EXPECT_THAT(ended({"run"}, {{"SQUADLOAD_QUIET", "maybe"}}).err,
                HasSubstr("SQUADLOAD_QUIET: \"maybe\""));
    EXPECT_THAT(ended({"run"}, {{"SQUADLOAD_LAG_BUDGET", "soon"}}).err,
                HasSubstr("SQUADLOAD_LAG_BUDGET: "));
}

TEST(Options, Switches) {
    for (const auto* on : {"1", "true", "YES", "On"}) EXPECT_TRUE(*parse_switch("X", on)) << on;
    for (const auto* off : {"0", "false", "No", "off", ""})
        EXPECT_FALSE(*parse_switch("X", off)) << off;
    for (const auto* neither : {"2", "y", "enabled"})
        EXPECT_FALSE(parse_switch("X", neither)) << neither;
}

TEST(CommandText, IsQuotedForAShell) {
    EXPECT_EQ(command_text({"run", "spike", "--host", "http://h:80/p"}),
              "squadload run spike --host http://h:80/p");
    EXPECT_EQ(command_text({"run", "two words", "it's", ""}),
              "squadload run 'two words' 'it'\\''s' ''");
    EXPECT_EQ(command_text({"run", "http://h/?a=1&b=2"}), "squadload run 'http://h/?a=1&b=2'");
}

TEST(CommandText, SecretsAreMasked) {
    EXPECT_EQ(command_text({"run", "http://user:pass@h/p"}), "squadload run 'http://***@h/p'");
    EXPECT_EQ(command_text({"run", "--host=http://user:p@ss@h"}),
              "squadload run '--host=http://***@h'");
    EXPECT_EQ(command_text({"run", "http://h/p?api_key=abc&x=1&Token=t"}),
              "squadload run 'http://h/p?api_key=***&x=1&Token=***'");
    EXPECT_EQ(command_text({"run", "http://h/a@b?x=c@d"}), "squadload run 'http://h/a@b?x=c@d'")
        << "no user info";
    EXPECT_THAT(command_text({"run", "http://h/?key=a", "-u", "3"}), Not(HasSubstr("key=a")));
    EXPECT_EQ(command_text({"run", "--proxy", "u:pass@proxy:3128", "-u", "3"}),
              "squadload run --proxy '***@proxy:3128' -u 3");
    EXPECT_EQ(command_text({"run", "--proxy=u:pass@proxy:3128"}),
              "squadload run '--proxy=***@proxy:3128'");
    EXPECT_EQ(command_text({"run", "--proxy", "http://u:pa/ss@proxy:3128"}),
              "squadload run --proxy 'http://***@proxy:3128'");
    EXPECT_EQ(command_text({"run", "--proxy", "proxy:3128"}), "squadload run --proxy proxy:3128");
}

}  // namespace
}  // namespace squadload::cli
