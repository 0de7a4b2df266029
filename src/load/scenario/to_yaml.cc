#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "base/units.h"
#include "load/scenario/config.h"
#include "load/scenario/data_sets.h"

namespace squadload::scenario {
namespace {

bool is_plain(std::string_view text) {
    constexpr std::string_view kSpecial[] = {"true", "false", "null", "Null", "NULL", "exists"};
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '/';
    };
    if (text.empty() || !letter(text.front())) return false;
    if (std::find(std::begin(kSpecial), std::end(kSpecial), text) != std::end(kSpecial)) {
        return false;
    }
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || c == '-' || c == '.' || c == '%'; });
}

// A text as a YAML scalar. JSON's quotes and escapes are YAML's too.
std::string scalar(std::string_view text) {
    if (is_plain(text)) return std::string(text);
    std::string quoted = escaped(text, Escape::json_value);
    for (std::size_t at = quoted.find('\x7f'); at != std::string::npos; at = quoted.find('\x7f')) {
        quoted.replace(at, 1, "\\u007F");
    }
    return quoted;
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
        if (out.size() > 1) out += ", ";
        out += scalar(text);
    }
    return out + "]";
}

bool is_secret(std::string_view name) {
    std::string lower(name);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    constexpr std::string_view kWords[] = {"auth", "cookie", "key", "secret", "token", "password"};
    return std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view word) {
        return lower.find(word) != std::string::npos;
    });
}

// "Bearer {{ env(KEY) }}" names no secret; anything but a scheme beside an expression might.
bool is_only_expressions(std::string source) {
    bool any = false;
    for (std::size_t open = source.find("{{"); open != std::string::npos;
         open = source.find("{{")) {
        const std::size_t close = source.find("}}", open);
        if (close == std::string::npos) return false;
        const std::string expression = source.substr(open, close - open);
        if (expression.find("env") == std::string::npos) return false;
        source.erase(open, close + 2 - open);
        any = true;
    }
    return any &&
           (source.empty() || source == "Bearer " || source == "Basic " || source == "Token ");
}

