// What a master takes, member by member: locust/runners.py, MasterRunner.handle_message, and
// locust/stats.py, StatsEntry.extend and StatsError.unserialize (2.12 to 2.47).
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <string_view>

#include "base/utf8.h"
#include "locust/codec.h"
#include "locust/messages.h"

namespace squadload::locust {
namespace {

using Check = std::function<bool(const Value&)>;

bool is_text(const Value& v) {
    return v.text() != nullptr && valid_utf8(*v.text()) == *v.text();
}
bool is_number(const Value& v) {
    return v.is_number() && std::isfinite(v.number()) && v.number() >= 0;
}
bool is_number_or_nil(const Value& v) {
    return v.is_nil() || is_number(v);
}
bool is_count(const Value& v) {
    return v.is_integer() && v.number() >= 0;
}
bool is_state(const Value& v) {
    const std::string* s = v.text();
    return s != nullptr && (*s == "ready" || *s == "spawning" || *s == "running");
}

// Every key and value of a map.
Check map_of(Check key, Check value) {
    return [key = std::move(key), value = std::move(value)](const Value& v) {
        if (v.map() == nullptr) return false;
        for (const auto& [k, item] : *v.map())
            if (!key(k) || !value(item)) return false;
        return true;
    };
}

struct Member {
    std::string_view name;
    Check good;
};

// All of these and no other.
Check object(std::vector<Member> members) {
    return [members = std::move(members)](const Value& v) {
        if (v.map() == nullptr || v.map()->size() != members.size()) return false;
        for (const Member& member : members) {
            const Value* value = v.find(member.name);
            if (value == nullptr || !member.good(*value)) return false;
        }
        return true;
    };
}

Check entry() {
    const Check counts = map_of(is_count, is_count);
    return object({{"name", is_text},
                   {"method", is_text},
                   {"last_request_timestamp", is_number_or_nil},
                   {"start_time", is_number},
                   {"num_requests", is_count},
                   {"num_none_requests", is_count},
                   {"num_failures", is_count},
                   {"total_response_time", is_number},
                   {"max_response_time", is_number},
                   {"min_response_time", is_number_or_nil},
                   {"total_content_length", is_count},
                   {"response_times", counts},
                   {"num_reqs_per_sec", counts},
                   {"num_fail_per_sec", counts}});
}

Check list_of(Check item) {
    return [item = std::move(item)](const Value& v) {
        if (v.array() == nullptr) return false;
        for (const Value& each : *v.array())
            if (!item(each)) return false;
        return true;
    };
}

Check stats() {
    const Check error = object({{"name", is_text},
                                {"method", is_text},
                                {"error", is_text},
                                {"occurrences", is_count},
                                {"first_seen", is_number},
                                {"last_seen", is_number}});
    return object({{"stats", list_of(entry())},
                   {"stats_total", entry()},
                   {"errors", map_of(is_text, error)},
                   {"user_classes_count", map_of(is_text, is_count)},
                   {"user_count", is_count},
                   {"squad_counts", map_of(is_text, is_count)}});
}

bool is_nil(const Value& v) {
    return v.is_nil();
}

const std::vector<Member>& contract() {
    static const std::vector<Member> types{
        {"client_ready", [](const Value& v) { return v == Value(-1); }},
        {"heartbeat", object({{"state", is_state},
                              {"current_cpu_usage", is_number},
                              {"current_memory_usage", is_count}})},
        {"spawning", is_nil},
        {"spawning_complete",
         object({{"user_classes_count", map_of(is_text, is_count)}, {"user_count", is_count}})},
        {"stats", stats()},
        {"exception", object({{"msg", is_text}, {"traceback", is_text}})},
        {"client_stopped", is_nil},
        {"quit", is_nil}};
    return types;
}

}  // namespace

Result<void> check_outgoing(std::string_view bytes) {
    const auto value = unpack(bytes);
    if (!value) return fail(ErrorKind::internal, value.error().message);
    const Array* parts = value->array();
    if (parts == nullptr || parts->size() != 3 || !is_text((*parts)[0]) || !is_text((*parts)[2]) ||
        (*parts)[2].text()->empty())
        return fail(ErrorKind::internal, "not an array of type, data and node");
    const std::string& type = *(*parts)[0].text();
    for (const Member& known : contract()) {
        if (known.name != type) continue;
        if (known.good((*parts)[1])) return {};
        return fail(ErrorKind::internal, fmt::format("the data of a {} message is not as a master "
                                                     "takes it",
                                                     type));
    }
    return fail(ErrorKind::internal, fmt::format("no master knows a {} message", type));
}

}  // namespace squadload::locust
