// Requests on stdin → a metrics file on stdout, for tests that compare reports with figures counted
// elsewhere. Lines: "task NAME METHOD ENTRY_NAME" first, then one per request in the order of their
// ends: "TASK OUTCOME RESPONSE_NS BODY_BYTES END_NS" (task by number from 0, end since the start).
// "no series": the seconds are left out.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "judge/result/run_result.h"

namespace {

using namespace squadload;

struct Reader {
    result::ScenarioResult scenario;
    measure::Interval interval;
    Nanos end{};
    bool with_series = true;

    void close_second() {
        scenario.series.push_back(measure::series_point(interval));
        const auto next = interval.second + 1;
        interval.clear();
        interval.second = next;
    }
    bool read(const std::string& line) {
        std::istringstream in(line);
        std::string word;
        in >> word;
        if (word == "task") {
            result::TaskResult task;
            in >> task.name >> task.method >> task.entry_name;
            scenario.tasks.push_back(task);
            interval = measure::Interval(scenario.tasks.size());
            return !in.fail();
        }
        if (word == "no") {
            with_series = false;
            return true;
        }
        std::int64_t response = 0, at = 0;
        measure::RequestRecord r;
        std::string outcome;
        r.task = static_cast<std::uint16_t>(std::stoul(word));
        in >> outcome >> response >> r.body_bytes >> at;
        const auto known = measure::outcome_from_name(outcome);
        if (in.fail() || !known || r.task >= scenario.tasks.size()) return false;
        r.outcome = *known;
        r.response_time = r.service_time = Nanos{response};
        end = Nanos{at};
        while (end >= std::chrono::seconds{interval.second + 1}) close_second();
        interval.tasks[r.task].record(r);
        scenario.tasks[r.task].stats.record(r);
        scenario.totals.record(r);
        return true;
    }
};

}  // namespace

int main() {
    Reader reader;
    auto& s = reader.scenario;
    std::string line;
    while (std::getline(std::cin, line)) {
        if (!reader.read(line)) {
            std::cerr << "not a task or a request: " << line << '\n';
            return 2;
        }
    }
    reader.close_second();
    if (!reader.with_series) s.series.clear();
    s.name = "sample";
    s.kind = "steady";
    s.model = "open";
    s.started_at = "2026-11-23T09:15:00.000Z";
    s.stop_reason = "schedule_ended";
    s.time_scale = 1;
    s.duration_s = s.schedule_duration_s = to_seconds(reader.end);
    s.throughput_per_s = result::throughput_per_s(s.totals.outcomes, s.duration_s);
    result::RunResult run;
    run.started_at = s.started_at;
    run.scenarios.push_back(std::move(s));
    std::cout << result::to_json(run);
}
