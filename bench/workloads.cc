// Fixed work on fixed input, without sockets or clocks, for counting instructions:
//   bench_workloads            names of the workloads
//   bench_workloads NAME N     does it for N requests
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "base/random.h"
#include "load/engine/entry_table.h"
#include "load/engine/worker.h"
#include "load/http/expectation.h"
#include "load/http/response_parser.h"
#include "load/measure/task_stats.h"
#include "load/scenario/data_sets.h"
#include "load/transport/sim_loop.h"

namespace {

using namespace squadload;
using namespace std::chrono_literals;

const std::string kBody =
    R"({"text":"Diversify, and keep costs low.","provider":"demo","usage":{"tokens":12},"ok":1})";

std::string response(const std::string& headers, const std::string& body) {
    return "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 09:15:00 GMT\r\n"
           "Content-Type: application/json\r\nConnection: keep-alive\r\n" +
           headers + "\r\n" + body;
}

std::string sized_response() {
    return response("Content-Length: " + std::to_string(kBody.size()) + "\r\n", kBody);
}

void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "bench_workloads: %s\n", what);
    std::exit(1);
}

// Answers everything with the same bytes after 100 us.
class FixedServer final : public transport::SimServer {
  public:
    void on_bytes(transport::SimConnection& connection, std::span<const char>) override {
        connection.reply(100us, answer_);
    }

  private:
    std::string answer_ = sized_response();
};

struct Sink final : engine::IntervalSink {
    std::unique_ptr<measure::Interval> exchange(std::uint32_t,
                                                std::unique_ptr<measure::Interval> full) override {
        for (const auto& task : full->tasks) ok += task.outcomes[measure::Outcome::ok];
        full->clear();
        return full;
    }
    std::uint64_t ok = 0;
};

scenario::Task get_task() {
    scenario::Task get;
    get.name = "get";
    get.path = scenario::Template::constant("/health");
    get.expect.headers.push_back({"Content-Type", "application/json", std::nullopt});
    get.expect.body_contains.emplace_back("\"provider\"");
    return get;
}

scenario::Task post_task(const scenario::DataSets& data) {
    const auto compiled = [&](std::string_view text, scenario::Escape escape) {
        return scenario::Template::compile(text, escape, {data, scenario::process_environment()},
                                           {"bench", 1, 1})
            .value();
    };
    scenario::Task post;
    post.name = "post";
    post.method = "POST";
    post.path = compiled("/chat/{{ seq() }}", scenario::Escape::url_path);
    post.headers.emplace_back("X-Request-Id", compiled("{{ uuid() }}", scenario::Escape::none));
    post.has_body = true;
    post.body = compiled(R"({"prompt":"{{ choice(prompts) }}","n":"{{ random_int(1, 100) }}"})",
                         scenario::Escape::json_string);
    post.expect.json.push_back({"/usage/tokens", "12"});
    return post;
}

void run_worker(scenario::Scenario scenario, std::uint64_t n) {
    engine::Plan plan;
    plan.origin.authority = "target";
    plan.scenario = std::move(scenario);
    plan.scenario.duration = std::chrono::hours{1000};
    plan.scenario.requests = n;
    std::optional<pacing::Schedule> schedule;
    if (plan.scenario.model == scenario::Model::open)
        schedule.emplace(pacing::RateProfile({{plan.scenario.duration, 100'000, 100'000}}),
                         plan.scenario.arrivals, plan.scenario.seed, n);
    const engine::EntryTable entries(plan);
    FixedServer server;
    const auto loop = transport::SimLoop::make(server);
    Sink sink;
    const engine::StopSwitch stop;
    engine::Worker worker(plan, entries, schedule ? &*schedule : nullptr, {}, *loop, sink, stop);
    worker.run(loop->now());
    require(sink.ok == n, "not every request was ok");
}

scenario::Scenario scenario_of(scenario::Task task, std::shared_ptr<scenario::DataSets> data) {
    scenario::Scenario s;
    s.model = scenario::Model::closed;
    s.users = 64;
    s.data = std::move(data);
    s.classes.push_back({"User", 1, {}, {std::move(task)}});
    return s;
}

void closed_get(std::uint64_t n) {
    run_worker(scenario_of(get_task(), nullptr), n);
}

void closed_post(std::uint64_t n) {
    auto data = std::make_shared<scenario::DataSets>();
    require(data->add_list("prompts", {"How do I \"diversify\"?", "What is an index fund?"}, {})
                .has_value(),
            "no data");
    auto task = post_task(*data);
    run_worker(scenario_of(std::move(task), std::move(data)), n);
}

void open_get(std::uint64_t n) {
    auto s = scenario_of(get_task(), nullptr);
    s.model = scenario::Model::open;
    run_worker(std::move(s), n);
}

void parser(std::uint64_t n) {
    const std::string responses[] = {
        sized_response(),
        response("Transfer-Encoding: chunked\r\n",
                 "10\r\n0123456789abcdef\r\n3\r\nabc\r\n0\r\n\r\n"),
        "HTTP/1.1 100 Continue\r\n\r\n" + sized_response(),
        "HTTP/1.1 204 No Content\r\nX-Request-Id: 8f14e45f\r\n\r\n",
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nslow",
    };
    http::ResponseParser parser;
    for (std::uint64_t i = 0; i < n; ++i) {
        parser.start(false, true, true, {});
        require(parser.feed(responses[i % std::size(responses)]) ==
                    http::ResponseParser::Status::complete,
                "a response did not parse");
    }
}

void json_check(std::uint64_t n) {
    scenario::Expectation expect;
    expect.json = {{"/usage/tokens", "12"}, {"/provider", "\"demo\""}, {"/ok", std::nullopt}};
    http::ResponseParser parser;
    parser.start(false, false, true, {});
    require(parser.feed(sized_response()) == http::ResponseParser::Status::complete, "no response");
    for (std::uint64_t i = 0; i < n; ++i)
        require(http::unmet_expectation(expect, parser, 1ms).empty(), "a check failed");
}

void histogram(std::uint64_t n) {
    measure::TaskStats stats;
    Random random(1, RandomStream::test, 1);
    for (std::uint64_t i = 0; i < n; ++i) {
        measure::RequestRecord record;
        record.service_time = Nanos{50'000 + static_cast<std::int64_t>(random.below(10'000'000))};
        record.response_time = record.service_time + 2us;
        record.generator_lag = 2us;
        record.first_byte = record.service_time - 1us;
        stats.record(record);
    }
    require(stats.response_time.count() == n, "not every value was counted");
}

const std::map<std::string, std::function<void(std::uint64_t)>> kWorkloads{
    {"closed_get", closed_get}, {"closed_post", closed_post}, {"open_get", open_get},
    {"parser", parser},         {"json_check", json_check},   {"histogram", histogram},
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        for (const auto& [name, workload] : kWorkloads) std::puts(name.c_str());
        return 0;
    }
    const auto workload = kWorkloads.find(argv[1]);
    require(workload != kWorkloads.end(), "no such workload");
    workload->second(std::strtoull(argv[2], nullptr, 10));
    return 0;
}
