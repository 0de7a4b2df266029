#include "run/witness_source.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "judge/result/figures.h"
#include "judge/witness/figures.h"

namespace squadload::run {
namespace {

using nlohmann::json;

constexpr Nanos kPatience = std::chrono::seconds{10};
constexpr Nanos kForOpenCalls = std::chrono::seconds{3};
constexpr Nanos kPause = std::chrono::milliseconds{20};
constexpr std::uint64_t kPage = 10'000;

Result<json> ask(SideClient& client, const std::string& path);

// What the log says of itself.
Result<json> log_counts(SideClient& client) {
    const auto summary = ask(client, "/arrivals/summary");
    if (!summary) return tl::unexpected(summary.error());
    const auto log = summary->find("log");
    if (log == summary->end() || !log->is_object())
        return fail(ErrorKind::config,
                    fmt::format("{} is no squad-providers: it has no arrival log", client.url()));
    return *log;
}

Result<json> ask(SideClient& client, const std::string& path) {
    auto answer = client.send("GET", path, "", kPatience);
    if (!answer) return tl::unexpected(answer.error());
    auto document = json::parse(answer->body, nullptr, false);
    if (answer->status != 200 || !document.is_object())
        return fail(
            ErrorKind::config,
            fmt::format("{} is no squad-providers: GET {} answers status {}{}", client.url(), path,
                        answer->status, document.is_object() ? "" : ", and not in JSON"));
    return document;
}

std::uint64_t number(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

// Of a gateway that may have no such page: "" then.
std::string page_of(SideClient& gateway, const char* path) {
    const auto answer = gateway.send("GET", path, "", kPatience);
    return answer && answer->status == 200 ? answer->body : std::string();
}

}  // namespace

WitnessSource::WitnessSource(std::unique_ptr<SideClient> simulators, std::string providers,
                             std::string agents)
    : simulators_(std::move(simulators)),
      providers_(std::move(providers)),
      agents_(std::move(agents)) {
    if (auto declared = witness::read_declared(providers_, agents_))
        declared_ = *std::move(declared);
}

Result<std::unique_ptr<WitnessSource>> WitnessSource::open(const std::string& url,
                                                           const scenario::Target& target,
                                                           const Network& network) {
    auto simulators = SideClient::make(url, network);
    if (!simulators) return tl::unexpected(simulators.error());
    auto gateway = SideClient::make(target, network);
    if (!gateway) return tl::unexpected(gateway.error());
    auto providers = page_of(**gateway, "/providers");
    auto agents = page_of(**gateway, "/v1/agents");
    std::unique_ptr<WitnessSource> source(
        new WitnessSource(*std::move(simulators), std::move(providers), std::move(agents)));
    if (auto clock = source->read_clock(); !clock) return tl::unexpected(clock.error());
    return source;
}

// The log counts from its own start; the middle of a short exchange is when it told its time.
Result<void> WitnessSource::read_clock() {
    constexpr int kTries = 5;
    Nanos best = Nanos::max();
    for (int i = 0; i < kTries; ++i) {
        const MonoTime before = mono_now();
        const auto clock = ask(*simulators_, "/control/clock");
        if (!clock) return tl::unexpected(clock.error());
        const Nanos took = mono_now() - before;
        if (took >= best) continue;
        best = took;
        log_start_ = before + took / 2 - Nanos{static_cast<std::int64_t>(number(*clock, "now_ns"))};
    }
    return {};
}

Result<void> WitnessSource::begin() {
    if (auto clock = read_clock(); !clock) return clock;
    const auto log_state = log_counts(*simulators_);
    if (!log_state) return tl::unexpected(log_state.error());
    seen_before_ = seen_;
    seen_ = number(*log_state, "recorded");
    return {};
}

Result<std::string> WitnessSource::take_log() {
    for (const MonoTime last = mono_now() + kForOpenCalls;;) {
        const auto log_state = log_counts(*simulators_);
        if (!log_state) return tl::unexpected(log_state.error());
        if (number(*log_state, "open") == 0 || mono_now() >= last) break;
        std::this_thread::sleep_for(kPause);
    }
    std::string log;
    for (std::uint64_t since = seen_before_;;) {
        auto answer = simulators_->send(
            "GET", fmt::format("/arrivals?since={}&limit={}", since, kPage), "", kPatience);
        if (!answer) return tl::unexpected(answer.error());
        // The page ends with a line about the log: {"log":{…,"next_since":…}}.
        const auto last = answer->body.rfind("{\"log\":");
        if (answer->status != 200 || last == std::string::npos)
            return fail(ErrorKind::config,
                        fmt::format("{} is no squad-providers: its log has no end", url()));
        const auto note = json::parse(answer->body.substr(last), nullptr, false);
        log.append(answer->body, 0, last);
        const std::uint64_t next =
            note.is_object() && note["log"].is_object() ? number(note["log"], "next_since") : since;
        if (next <= since || last == 0) {
            log.append(answer->body, last);
            return log;
        }
        since = next;
    }
}

Result<WitnessFindings> WitnessSource::finish(const engine::Measurements& m,
                                              const std::optional<result::ReportedCounts>& reported,
                                              double time_scale) {
    WitnessFindings out;
    auto log = take_log();
    if (!log) return tl::unexpected(log.error());
    // Windows reach back into the scenario before.
    Nanos window = std::chrono::seconds{60};
    for (const auto& p : declared_.providers) window = std::max(window, p.window + p.guard);
    witness::ArrivalTable table;
    witness::LogReader reader(table, log_start_ - m.start, -window);
    std::istringstream lines(*log);
    if (auto read = reader.read(lines, url() + "/arrivals"); !read)
        return tl::unexpected(read.error());
    const auto seconds = static_cast<std::uint32_t>(m.series.size());
    out.providers = witness::figures(table, declared_, {Nanos{0}, seconds, time_scale});
    // The schedule's end: afterwards nobody asks any more.
    const witness::Evidence evidence{table,    declared_, &m.claims,
                                     reported, Nanos{0},  m.schedule_duration};
    out.checks = witness::judge(evidence);
    if (table.lost > 0)
        out.notes.push_back(
            fmt::format("{} reached the providers after their log was full: they are missing in "
                        "the provider figures and in what the witness says",
                        result::plural(table.lost, "call")));
    if (declared_.providers.empty())
        out.notes.emplace_back(
            "the target declares no limits (GET /providers): the witness can only count");
    out.log = *std::move(log);
    out.declared = witness::declared_file(providers_, agents_);
    return out;
}

}  // namespace squadload::run
