// Runs the engine with real loops against a test server.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "load/engine/engine.h"
#include "support/certificates.h"
#include "support/test_server.h"

namespace squadload::integration {

[[nodiscard]] engine::Plan plan_for(const test_support::TestServer& server);
[[nodiscard]] engine::Plan open_plan(const test_support::TestServer& server, double rate,
                                     Nanos duration);

// A server with TLS, a client of it that verifies its certificate, and what goes with both.
[[nodiscard]] test_support::ServerOptions tls_server(
    test_support::ServerCertificate certificate = test_support::ServerCertificate::good);
[[nodiscard]] engine::Plan tls_plan(const test_support::TestServer& server, double rate,
                                    Nanos duration);
[[nodiscard]] test_support::Certificates& certificates();  // the tests' own

// One implementation of the loop, by name; the parameter of the tests.
struct LoopKind {
    std::string name;
    engine::LoopFactory make;
};
[[nodiscard]] std::vector<LoopKind> loop_kinds();

// Skips where the machine refuses the loop, and says why.
class LoopTest : public ::testing::TestWithParam<LoopKind> {
  protected:
    void SetUp() override;
};
[[nodiscard]] std::string loop_name(const ::testing::TestParamInfo<LoopKind>& info);

[[nodiscard]] engine::Measurements run(const engine::Plan& plan, const LoopKind& loop);
[[nodiscard]] engine::Measurements run(const engine::Plan& plan, const LoopKind& loop,
                                       engine::StopSwitch& stop, const engine::Observer& observer);
// For tests that compare times: runs again, up to five times, until the engine's own account
// (generator lag p99.9) says that the machine left it alone; what else runs on the machine must not
// decide a test. If it never does, there is nothing to compare: the test is skipped when an idle
// thread beside the engine was late as well, and fails when only the engine was.
// `prepare` is called before each run.
[[nodiscard]] std::optional<engine::Measurements> run_undisturbed(
    const std::function<engine::Plan()>& prepare, const LoopKind& loop);
[[nodiscard]] measure::TaskStats all(const engine::Measurements& m);
[[nodiscard]] std::string first_message(const engine::Measurements& m);  // of the failures

}  // namespace squadload::integration
