#include "load/engine/entry_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/check.h"
#include "base/time.h"
#include "load/engine/user_data.h"

namespace squadload::engine {
namespace {

bool same_header(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

bool names_header(const scenario::HeaderTemplates& headers, std::string_view name) {
    return std::any_of(headers.begin(), headers.end(),
                       [&](const auto& h) { return same_header(h.first, name); });
}

std::string rendered_constant(const scenario::Template& text) {
    Random unused(0, RandomStream::iteration, 0);
    scenario::RenderContext context{0, unused};
    std::string out;
    text.render(context, out);
    return out;
}

std::vector<std::uint16_t> variables_of(const scenario::Request& request) {
    std::vector<std::uint16_t> out;
    request.path.variables(out);
    for (const auto& [name, value] : request.query) {
        name.variables(out);
        value.variables(out);
    }
    for (const auto& header : request.headers) header.second.variables(out);
    request.body.variables(out);
    return out;
}

CompiledEntry compile(const Plan& plan, const scenario::UserClass& user_class,
                      const scenario::Request& task, std::uint16_t sequence,
                      const attribution::Attributor& attributor) {
    CompiledEntry c;
    c.request = &task;
    c.sequence = sequence;
    c.needs = variables_of(task);
    c.max_redirects = task.redirects.value_or(plan.scenario.target.redirects.max);
    c.cookies = user_class.cookies;
    c.extractor = http::Extractor(task.extract, user_class.variables);
    c.attributes = !attributor.empty();
    // What a 429 asks for is in its headers.
    const bool waits = plan.scenario.on_429.action != scenario::On429::Action::record;
    c.keeps_headers = waits || !task.expect.headers.empty() || c.extractor.needs_headers() ||
                      c.cookies || c.max_redirects > 0 || attributor.needs_headers();
    c.keeps_body = task.expect.reads_body() || c.extractor.needs_body() || attributor.needs_body();
    c.head_request = task.method == "HEAD";
    c.sends_length =
        task.has_body || task.method == "POST" || task.method == "PUT" || task.method == "PATCH";
    c.before_target = task.method + " " + plan.origin.absolute_form + plan.base_path;
    c.after_target = " HTTP/1.1\r\n";
    const auto add_default = [&](std::string_view name, std::string_view value) {
        if (!names_header(task.headers, name))
            fmt::format_to(std::back_inserter(c.after_target), "{}: {}\r\n", name, value);
    };
    add_default("Host", plan.origin.authority);
    if (!plan.origin.absolute_form.empty() && !plan.origin.proxy_authorization.empty())
        add_default("Proxy-Authorization", plan.origin.proxy_authorization);
    add_default("User-Agent", "squadload/" SQUADLOAD_VERSION);
    add_default("Accept", "*/*");
    for (const auto& [name, value] : task.headers) {
        if (c.cookies && same_header(name, "Cookie")) {
            c.own_cookies.push_back(value);
        } else if (value.is_constant()) {
            c.after_target += name + ": " + rendered_constant(value) + "\r\n";
        } else {
            c.dynamic_headers.emplace_back(name, value);
        }
    }
    return c;
}

bool is_constant(const CompiledEntry& c) {
    const auto& task = *c.request;
    return !c.cookies && c.dynamic_headers.empty() && task.path.is_constant() &&
           (!task.has_body || task.body.is_constant()) &&
           std::all_of(task.query.begin(), task.query.end(), [](const auto& q) {
               return q.first.is_constant() && q.second.is_constant();
           });
}

// "Cookie: own=1; kept=2", or nothing.
void render_cookies(const CompiledEntry& c, const Origin& origin, scenario::RenderContext& context,
                    UserData* data, std::string& out, std::string& scratch) {
    const std::size_t line = out.size();
    out += "Cookie: ";
    const std::size_t values = out.size();
    const auto separate = [&] {
        if (out.size() > values) out += "; ";
    };
    for (const auto& own : c.own_cookies) {
        separate();
        own.render(context, out);
    }
    if (data != nullptr) {
        data->own_cookie.assign(out, values);
        scratch.clear();  // the path they are chosen by is a view of `out`, which may move
        if (data->cookies.append(cookie_url(origin, out), wall_now(), scratch)) {
            separate();
            out += scratch;
        }
    }
    const bool none = out.size() == values;
    out += "\r\n";
    if (none) out.resize(line);
}

void render_into(const CompiledEntry& c, const Origin& origin, scenario::RenderContext& context,
                 UserData* data, std::string& out, std::string& body) {
    const auto& task = *c.request;
    out += c.before_target;
    const std::size_t path_at = out.size();
    task.path.render(context, out);
    char separator = out.find('?', path_at) == std::string::npos ? '?' : '&';
    for (const auto& [name, value] : task.query) {
        out += separator;
        name.render(context, out);
        out += '=';
        value.render(context, out);
        separator = '&';
    }
    out += c.after_target;
    for (const auto& [name, value] : c.dynamic_headers) {
        out += name;
        out += ": ";
        value.render(context, out);
        out += "\r\n";
    }
    if (c.cookies) render_cookies(c, origin, context, data, out, body);
    body.clear();
    if (task.has_body) task.body.render(context, body);
    if (c.sends_length) {
        const fmt::format_int length(body.size());
        out += "Content-Length: ";
        out.append(length.data(), length.size());
        out += "\r\n";
    }
    out += "\r\n";
    out += body;
}

}  // namespace

void EntryTable::Weighted::add(std::uint32_t weight, std::uint16_t v) {
    if (weight == 0) return;
    cumulative.push_back((cumulative.empty() ? 0 : cumulative.back()) + weight);
    value.push_back(v);
}

std::uint16_t EntryTable::Weighted::pick(Random& random) const {
    if (value.size() == 1) return value.front();
    const std::uint64_t draw = random.below(cumulative.back());
    const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), draw);
    return value[static_cast<std::size_t>(at - cumulative.begin())];
}

