#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "base/units.h"
#include "target/providers/profile_reader.h"
#include "yaml/document.h"

namespace squadload::providers {
namespace {

using yaml::Map;
using yaml::Value;

constexpr Nanos kLongestFault = std::chrono::hours(1'000);
constexpr auto kRequest = "the request";  // what messages call a body

double read_share(const Value& value) {
    const auto share = parse_share(value.text());
    if (share && *share >= 0 && *share <= 1) return *share;
    value.fail(fmt::format("expected a share such as 0.3 or 30%, not '{}'", value.text()));
    return 0;
}

Nanos read_time(const Value& value, Nanos low) {
    const Nanos time = value.duration(low);
    if (time <= kLongestFault) return time;
    value.fail(fmt::format("expected at most {}", format_duration(kLongestFault)));
    return low;
}

// JSON's null is the same as leaving the key out.
std::optional<Value> given(const Map& map, std::string_view key) {
    auto value = map.get_or_null(key);
    if (value && value->is_null()) return std::nullopt;
    return value;
}

// Which settings belong to which kind.
void check_keys(const Map& map, FaultKind kind) {
    const auto belongs = [&](std::string_view key, bool here) {
        if (const auto value = given(map, key); value && !here)
            value->fail(fmt::format("a fault of kind {} has no {}", name_of(kind), key));
    };
    belongs("how", kind == FaultKind::outage);
    belongs("status", kind == FaultKind::error_rate);
    belongs("retry_after", kind == FaultKind::storm);
    belongs("factor", kind == FaultKind::slow_down);
}

Result<yaml::Document> parse_body(std::string_view json, std::string_view example) {
    auto document = yaml::Document::parse(json, kRequest);
    if (document && document->root().kind != yaml::Node::Kind::map)
        return fail(ErrorKind::config, fmt::format("expected a JSON object such as {}", example));
    return document;
}

std::string read_provider(const Value& root, const Map& map) {
    if (const auto v = map.get("provider")) return v->text();
    root.fail("needs provider");
    return {};
}

QuotaChange read_change(const Map& map) {
    QuotaChange change;
    const auto amount = [&](std::string_view key, std::optional<std::int64_t>& target) {
        if (const auto v = given(map, key)) target = v->integer(1, limits::kMaxAmount);
    };
    amount("requests", change.requests);
    amount("burst", change.burst);
    amount("requests_day", change.requests_day);
    amount("tokens", change.tokens);
    amount("concurrency", change.concurrency);
    if (const auto v = given(map, "model")) change.model = v->text();
    if (const auto v = given(map, "for")) change.lasts = read_time(*v, Nanos{1});
    return change;
}

}  // namespace

std::vector<std::string_view> fault_keys() {
    return {"kind", "model", "share", "how", "status", "retry_after", "factor", "after", "for"};
}

bool is_reserved(std::string_view provider) {
    return provider == "arrivals" || provider == "control" || provider == "health";
}

FaultSpec read_fault(const Value& value, const Map& map) {
    FaultSpec spec;
    if (const auto v = map.get("kind")) {
        spec.kind =
            static_cast<FaultKind>(v->one_of({"outage", "storm", "error_rate", "reset", "hang",
                                              "truncated", "malformed", "slow_down"}));
    } else {
        value.fail("a fault needs a kind");
    }
    check_keys(map, spec.kind);
    if (const auto v = given(map, "model")) spec.model = v->text();
    if (const auto v = given(map, "share")) spec.share = read_share(*v);
    if (const auto v = given(map, "how")) {
        spec.how = static_cast<How>(v->one_of({"503", "reset", "hang"}));
    }
    if (const auto v = given(map, "status")) spec.status = static_cast<int>(v->integer(500, 599));
    if (const auto v = given(map, "retry_after")) spec.retry_after = read_time(*v, Nanos{0});
    if (const auto v = given(map, "factor")) spec.factor = v->number(0.01, 1000);
    if (const auto v = given(map, "after")) spec.after = read_time(*v, Nanos{0});
    if (const auto v = given(map, "for")) spec.lasts = read_time(*v, Nanos{1});
    return spec;
}

Result<FaultRequest> parse_fault(std::string_view json) {
    const auto document = parse_body(json, R"({"provider": "groq", "kind": "outage"})");
    if (!document) return tl::unexpected(document.error());
    yaml::Problems problems;
    const Value root(*document, problems);
    auto known = fault_keys();
    known.emplace_back("provider");
    const Map map = root.map(std::move(known));
    FaultRequest request;
    request.provider = read_provider(root, map);
    request.spec = read_fault(root, map);
    if (problems.first()) return tl::unexpected(*problems.first());
    return request;
}

Result<QuotaRequest> parse_quota_change(std::string_view json) {
    const auto document = parse_body(json, R"({"provider": "groq", "requests": 1040})");
    if (!document) return tl::unexpected(document.error());
    yaml::Problems problems;
    const Value root(*document, problems);
    const Map map = root.map(
        {"provider", "model", "requests", "burst", "requests_day", "tokens", "concurrency", "for"});
    QuotaRequest request;
    request.provider = read_provider(root, map);
    request.change = read_change(map);
    const QuotaChange& c = request.change;
    if (!c.requests && !c.burst && !c.requests_day && !c.tokens && !c.concurrency)
        root.fail("needs what to change: requests, burst, requests_day, tokens or concurrency");
    if (problems.first()) return tl::unexpected(*problems.first());
    return request;
}

}  // namespace squadload::providers