// Writes indented lines.
class Writer {
  public:
    void line(int depth, std::string_view text) {
        out_.append(static_cast<std::size_t>(depth) * 2, ' ');
        out_ += text;
        out_ += '\n';
    }
    void key(int depth, std::string_view name, std::string_view value = "") {
        line(depth, fmt::format("{}:{}{}", scalar(name), value.empty() ? "" : " ", value));
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

std::string timeouts_text(const Timeouts& t) {
    return fmt::format("{{connect: {}, first_byte: {}, total: {}}}", format_duration(t.connect),
                       format_duration(t.first_byte), format_duration(t.total));
}

void write_headers(Writer& out, int depth, const HeaderTemplates& headers) {
    if (headers.empty()) return;
    out.key(depth, "headers");
    for (const auto& [name, value] : headers) {
        const bool masked = is_secret(name) && !is_only_expressions(value.source());
        out.key(depth + 1, name, masked ? "\"***\"" : scalar(value.source()));
    }
}

void write_target(Writer& out, const Target& target) {
    out.key(0, "target");
    if (!target.host.empty()) out.key(1, "host", scalar(target.host));
    write_headers(out, 1, target.headers);
    out.key(1, "timeouts", timeouts_text(target.timeouts));
    const bool shared = target.connections.mode == ConnectionMode::shared;
    out.key(1, "connections",
            shared ? fmt::format("{{mode: shared, max: {}}}", target.connections.max) : "per_user");
    const ResponseLimits& limits = target.limits;
    out.key(1, "limits",
            fmt::format("{{header_bytes: {}, checked_body_bytes: {}, body_bytes: {}}}",
                        limits.header_bytes, limits.checked_body_bytes, limits.body_bytes));
}

std::string wait_text(const pacing::WaitTime& wait) {
    using WaitKind = pacing::WaitTime::Kind;
    const std::string low = format_duration(wait.low);
    switch (wait.kind) {
        case WaitKind::none:
            return "none";
        case WaitKind::constant:
            return fmt::format("\"constant({})\"", low);
        case WaitKind::between:
            return fmt::format("\"between({}, {})\"", low, format_duration(wait.high));
        case WaitKind::constant_pacing:
            return fmt::format("\"constant_pacing({})\"", low);
        case WaitKind::constant_throughput:
            return fmt::format("\"constant_throughput({})\"", wait.per_s);
    }
    return "none";
}

std::string status_text(const std::vector<StatusRange>& ranges) {
    std::string out = "[";
    for (const auto& [first, last] : ranges) {
        if (out.size() > 1) out += ", ";
        if (first == last)
            out += fmt::format("{}", first);
        else if (first % 100 == 0 && last == first + 99)
            out += fmt::format("{}xx", first / 100);
        else
            out += fmt::format("{}-{}", first, last);
    }
    return out + "]";
}

void write_expect(Writer& out, int depth, const Expectation& expect) {
    out.key(depth, "expect");
    out.key(depth + 1, "status", status_text(expect.status));
    if (!expect.headers.empty()) out.key(depth + 1, "headers");
    for (const HeaderExpectation& header : expect.headers) {
        std::string wanted;
        if (header.equals) wanted = "equals: " + scalar(*header.equals);
        if (header.equals && header.contains) wanted += ", ";
        if (header.contains) wanted += "contains: " + scalar(*header.contains);
        out.key(depth + 2, header.name, wanted.empty() ? "true" : fmt::format("{{{}}}", wanted));
    }
    if (!expect.body_contains.empty()) {
        out.key(depth + 1, "body_contains", list_of(expect.body_contains));
    }
    if (!expect.json.empty()) out.key(depth + 1, "json");
    for (const JsonExpectation& json : expect.json) {
        out.key(depth + 2, json.pointer, json.equals.value_or("exists"));
    }
    if (expect.max_time) out.key(depth + 1, "max_time", format_duration(*expect.max_time));
}

void write_query(Writer& out, int depth, const Task& task) {
    if (task.query.empty()) return;
    out.key(depth, "query");
    for (std::size_t i = 0; i < task.query.size(); ++i) {
        const std::string& name = task.query[i].first.source();
        std::vector<std::string> values;
        bool earlier = false;  // one line for all values of a name
        for (std::size_t j = 0; j < task.query.size(); ++j) {
            if (task.query[j].first.source() != name) continue;
            earlier = earlier || j < i;
            values.push_back(task.query[j].second.source());
        }
        if (!earlier)
            out.key(depth + 1, name, values.size() > 1 ? list_of(values) : scalar(values[0]));
    }
}

void write_task(Writer& out, const Task& task) {
    constexpr int kDepth = 4;
    out.key(kDepth - 1, task.name);
    if (!task.description.empty()) out.key(kDepth, "description", scalar(task.description));
    out.key(kDepth, "weight", fmt::format("{}", task.weight));
    out.key(kDepth, "method", task.method);
    out.key(kDepth, "path", scalar(task.path.source()));
    out.key(kDepth, "entry_name", scalar(task.entry_name));
    write_query(out, kDepth, task);
    write_headers(out, kDepth, task.headers);
    if (task.has_body && task.body_is_json)
        out.key(kDepth, "json", task.body.source());
    else if (task.has_body)
        out.key(kDepth, "body", scalar(task.body.source()));
    out.key(kDepth, "timeout", timeouts_text(task.timeouts));
    write_expect(out, kDepth, task.expect);
}

void write_users(Writer& out, const std::vector<UserClass>& classes) {
    out.key(0, "users");
    for (const UserClass& user : classes) {
        out.key(1, user.name);
        out.key(2, "weight", fmt::format("{}", user.weight));
        out.key(2, "wait_time", wait_text(user.wait));
        if (!user.tasks.empty()) out.key(2, "tasks");
        for (const Task& task : user.tasks) write_task(out, task);
    }
}

void write_data(Writer& out, const DataSets* data) {
    if (data == nullptr || data->all().empty()) return;
    out.key(0, "data");
    for (const auto& set : data->all()) {
        if (set->is_list())
            out.key(1, set->name, list_of(set->values.front()));
        else
            out.key(1, set->name, fmt::format("{{file: {}}}", scalar(set->file)));
    }
}

void write_rates(Writer& out, const Scenario& s) {
    const bool constant = s.rates.size() == 1 && s.rates[0].start_per_s == s.rates[0].end_per_s;
    if (constant) {
        out.key(2, "rate", fmt::format("{}", s.rates[0].start_per_s));
    } else {
        out.key(2, "stages");
        for (const pacing::RateStage& stage : s.rates) {
            const std::string duration = format_duration(stage.duration);
            if (stage.start_per_s == stage.end_per_s) {
                out.line(3, fmt::format("- {{duration: {}, rate: {}}}", duration, stage.end_per_s));
            } else {
                out.line(3, fmt::format("- {{duration: {}, from: {}, to: {}}}", duration,
                                        stage.start_per_s, stage.end_per_s));
            }
        }
    }
    if (constant && s.duration != Nanos::max()) out.key(2, "duration", format_duration(s.duration));
    out.key(2, "arrivals", s.arrivals == pacing::Arrivals::poisson ? "poisson" : "constant");
    out.key(2, "max_in_flight",
            s.max_in_flight == 0 ? "0  # none" : fmt::format("{}", s.max_in_flight));
}

void write_scenario(Writer& out, const Scenario& s) {
    out.key(0, "scenarios");
    out.key(1, s.name);
    if (!s.description.empty()) out.key(2, "description", scalar(s.description));
    out.key(2, "kind", s.kind == Kind::spike ? "spike" : "steady");
    out.key(2, "users", fmt::format("{}", s.users));
    if (s.model == Model::open) {
        write_rates(out, s);
    } else {
        out.key(2, "spawn_rate",
                s.spawn_rate > 0 ? fmt::format("{}", s.spawn_rate) : "0  # all at once");
        if (s.duration != Nanos::max()) out.key(2, "duration", format_duration(s.duration));
    }
    if (s.requests) out.key(2, "requests", fmt::format("{}", *s.requests));
    out.key(2, "graceful_stop", format_duration(s.graceful_stop));
}

void write_bounds(Writer& out, const std::vector<ThresholdEntry>& bounds) {
    std::vector<std::string> expressions;
    for (const ThresholdEntry& bound : bounds) {
        if (bound.name.empty())
            expressions.push_back(bound.value);
        else
            out.key(1, bound.name, scalar(bound.value));
    }
    if (!expressions.empty()) out.key(1, "expressions", list_of(expressions));
}

}  // namespace

std::string to_yaml(const Scenario& scenario) {
    Writer out;
    out.line(0, fmt::format("# {}: {} model", scenario.name,
                            scenario.model == Model::open ? "open" : "closed"));
    for (const std::string& note : scenario.notes) out.line(0, "# note: " + note);
    out.key(0, "version", "1");
    out.key(0, "seed", fmt::format("{}", scenario.seed));
    out.key(0, "workers", fmt::format("{}", scenario.workers));
    write_target(out, scenario.target);
    write_users(out, scenario.classes);
    write_data(out, scenario.data.get());
    write_scenario(out, scenario);
    if (!scenario.thresholds.empty()) out.key(0, "thresholds");
    write_bounds(out, scenario.thresholds);
    out.key(0, "fail_fast");
    out.key(1, "enabled", scenario.fail_fast.enabled ? "true" : "false");
    out.key(1, "window", format_duration(scenario.fail_fast.window));
    out.key(1, "min_samples", fmt::format("{}", scenario.fail_fast.min_samples));
    write_bounds(out, scenario.fail_fast.bounds);
    out.key(0, "provider_settings");
    out.key(1, "enabled_providers", list_of(scenario.providers.enabled_providers));
    out.key(1, "track_rpm", scenario.providers.track_rpm ? "true" : "false");
    out.key(1, "track_fallback", scenario.providers.track_fallback ? "true" : "false");
    out.key(1, "track_429s", scenario.providers.track_429s ? "true" : "false");
    return out.take();
}

}  // namespace squadload::scenario
