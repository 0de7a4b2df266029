#include "target/squad_api/stores/quota_script.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace squadload::squad_api {
namespace {

constexpr std::int64_t kMaxDepth = 4'000'000;              // × 10^9 parts stays below 2^53
constexpr std::int64_t kMaxExact = std::int64_t{1} << 53;  // of a double

// Rounded down, by less than 1 part in 2^52, where the numbers are too large for a double.
std::pair<std::int64_t, std::int64_t> per_microsecond(const limits::Rate& rate) {
    limits::Wide amount = limits::Wide{rate.amount} * 1000;
    limits::Wide per = std::max<std::int64_t>(rate.per.count(), 1);
    limits::Wide a = amount;
    limits::Wide b = per;
    while (b != 0) a = std::exchange(b, a % b);
    if (a > 1) {
        amount /= a;
        per /= a;
    }
    while (amount > kMaxExact || per > kMaxExact) {
        amount /= 2;
        per = (per + 1) / 2;
    }
    return {static_cast<std::int64_t>(amount), static_cast<std::int64_t>(per)};
}

std::int64_t microseconds(Nanos duration) {  // rounded up
    return (duration.count() + 999) / 1000;
}

std::optional<std::int64_t> integer_of(const RedisReply& reply) {
    if (reply.kind != RedisReply::Kind::integer) return std::nullopt;
    return reply.integer;
}

// `count` integers from `first` on.
bool read_integers(const RedisReply& reply, std::size_t first, std::vector<std::int64_t>& into) {
    for (std::size_t i = first; i < reply.items.size(); ++i) {
        const auto value = integer_of(reply.items[i]);
        if (!value) return false;
        into.push_back(*value);
    }
    return true;
}

SharedCounts counts_of(const std::vector<std::int64_t>& values) {
    SharedCounts counts;
    counts.admitted = values[0];
    counts.tokens = values[1];
    counts.largest = values[2];
    counts.joined = values[3];
    counts.level = values[4];
    counts.used_requests = values[5];
    counts.used_tokens = values[6];
    return counts;
}
constexpr std::size_t kCounts = 7;

limits::Limit limit_of(std::string_view name) {
    using limits::Limit;
    for (const Limit limit : {Limit::requests, Limit::burst, Limit::tokens}) {
        if (name == limits::name_of(limit)) return limit;
    }
    return Limit::none;
}

bool is_text(const RedisReply& reply) {
    return reply.kind == RedisReply::Kind::text;
}

void add_slots(std::vector<std::string>& arguments, const std::vector<RecentCounts::Slot>& slots) {
    for (const RecentCounts::Slot& slot : slots) {
        // Rounded down: an older age would leave the window too early.
        arguments.push_back(fmt::format("{}", slot.age.count() / 1000));
        arguments.push_back(fmt::format("{}", slot.requests));
        arguments.push_back(fmt::format("{}", slot.tokens));
    }
}

std::string clock_text(QuotaCalls::Clock clock) {
    return clock ? fmt::format("{}", *clock) : "";
}

}  // namespace

SharedLimits shared_limits(const limits::QuotaSettings& quota, std::int64_t gateways, bool alone) {
    SharedLimits limits;
    limits.requests = std::clamp<std::int64_t>(quota.requests, 0, limits::kMaxAmount);
    limits.tokens = std::clamp<std::int64_t>(quota.tokens, 0, limits::kMaxAmount);
    const Nanos guard = std::max(quota.guard, Nanos::zero());
    limits.window = std::max(quota.window, Nanos{1}) + guard;
    limits.gateways = std::max<std::int64_t>(gateways, 1);
    limits.alone = alone;
    // A burst of at least `requests` is implied by the log.
    if (limits.requests > 0 && quota.burst > 0 && quota.burst < limits.requests) {
        const limits::BucketShape shape =
            limits::guarded({limits.requests, quota.window}, quota.burst, guard);
        limits.depth = std::min(shape.depth, kMaxDepth);
        limits.rate = shape.rate;
    }
    return limits;
}

std::string quota_key(std::string_view prefix, std::string_view scope) {
    // A brace would end the hash tag early, or begin another one; both mean the same quota then.
    std::string tag(scope);
    std::replace_if(tag.begin(), tag.end(), [](char c) { return c == '{' || c == '}'; }, '_');
    return fmt::format("{}:{{{}}}:quota", prefix, tag);
}

