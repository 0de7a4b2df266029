#include "locust/messages.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/utf8.h"
#include "locust/codec.h"

namespace squadload::locust {
namespace {

constexpr double kMostUsers = 10e6;

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorKind::io, std::move(what));
}

// A count of users: whole, within bounds; masters send integers.
std::optional<std::int64_t> count_of(const Value& value) {
    const double n = value.number();
    if (!value.is_number() || !(n >= 0) || n > kMostUsers) return std::nullopt;
    return static_cast<std::int64_t>(n);
}

// None: nothing there that could be one.
std::optional<std::int64_t> count_at(const Value& data, std::string_view key) {
    const Value* value = data.find(key);
    return value == nullptr ? std::nullopt : count_of(*value);
}

Result<Spawn> read_spawn(const Value& data) {
    Spawn spawn;
    const Value* timestamp = data.find("timestamp");
    if (timestamp == nullptr || !timestamp->is_number() || !std::isfinite(timestamp->number()))
        return wrong("a spawn message without its timestamp");
    spawn.timestamp = timestamp->number();
    const Value* users = data.find("user_classes_count");
    if (users == nullptr || users->map() == nullptr)
        return wrong("a spawn message without its users");
    for (const auto& [name, count] : *users->map()) {
        const auto n = count_of(count);
        if (name.text() == nullptr || !n)
            return wrong("a spawn message whose users are no numbers by class");
        spawn.users[*name.text()] = *n;
    }
    if (const Value* host = data.find("host"); host != nullptr && host->text() != nullptr)
        spawn.host = *host->text();
    if (const Value* stop = data.find("stop_timeout"); stop != nullptr && stop->number() > 0)
        spawn.stop_timeout_s = std::min(stop->number(), 1e6);
    if (const Value* options = data.find("parsed_options"); options != nullptr) {
        // `users` is what the web UI was told; the command line's num_users is stale there.
        const auto told = count_at(*options, "users");
        spawn.total_users = told && *told > 0 ? *told : count_at(*options, "num_users").value_or(0);
    }
    return spawn;
}

std::optional<TestFacts> read_facts(const Value& data) {
    const auto users = count_at(data, "users");
    const Value* elapsed = data.find("elapsed");
    if (!users || elapsed == nullptr || !elapsed->is_number()) return std::nullopt;
    const double s = elapsed->number();
    return TestFacts{*users, s >= 0 && s < 1e8 ? s : 0};
}

MasterSays kind_of(std::string_view type) {
    static constexpr std::array<std::pair<std::string_view, MasterSays>, 8> kKinds{
        {{"ack", MasterSays::ack},
         {"spawn", MasterSays::spawn},
         {"stop", MasterSays::stop},
         {"quit", MasterSays::quit},
         {"reconnect", MasterSays::reconnect},
         {"heartbeat", MasterSays::heartbeat},
         {"spawning_complete", MasterSays::spawning_complete},
         {kTestFacts, MasterSays::test_facts}}};
    for (const auto& [name, kind] : kKinds)
        if (name == type) return kind;
    return MasterSays::other;
}

}  // namespace

std::int64_t sum(const UserCounts& users) {
    std::int64_t total = 0;
    for (const auto& [name, count] : users) total += count;
    return total;
}

Result<FromMaster> read_message(std::string_view bytes) {
    auto value = unpack(bytes);
    if (!value) return tl::unexpected(value.error());
    const Array* parts = value->array();
    if (parts == nullptr || parts->size() != 3 || parts->front().text() == nullptr)
        return wrong("not a message of Locust's: no array of type, data and node");
    const Value& data = (*parts)[1];
    FromMaster message;
    message.type = valid_utf8(*parts->front().text());
    message.what = kind_of(message.type);
    if (message.what == MasterSays::ack) {
        message.index = count_at(data, "index");
    } else if (message.what == MasterSays::spawn) {
        auto spawn = read_spawn(data);
        if (!spawn) return tl::unexpected(spawn.error());
        message.spawn = *std::move(spawn);
    } else if (message.what == MasterSays::test_facts) {
        const auto facts = read_facts(data);
        if (!facts) return wrong(fmt::format("a {} message without its figures", kTestFacts));
        message.facts = *facts;
    }
    return message;
}

Map users_map(const UserCounts& users) {
    Map map;
    for (const auto& [name, count] : users) map.emplace_back(name, count);
    return map;
}

Messages::Messages(std::string_view node_id) : node_id_(valid_utf8(node_id)) {}

std::string Messages::message(std::string_view type, Value data) const {
    return pack(Array{type, std::move(data), node_id_});
}

std::string Messages::client_ready() const {
    return message("client_ready", -1);
}

std::string Messages::heartbeat(std::string_view state, double cpu_percent,
                                std::uint64_t memory_bytes) const {
    return message("heartbeat",
                   Map{{"state", state},
                       {"current_cpu_usage", std::isfinite(cpu_percent) ? cpu_percent : 0.0},
                       {"current_memory_usage", memory_bytes}});
}

std::string Messages::spawning() const {
    return message("spawning", Value());
}

std::string Messages::spawning_complete(const UserCounts& users) const {
    return message("spawning_complete",
                   Map{{"user_classes_count", users_map(users)}, {"user_count", sum(users)}});
}

std::string Messages::stats(Value data) const {
    return message("stats", std::move(data));
}

std::string Messages::exception(std::string_view text, std::string_view trace) const {
    return message("exception", Map{{"msg", valid_utf8(text)}, {"traceback", valid_utf8(trace)}});
}

std::string Messages::client_stopped() const {
    return message("client_stopped", Value());
}

std::string Messages::quit() const {
    return message("quit", Value());
}

}  // namespace squadload::locust
