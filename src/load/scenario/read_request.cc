#include <fmt/core.h>

#include <algorithm>

#include "load/scenario/class_reader.h"
#include "load/scenario/json_body.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

constexpr std::size_t kMaxHeaders = 1'000;

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

// One request, key by key.
class RequestReader {
  public:
    RequestReader(const ClassScope& scope, const Known& known, Request& request)
        : scope_(scope), known_(known), request_(request) {
        request_.timeouts = scope.target.timeouts;
    }

    void read(const Map& map, std::string_view noun) {
        if (const auto v = map.get("method")) read_method(*v, v->text());
        if (const auto v = map.get("path")) {
            read_path(*v, v->text());
        } else {
            map.value().fail(fmt::format("a {} needs a path", noun));
        }
        if (const auto v = map.get("entry_name")) request_.entry_name = v->text();
        if (const auto v = map.get("description")) request_.description = v->text();
        if (const auto v = map.get_or_null("query")) read_query(*v);
        if (const auto v = map.get_or_null("headers")) {
            request_.headers = read_headers(*v, scope_.context);
            for (const auto& header : request_.headers) check_known(*v, header.second);
        }
        read_body(map);
        if (const auto v = map.get("timeout")) read_timeouts(*v, request_.timeouts);
        if (const auto v = map.get("redirects")) request_.redirects = read_max_redirects(*v);
        if (const auto v = map.get_or_null("expect")) request_.expect = read_expect(*v);
        if (const auto v = map.get_or_null("extract")) {
            request_.extract = read_extract(*v, scope_);
        }
        add_target_headers(map.value());
    }

    void read_short(const Value& value) {
        const std::string text = value.text();
        const std::size_t space = text.find(' ');
        if (space == std::string::npos || !is_token(text.substr(0, space)) ||
            text.compare(space + 1, 1, "/") != 0) {
            value.fail("expected a map with keys such as path, or a text such as GET /health");
            return;
        }
        read_method(value, text.substr(0, space));
        read_path(value, text.substr(space + 1));
        add_target_headers(value);
    }

  private:
    void read_method(const Value& value, const std::string& method) {
        request_.method = upper(method);
        if (!is_token(request_.method)) {
            value.fail(fmt::format("'{}' is not a method such as GET or POST", method));
        } else if (request_.method == "CONNECT") {
            value.fail("CONNECT opens a tunnel and is not supported");
        }
    }

    void read_path(const Value& value, const std::string& path) {
        if (!path.starts_with('/')) {
            value.fail(fmt::format("a path starts with '/', '{}' does not", path));
        } else if (path.find('#') != std::string::npos) {
            value.fail(
                "a path has no '#': what follows it is never sent; write %23 for the character");
        }
        auto compiled = Template::compile(path, Escape::url_path, scope_.context, value.mark());
        if (!compiled) return value.fail(compiled.error().message);
        request_.path = std::move(*compiled);
        request_.entry_name = path.substr(0, path.find('?'));  // what Locust's formats show
        check_known(value, request_.path);
    }

    void read_query(const Value& value) {
        for (const auto& entry : value.entries()) {
            auto name =
                Template::compile(entry.name, Escape::url_query, scope_.context, entry.key_mark);
            if (!name) {
                value.problems().add(name.error());
                continue;
            }
            for (const Value& item : entry.value.items_or_one()) {
                request_.query.emplace_back(
                    *name, item.is_null() ? Template()
                                          : compile_at(item, Escape::url_query, scope_.context));
                check_known(item, *name);
                check_known(item, request_.query.back().second);
            }
        }
    }

    void read_body(const Map& map) {
        const auto json = map.get_or_null("json");
        const auto body = map.get("body");
        if (json && body) body->fail("json and body exclude each other");
        if (json) {
            request_.body = json_template(*json, scope_.context);
            request_.body_is_json = true;
            check_known(*json, request_.body);
        } else if (body) {
            request_.body = compile_at(*body, Escape::none, scope_.context);
            check_known(*body, request_.body);
        }
        request_.has_body = json || body;
    }

    void check_known(const Value& value, const Template& text) const {
        std::vector<std::uint16_t> needed;
        text.variables(needed);
        for (const std::uint16_t variable : needed) {
            if (known_.now[variable]) continue;
            value.fail(fmt::format("needs '{}' before any step can have extracted it",
                                   scope_.context.variables[variable]));
        }
    }

    [[nodiscard]] bool can_send(const TargetHeader& header) const {
        std::vector<std::uint16_t> needed;
        header.value.variables(needed);
        return std::all_of(needed.begin(), needed.end(),
                           [&](std::uint16_t variable) { return known_.now[variable]; });
    }

    // The target's headers, then the request's own, which win; Content-Type last, if none names it.
    void add_target_headers(const Value& value) {
        const HeaderTemplates own = std::move(request_.headers);
        request_.headers.clear();
        for (const TargetHeader& header : scope_.headers) {
            if (has_header(own, header.name)) continue;
            if (!header.missing.empty()) {
                value.fail(
                    fmt::format("the header {} of target needs '{}', which no step of {} extracts",
                                header.name, header.missing, scope_.name));
            } else if (can_send(header)) {
                request_.headers.emplace_back(header.name, header.value);
            }
        }
        request_.headers.insert(request_.headers.end(), own.begin(), own.end());
        if (request_.body_is_json && !has_header(request_.headers, "Content-Type")) {
            request_.headers.emplace_back("Content-Type", Template::constant("application/json"));
        }
    }

    const ClassScope& scope_;
    const Known& known_;
    Request& request_;
};

}  // namespace

bool is_token(std::string_view text) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kOthers.find(c) != std::string_view::npos;
    });
}

std::vector<std::string_view> request_keys(std::initializer_list<std::string_view> more) {
    std::vector<std::string_view> keys{"name",        "method",     "path",     "query",  "headers",
                                       "json",        "body",       "timeout",  "expect", "extract",
                                       "description", "entry_name", "redirects"};
    keys.insert(keys.end(), more);
    return keys;
}

void read_request(const Map& map, std::string_view noun, const ClassScope& scope,
                  const Known& known, Request& request) {
    RequestReader(scope, known, request).read(map, noun);
}

void read_short_request(const Value& value, const ClassScope& scope, const Known& known,
                        Request& request) {
    RequestReader(scope, known, request).read_short(value);
}

Template compile_at(const Value& value, Escape escape, const ReadContext& context) {
    const std::string text = value.text();
    auto compiled = Template::compile(text, escape, context, value.mark());
    if (compiled) return std::move(*compiled);
    value.fail(compiled.error().message);
    return {};
}

HeaderTemplates read_headers(const Value& headers, const ReadContext& context) {
    HeaderTemplates all;
    if (headers.node().entries.size() > kMaxHeaders) {
        headers.fail(fmt::format("more than {} headers", kMaxHeaders));
        return all;
    }
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

std::uint32_t read_max_redirects(const Value& value) {
    constexpr std::int64_t kMost = 50;
    return static_cast<std::uint32_t>(value.integer(0, kMost));
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

}  // namespace squadload::scenario