QuotaCalls::QuotaCalls(const SharedLimits& limits) {
    const auto [amount, per] = per_microsecond(limits.rate);
    for (const std::int64_t value :
         {limits.requests, limits.tokens, microseconds(limits.window), limits.gateways,
          std::int64_t{limits.alone ? 1 : 0}, limits.depth, amount, per}) {
        limits_.push_back(fmt::format("{}", value));
    }
}

std::vector<std::string> QuotaCalls::common(const std::string& epoch, Clock clock) const {
    std::vector<std::string> arguments;
    arguments.reserve(limits_.size() + 4);
    arguments.push_back(epoch);
    arguments.push_back(clock_text(clock));
    arguments.insert(arguments.end(), limits_.begin(), limits_.end());
    return arguments;
}

std::vector<std::string> QuotaCalls::acquire(const std::string& epoch, std::int64_t tokens,
                                             Clock clock) const {
    std::vector<std::string> arguments = common(epoch, clock);
    arguments.push_back(fmt::format("{}", std::max<std::int64_t>(tokens, 0)));
    return arguments;
}

std::vector<std::string> QuotaCalls::cancel(const std::string& epoch, std::uint64_t entry,
                                            std::int64_t tokens, Clock clock) const {
    std::vector<std::string> arguments = common(epoch, clock);
    arguments.push_back(fmt::format("{}", entry));
    arguments.push_back(fmt::format("{}", std::max<std::int64_t>(tokens, 0)));
    return arguments;
}

std::vector<std::string> QuotaCalls::look(const std::string& epoch, Clock clock) const {
    return common(epoch, clock);
}

std::vector<std::string> QuotaCalls::join(const JoinRequest& request, Clock clock) const {
    std::vector<std::string> arguments = common(request.epoch, clock);
    arguments.push_back(request.run);
    arguments.push_back(request.gateway);
    arguments.emplace_back(request.renew ? "1" : "0");
    arguments.push_back(fmt::format("{}", std::max<std::int64_t>(request.level, 0)));
    arguments.emplace_back(request.fresh ? "1" : "0");
    arguments.push_back(fmt::format("{}", request.knows));
    arguments.push_back(fmt::format("{}", request.known.size()));
    add_slots(arguments, request.known);
    add_slots(arguments, request.alone);
    return arguments;
}

std::optional<QuotaAnswer> read_quota_answer(const RedisReply& reply) {
    if (reply.kind != RedisReply::Kind::list || reply.items.empty()) return std::nullopt;
    const std::vector<RedisReply>& items = reply.items;
    if (!is_text(items[0])) return std::nullopt;
    QuotaAnswer answer;
    answer.join = items[0].text == "join";
    if (answer.join) return answer;
    std::vector<std::int64_t> values;
    if (items.size() != 3 + kCounts || !read_integers(reply, 2, values)) return std::nullopt;
    answer.counts = counts_of({values.begin() + 1, values.end()});
    if (items[0].text == "yes") {
        const auto entry = integer_of(items[1]);
        if (!entry || *entry < 0) return std::nullopt;
        answer.admitted = true;
        answer.entry = static_cast<std::uint64_t>(*entry);
        return answer;
    }
    if (items[0].text != "no" || !is_text(items[1])) return std::nullopt;
    answer.refused_by = limit_of(items[1].text);
    answer.wait = std::chrono::microseconds(std::max<std::int64_t>(values[0], 0));
    return answer;
}

std::optional<JoinAnswer> read_join_answer(const RedisReply& reply) {
    if (reply.kind != RedisReply::Kind::list || reply.items.size() < 1 + kCounts) {
        return std::nullopt;
    }
    if (!is_text(reply.items[0]) || reply.items[0].text.empty()) return std::nullopt;
    std::vector<std::int64_t> values;
    if (!read_integers(reply, 1, values) || (values.size() - kCounts) % 3 != 0) return std::nullopt;
    JoinAnswer answer;
    answer.epoch = reply.items[0].text;
    answer.counts = counts_of({values.begin(), values.begin() + kCounts});
    for (std::size_t i = kCounts; i < values.size(); i += 3) {
        RecentCounts::Slot slot;
        slot.age = std::chrono::microseconds(std::max<std::int64_t>(values[i], 0));
        slot.requests = values[i + 1];
        slot.tokens = values[i + 2];
        answer.recent.push_back(slot);
    }
    return answer;
}

std::string run_id_of(const RedisReply& info) {
    constexpr std::string_view kName = "run_id:";
    const std::size_t at = info.text.find(kName);
    if (info.kind != RedisReply::Kind::text || at == std::string::npos) return "";
    const std::size_t from = at + kName.size();
    return info.text.substr(from, info.text.find_first_of("\r\n", from) - from);
}

}  // namespace squadload::squad_api
