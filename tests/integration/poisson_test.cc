// Random arrivals as they really happened: the merged actual starts of all workers form a Poisson
// process.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "integration/engine_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;

class PoissonArrivals : public LoopTest {};

TEST_P(PoissonArrivals, AreRandomForAnyNumberOfWorkers) {
    for (const std::uint32_t workers : {1U, 4U}) {
        test_support::TestServer server;
        const auto m = run_undisturbed(
            [&] {
                engine::Plan plan = open_plan(server, 400, 5s);
                plan.scenario.arrivals = pacing::Arrivals::poisson;
                plan.scenario.workers = workers;
                plan.scenario.seed = 11;
                return plan;
            },
            GetParam());
        if (!m) return;
        const auto randomness = measure::randomness(m->arrival_bins);
        ASSERT_TRUE(randomness) << workers;
        EXPECT_EQ(randomness->bins, 1000U);
        EXPECT_TRUE(randomness->within(4))
            << workers << " workers: dispersion " << randomness->dispersion_index << ", lag-1 "
            << randomness->lag1_correlation;
        EXPECT_NEAR(static_cast<double>(m->scheduled), 2000, 4 * std::sqrt(2000));
        EXPECT_EQ(all(*m).outcomes.ok(), m->scheduled);
    }
}

INSTANTIATE_TEST_SUITE_P(Loops, PoissonArrivals, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
