#include "cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/files.h"
#include "run/test_support.h"

namespace squadload::cli {
namespace {

using run::environment_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kFile = R"(target: {host: "http://api.test"}
users:
  Visitor:
    tasks:
      page: {method: GET, path: /}
scenarios:
  paced: {rate: 50, duration: 10}
  crowd: {users: 20, spawn_rate: 5, duration: 10}
)";

scenario::Config config_of(const scenario::Environment& environment) {
    auto config = scenario::Config::parse(kFile, "my.yaml", environment);
    EXPECT_TRUE(config) << config.error().text();
    return *config;
}

Invocation run_of(std::vector<std::string> arguments) {
    Invocation invocation;
    invocation.arguments = std::move(arguments);
    return invocation;
}

TEST(Commands, ChosenNames) {
    const auto config = config_of(environment_of({}));
    EXPECT_THAT(*chosen_names(run_of({}), config), ElementsAre("paced")) << "the first of the file";
    EXPECT_THAT(*chosen_names(run_of({"crowd", "paced"}), config), ElementsAre("crowd", "paced"))
        << "as typed";
    EXPECT_THAT(*chosen_names(run_of({"all"}), config), ElementsAre("paced", "crowd"));
    auto by_option = run_of({"paced"});
    by_option.scenarios = {"crowd"};
    EXPECT_THAT(*chosen_names(by_option, config), ElementsAre("paced", "crowd"));
    for (const auto& wrong : std::vector<std::vector<std::string>>{
             {"all", "paced"}, {"paced", "paced"}, {"paced", "http://h"}}) {
        const auto names = chosen_names(run_of(wrong), config);
        ASSERT_FALSE(names) << wrong.back();
        EXPECT_EQ(names.error().kind, ErrorKind::usage);
    }
}

TEST(Commands, AnUnknownScenarioNamesTheNearest) {
    const auto environment = environment_of({});
    const auto scenario = config_of(environment).effective("crowdd", {});
    ASSERT_FALSE(scenario);
    EXPECT_THAT(scenario.error().text(), HasSubstr("crowd"));
}

TEST(Commands, UrlNeedsNoFileAndStandsAlone) {
    const auto environment = environment_of({});
    const auto config = load_config(run_of({"http://api.test/page"}), environment);
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_THAT(*chosen_names(run_of({"http://api.test/page"}), *config), testing::SizeIs(1));
    auto with_host = run_of({"http://api.test/"});
    with_host.load.host = "http://other.test";
    auto with_config = run_of({"http://api.test/"});
    with_config.config = "my.yaml";
    with_config.config_given = true;
    auto with_scenario = run_of({"http://api.test/"});
    with_scenario.scenarios = {"spike"};
    for (const auto& wrong :
         {run_of({"http://api.test/", "spike"}), with_host, with_config, with_scenario}) {
        const auto bad = load_config(wrong, environment);
        ASSERT_FALSE(bad);
        EXPECT_EQ(bad.error().kind, ErrorKind::usage);
    }
    auto from_environment = run_of({"http://api.test/"});
    from_environment.config = "my.yaml";  // SQUADLOAD_CONFIG is set for other runs
    EXPECT_TRUE(load_config(from_environment, environment));
}

// -r is a request rate where the model is open and a spawn rate where it is closed.
TEST(Commands, MeaningOfR) {
    struct Case {
        const char* what;
        std::string scenario;
        std::optional<std::string> users;
        std::map<std::string, std::string> variables;
        bool open;
    };
    const std::vector<Case> cases{{"open scenario", "paced", std::nullopt, {}, true},
                                  {"closed scenario", "crowd", std::nullopt, {}, false},
                                  {"open scenario made closed by --users", "paced", "5", {}, false},
                                  {"open scenario made closed by the environment",
                                   "paced",
                                   std::nullopt,
                                   {{"SQUADLOAD_USERS", "5"}},
                                   false},
                                  {"closed scenario made open by the environment",
                                   "crowd",
                                   std::nullopt,
                                   {{"SQUADLOAD_RATE", "9"}},
                                   true}};
    for (const auto& c : cases) {
        const auto environment = environment_of(c.variables);
        auto invocation = run_of({c.scenario});
        invocation.load.users = c.users;
        invocation.load.rate_or_spawn_rate = "7";
        const auto s = config_of(environment).effective(c.scenario, invocation.load);
        ASSERT_TRUE(s) << c.what << ": " << s.error().text();
        EXPECT_EQ(s->model == scenario::Model::open, c.open) << c.what;
        if (c.open) {
            ASSERT_EQ(s->rates.size(), 1U) << c.what;
            EXPECT_EQ(s->rates[0].start_per_s, 7) << c.what;
        } else {
            EXPECT_EQ(s->spawn_rate, 7) << c.what;
        }
    }
}

TEST(Commands, MeaningOfRWithAUrl) {
    const auto environment = environment_of({});
    auto invocation = run_of({"http://api.test/"});
    invocation.load.duration = "5s";
    invocation.load.rate_or_spawn_rate = "50";
    const auto config = load_config(invocation, environment);
    const auto name = config->scenario_names().front();
    const auto paced = config->effective(name, invocation.load);
    ASSERT_TRUE(paced) << paced.error().text();
    EXPECT_EQ(paced->model, scenario::Model::open);
    EXPECT_EQ(paced->rates.at(0).start_per_s, 50);
    invocation.load.users = "10";  // as with Locust: 10 users, 50 more each second
    const auto crowd = config->effective(name, invocation.load);
    ASSERT_TRUE(crowd) << crowd.error().text();
    EXPECT_EQ(crowd->model, scenario::Model::closed);
    EXPECT_EQ(crowd->users, 10U);
    EXPECT_EQ(crowd->spawn_rate, 50);
}

TEST(Commands, AMissingDefaultFileNamesTheWaysOn) {
    const auto before = std::filesystem::current_path();
    const auto empty =
        std::filesystem::temp_directory_path() / ("squadload_cli_" + std::to_string(::getpid()));
    std::filesystem::create_directories(empty);
    std::filesystem::current_path(empty);
    const auto config = load_config(run_of({}), environment_of({}));
    std::filesystem::current_path(before);
    std::filesystem::remove_all(empty);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().kind, ErrorKind::config);
    EXPECT_THAT(config.error().message, HasSubstr("--config"));
    EXPECT_THAT(config.error().message, HasSubstr("squadload init"));
}

TEST(Files, AreCreatedWithTheirFolderAndNeverOverwritten) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("squadload_files_" + std::to_string(::getpid()));
    const auto path = (folder / "deep" / "new.yaml").string();
    ASSERT_TRUE(write_new_file(path, "first\n"));
    const auto again = write_new_file(path, "second\n");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::io);
    EXPECT_THAT(again.error().message, HasSubstr("not overwritten"));
    std::stringstream content;
    content << std::ifstream(path).rdbuf();
    EXPECT_EQ(content.str(), "first\n");
    EXPECT_FALSE(write_new_file(path + "/below", "x")) << "a file is no folder";
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace squadload::cli
