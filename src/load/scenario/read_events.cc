// Events of a scenario: what the simulators are told, checked before anything runs.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;
using Json = nlohmann::ordered_json;

constexpr Nanos kLongest = std::chrono::hours{1000};
constexpr std::int64_t kMostAmount = 1'000'000'000'000;
constexpr std::size_t kMostEvents = 1000;

constexpr std::array<std::string_view, 5> kQuotaKeys{"requests", "burst", "requests_day", "tokens",
                                                     "concurrency"};

// A setting belongs to these kinds alone.
struct Setting {
    std::string_view key;
    std::string_view kind;  // "": any fault
};
constexpr std::array<Setting, 6> kSettings{{{"share", ""},
                                            {"how", "outage"},
                                            {"status", "error_rate"},
                                            {"retry_after", "storm"},
                                            {"factor", "slow_down"},
                                            {"model", ""}}};

Nanos time(const Value& value, Nanos low) {
    const Nanos t = value.duration(low);
    if (t <= kLongest) return t;
    value.fail("expected at most 1000h");
    return low;
}

// One setting as JSON, and as people read it.
class Settings {
  public:
    void add(std::string_view key, const Json& json, const std::string& text) {
        members_ += fmt::format("{}\"{}\": {}", members_.empty() ? "" : ", ", key, json.dump());
        std::string name(key);
        std::replace(name.begin(), name.end(), '_', ' ');
        label_ += fmt::format(", {} {}", name, text);
    }
    void add(std::string_view key, std::int64_t n) { add(key, n, fmt::format("{}", n)); }
    [[nodiscard]] const std::string& members() const { return members_; }
    [[nodiscard]] const std::string& label() const { return label_; }

  private:
    std::string members_, label_;
};

void read_quota(const Value& value, const Map& map, Event& event, Settings& out) {
    for (const auto key : kQuotaKeys)
        if (const auto v = map.get(key))
            event.amounts.emplace_back(key, v->integer(1, kMostAmount));
    if (const auto v = map.get("model")) out.add("model", v->text(), v->text());
    if (event.amounts.empty())
        value.fail(
            "an event with fault: quota needs requests, burst, requests_day, tokens or "
            "concurrency");
}

void read_fault(const Map& map, Settings& out) {
    if (const auto v = map.get("share")) {
        const auto share = parse_share(v->text());
        if (!share || *share < 0 || *share > 1)
            v->fail("expected a share such as 0.3 or 30%");
        else
            out.add("share", *share, v->text());
    }
    if (const auto v = map.get("how")) {
        (void)v->one_of({"503", "reset", "hang"});
        out.add("how", v->text(), v->text());
    }
    if (const auto v = map.get("status")) out.add("status", v->integer(500, 599));
    if (const auto v = map.get("factor")) out.add("factor", v->number(0.01, 1000), v->text());
    if (const auto v = map.get("model")) out.add("model", v->text(), v->text());
}

// A duration is divided by the time scale later, so it is kept apart from the other settings.
Event read_event(const Value& value) {
    std::vector<std::string_view> known{"at", "provider", "fault", "for"};
    for (const auto& one : kSettings) known.push_back(one.key);
    known.insert(known.end(), kQuotaKeys.begin(), kQuotaKeys.end());
    const Map map = value.map(std::move(known));
    Event event;
    event.mark = value.mark();
    if (const auto v = map.get("at"))
        event.at = time(*v, Nanos::zero());
    else
        value.fail("an event needs at: when it happens, from the start of the scenario");
    if (const auto v = map.get("provider"))
        event.provider = v->text();
    else
        value.fail("an event needs a provider");
    const auto fault = map.get("fault");
    if (!fault) {
        value.fail(
            "an event needs a fault: quota, outage, storm, error_rate, reset, hang, "
            "truncated, malformed or slow_down");
        return event;
    }
    (void)fault->one_of({"quota", "outage", "storm", "error_rate", "reset", "hang", "truncated",
                         "malformed", "slow_down"});
    event.kind = fault->text();
    if (const auto v = map.get("for")) event.lasts = time(*v, Nanos{1});
    const bool quota = event.kind == "quota";
    for (const auto& one : kSettings) {
        const auto v = map.get_or_null(one.key);
        const bool here = quota ? one.key == "model" : one.kind.empty() || one.kind == event.kind;
        if (v && !here)
            v->fail(fmt::format("an event with fault: {} has no {}", event.kind, one.key));
    }
    for (const auto key : kQuotaKeys)
        if (const auto v = map.get_or_null(key); v && !quota)
            v->fail(fmt::format("an event with fault: {} has no {}", event.kind, key));
    Settings settings;
    quota ? read_quota(value, map, event, settings) : read_fault(map, settings);
    if (const auto v = map.get("retry_after")) event.retry_after = time(*v, Nanos::zero());
    event.settings = settings.members();
    event.settings_text = settings.label();
    return event;
}

}  // namespace

std::string label_of(const Event& event) {
    std::string out = event.provider + ": " + event.kind;
    for (const auto& [what, amount] : event.amounts) {
        std::string name(what);
        std::replace(name.begin(), name.end(), '_', ' ');
        out += fmt::format(", {} {}", amount, name);
    }
    out += event.settings_text;
    if (event.retry_after) out += ", retry after " + format_duration(*event.retry_after);
    if (event.lasts) out += ", for " + format_duration(*event.lasts);
    return out;
}

std::vector<Event> read_events(const Value& value) {
    std::vector<Event> events;
    for (const Value& item : value.items()) {
        if (events.size() == kMostEvents) {
            item.fail(fmt::format("more than {} events", kMostEvents));
            break;
        }
        events.push_back(read_event(item));
    }
    return events;
}

}  // namespace squadload::scenario
