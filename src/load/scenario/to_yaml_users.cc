#include <fmt/core.h>

#include <map>

#include "base/units.h"
#include "load/scenario/yaml_writer.h"

namespace squadload::scenario {
namespace {

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

void write_expect(YamlWriter& out, int depth, const Expectation& expect) {
    out.key(depth, "expect");
    out.key(depth + 1, "status", status_text(expect.status));
    if (!expect.headers.empty()) out.key(depth + 1, "headers");
    for (const HeaderExpectation& header : expect.headers) {
        std::string wanted;
        if (header.equals) wanted = "equals: " + yaml_scalar(*header.equals);
        if (header.equals && header.contains) wanted += ", ";
        if (header.contains) wanted += "contains: " + yaml_scalar(*header.contains);
        out.key(depth + 2, header.name, wanted.empty() ? "true" : fmt::format("{{{}}}", wanted));
    }
    if (!expect.body_contains.empty()) {
        out.key(depth + 1, "body_contains", yaml_list(expect.body_contains));
    }
    if (!expect.json.empty()) out.key(depth + 1, "json");
    for (const JsonExpectation& json : expect.json) {
        out.key(depth + 2, json.pointer, json.equals.value_or("exists"));
    }
    if (expect.max_time) out.key(depth + 1, "max_time", format_duration(*expect.max_time));
}

void write_query(YamlWriter& out, int depth, const Request& request) {
    if (request.query.empty()) return;
    out.key(depth, "query");
    std::vector<std::string> names;  // one line for all values of a name
    std::map<std::string, std::vector<std::string>> values;
    for (const auto& [name, value] : request.query) {
        auto& of_name = values[name.source()];
        if (of_name.empty()) names.push_back(name.source());
        of_name.push_back(masked_field(name.source(), value.source()));
    }
    for (const std::string& name : names) {
        const auto& all = values[name];
        out.key(depth + 1, name, all.size() > 1 ? yaml_list(all) : yaml_scalar(all[0]));
    }
}

void write_extract(YamlWriter& out, int depth, const Request& request, const UserClass& user) {
    if (request.extract.empty()) return;
    out.key(depth, "extract");
    for (const Extraction& extraction : request.extract) {
        constexpr std::string_view kFrom[] = {"json", "header", "regex"};
        std::string text = fmt::format("{{{}: {}", kFrom[static_cast<int>(extraction.from)],
                                       yaml_scalar(extraction.what));
        if (extraction.fallback) text += ", default: " + yaml_scalar(*extraction.fallback);
        out.key(depth + 1, user.variables[extraction.variable], text + "}");
    }
}

void write_request(YamlWriter& out, int depth, const Request& request, const UserClass& user) {
    if (!request.description.empty()) {
        out.key(depth, "description", yaml_scalar(request.description));
    }
    out.key(depth, "method", request.method);
    out.key(depth, "path", yaml_scalar(request.path.source()));
    out.key(depth, "entry_name", yaml_scalar(request.entry_name));
    write_query(out, depth, request);
    write_headers(out, depth, request.headers);
    if (request.has_body && request.body_is_json)
        out.key(depth, "json", masked_json(request.body.source()));
    else if (request.has_body)
        out.key(depth, "body", yaml_scalar(request.body.source()));
    out.key(depth, "timeout", timeouts_text(request.timeouts));
    if (request.redirects) out.key(depth, "redirects", fmt::format("{}", *request.redirects));
    write_expect(out, depth, request.expect);
    write_extract(out, depth, request, user);
}

std::string condition_text(const Condition& condition, const UserClass& user) {
    const std::string& name = user.variables[condition.variable];
    switch (condition.is) {
        case Condition::Is::set:
            return yaml_scalar(name);
        case Condition::Is::unset:
            return yaml_scalar("!" + name);
        case Condition::Is::equal:
            return yaml_scalar(fmt::format("{} == \"{}\"", name, condition.text));
        case Condition::Is::different:
            return yaml_scalar(fmt::format("{} != \"{}\"", name, condition.text));
    }
    return name;
}

void write_step(YamlWriter& out, int depth, const Step& step, const UserClass& user) {
    out.key(depth, step.name);
    if (step.when) out.key(depth + 1, "when", condition_text(*step.when, user));
    write_request(out, depth + 1, step, user);
    if (step.until) {
        out.key(depth + 1, "repeat",
                fmt::format("{{times: {}, until: {}}}", step.repeat,
                            condition_text(*step.until, user)));
    } else {
        out.key(depth + 1, "repeat", fmt::format("{}", step.repeat));
    }
    out.key(depth + 1, "think", wait_text(step.think));
}

// Under their names: a name is written in any case.
void write_steps(YamlWriter& out, int depth, std::string_view key, const std::vector<Step>& steps,
                 const UserClass& user) {
    if (steps.empty()) return;
    out.key(depth, key);
    for (const Step& step : steps) write_step(out, depth + 1, step, user);
}

void write_task(YamlWriter& out, const Task& task, const UserClass& user) {
    constexpr int kDepth = 4;
    out.key(kDepth - 1, task.name);
    out.key(kDepth, "weight", fmt::format("{}", task.weight));
    if (task.steps.empty()) return write_request(out, kDepth, task, user);
    if (!task.description.empty()) out.key(kDepth, "description", yaml_scalar(task.description));
    write_steps(out, kDepth, "steps", task.steps, user);
}

}  // namespace

void write_users(YamlWriter& out, const std::vector<UserClass>& classes) {
    out.key(0, "users");
    for (const UserClass& user : classes) {
        out.key(1, user.name);
        out.key(2, "weight", fmt::format("{}", user.weight));
        out.key(2, "wait_time", wait_text(user.wait));
        out.key(2, "cookies", user.cookies ? "true" : "false");
        write_steps(out, 2, "on_start", user.on_start, user);
        if (!user.tasks.empty()) out.key(2, "tasks");
        for (const Task& task : user.tasks) write_task(out, task, user);
        write_steps(out, 2, "on_stop", user.on_stop, user);
    }
}

}  // namespace squadload::scenario