EntryTable::EntryTable(const Plan& plan)
    : origin_(plan.origin), attributor_(plan.scenario.attribution) {
    add_sequences(plan.scenario);
    for (const scenario::EntryRef ref : number_entries(plan.scenario)) {
        Sequence& sequence = sequences_[ref.sequence];
        if (ref.step == 0) sequence.first_entry = static_cast<std::uint16_t>(entries_.size());
        CompiledEntry c =
            compile(plan, plan.scenario.classes[sequence.ref.user_class],
                    request_of(plan.scenario, sequence.ref, ref.step), ref.sequence, attributor_);
        if (is_constant(c)) {
            Random unused(0, RandomStream::iteration, 0);
            scenario::RenderContext context{0, unused};
            std::string body;
            render_into(c, origin_, context, nullptr, c.constant_request, body);
        }
        entries_.push_back(std::move(c));
    }
    SQUADLOAD_CHECK(!class_weights_.value.empty());
}

void EntryTable::add_sequences(const scenario::Scenario& scenario) {
    classes_.resize(scenario.classes.size());
    tasks_of_class_.resize(scenario.classes.size());
    for (const scenario::SequenceRef ref : number_sequences(scenario)) {
        const auto number = static_cast<std::uint16_t>(sequences_.size());
        sequences_.push_back({ref, 0, steps_of(scenario, ref)});
        switch (ref.part) {
            case scenario::Part::on_start:
                classes_[ref.user_class].on_start = number;
                break;
            case scenario::Part::on_stop:
                classes_[ref.user_class].on_stop = number;
                break;
            case scenario::Part::task:
                tasks_of_class_[ref.user_class].add(
                    scenario.classes[ref.user_class].tasks[ref.task].weight, number);
                break;
        }
    }
    for (std::size_t i = 0; i < scenario.classes.size(); ++i) {
        classes_[i].has_flow = scenario::has_flow(scenario.classes[i]);
        has_flow_ = has_flow_ || classes_[i].has_flow;
        if (!tasks_of_class_[i].value.empty())
            class_weights_.add(scenario.classes[i].weight, static_cast<std::uint16_t>(i));
    }
}

std::uint16_t EntryTable::pick(Random& random) const {
    return pick_of_class(class_weights_.pick(random), random);
}

std::uint16_t EntryTable::pick_of_class(std::uint16_t user_class, Random& random) const {
    return tasks_of_class_[user_class].pick(random);
}

std::vector<std::uint16_t> EntryTable::classes_of_users(std::uint32_t n) const {
    // Each user goes to the class that lags furthest behind its share.
    const auto total = static_cast<double>(class_weights_.cumulative.back());
    std::vector<std::uint32_t> assigned(class_weights_.value.size(), 0);
    std::vector<std::uint16_t> result(n);
    for (std::uint32_t user = 0; user < n; ++user) {
        std::size_t best = 0;
        double best_deficit = -1e300;
        for (std::size_t c = 0; c < assigned.size(); ++c) {
            const double weight = static_cast<double>(
                class_weights_.cumulative[c] - (c == 0 ? 0 : class_weights_.cumulative[c - 1]));
            const double deficit = weight / total * (user + 1.0) - assigned[c];
            if (deficit > best_deficit + 1e-12) {
                best_deficit = deficit;
                best = c;
            }
        }
        ++assigned[best];
        result[user] = class_weights_.value[best];
    }
    return result;
}

std::span<const char> EntryTable::render(std::uint16_t entry, scenario::RenderContext& context,
                                         UserData* data, std::string& out,
                                         std::string& body) const {
    const CompiledEntry& c = entries_[entry];
    if (!c.constant_request.empty()) return c.constant_request;
    out.clear();
    render_into(c, origin_, context, data, out, body);
    return out;
}

http::CookieUrl cookie_url(const Origin& origin, std::string_view request) {
    const auto method_end = std::min(request.find(' '), request.size());
    std::string_view target = request.substr(std::min(method_end + 1, request.size()));
    target = target.substr(0, target.find(' '));
    if (target.starts_with(origin.absolute_form)) target.remove_prefix(origin.absolute_form.size());
    return {origin.host, target, origin.tls};
}

}  // namespace squadload::engine
