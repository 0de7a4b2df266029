// For the engine's tests: a plan in a few words, a scripted HTTP server on the simulated loop, and
// one worker run to its end.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "load/engine/engine.h"
#include "load/engine/entry_table.h"
#include "load/engine/worker.h"
#include "load/transport/sim_loop.h"

namespace squadload::engine::testing {

using namespace std::chrono_literals;

inline const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

inline scenario::Task make_task(const std::string& name, const std::string& path = "/",
                                std::uint32_t weight = 1) {
    scenario::Task task;
    task.name = name;
    task.entry_name = path;
    task.weight = weight;
    task.path = scenario::Template::constant(path);
    return task;
}

inline Plan make_plan() {
    Plan plan;
    plan.origin.authority = "target";
    plan.scenario.name = "test";
    plan.scenario.seed = 7;
    plan.scenario.classes.push_back({"User", 1, {}, {make_task("get")}});
    return plan;
}

inline Plan open_plan(double rate, Nanos duration, std::uint32_t users = 10'000) {
    Plan plan = make_plan();
    plan.scenario.model = scenario::Model::open;
    plan.scenario.users = users;
    plan.scenario.duration = duration;
    plan.scenario.rates = {{duration, rate, rate}};
    return plan;
}

inline Plan closed_plan(std::uint32_t users, Nanos duration, pacing::WaitTime wait = {}) {
    Plan plan = make_plan();
    plan.scenario.model = scenario::Model::closed;
    plan.scenario.users = users;
    plan.scenario.duration = duration;
    plan.scenario.classes[0].wait = wait;
    return plan;
}

// Answers each request (head only, or with Content-Length) by what `script` says.
class ScriptedServer : public transport::SimServer {
  public:
    struct Answer {
        Nanos after{};
        std::string bytes = kOk;
        bool silent = false;
        bool close = false;  // FIN after the bytes
        int reset = 0;       // errno after the bytes
    };
    using Script = std::function<Answer(std::uint64_t request, const std::string& text)>;

    explicit ScriptedServer(Script script) : script_(std::move(script)) {}

    Accept on_connect(transport::SimConnection&) override {
        ++connections;
        return accept;
    }

    void on_bytes(transport::SimConnection& connection, std::span<const char> bytes) override {
        std::string& buffer = buffers_[connection.id()];
        buffer.append(bytes.data(), bytes.size());
        for (;;) {
            const auto end = buffer.find("\r\n\r\n");
            if (end == std::string::npos) return;
            std::size_t length = end + 4;
            if (const auto at = buffer.find("Content-Length: ");
                at != std::string::npos && at < end) {
                length += std::stoul(buffer.substr(at + 16));
            }
            if (buffer.size() < length) return;
            const std::string text = buffer.substr(0, length);
            buffer.erase(0, length);
            const Answer answer = script_(requests.size(), text);
            requests.push_back(text);
            if (answer.silent) continue;
            if (!answer.bytes.empty()) connection.reply(answer.after, answer.bytes);
            if (answer.reset != 0) connection.reset(answer.after, answer.reset);
            if (answer.close) connection.close(answer.after);
        }
    }

    std::vector<std::string> requests;
    int connections = 0;
    Accept accept;

  private:
    Script script_;
    std::map<std::uint64_t, std::string> buffers_;
};

inline ScriptedServer::Script answer_after(Nanos delay) {
    return [delay](std::uint64_t, const std::string&) {
        return ScriptedServer::Answer{delay, kOk, false, false, 0};
    };
}

// Everything one worker handed over.
struct WorkerRun final : IntervalSink {
    Plan plan;
    EntryTable entries;
    std::unique_ptr<pacing::Schedule> schedule;
    std::unique_ptr<transport::SimLoop> loop;
    StopSwitch stop_switch;
    std::unique_ptr<Worker> worker;
    measure::Interval totals;
    std::vector<measure::SeriesPoint> series;
    std::function<void(const measure::SeriesPoint&)> on_second;

    WorkerRun(Plan p, transport::SimServer& server, Share share = {})
        : plan(std::move(p)),
          entries(plan),
          loop(transport::SimLoop::make(server)),
          totals(entries.size(), entries.sequence_count()) {
        const auto& s = plan.scenario;
        if (s.model == scenario::Model::open) {
            schedule = std::make_unique<pacing::Schedule>(pacing::RateProfile(s.rates), s.arrivals,
                                                          s.seed, s.requests);
        }
        worker = std::make_unique<Worker>(plan, entries, schedule.get(), share, *loop, *this,
                                          stop_switch);
    }

    std::unique_ptr<measure::Interval> exchange(std::uint32_t,
                                                std::unique_ptr<measure::Interval> full) override {
        totals.merge(*full);
        series.push_back(measure::series_point(*full));
        if (on_second) on_second(series.back());
        return std::make_unique<measure::Interval>(entries.size(), entries.sequence_count());
    }

    WorkerRun& run() {
        worker->run(loop->now());
        return *this;
    }

    [[nodiscard]] measure::TaskStats all() const {
        measure::TaskStats sum;
        for (const auto& task : totals.tasks) sum.merge(task);
        return sum;
    }
    [[nodiscard]] std::uint64_t outcome(measure::Outcome o) const { return all().outcomes[o]; }
    [[nodiscard]] std::string first_message() const {
        return totals.failures.groups().empty() ? "" : totals.failures.groups().front().message;
    }
    // Every scheduled request has one outcome.
    [[nodiscard]] bool adds_up() const {
        return all().outcomes.scheduled() == worker->recorder().scheduled_total() &&
               all().outcomes.requests() == worker->recorder().started_total();
    }
};

}  // namespace squadload::engine::testing
