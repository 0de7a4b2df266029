// A worker in steady state takes no memory: not per request, not per second.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/random.h"
#include "integration/engine_run.h"
#include "load/engine/collector.h"
#include "load/engine/worker.h"
#include "load/scenario/data_sets.h"
#include "support/allocation_count.h"
#include "support/certificates.h"
#include "support/quick_server.h"

namespace squadload::integration {
namespace {

using test_support::allocations;

constexpr std::uint64_t kWarmUpRequests = 20'000;
constexpr std::uint64_t kRequests = 100'000;
constexpr int kWarmUpSeconds = 3;  // then every interval in circulation has been collected

const std::string kAnswer =
    "HTTP/1.1 200 OK\r\nServer: quick\r\nContent-Type: application/json\r\nX-Part: 7\r\n"
    "X-Squad-Provider: groq\r\nX-Squad-Model: llama-3.3-70b-versatile\r\nX-Squad-Fallback: true\r\n"
    "X-Squad-Fallback-Reason: quota\r\nX-Squad-Attempts: cerebras=skipped:quota, groq=ok\r\n"
    "X-Squad-Tokens: 120+80\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\n"
    "Content-Length: 61\r\n\r\n"
    R"({"text":"Diversify.","provider":"demo","usage":{"tokens":12}})";

// The window in which nothing may be allocated: `kRequests` requests and at least one hand-over of
// a second's measurements, after the warm-up. Told by the server, so that it begins and ends
// between requests of a worker at full speed.
class Window {
  public:
    explicit Window(engine::StopSwitch& stop) : stop_(stop) {}

    void on_request(std::uint64_t number) {
        if (first_ == 0) {
            if (number < kWarmUpRequests || seconds_ < kWarmUpSeconds) return;
            first_ = number;
            seconds_at_first_ = seconds_;
            allocations_before_ = allocations();
            test_support::trace_allocations(true);
        } else if (!done_ && number >= first_ + kRequests && seconds_ > seconds_at_first_) {
            done_ = true;
            test_support::trace_allocations(false);
            allocated_ = allocations() - allocations_before_;
            stop_.stop(engine::StopReason::interrupted);
        }
    }
    void on_second() { ++seconds_; }

    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] std::uint64_t allocated() const { return allocated_; }
    [[nodiscard]] std::uint64_t allocations_before() const { return allocations_before_; }

  private:
    engine::StopSwitch& stop_;
    std::atomic<int> seconds_{0};
    std::uint64_t first_ = 0;
    int seconds_at_first_ = 0;
    bool done_ = false;
    std::uint64_t allocations_before_ = 0;
    std::uint64_t allocated_ = 0;
};

scenario::Template compiled(std::string_view text, scenario::Escape escape,
                            const scenario::DataSets& data) {
    return scenario::Template::compile(text, escape, {data, scenario::process_environment()},
                                       {"test", 1, 1})
        .value();
}

// A constant GET and a templated POST, with expectations on headers, body and JSON, and with a look
// at who served.
engine::Plan mixed_plan(std::uint16_t port) {
    engine::Plan plan;
    plan.origin.host = "127.0.0.1";
    plan.origin.address = transport::Address::parse(plan.origin.host, port).value();
    plan.origin.authority = fmt::format("127.0.0.1:{}", port);
    plan.scenario.name = "allocation";
    plan.scenario.duration = std::chrono::minutes{5};
    plan.scenario.graceful_stop = std::chrono::seconds{10};
    auto data = std::make_shared<scenario::DataSets>();
    EXPECT_TRUE(data->add_list("prompts", {"How do I \"diversify\"?", "What is an index fund?"},
                               {"test", 1, 1}));
    plan.scenario.data = data;

    scenario::Task get;
    get.name = "get";
    get.path = scenario::Template::constant("/health");
    get.expect.headers.push_back({"Content-Type", "application/json", std::nullopt});
    get.expect.body_contains.emplace_back("\"provider\"");

    scenario::Task post;
    post.name = "post";
    post.method = "POST";
    post.path = compiled("/chat/{{ seq() }}", scenario::Escape::url_path, *data);
    post.headers.emplace_back("X-Request-Id",
                              compiled("{{ uuid() }}", scenario::Escape::none, *data));
    post.has_body = true;
    post.body = compiled(R"({"prompt":"{{ choice(prompts) }}","n":"{{ random_int(1, 100) }}"})",
                         scenario::Escape::json_string, *data);
    post.expect.json.push_back({"/usage/tokens", "12"});
    post.expect.json.push_back({"/text", std::nullopt});
    plan.scenario.classes.push_back({"User", 1, {}, {get, post}});
    plan.scenario.attribution = *scenario::attribution_preset("squad");
    return plan;
}

// Makes every octave of every histogram, as a long run makes them one by one: at most 34 for each.
void use_all(measure::Interval& interval) {
    for (std::uint16_t task = 0; task < interval.tasks.size(); ++task) {
        for (std::int64_t t = 1; t < std::int64_t{1} << 43; t *= 2) {
            measure::RequestRecord record;
            record.task = task;
            record.response_time = record.service_time = record.blocked = Nanos{t};
            record.generator_lag = record.connect = record.first_byte = Nanos{t};
            interval.tasks[task].record(record);
        }
    }
    measure::Claim claim;
    claim.provider = "groq";
    claim.fallback_reason = "quota";
    claim.fallback = measure::Claim::Fallback::yes;
    claim.ok = true;
    for (std::int64_t t = 1; t < std::int64_t{1} << 43; t *= 2)
        interval.providers.record(claim, Nanos{t});
}

// Runs one worker on a thread of its own, its intervals collected as in any run.
void run_counted(const engine::Plan& plan, const LoopKind& loop, engine::StopSwitch& stop,
                 Window& window, measure::TaskStats& all, std::uint64_t& attributed) {
    const engine::EntryTable entries(plan);
    engine::Collector collector(1, entries.size(), entries.sequence_count());
    const auto& s = plan.scenario;
    std::optional<pacing::Schedule> schedule;
    if (s.model == scenario::Model::open)
        schedule.emplace(pacing::RateProfile(s.rates), s.arrivals, s.seed, s.requests);
    std::thread thread([&] {
        test_support::count_allocations_of_this_thread(true);
        {
            const auto made = loop.make(0);
            ASSERT_TRUE(made) << made.error().text();
            engine::Worker worker(plan, entries, schedule ? &*schedule : nullptr, {}, **made,
                                  collector, stop);
            worker.run((*made)->now());
        }
        test_support::count_allocations_of_this_thread(false);
    });
    while (auto interval = collector.next()) {
        for (const auto& task : interval->tasks) all.merge(task);
        for (const auto& provider : interval->providers.all()) attributed += provider.responses;
        use_all(*interval);
        collector.recycle(std::move(interval));
        window.on_second();
    }
    thread.join();
}

// libcrypto allocates as it likes (a handshake, some records); that is counted beside ours. Set
// before main(), because libcrypto takes it only before its own first allocation.
constinit std::atomic<std::uint64_t> crypto_allocations{0};

void* crypto_malloc(std::size_t size, const char*, int) {
    const test_support::UncountedAllocations uncounted;
    if (uncounted.were_counted()) ++crypto_allocations;
    return std::malloc(size);
}
void* crypto_realloc(void* memory, std::size_t size, const char*, int) {
    const test_support::UncountedAllocations uncounted;
    if (uncounted.were_counted()) ++crypto_allocations;
    return std::realloc(memory, size);
}
void crypto_free(void* memory, const char*, int) {
    std::free(memory);
}
const bool crypto_is_counted_apart =
    CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;

class AllocationTest : public LoopTest {
  protected:
    void SetUp() override {
        if (!test_support::allocations_are_counted())
            GTEST_SKIP() << "sanitizers bring their own malloc";
        LoopTest::SetUp();
    }

