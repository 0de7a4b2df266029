#include <fmt/core.h>

#include <algorithm>

#include "base/suggest.h"
#include "load/scenario/class_reader.h"
#include "load/scenario/entries.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

constexpr std::int64_t kMaxWeight = 1'000'000;

// A task with steps has nothing of a request itself.
void refuse_request_keys(const Map& map) {
    for (const std::string_view key : request_keys({})) {
        if (key == "name" || key == "description" || !map.has(key)) continue;
        map.get_or_null(key)->fail(
            fmt::format("a task with steps has no {} of its own; write it into a step", key));
    }
}

// `known` is what the other tasks and on_start can have set; the task may add to its own copy.
Task read_task(std::string name, const Value& value, ClassScope& scope, Known known) {
    Task task;
    task.name = std::move(name);
    if (value.is_scalar()) {
        add_label(task.name, value, scope);
        read_short_request(value, scope, known, task);
        return task;
    }
    for (const std::string_view key : {"when", "repeat", "think"}) {
        if (has_key(value, key))
            value.fail(fmt::format("{} belongs to a step; write the request into steps", key));
    }
    const Map map = value.map(request_keys({"weight", "steps"}));
    if (const auto v = map.get("weight")) {
        task.weight = static_cast<std::uint32_t>(v->integer(0, kMaxWeight));
    }
    if (!map.has("steps")) {
        add_label(task.name, value, scope);
        read_request(map, "task", scope, known, task);
        return task;
    }
    refuse_request_keys(map);
    task.timeouts = scope.target.timeouts;
    if (const auto v = map.get("description")) task.description = v->text();
    if (const auto v = map.get("steps")) {
        std::set<std::string> names;
        task.steps = read_steps(*v, task.name, names, scope, known);
    }
    return task;
}

struct NamedTask {
    std::string name;
    Value value;
};

// How many tasks extract each variable.
class Extractors {
  public:
    Extractors(const std::vector<NamedTask>& tasks, const std::vector<std::string>& variables)
        : variables_(variables), tasks_(variables.size()) {
        for (const NamedTask& task : tasks) {
            for (const std::uint16_t variable : of(task)) ++tasks_[variable];
        }
    }

    // What can be set before the task begins: tasks run in any order.
    [[nodiscard]] Known known_to(const NamedTask& task, const Known& after_start) const {
        Known known = after_all(after_start);
        for (const std::uint16_t variable : of(task)) {
            if (tasks_[variable] == 1) known.now[variable] = after_start.now[variable];
        }
        return known;
    }
    [[nodiscard]] Known after_all(Known known) const {
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            known.now[i] = known.now[i] || tasks_[i] > 0;
        }
        known.ever = known.now;
        return known;
    }

  private:
    [[nodiscard]] std::vector<std::uint16_t> of(const NamedTask& task) const {
        std::vector<std::uint16_t> own;
        for (const std::string& name : variables_of_task(task.value.node())) {
            if (const auto variable = find_variable(name, variables_)) own.push_back(*variable);
        }
        return own;
    }

    const std::vector<std::string>& variables_;
    std::vector<std::size_t> tasks_;
};

// A map of names, or a list whose entries have a name.
std::vector<NamedTask> named_tasks(const Value& value) {
    std::vector<NamedTask> tasks;
    if (too_many(value)) return tasks;
    if (!value.is_list()) {
        for (const auto& entry : value.entries()) {
            if (name_key(entry.value) != nullptr) {
                entry.value.fail("the key is the name of the task; remove name");
            }
            check_name(entry.name, "task", entry.value);
            tasks.push_back({entry.name, entry.value});
        }
        return tasks;
    }
    for (const Value& item : value.items()) {
        const yaml::Node* named = name_key(item);
        if (named == nullptr || named->text.empty()) {
            item.fail("a task in a list needs a name");
            continue;
        }
        const std::string& name = named->text;
        check_name(name, "task", item);
        if (std::any_of(tasks.begin(), tasks.end(),
                        [&](const NamedTask& t) { return t.name == name; })) {
            item.fail(fmt::format("there is a task named '{}' already", name));
        }
        tasks.push_back({name, item});
    }
    return tasks;
}

// Afterwards `known` holds what the tasks can have set, too.
std::vector<Task> read_tasks(const Value& value, ClassScope& scope, Known& known) {
    const std::vector<NamedTask> named = named_tasks(value);
    const std::vector<std::string> variables(scope.context.variables.begin(),
                                             scope.context.variables.end());
    const Extractors extractors(named, variables);
    std::vector<Task> tasks;
    for (const NamedTask& task : named) {
        tasks.push_back(read_task(task.name, task.value, scope, extractors.known_to(task, known)));
    }
    known = extractors.after_all(std::move(known));
    return tasks;
}

bool runs(const UserClass& user) {
    return user.weight > 0 && std::any_of(user.tasks.begin(), user.tasks.end(),
                                          [](const Task& t) { return t.weight > 0; });
}

