#include "target/service/router.h"

#include <algorithm>

#include "base/check.h"

namespace squadload::service {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The pieces between slashes, not decoded; `path` begins with one. "/a/" gives "a" and "".
std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    std::size_t start = 1;
    for (;;) {
        const auto slash = std::min(path.find('/', start), path.size());
        segments.emplace_back(path.substr(start, slash - start));
        if (slash == path.size()) return segments;
        start = slash + 1;
    }
}

// Path and query of a request target (RFC 9112 §3.2): origin-form or absolute-form. Empty: neither.
std::string_view origin_form(std::string_view target) {
    if (target.starts_with('/')) return target;
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
        const auto slash = target.find_first_of("/?", scheme.size());
        if (slash == std::string_view::npos) return "/";
        return target[slash] == '/' ? target.substr(slash) : std::string_view{};
    }
    return {};
}

Reply method_not_allowed(std::vector<std::string_view> methods) {
    if (std::ranges::find(methods, "GET") != methods.end()) methods.push_back("HEAD");
    std::ranges::sort(methods);
    const auto repeated = std::ranges::unique(methods);
    methods.erase(repeated.begin(), repeated.end());
    std::string allow;
    for (const auto& method : methods) allow.append(allow.empty() ? "" : ", ").append(method);
    auto reply = error_reply(405, "method_not_allowed", "this path takes " + allow);
    reply.headers.add("allow", allow);
    return reply;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    return decode(text, false);
}

namespace {

struct QueryPair {
    std::string_view name, value;  // not decoded
};

// Takes the first pair off the query.
QueryPair take_pair(std::string_view& query) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    return {pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size()))};
}

}  // namespace

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const QueryPair pair = take_pair(query);
        if (decode(pair.name, true) == name) return decode(pair.value, true);
    }
    return std::nullopt;
}

std::vector<std::string> query_names(std::string_view query) {
    std::vector<std::string> names;
    while (!query.empty()) {
        const QueryPair pair = take_pair(query);
        if (!pair.name.empty())
            names.push_back(decode(pair.name, true).value_or(std::string(pair.name)));
    }
    return names;
}

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
    SQUADLOAD_CHECK(handler != nullptr);
    insert({std::string(method), std::string(pattern), parse(pattern), std::move(handler), {}});
}

void Router::add_quick(std::string_view method, std::string_view pattern, QuickHandler handler) {
    SQUADLOAD_CHECK(handler != nullptr);
    insert({std::string(method), std::string(pattern), parse(pattern), {}, std::move(handler)});
}

void Router::set_gate(std::function<std::optional<Reply>(const Request&)> gate) {
    gate_ = std::move(gate);
}

std::vector<Router::Segment> Router::parse(std::string_view pattern) {
    SQUADLOAD_CHECK(pattern.starts_with('/'));
    std::vector<Segment> segments;
    for (const auto& text : split(pattern)) {
        SQUADLOAD_CHECK(segments.empty() || segments.back().kind != Segment::Kind::rest);
        if (!text.starts_with('{')) {
            SQUADLOAD_CHECK(text.find_first_of("{}%") == std::string::npos);
            segments.push_back({Segment::Kind::literal, text, ""});
            continue;
        }
        const auto close = text.find('}');
        SQUADLOAD_CHECK(close != std::string::npos && close > 1);
        auto name = text.substr(1, close - 1);
        const auto ending = text.substr(close + 1);
        if (name.ends_with("...")) {
            SQUADLOAD_CHECK(ending.empty() && name.size() > 3);
            name.resize(name.size() - 3);
            segments.push_back({Segment::Kind::rest, name, ""});
        } else {
            segments.push_back({Segment::Kind::name, name, ending});
        }
    }
    return segments;
}

// Segment by segment: literal, name with an ending, name, rest.
bool Router::before(const Route& a, const Route& b) {
    const auto rank = [](const Segment& s) {
        if (s.kind == Segment::Kind::literal) return 0;
        if (s.kind == Segment::Kind::rest) return 3;
        return s.ending.empty() ? 2 : 1;
    };
    return std::ranges::lexicographical_compare(a.segments, b.segments, {}, rank, rank);
}

void Router::insert(Route route) {
    for (const auto& other : routes_)
        SQUADLOAD_CHECK(other.method != route.method || other.pattern != route.pattern);
    const auto place = std::ranges::upper_bound(routes_, route, before);
    routes_.insert(place, std::move(route));
}

bool Router::match(const Route& route, const std::vector<std::string>& segments) {
    const auto& wanted = route.segments;
    const bool has_rest = wanted.back().kind == Segment::Kind::rest;
    if (has_rest ? segments.size() < wanted.size() : segments.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto& want = wanted[i];
        if (want.kind == Segment::Kind::rest) return true;
        if (want.kind == Segment::Kind::literal
                ? segments[i] != want.text
                : segments[i].size() <= want.ending.size() || !segments[i].ends_with(want.ending))
            return false;
    }
    return true;
}

void Router::take_params(const Route& route, std::vector<std::string>& segments, Request& request) {
    for (std::size_t i = 0; i < route.segments.size(); ++i) {
        const auto& want = route.segments[i];
        if (want.kind == Segment::Kind::literal) continue;
        auto value = std::move(segments[i]);
        if (want.kind == Segment::Kind::rest)
            for (std::size_t j = i + 1; j < segments.size(); ++j) value += "/" + segments[j];
        else
            value.resize(value.size() - want.ending.size());
        request.params.emplace_back(want.text, std::move(value));
    }
}

Router::Choice Router::choose(Request& request) const {
    Choice choice;
    request.params.clear();
    const auto target = origin_form(request.target);
    if (target.empty()) {
        choice.reply = error_reply(400, "bad_request", "the request target is no path");
        return choice;
    }
    const auto question = std::min(target.find('?'), target.size());
    request.query = target.substr(std::min(question + 1, target.size()));
    auto segments = split(target.substr(0, question));
    request.path.clear();
    for (auto& segment : segments) {
        if (segment.find('%') != std::string::npos) {
            auto decoded = percent_decode(segment);
            if (!decoded || decoded->find('\0') != std::string::npos) {
                choice.reply = error_reply(400, "bad_request", "the path is badly encoded");
                return choice;
            }
            segment = std::move(*decoded);
        }
        request.path.append("/").append(segment);
    }
    if (gate_) choice.reply = gate_(request);
    if (choice.reply) return choice;

    const Route* found = nullptr;
    std::vector<std::string_view> methods;
    for (const auto& route : routes_) {
        if (!match(route, segments)) continue;
        methods.push_back(route.method);
        if (route.method == request.method) {
            found = &route;
            break;
        }
        if (request.method == "HEAD" && route.method == "GET" && found == nullptr) found = &route;
    }
    if (found != nullptr) {
        take_params(*found, segments, request);
        if (found->quick)
            choice.quick = &found->quick;
        else
            choice.handler = &found->handler;
    } else if (methods.empty()) {
        choice.reply = error_reply(404, "not_found", "there is nothing at " + request.path);
    } else {
        choice.reply = method_not_allowed(std::move(methods));
    }
    return choice;
}

}  // namespace squadload::service
