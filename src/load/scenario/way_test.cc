#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "load/scenario/config.h"

namespace squadload::scenario {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using WayVariables = std::map<std::string, std::string>;

Result<Scenario> with_target(const std::string& target, const CommandLine& command_line = {},
                             WayVariables variables = {}) {
    const auto config = Config::parse(
        "target:\n  host: https://api.test\n" + target + "scenarios: {s: {rate: 1, duration: 1}}\n",
        "tests/f.yaml",
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        });
    if (!config) return tl::unexpected(config.error());
    return config->effective("s", command_line);
}

constexpr const char* kAll = R"(  tls:
    verify: true
    ca_file: certificates/ca.pem
    certificate_file: /etc/client.pem
    key_file: ../key.pem
    server_name: other.test
    session_reuse: true
    min_version: 1.3
    max_version: "1.3"
  proxy: http://alice:secret@proxy.test:3128
)";

TEST(WayToTheTarget, IsReadWithPathsBesideTheFile) {
    const auto s = with_target(kAll);
    ASSERT_TRUE(s) << s.error().text();
    const TlsSettings& tls = s->target.tls;
    EXPECT_TRUE(tls.verify);
    EXPECT_EQ(tls.ca_file, "tests/certificates/ca.pem");
    EXPECT_EQ(tls.ca_mark.line, 5);
    EXPECT_EQ(tls.certificate_file, "/etc/client.pem");
    EXPECT_EQ(tls.key_file, "key.pem");
    EXPECT_EQ(tls.server_name, "other.test");
    EXPECT_TRUE(tls.session_reuse);
    EXPECT_EQ(tls.min_version, "1.3");
    EXPECT_EQ(tls.max_version, "1.3");
    EXPECT_EQ(s->target.proxy, "http://alice:secret@proxy.test:3128");
    EXPECT_EQ(s->target.proxy_mark.file, "tests/f.yaml");
}

TEST(WayToTheTarget, DefaultsVerifyAndResumeNothing) {
    const auto s = with_target("");
    ASSERT_TRUE(s);
    EXPECT_TRUE(s->target.tls.verify);
    EXPECT_FALSE(s->target.tls.session_reuse);
    EXPECT_EQ(s->target.tls.min_version, "1.2");
    EXPECT_EQ(s->target.tls.max_version, "1.3");
    EXPECT_EQ(s->target.proxy, "");
}

TEST(WayToTheTarget, IsPrintedSoThatItReadsBack) {
    const auto s = with_target(kAll);
    ASSERT_TRUE(s);
    const std::string yaml = to_yaml(*s);
    EXPECT_THAT(yaml, HasSubstr("verify: true"));
    EXPECT_THAT(yaml, HasSubstr("max_version: 1.3"));
    EXPECT_THAT(yaml, HasSubstr("http://alice:***@proxy.test:3128"));
    EXPECT_THAT(yaml, Not(HasSubstr("secret")));
    const auto again = Config::parse(
        yaml, "again.yaml", [](const std::string&) { return std::optional<std::string>(); });
    ASSERT_TRUE(again) << again.error().text();
    const auto read = again->effective("s", {});
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(to_yaml(*read), yaml);
}

TEST(WayToTheTarget, MistakesNameTheirPlace) {
    for (const auto& [target, says] :
         WayVariables{{"  tls: {verfy: true}\n", "did you mean"},
                      {"  tls: {min_version: 1.1}\n", "f.yaml:3:"},
                      {"  tls: {min_version: 1.3, max_version: 1.2}\n", "it is below min_version"},
                      {"  tls: {ca_file: ''}\n", "expected the name of a PEM file"},
                      {"  tls: yes\n", "f.yaml:3:"}}) {
        const auto s = with_target(target);
        ASSERT_FALSE(s) << target;
        EXPECT_THAT(s.error().text(), HasSubstr(says)) << target;
    }
}

TEST(WayToTheTarget, OptionsWinOverVariablesAndThoseOverTheFile) {
    CommandLine options;
    options.ca_file = "mine.pem";
    options.proxy = "none";
    const WayVariables variables{{"SQUADLOAD_CA_FILE", "theirs.pem"},
                                 {"SQUADLOAD_CERT", "cert.pem"},
                                 {"SQUADLOAD_KEY", "cert.key"},
                                 {"SQUADLOAD_PROXY", "http://other:1"}};
    auto s = with_target(kAll, options, variables);
    ASSERT_TRUE(s) << s.error().text();
    EXPECT_EQ(s->target.tls.ca_file, "mine.pem") << "as typed: relative to where we are";
    EXPECT_EQ(s->target.tls.ca_mark.file, "--ca-file");
    EXPECT_EQ(s->target.tls.certificate_file, "cert.pem");
    EXPECT_EQ(s->target.tls.certificate_mark.file, "SQUADLOAD_CERT");
    EXPECT_EQ(s->target.tls.key_file, "cert.key");
    EXPECT_EQ(s->target.proxy, "none");
    s = with_target(kAll, {}, variables);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->target.tls.ca_file, "theirs.pem");
    EXPECT_EQ(s->target.proxy, "http://other:1");
}

TEST(WayToTheTarget, ACertificateOfTheCommandLineDoesNotTakeTheFilesKey) {
    CommandLine options;
    options.certificate = "both.pem";
    const auto s = with_target(kAll, options);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->target.tls.key_file, "");
}

TEST(WayToTheTarget, InsecureIsAskedForInWords) {
    CommandLine insecure;
    insecure.insecure = true;
    EXPECT_FALSE(with_target(kAll, insecure)->target.tls.verify);
    EXPECT_FALSE(with_target("", {}, {{"SQUADLOAD_INSECURE", "1"}})->target.tls.verify);
    EXPECT_FALSE(with_target("", {}, {{"SQUADLOAD_INSECURE", "true"}})->target.tls.verify);
    EXPECT_TRUE(with_target("", {}, {{"SQUADLOAD_INSECURE", "0"}})->target.tls.verify);
    EXPECT_TRUE(with_target("", {}, {{"SQUADLOAD_INSECURE", ""}})->target.tls.verify);
    EXPECT_FALSE(with_target("", {}, {{"SQUADLOAD_INSECURE", "perhaps"}}));
}

}  // namespace
}  // namespace squadload::scenario