// The target's headers as a class sends them. `context` knows the variables of all classes, by
// which they were compiled; `names` are those of the class.
std::vector<TargetHeader> headers_of_class(const Target& target, const ReadContext& context,
                                           const std::vector<std::string>& names) {
    std::vector<TargetHeader> headers;
    for (const auto& [name, value] : target.headers) {
        TargetHeader header{name, value, ""};
        std::vector<std::uint16_t> needed;
        value.variables(needed);
        for (const std::uint16_t variable : needed) {
            const std::string& wanted = context.variables[variable];
            if (std::find(names.begin(), names.end(), wanted) == names.end())
                header.missing = wanted;
        }
        if (!needed.empty() && header.missing.empty()) {
            const ReadContext own{context.data, context.environment, names};
            if (auto compiled = Template::compile(value.source(), Escape::header, own, {})) {
                header.value = std::move(*compiled);
            }
        }
        headers.push_back(std::move(header));
    }
    return headers;
}

UserClass read_class(const Value::Named& entry, const Target& target, const ReadContext& context) {
    UserClass user;
    user.name = entry.name;
    check_name(user.name, "user class", entry.value);
    const Map map = entry.value.map(
        {"weight", "wait_time", "cookies", "on_start", "on_stop", "tasks", "description"});
    user.variables = variables_of_class(entry.value.node());
    if (user.variables.size() > kMaxVariables) {
        entry.value.fail(fmt::format("a user class extracts at most {} variables", kMaxVariables));
    }
    ClassScope scope{user.name, target,
                     ReadContext{context.data, context.environment, user.variables},
                     headers_of_class(target, context, user.variables)};
    Known known{std::vector<bool>(user.variables.size()), {}};
    known.ever = known.now;
    if (const auto v = map.get("weight")) {
        user.weight = static_cast<std::uint32_t>(v->integer(0, kMaxWeight));
    }
    if (const auto v = map.get("wait_time")) user.wait = read_wait_time(*v);
    std::set<std::string> names;  // of the steps of on_start and on_stop
    if (const auto v = map.get("on_start")) {
        user.on_start = read_steps(*v, "on_start", names, scope, known);
    }
    if (const auto v = map.get("tasks")) user.tasks = read_tasks(*v, scope, known);
    if (const auto v = map.get("on_stop")) {
        user.on_stop = read_steps(*v, "on_stop", names, scope, known);
    }
    const auto cookies = map.get("cookies");
    user.cookies = cookies ? cookies->boolean() : has_flow(user);
    if (user.weight > 0 && !runs(user)) {
        entry.value.fail("a user needs tasks, at least one with a weight above 0");
    }
    return user;
}

std::size_t requests_of(const UserClass& user) {
    std::size_t requests = user.on_start.size() + user.on_stop.size();
    for (const Task& task : user.tasks) requests += std::max<std::size_t>(task.steps.size(), 1);
    return requests;
}

}  // namespace

std::vector<UserClass> read_users(const Value& users, const Target& target,
                                  const ReadContext& context) {
    std::vector<UserClass> classes;
    std::size_t requests = 0;
    if (users.node().entries.size() > kMaxRequests) {
        users.fail(fmt::format("more than {} user classes", kMaxRequests));
        return classes;
    }
    for (const auto& entry : users.entries()) {
        classes.push_back(read_class(entry, target, context));
        requests += requests_of(classes.back());
    }
    if (requests > kMaxRequests) {
        users.fail(fmt::format("more than {} requests in all tasks and flows", kMaxRequests));
    }
    if (!std::any_of(classes.begin(), classes.end(), runs)) {
        users.fail("expected at least one user class with a weight above 0");
    }
    return classes;
}

void apply_endpoints(const Value& endpoints, std::vector<UserClass>& classes) {
    std::vector<std::string> names;
    for (const UserClass& user : classes) {
        for (const Task& task : user.tasks) names.push_back(task.name);
    }
    for (const auto& entry : endpoints.entries()) {
        if (std::find(names.begin(), names.end(), entry.name) == names.end()) {
            const std::string nearest = nearest_name(entry.name, names);
            endpoints.problems().add(
                entry.key_mark,
                fmt::format("{}: there is no task '{}'{}", entry.value.path(), entry.name,
                            nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
            continue;
        }
        const Map map = entry.value.map({"weight", "timeout", "description"});
        for (UserClass& user : classes) {
            for (Task& task : user.tasks) {
                if (task.name != entry.name) continue;
                if (const auto v = map.get("weight")) {
                    task.weight = static_cast<std::uint32_t>(v->integer(0, kMaxWeight));
                }
                if (const auto v = map.get("timeout")) {
                    read_timeouts(*v, task.timeouts);
                    for (Step& step : task.steps) read_timeouts(*v, step.timeouts);
                }
                if (const auto v = map.get("description")) task.description = v->text();
            }
        }
    }
    for (const UserClass& user : classes) {
        if (user.weight > 0 && !runs(user)) {
            endpoints.fail(fmt::format("leaves {} without a task of a weight above 0", user.name));
        }
    }
}

}  // namespace squadload::scenario