    void expect_none(const std::function<void(scenario::Scenario&)>& shape,
                     const test_support::TlsContext* tls = nullptr) {
        engine::StopSwitch stop;
        Window window(stop);
        const test_support::QuickServer server(
            kAnswer, [&](std::uint64_t number) { window.on_request(number); }, tls);
        engine::Plan plan = mixed_plan(server.port());
        plan.origin.tls = tls != nullptr;
        shape(plan.scenario);
        measure::TaskStats all;
        std::uint64_t attributed = 0;
        run_counted(plan, GetParam(), stop, window, all, attributed);

        ASSERT_TRUE(window.done()) << all.outcomes.requests() << " requests";
        EXPECT_EQ(all.outcomes[measure::Outcome::ok], all.outcomes.requests());
        EXPECT_EQ(attributed, all.outcomes.requests());
        EXPECT_GT(window.allocations_before(), 10U) << "the count does not work";
        EXPECT_EQ(window.allocated(), 0U) << test_support::traced_allocations();
    }
};

TEST_P(AllocationTest, NoneInTheClosedModel) {
    expect_none([](scenario::Scenario& s) {
        s.model = scenario::Model::closed;
        s.users = 64;
    });
}

TEST_P(AllocationTest, NoneInTheClosedModelWithWaitsAndAPool) {
    expect_none([](scenario::Scenario& s) {
        s.model = scenario::Model::closed;
        s.users = 200;
        s.classes[0].wait = {pacing::WaitTime::Kind::between, std::chrono::microseconds{500},
                             std::chrono::microseconds{1500}};
        s.target.connections = {scenario::ConnectionMode::shared, 50};
    });
}

TEST_P(AllocationTest, NoneInTheOpenModel) {
    expect_none([](scenario::Scenario& s) {
        s.model = scenario::Model::open;
        s.users = 64;
        s.arrivals = pacing::Arrivals::poisson;
        // More than can be taken at first, so that every slot has been used when counting begins.
        s.rates = {{std::chrono::seconds{1}, 250'000, 250'000}, {s.duration, 25'000, 25'000}};
    });
}

TEST_P(AllocationTest, NoneOfOursOverTls) {
    ASSERT_TRUE(crypto_is_counted_apart);
    test_support::Certificates certificates;
    test_support::TlsServerOptions options;
    options.certificate = certificates.server(test_support::ServerCertificate::good);
    const test_support::TlsContext tls(options);
    const std::uint64_t before = crypto_allocations;
    expect_none(
        [&](scenario::Scenario& s) {
            s.model = scenario::Model::closed;
            s.users = 64;
            s.target.tls.ca_file = certificates.authority();
        },
        &tls);
    EXPECT_GT(crypto_allocations, before) << "the count of libcrypto's does not work";
}

INSTANTIATE_TEST_SUITE_P(Loops, AllocationTest, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
