#include <fmt/core.h>

#include <algorithm>

#include "load/scenario/class_reader.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

constexpr std::int64_t kMaxRepeat = 1'000'000;

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// "POST /jobs/{{ var(job) }}/cancel?now=1" → "jobs_cancel".
std::string name_of(std::string_view short_form) {
    std::string name;
    bool between = false;
    for (std::size_t i = short_form.find('/'); i < short_form.size(); ++i) {
        if (short_form[i] == '?') break;
        if (short_form.substr(i).starts_with("{{")) {
            i = short_form.find("}}", i);
            if (i == std::string_view::npos) break;
        } else if (is_word(short_form[i])) {
            if (between && !name.empty()) name += '_';
            between = false;
            name += short_form[i];
            continue;
        }
        between = true;
    }
    return name.empty() ? "root" : name;
}

std::string free_name(const std::string& name, const std::set<std::string>& names) {
    std::string candidate = name;
    for (int n = 2; names.contains(candidate); ++n) candidate = fmt::format("{}_{}", name, n);
    return candidate;
}

// What `when` asks must be set by something; whether it is not set may always be asked.
void check_when(const Value& value, const ClassScope& scope, const Step& step, Known& known) {
    const std::uint16_t variable = step.when->variable;
    using Is = Condition::Is;
    if (step.when->is == Is::unset || step.when->is == Is::different) return;
    if (!known.ever[variable]) {
        value.fail(fmt::format("asks for '{}' before any step can have extracted it",
                               scope.context.variables[variable]));
    }
    known.now[variable] = true;  // or the step is left out
}

void read_repeat(const Value& value, const ClassScope& scope, const Known& known, Step& step) {
    const auto times = [](const Value& v) {
        return static_cast<std::uint32_t>(v.integer(1, kMaxRepeat));
    };
    if (!value.is_map()) {
        step.repeat = times(value);
        return;
    }
    const Map map = value.map({"times", "until"});
    if (const auto v = map.get("times")) {
        step.repeat = times(*v);
    } else {
        value.fail("expected times, the most there may be: {times: 20, until: state == done}");
    }
    const auto until = map.get("until");
    if (!until) return;
    step.until = read_condition(*until, scope);
    if (!step.until) return;
    const std::uint16_t variable = step.until->variable;
    bool set = known.now[variable];
    for (const Extraction& own : step.extract) set = set || own.variable == variable;
    if (!set) {
        until->fail(fmt::format("asks for '{}' before any step can have extracted it",
                                scope.context.variables[variable]));
    }
}

Step read_step(const Value& value, std::string name, const ClassScope& scope, Known& known) {
    Step step;
    step.name = std::move(name);
    if (value.is_scalar()) {
        read_short_request(value, scope, known, step);
        return step;
    }
    for (const std::string_view key : {"steps", "weight"}) {
        if (has_key(value, key))
            value.fail(fmt::format("a step has no {} of its own; a task has", key));
    }
    const Map map = value.map(request_keys({"when", "repeat", "think"}));
    Known here = known;
    if (const auto v = map.get("when")) {
        step.when = read_condition(*v, scope);
        if (step.when) check_when(*v, scope, step, here);
    }
    read_request(map, "step", scope, here, step);
    if (const auto v = map.get("repeat")) read_repeat(*v, scope, here, step);
    if (const auto v = map.get("think")) step.think = read_think(*v);
    for (const Extraction& extraction : step.extract) {
        known.now[extraction.variable] = true;
        known.ever[extraction.variable] = true;
    }
    return step;
}

// One step where several are to stand.
bool is_request(const Value& map) {
    const auto& entries = map.node().entries;
    return std::any_of(entries.begin(), entries.end(), [](const yaml::Entry& entry) {
        return entry.key.text == "path" && entry.value.text.starts_with('/');
    });
}

// A step with the name it shall have.
struct NamedStep {
    std::string name;
    Value value;
};

// Written names first, so that those made from paths keep out of their way.
std::vector<NamedStep> named_steps(const Value& value, std::set<std::string>& names) {
    std::vector<NamedStep> steps;
    if (too_many(value)) return steps;
    const auto take = [&](const std::string& name, const Value& step) {
        check_name(name, "step", step);
        if (!names.insert(name).second) {
            step.fail(fmt::format("there is a step named '{}' already", name));
        }
    };
    if (!value.is_list()) {
        if (!value.is_map() || is_request(value)) {
            value.fail("expected a list of steps, such as [GET /health], or a map of names");
            return steps;
        }
        for (const auto& entry : value.entries()) {
            if (name_key(entry.value) != nullptr) {
                entry.value.fail("the key is the name of the step; remove name");
            }
            take(entry.name, entry.value);
            steps.push_back({entry.name, entry.value});
        }
        return steps;
    }
    for (const Value& item : value.items()) {
        const yaml::Node* named = name_key(item);
        steps.push_back({named != nullptr ? named->text : "", item});
        if (!steps.back().name.empty())
            take(steps.back().name, item);
        else if (!item.is_scalar())
            item.fail("a step in a list needs a name");
    }
    for (NamedStep& step : steps) {
        if (!step.name.empty()) continue;
        step.name = free_name(name_of(step.value.node().text), names);
        names.insert(step.name);
    }
    return steps;
}

}  // namespace

void check_name(std::string_view name, std::string_view noun, const Value& value) {
    if (name.empty()) value.fail(fmt::format("a {} needs a name that is not empty", noun));
    if (has_control(name))
        value.fail(
            fmt::format("the name of a {} may not hold line breaks or control characters", noun));
}

bool too_many(const Value& value) {
    const std::size_t requests = value.node().items.size() + value.node().entries.size();
    if (requests <= kMaxRequests) return false;
    value.fail(fmt::format("more than {} requests", kMaxRequests));
    return true;
}

const yaml::Node* name_key(const Value& map) {
    for (const yaml::Entry& entry : map.node().entries) {
        if (entry.key.text == "name") return &entry.value;
    }
    return nullptr;
}

bool has_key(const Value& map, std::string_view key) {
    const auto& entries = map.node().entries;
    return std::any_of(entries.begin(), entries.end(),
                       [&](const yaml::Entry& entry) { return entry.key.text == key; });
}

void add_label(std::string label, const Value& value, ClassScope& scope) {
    const auto [at, added] = scope.labels.insert(std::move(label));
    if (added) return;
    value.fail(
        fmt::format("another request of {} is called '{}' in reports already", scope.name, *at));
}

std::vector<Step> read_steps(const Value& value, std::string_view where,
                             std::set<std::string>& names, ClassScope& scope, Known& known) {
    std::vector<Step> steps;
    for (NamedStep& named : named_steps(value, names)) {
        add_label(fmt::format("{}.{}", where, named.name), named.value, scope);
        steps.push_back(read_step(named.value, std::move(named.name), scope, known));
    }
    if (steps.empty()) value.fail("expected at least one step");
    return steps;
}

}  // namespace squadload::scenario
