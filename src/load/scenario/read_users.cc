#include <fmt/core.h>

#include <algorithm>

#include "base/suggest.h"
#include "load/scenario/json_body.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

constexpr std::int64_t kMaxWeight = 1'000'000;
constexpr std::size_t kMaxTasks = 1'000;  // over all classes

bool is_token(std::string_view text) {  // RFC 9110 §5.6.2
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kOthers.find(c) != std::string_view::npos;
    });
}

std::string upper(std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

bool has_header(const HeaderTemplates& headers, const std::string& name) {
    return std::any_of(headers.begin(), headers.end(),
                       [&](const auto& header) { return upper(header.first) == upper(name); });
}

// Later headers replace earlier ones of the same name.
void merge_headers(HeaderTemplates& into, const HeaderTemplates& headers) {
    for (const auto& [name, value] : headers) {
        std::erase_if(into, [&](const auto& other) { return upper(other.first) == upper(name); });
        into.emplace_back(name, value);
    }
}

std::string read_method(const Value& value) {
    const std::string method = upper(value.text());
    if (!is_token(method)) {
        value.fail(fmt::format("'{}' is not a method such as GET or POST", value.text()));
    } else if (method == "CONNECT") {
        value.fail("CONNECT opens a tunnel and is not supported");
    }
    return method;
}

Template read_path(const Value& value, const ReadContext& context) {
    const std::string path = value.text();
    if (!path.starts_with('/')) {
        value.fail(fmt::format("a path starts with '/', '{}' does not", path));
    } else if (path.find('#') != std::string::npos) {
        value.fail("a path has no '#': what follows it is never sent; write %23 for the character");
    }
    return compile_at(value, Escape::url_path, context);
}

// "/a?b=1" → "/a": what Locust's formats show.
std::string entry_name_of(const std::string& path) {
    return path.substr(0, path.find('?'));
}

void read_query(const Value& value, const ReadContext& context, Task& task) {
    for (const auto& entry : value.entries()) {
        auto name = Template::compile(entry.name, Escape::url_query, context, entry.key_mark);
        if (!name) {
            value.problems().add(name.error());
            continue;
        }
        for (const Value& item : entry.value.items_or_one()) {
            task.query.emplace_back(
                *name, item.is_null() ? Template() : compile_at(item, Escape::url_query, context));
        }
    }
}

void read_body(const Map& map, const ReadContext& context, Task& task) {
    const auto json = map.get_or_null("json");
    const auto body = map.get("body");
    if (json && body) body->fail("json and body exclude each other");
    if (json) {
        task.body = json_template(*json, context);
        task.body_is_json = true;
        if (!has_header(task.headers, "Content-Type")) {
            task.headers.emplace_back("Content-Type", Template::constant("application/json"));
        }
    } else if (body) {
        task.body = compile_at(*body, Escape::none, context);
    }
    task.has_body = json || body;
}

// "GET /health" in place of a map.
void read_short_task(const Value& value, const ReadContext& context, Task& task) {
    const std::string text = value.text();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || !is_token(text.substr(0, space)) ||
        text.compare(space + 1, 1, "/") != 0) {
        value.fail("expected a map with keys such as path, or a text such as GET /health");
        return;
    }
    task.method = upper(text.substr(0, space));
    const std::string path = text.substr(space + 1);
    auto compiled = Template::compile(path, Escape::url_path, context, value.mark());
    if (compiled)
        task.path = std::move(*compiled);
    else
        value.problems().add(compiled.error());
    task.entry_name = entry_name_of(path);
}

Task read_task(std::string name, const Value& value, const Target& target,
               const ReadContext& context) {
    Task task;
    task.name = std::move(name);
    task.headers = target.headers;
    task.timeouts = target.timeouts;
    if (value.is_scalar()) {
        read_short_task(value, context, task);
        return task;
    }
    const Map map = value.map({"name", "weight", "method", "path", "query", "headers", "json",
                               "body", "timeout", "expect", "description", "entry_name"});
    if (const auto v = map.get("weight")) {
        task.weight = static_cast<std::uint32_t>(v->integer(0, kMaxWeight));
    }
    if (const auto v = map.get("method")) task.method = read_method(*v);
    if (const auto v = map.get("path")) {
        task.path = read_path(*v, context);
        task.entry_name = entry_name_of(task.path.source());
    } else {
        value.fail("a task needs a path");
    }
    if (const auto v = map.get("entry_name")) task.entry_name = v->text();
    if (const auto v = map.get("description")) task.description = v->text();
    if (const auto v = map.get_or_null("query")) read_query(*v, context, task);
    if (const auto v = map.get_or_null("headers")) {
        merge_headers(task.headers, read_headers(*v, context));
    }
    read_body(map, context, task);
    if (const auto v = map.get("timeout")) read_timeouts(*v, task.timeouts);
    if (const auto v = map.get_or_null("expect")) task.expect = read_expect(*v);
    return task;
}

