#include "target/squad_api/stores/redis_history.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <optional>
#include <utility>

#include "target/squad_api/stores/deadline_event.h"
#include "target/squad_api/stores/health_tracker.h"

namespace squadload::squad_api {
namespace {

// In one step, so that no list is left without an end. ARGV: turns to keep, milliseconds to live,
// the elements.
constexpr std::string_view kAppend = R"lua(
redis.call('RPUSH', KEYS[1], unpack(ARGV, 3))
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[1]), -1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('LLEN', KEYS[1])
)lua";

// Lua takes no more arguments at once; nobody hands over more turns than are kept of them.
constexpr std::size_t kMostAtOnce = 1000;

struct Reading {
    explicit Reading(const asio::any_io_executor& executor) : answered(executor) {}
    DeadlineEvent answered;
    std::optional<RedisReply> reply;
};

std::optional<std::vector<Turn>> turns_in(const RedisReply& reply) {
    if (reply.kind != RedisReply::Kind::list) return std::nullopt;
    std::vector<Turn> turns;
    for (const RedisReply& item : reply.items) {
        const std::size_t newline = item.text.find('\n');
        if (item.kind != RedisReply::Kind::text || newline == std::string::npos) continue;
        turns.push_back({item.text.substr(0, newline), item.text.substr(newline + 1)});
    }
    return turns;
}

class RedisHistory final : public History {
  public:
    RedisHistory(const asio::any_io_executor& executor, RedisHistoryOptions options);

    [[nodiscard]] asio::awaitable<std::vector<Turn>> last(std::string user_id, std::string agent,
                                                          std::size_t turns,
                                                          MonoTime deadline) override;
    void append(std::string user_id, std::string agent, std::vector<Turn> turns,
                WallTime at) override;
    [[nodiscard]] HistoryCounters counters() const override { return *counters_; }
    [[nodiscard]] StoreHealth health() const override { return health_.health(); }
    // What was sent is with Redis or lost; there is nothing to wait for.
    void close(Nanos /*within*/) override { client_.stop(); }

  private:
    [[nodiscard]] std::string key(const std::string& user_id, const std::string& agent) const;
    [[nodiscard]] RedisClient::Events events();

    asio::any_io_executor executor_;
    RedisHistoryOptions options_;
    std::string where_;
    // Shared with answers that are still to come.
    std::shared_ptr<HistoryCounters> counters_ = std::make_shared<HistoryCounters>();
    HealthTracker health_;
    RedisClient client_;
};

RedisOptions with_script(RedisOptions options) {
    options.greeting = {{"PING"}};
    options.scripts = {kAppend};
    return options;
}

RedisHistory::RedisHistory(const asio::any_io_executor& executor, RedisHistoryOptions options)
    : executor_(executor),
      options_(std::move(options)),
      where_(options_.redis.address.text()),
      health_("redis", mono_now()),
      client_(executor, with_script(options_.redis), events()) {
    options_.max_turns = std::clamp<std::size_t>(options_.max_turns, 1, kMostAtOnce);
    client_.start();
}

RedisClient::Events RedisHistory::events() {
    RedisClient::Events events;
    events.up = [this](const std::vector<RedisReply>&) { health_.up(where_, mono_now()); };
    events.lost = [this](const std::string& why, bool) { health_.down(why, mono_now()); };
    events.unreachable = [this](const std::string& why) { health_.down(why, mono_now()); };
    return events;
}

std::string RedisHistory::key(const std::string& user_id, const std::string& agent) const {
    return fmt::format("{}:history:{}:{}:{}", options_.prefix, user_id.size(), user_id, agent);
}

asio::awaitable<std::vector<Turn>> RedisHistory::last(std::string user_id, std::string agent,
                                                      std::size_t turns, MonoTime deadline) {
    const auto reading = std::make_shared<Reading>(executor_);
    const std::size_t wanted = std::min(turns, options_.max_turns);
    if (wanted == 0) co_return std::vector<Turn>{};
    const std::string from = fmt::format("-{}", wanted);
    const std::string conversation = key(user_id, agent);
    const std::vector<std::string_view> command = {"LRANGE", conversation, from, "-1"};
    const bool sent = client_.send(command, [reading](RedisAnswer answer) {
        reading->reply = std::move(answer.reply);
        reading->answered.happen();
    });
    bool answered = false;
    if (sent) answered = co_await reading->answered.wait(deadline);
    std::optional<std::vector<Turn>> found;
    if (answered && reading->reply) found = turns_in(*reading->reply);
    if (!found) {
        ++counters_->failed_reads;
        co_return std::vector<Turn>{};
    }
    co_return std::move(*found);
}

void RedisHistory::append(std::string user_id, std::string agent, std::vector<Turn> turns,
                          WallTime /*at*/) {
    counters_->appended += turns.size();
    const std::size_t skipped = turns.size() - std::min(turns.size(), options_.max_turns);
    const auto keep_for = std::chrono::ceil<std::chrono::milliseconds>(options_.keep_for);
    std::vector<std::string> arguments = {fmt::format("{}", options_.max_turns),
                                          fmt::format("{}", keep_for.count())};
    for (std::size_t i = skipped; i < turns.size(); ++i) {
        // A newline in a role would end it there.
        std::string element = std::move(turns[i].role);
        std::replace(element.begin(), element.end(), '\n', ' ');
        arguments.push_back(element + "\n" + turns[i].text);
    }
    if (arguments.size() == 2) return;
    const std::size_t count = turns.size();
    const bool sent = client_.eval(0, key(user_id, agent), std::move(arguments),
                                   [counters = counters_, count](RedisAnswer answer) {
                                       if (!answer.reply || answer.reply->is_error())
                                           counters->dropped += count;
                                   });
    if (!sent) counters_->dropped += count;
}

}  // namespace

std::unique_ptr<History> make_redis_history(const asio::any_io_executor& executor,
                                            RedisHistoryOptions options) {
    return std::make_unique<RedisHistory>(executor, std::move(options));
}

}  // namespace squadload::squad_api
