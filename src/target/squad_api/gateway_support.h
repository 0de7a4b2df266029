// For the gateway's tests end to end: scripted providers, the gateway and a client, all on one loop
// of the test's own thread, over loopback. Nothing sleeps: tests run the loop until something is
// so.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "target/llm/dialect.h"
#include "target/llm/refusal.h"
#include "target/service/client.h"
#include "target/service/server.h"
#include "target/squad_api/config.h"
#include "target/squad_api/gateway.h"

namespace squadload::squad_api {

// Longer than anything takes; a test that waits so long has failed.
inline constexpr std::chrono::seconds kPatience{20};

// What a scripted provider does with one call.
struct Script {
    service::Reply reply;
    bool hold = false;  // answers when released
};

[[nodiscard]] Script good(const std::string& provider, const std::string& text = "fine");
[[nodiscard]] Script refusal(const std::string& provider, std::optional<Nanos> wait);
[[nodiscard]] Script error(const std::string& provider, int status);
[[nodiscard]] Script held(Script script);

struct SeenCall {
    std::string provider;
    service::Request request;
};

// groq, cerebras, gemini and openrouter behind one server. Calls get the scripts in order, then
// good().
class ScriptedProviders {
  public:
    explicit ScriptedProviders(asio::io_context& io);

    [[nodiscard]] std::string url() const { return server_->url(); }
    void script(const std::string& provider, Script script);
    void always(const std::string& provider, Script script);
    void release(std::size_t calls = 1);  // of those held, the oldest first
    [[nodiscard]] const std::vector<SeenCall>& calls() const { return state_->calls; }
    [[nodiscard]] std::size_t calls_of(const std::string& provider) const;
    [[nodiscard]] std::size_t held_now() const { return state_->held.size(); }
    [[nodiscard]] std::size_t hung_up() const { return state_->hung_up; }

  private:
    struct State {
        explicit State(asio::io_context& loop) : io(loop) {}
        asio::io_context& io;
        std::map<std::string, std::deque<Script>> scripts;
        std::map<std::string, Script> standing;
        std::vector<SeenCall> calls;
        std::deque<asio::steady_timer*> held;
        std::size_t hung_up = 0;
    };
    static asio::awaitable<service::Reply> answer(std::shared_ptr<State> state,
                                                  service::Request request);

    std::shared_ptr<State> state_;  // outlives its coroutines
    std::unique_ptr<service::Server> server_;
};

// A request under way.
struct Pending {
    std::optional<service::Answer> answer;
    bool over = false;  // also when it was cancelled
    asio::cancellation_signal cancel;
};

class FakeAudit final : public AuditSink {
  public:
    std::vector<AuditRow> rows;
    StoreStatus status = StoreStatus::up;
    void add(AuditRow row) override { rows.push_back(std::move(row)); }
    [[nodiscard]] AuditCounters counters() const override {
        return AuditCounters{rows.size(), rows.size(), 0, 0};
    }
    [[nodiscard]] StoreHealth health() const override {
        StoreHealth health;
        health.status = status;
        health.kind = "postgres";
        return health;
    }
    void close(Nanos /*within*/) override {}
};

class FakeHistory final : public History {
  public:
    std::vector<Turn> kept;
    std::string asked;
    std::vector<Turn> appended;
    asio::awaitable<std::vector<Turn>> last(std::string user_id, std::string agent,
                                            std::size_t turns, MonoTime /*deadline*/) override {
        asked = user_id + " " + agent + " " + std::to_string(turns);
        co_return kept;
    }
    void append(std::string /*user_id*/, std::string /*agent*/, std::vector<Turn> turns,
                WallTime /*at*/) override {
        for (Turn& turn : turns) appended.push_back(std::move(turn));
    }
    [[nodiscard]] HistoryCounters counters() const override { return {appended.size(), 0, 0}; }
    [[nodiscard]] StoreHealth health() const override { return {}; }
    void close(Nanos /*within*/) override {}
};

class GatewayTest : public testing::Test {
  protected:
    GatewayTest();
    ~GatewayTest() override;

    // Before start(): four providers with wide limits, one agent "helper" with all of them in its
    // chain, one "single" with groq alone.
    Config config;
    void start();

    [[nodiscard]] std::shared_ptr<Pending> begin(const std::string& method, const std::string& path,
                                                 std::string body = {},
                                                 service::Headers headers = {});
    [[nodiscard]] service::Answer send(const std::string& method, const std::string& path,
                                       std::string body = {}, service::Headers headers = {});
    [[nodiscard]] service::Answer ask(const std::string& agent = "helper",
                                      const std::string& task = "hello");
    [[nodiscard]] std::shared_ptr<Pending> begin_ask(const std::string& agent = "helper",
                                                     const std::string& task = "hello");
    [[nodiscard]] nlohmann::json get(const std::string& path);  // the body, read
    [[nodiscard]] std::string metrics();
    // Runs the loop until it is so.
    void until(const std::function<bool()>& condition);
    // Until so many requests wait in the queue.
    void until_queued(std::size_t length);
    [[nodiscard]] ProviderConfig& provider(const std::string& name);

    asio::io_context io{1};
    ScriptedProviders providers;
    std::shared_ptr<FakeAudit> audit = std::make_shared<FakeAudit>();
    std::shared_ptr<FakeHistory> history = std::make_shared<FakeHistory>();
    std::shared_ptr<Limiter> limiter;  // none: the gateway's own
    std::unique_ptr<Gateway> gateway;
    std::unique_ptr<service::Client> client;
    service::Origin origin;
};

[[nodiscard]] nlohmann::json json_of(const service::Answer& answer);

}  // namespace squadload::squad_api