const yaml::Node* name_key(const Value& task) {
    for (const yaml::Entry& entry : task.node().entries) {
        if (entry.key.text == "name") return &entry.value;
    }
    return nullptr;
}

// A map of names, or a list whose entries have a name.
std::vector<Task> read_tasks(const Value& value, const Target& target, const ReadContext& context) {
    std::vector<Task> tasks;
    if (!value.is_list()) {
        for (const auto& entry : value.entries()) {
            if (name_key(entry.value) != nullptr) {
                entry.value.fail("the key is the name of the task; remove name");
            }
            tasks.push_back(read_task(entry.name, entry.value, target, context));
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
        if (std::any_of(tasks.begin(), tasks.end(),
                        [&](const Task& t) { return t.name == name; })) {
            item.fail(fmt::format("there is a task named '{}' already", name));
        }
        tasks.push_back(read_task(name, item, target, context));
    }
    return tasks;
}

bool runs(const UserClass& user) {
    return user.weight > 0 && std::any_of(user.tasks.begin(), user.tasks.end(),
                                          [](const Task& t) { return t.weight > 0; });
}

UserClass read_class(const Value::Named& entry, const Target& target, const ReadContext& context) {
    UserClass user;
    user.name = entry.name;
    const Map map = entry.value.map({"weight", "wait_time", "tasks", "description"});
    if (const auto v = map.get("weight")) {
        user.weight = static_cast<std::uint32_t>(v->integer(0, kMaxWeight));
    }
    if (const auto v = map.get("wait_time")) user.wait = read_wait_time(*v);
    if (const auto v = map.get("tasks")) user.tasks = read_tasks(*v, target, context);
    if (user.weight > 0 && !runs(user)) {
        entry.value.fail("a user needs tasks, at least one with a weight above 0");
    }
    return user;
}

}  // namespace

Template compile_at(const Value& value, Escape escape, const ReadContext& context) {
    const std::string text = value.text();
    auto compiled = Template::compile(text, escape, context, value.mark());
    if (compiled) return std::move(*compiled);
    value.fail(compiled.error().message);
    return {};
}

HeaderTemplates read_headers(const Value& headers, const ReadContext& context) {
    HeaderTemplates all;
    for (const auto& entry : headers.entries()) {
        const std::string name = upper(entry.name);
        const auto fail = [&](std::string_view sentence) {
            headers.problems().add(entry.key_mark,
                                   fmt::format("{}: {}", entry.value.path(), sentence));
        };
        if (!is_token(name)) fail("not a header name");
        if (name == "CONTENT-LENGTH" || name == "TRANSFER-ENCODING") {
            fail("is set by squadload from the body; remove it");
        }
        if (has_header(all, name)) fail("is there twice (header names ignore case)");
        all.emplace_back(entry.name, compile_at(entry.value, Escape::header, context));
    }
    return all;
}

void read_timeouts(const Value& value, Timeouts& timeouts) {
    if (value.is_scalar()) {
        timeouts.total = value.duration();
        return;
    }
    const Map map = value.map({"connect", "first_byte", "total"});
    if (const auto v = map.get("connect")) timeouts.connect = v->duration();
    if (const auto v = map.get("first_byte")) timeouts.first_byte = v->duration();
    if (const auto v = map.get("total")) timeouts.total = v->duration();
}

std::vector<UserClass> read_users(const Value& users, const Target& target,
                                  const ReadContext& context) {
    std::vector<UserClass> classes;
    std::size_t tasks = 0;
    for (const auto& entry : users.entries()) {
        classes.push_back(read_class(entry, target, context));
        tasks += classes.back().tasks.size();
    }
    if (tasks > kMaxTasks) users.fail(fmt::format("more than {} tasks", kMaxTasks));
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
                if (const auto v = map.get("timeout")) read_timeouts(*v, task.timeouts);
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
