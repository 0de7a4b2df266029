#include "run/side_client.h"

#include <fmt/format.h>

#include "base/units.h"
#include "load/engine/connection.h"
#include "load/engine/entry_table.h"
#include "load/http/response_parser.h"
#include "load/transport/epoll_loop.h"

namespace squadload::run {
namespace {

constexpr std::size_t kMostKept = 8;
constexpr Nanos kTimeToClose = std::chrono::seconds{1};
constexpr std::uint64_t kMostHead = 256 * 1024;

scenario::Scenario one_request(const scenario::Target& target) {
    scenario::Scenario s;
    s.name = "side";
    s.requests = 1;
    s.duration = Nanos::max();
    s.target = target;
    s.target.connections = {};
    auto& user = s.classes.emplace_back();
    user.name = "side";
    user.tasks.emplace_back().name = "side";
    return s;
}

}  // namespace

// What one question needs: its request, compiled, and a connection.
class SideClient::Exchange final : public engine::ExchangeOwner, public engine::Tap {
  public:
    Exchange(const engine::Plan& plan, transport::Loop& loop, const std::string& method,
             const std::string& path, const std::string& body, std::uint64_t most_bytes)
        : plan_(with_request(plan, method, path, body, most_bytes)),
          most_bytes_(most_bytes),
          loop_(loop),
          entries_(plan_),
          channels_{loop, plan_},
          connection_(channels_, plan_, entries_, *this, this) {}

    ~Exchange() {
        connection_.abandon();
        connection_.shut();
        const MonoTime last = loop_.now() + kTimeToClose;
        while (connection_.open() && loop_.now() < last) loop_.run_once(last);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    Result<Answer> run(Nanos timeout) {
        received_.clear();
        done_ = false;
        engine::Connection::Job job;
        job.intended = job.free_since = loop_.now();
        Random random(1, RandomStream::iteration, 0);
        connection_.start(job, random, scratch_);
        const MonoTime deadline = loop_.now() + timeout;
        while (!done_ && loop_.now() < deadline) loop_.run_once(deadline);
        if (!done_) {
            connection_.abandon();
            return fail(ErrorKind::unreachable,
                        fmt::format("no complete answer within {}", format_duration(timeout)));
        }
        if (status_ == 0) return fail(ErrorKind::unreachable, message_);
        return Answer{status_, body()};
    }
    // The last failure may only mean that a kept connection had gone.
    [[nodiscard]] bool was_closed() const {
        return outcome_ == measure::Outcome::connection_closed && reused_;
    }

  private:
    static engine::Plan with_request(engine::Plan plan, const std::string& method,
                                     const std::string& path, const std::string& body,
                                     std::uint64_t most_bytes) {
        plan.scenario.on_429 = {};
        plan.scenario.target.limits.body_bytes = most_bytes;
        plan.scenario.target.limits.checked_body_bytes = most_bytes;
        auto& task = plan.scenario.classes.front().tasks.front();
        task.method = method;
        task.path = scenario::Template::constant(path);
        task.headers = plan.scenario.target.headers;
        task.expect.status = {{100, 599}};
        task.timeouts.total = Nanos{0};  // the caller's
        if (!body.empty()) {
            task.body = scenario::Template::constant(body);
            task.has_body = true;
            task.body_is_json = true;
        }
        return plan;
    }

    void exchange_started(engine::Connection& connection, MonoTime) override {
        reused_ = connection.open();
    }
    void exchange_done(engine::Connection&, const engine::ExchangeResult& result) override {
        done_ = true;
        outcome_ = result.outcome;
        status_ = result.status;
        message_ = result.message;
    }
    void sent(std::span<const char>) override {}
    void received(std::span<const char> bytes) override {
        if (received_.size() <= most_bytes_ + kMostHead)
            received_.append(bytes.data(), bytes.size());
    }

    std::string body() const {
        http::ResponseParser parser;
        parser.start(false, false, true, {kMostHead, most_bytes_, most_bytes_});
        auto status = parser.feed(received_);
        if (status == http::ResponseParser::Status::need_more) status = parser.finish();
        return status == http::ResponseParser::Status::complete ? std::string(parser.body())
                                                                : std::string();
    }

    engine::Plan plan_;
    std::uint64_t most_bytes_;
    transport::Loop& loop_;
    engine::EntryTable entries_;
    engine::ChannelContext channels_;
    engine::Connection connection_;
    std::string scratch_, received_, message_;
    measure::Outcome outcome_ = measure::Outcome::ok;
    int status_ = 0;
    bool done_ = false;
    bool reused_ = false;
};

SideClient::SideClient(engine::Plan plan, std::string url, std::unique_ptr<transport::Loop> loop)
    : plan_(std::move(plan)), url_(std::move(url)), loop_(std::move(loop)) {}
SideClient::~SideClient() = default;

Result<std::unique_ptr<SideClient>> SideClient::make(const scenario::Target& target,
                                                     const Network& network) {
    auto plan = preflight(one_request(target), raise_and_read_limits(), network);
    if (!plan) return tl::unexpected(plan.error());
    auto loop = transport::make_epoll_loop();
    if (!loop) return tl::unexpected(loop.error());
    return std::unique_ptr<SideClient>(
        new SideClient(*std::move(plan), target.host, *std::move(loop)));
}

Result<std::unique_ptr<SideClient>> SideClient::make(const std::string& url,
                                                     const Network& network) {
    scenario::Target target;
    target.host = url;
    target.proxy = "none";
    return make(target, network);
}

SideClient::Exchange& SideClient::exchange(const std::string& method, const std::string& path,
                                           const std::string& body, std::uint64_t most_bytes) {
    const bool keep = method == "GET" && body.empty() && path.find('?') == std::string::npos &&
                      (kept_.size() < kMostKept || kept_.contains(path));
    auto& place = keep ? kept_[path] : once_;
    if (!keep || !place)
        place = std::make_unique<Exchange>(plan_, *loop_, method, path, body, most_bytes);
    return *place;
}

Result<SideClient::Answer> SideClient::send(const std::string& method, const std::string& path,
                                            const std::string& body, Nanos timeout,
                                            std::uint64_t most_bytes) {
    Exchange& one = exchange(method, path, body, most_bytes);
    auto answer = one.run(timeout);
    if (!answer && method == "GET" && one.was_closed()) answer = one.run(timeout);
    if (answer) return answer;
    return fail(ErrorKind::unreachable,
                fmt::format("{} {}{}: {}", method, url_, path, answer.error().message));
}

}  // namespace squadload::run
