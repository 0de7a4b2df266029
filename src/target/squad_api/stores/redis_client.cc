#include "target/squad_api/stores/redis_client.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/random.h"
#include "target/squad_api/stores/redis_link.h"

namespace squadload::squad_api {
namespace {

std::string script_call(std::string_view how, std::string_view script, std::string_view key,
                        const std::vector<std::string>& arguments) {
    std::vector<std::string_view> command = {how, script, "1", key};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return encode_command(command);
}

}  // namespace

// Lives as long as its coroutine; the client holds it, too.
class RedisClient::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(const asio::any_io_executor& executor, RedisOptions options, Events events)
        : options_(std::move(options)),
          events_(std::move(events)),
          executor_(executor),
          pause_(executor),
          random_(static_cast<std::uint64_t>(mono_now().time_since_epoch().count()),
                  RandomStream::wait, 0) {}

    static asio::awaitable<void> run(std::shared_ptr<Core> core);
    void start();
    void stop();
    [[nodiscard]] bool up() const { return up_; }
    bool send(std::string bytes, Done done);
    bool eval(std::size_t script, std::string_view key, std::vector<std::string> arguments,
              Done done);
    void drop(const std::string& why);

  private:
    void closed(const std::string& why);
    [[nodiscard]] bool retries_now(MonoTime now) const {
        return up_ && now - up_since_ >= options_.settled;
    }
    [[nodiscard]] Nanos next_pause();

    RedisOptions options_;
    Events events_;
    asio::any_io_executor executor_;
    asio::steady_timer pause_;
    Random random_;
    std::shared_ptr<RedisLink> link_;
    bool started_ = false;
    bool stopped_ = false;
    bool up_ = false;
    bool at_once_ = false;
    MonoTime up_since_{};
    Nanos backoff_{};
};

void RedisClient::Core::start() {
    if (std::exchange(started_, true)) return;
    asio::co_spawn(executor_, run(shared_from_this()), asio::detached);
}

asio::awaitable<void> RedisClient::Core::run(std::shared_ptr<Core> core) {
    while (!core->stopped_) {
        // Held here: a link outlives the operations under way on it.
        const auto link =
            std::make_shared<RedisLink>(core->executor_, core->options_,
                                        [weak = core->weak_from_this()](const std::string& why) {
                                            if (const auto alive = weak.lock()) alive->closed(why);
                                        });
        core->link_ = link;
        const MonoTime deadline = mono_now() + core->options_.connect_timeout;
        const auto greeting = co_await link->open(deadline);
        if (greeting && !core->stopped_) {
            core->up_ = true;
            core->up_since_ = mono_now();
            const auto tell = core->events_.up;
            if (tell) tell(*greeting);
            co_await link->read();
        }
        if (core->stopped_) break;
        if (std::exchange(core->at_once_, false)) continue;
        boost::system::error_code ignored;
        const Nanos pause = core->next_pause();
        core->pause_.expires_after(pause);
        co_await core->pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

// Full jitter on the upper half, so that gateways do not come back all at the same instant.
Nanos RedisClient::Core::next_pause() {
    backoff_ = backoff_ == Nanos::zero() ? options_.backoff_first
                                         : std::min(2 * backoff_, options_.backoff_max);
    return backoff_ / 2 +
           Nanos{random_.between(0, std::max<std::int64_t>(0, backoff_.count() / 2))};
}

void RedisClient::Core::closed(const std::string& why) {
    link_.reset();
    if (stopped_) return;
    const bool was_up = up_;
    at_once_ = retries_now(mono_now());
    if (at_once_) backoff_ = Nanos::zero();
    up_ = false;
    const Events events = events_;  // whoever is told may stop us
    if (was_up && events.lost) events.lost(why, at_once_);
    if (!was_up && events.unreachable) events.unreachable(why);
}

void RedisClient::Core::stop() {
    stopped_ = true;
    up_ = false;
    events_ = {};
    pause_.cancel();
    if (const auto link = std::exchange(link_, nullptr)) link->abandon();
}

bool RedisClient::Core::send(std::string bytes, Done done) {
    return up_ && link_ && link_->send(std::move(bytes), std::move(done));
}

bool RedisClient::Core::eval(std::size_t script, std::string_view key,
                             std::vector<std::string> arguments, Done done) {
    if (!up_ || !link_) return false;
    std::string command = script_call("EVALSHA", link_->script_hash(script), key, arguments);
    auto answered = [weak = std::weak_ptr(link_), text = options_.scripts[script],
                     own_key = std::string(key), arguments = std::move(arguments),
                     done = std::move(done)](RedisAnswer answer) {
        const bool forgotten =
            answer.reply && answer.reply->is_error() && answer.reply->text.starts_with("NOSCRIPT");
        if (!forgotten) return done(std::move(answer));
        // EVAL also loads it again.
        const auto link = weak.lock();
        const bool again = link && !link->closed() &&
                           link->send(script_call("EVAL", text, own_key, arguments), done);
        if (!again) done(RedisAnswer{std::nullopt, answer.sent});
    };
    return link_->send(std::move(command), std::move(answered));
}

void RedisClient::Core::drop(const std::string& why) {
    if (up_ && link_) link_->close(why);
}

RedisClient::RedisClient(const asio::any_io_executor& executor, RedisOptions options, Events events)
    : core_(std::make_shared<Core>(executor, std::move(options), std::move(events))) {}

RedisClient::~RedisClient() {
    core_->stop();
}

void RedisClient::start() {
    core_->start();
}

void RedisClient::stop() {
    core_->stop();
}

bool RedisClient::up() const {
    return core_->up();
}

bool RedisClient::send(const std::vector<std::string_view>& command, Done done) {
    return core_->send(encode_command(command), std::move(done));
}

bool RedisClient::eval(std::size_t script, std::string_view key, std::vector<std::string> arguments,
                       Done done) {
    return core_->eval(script, key, std::move(arguments), std::move(done));
}

void RedisClient::drop(const std::string& why) {
    core_->drop(why);
}

}  // namespace squadload::squad_api
