#include "worker/worker.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>

#include "base/log.h"
#include "judge/result/run_result.h"
#include "locust/link.h"
#include "locust/session.h"
#include "run/health_page.h"
#include "run/limits.h"
#include "run/signals.h"
#include "worker/cores.h"
#include "worker/load.h"

namespace squadload::worker {
namespace {

constexpr Nanos kTurn = std::chrono::milliseconds{20};
constexpr Nanos kPaused = std::chrono::seconds{3};

// As Locust's own: the master tells hosts apart by what stands before the first "_".
std::string make_node_id() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    std::string id = name.front() == '\0' ? "squadload" : name.data();
    std::replace(id.begin(), id.end(), '_', '-');
    std::array<unsigned char, 16> random{};
    for (std::size_t got = 0; got < random.size();) {
        const auto n = ::getrandom(&random[got], random.size() - got, 0);
        if (n > 0) got += static_cast<std::size_t>(n);
    }
    id += '_';
    for (const auto byte : random) id += fmt::format("{:02x}", byte);
    return id;
}

// Of a part of a test: what looks at the whole, or decides over it, is left out.
void settle(scenario::Scenario& s) {
    const auto leave_out = [&](bool is_there, const char* what) {
        if (is_there) s.notes.push_back(fmt::format("{} left out: this is a part of a test", what));
    };
    leave_out(!s.events.empty(), "events are");
    s.events.clear();
    leave_out(!s.witness_url.empty(), "the witness is");
    s.witness_url.clear();
    leave_out(s.fail_fast.enabled, "fail_fast is");
    s.fail_fast.enabled = false;
    leave_out(s.requests.has_value(), "the bound on requests is");  // a steered run has none
    s.observe.enabled = false;
}

class Loop {
  public:
    Loop(const Common& common, std::unique_ptr<locust::Link> link, run::HealthPage* health,
         Nanos graceful_stop)
        : common_(common),
          health_(health),
          cpu_(common.scenario.workers),
          link_(std::move(link)),
          session_(locust::Messages(common.node_id), settings(graceful_stop), view(), mono_now()) {}

    int run();

  private:
    static locust::SessionSettings settings(Nanos graceful_stop) {
        locust::SessionSettings s;
        s.graceful_stop = graceful_stop;
        return s;
    }
    locust::LoadView view() {
        return {[this](const locust::UserCounts& users) { return load_->take_stats(users); },
                [this] { return cpu_.percent(); }, [] { return resident_bytes(); }};
    }

    void receive(MonoTime limit);
    void hear(const std::string& bytes, MonoTime now);
    void look_at_load(MonoTime now);
    void obey(MonoTime now);
    void carry_out(const locust::Order& order);

    const Common& common_;
    run::HealthPage* health_;  // may be null
    CpuMeter cpu_;
    std::unique_ptr<locust::Link> link_;
    std::uint64_t connection_ = 0;
    std::unique_ptr<Load> load_;
    bool load_runs_ = false;
    std::optional<locust::TestFacts> facts_;
    locust::Session session_;
    run::SignalGuard signals_;
    engine::StopSwitch signalled_;
};

int Loop::run() {
    signals_.watch(signalled_);
    log::info(fmt::format("looking for the Locust master at {}", common_.master));
    MonoTime last = mono_now();
    while (!session_.over()) {
        receive(std::min(session_.next_wake(), last + kTurn));
        const MonoTime now = mono_now();
        if (now - last > kPaused) session_.stood_still(now - last, now);
        last = now;
        if (signalled_.stopped()) session_.leave(now);
        look_at_load(now);
        session_.tick(now);
        obey(now);
        if (health_ != nullptr) health_->set_joined(session_.joined());
    }
    link_.reset();  // sends what is left
    load_.reset();  // writes its files
    switch (session_.end()) {
        case locust::Session::End::terminated:
            return signals_.received() == SIGTERM ? result::ExitCode::terminated
                                                  : result::ExitCode::interrupted;
        case locust::Session::End::unreachable:
            log::error(fmt::format("no Locust master at {}", common_.master));
            return result::ExitCode::unreachable;
        case locust::Session::End::quit:
        case locust::Session::End::none:
            break;
    }
    return result::ExitCode::pass;
}

void Loop::receive(MonoTime limit) {
    for (const auto& event : link_->receive(limit)) {
        const MonoTime now = mono_now();
        switch (event.kind) {
            case locust::LinkEvent::Kind::connected:
                connection_ = event.connection;
                session_.connected(now);
                break;
            case locust::LinkEvent::Kind::disconnected:
                session_.disconnected(now);
                break;
            case locust::LinkEvent::Kind::message:
                if (event.connection == connection_) hear(event.bytes, now);
                break;
        }
        obey(now);
    }
}

void Loop::hear(const std::string& bytes, MonoTime now) {
    const auto message = locust::read_message(bytes);
    if (!message) {
        log::warning("from the master: " + message.error().message + "; ignored");
        return;
    }
    if (message->what == locust::MasterSays::other)
        log::debug(fmt::format("the master says {}: ignored", message->type));
    session_.received(*message, now);
}

void Loop::look_at_load(MonoTime now) {
    if (!load_runs_) return;
    if (!load_->measured()) {
        if (load_->users_taken()) session_.users_taken(now);
        return;
    }
    load_runs_ = false;
    if (const auto& error = load_->error()) {
        log::error(error->text());
        session_.load_failed(fmt::format("squadload worker: {}", error->text()), now);
        return;
    }
    if (const auto& why = load_->void_reason(); !why.empty()) {
        log::warning("VOID: " + why);
        session_.report_exception("squadload worker: VOID, the load was not delivered: " + why,
                                  common_.node_id);
    }
    session_.load_ended(now);
}

// Orders before messages: what the load is told is told to the master after it was.
void Loop::obey(MonoTime now) {
    for (const auto& order : session_.take_orders()) carry_out(order);
    for (const auto& remark : session_.take_remarks())
        remark.warning ? log::warning(remark.text) : log::info(remark.text);
    for (auto& bytes : session_.take_messages()) {
        // A master would not survive it.
        if (const auto good = locust::check_outgoing(bytes); !good)
            log::error("not sent to the master: " + good.error().message);
        else
            link_->send(std::move(bytes), connection_);
    }
    if (session_.take_reconnect()) link_->reconnect();
    if (load_runs_ && session_.end() == locust::Session::End::quit) load_->closed_at_master();
    static_cast<void>(now);
}

void Loop::carry_out(const locust::Order& order) {
    switch (order.kind) {
        case locust::Order::Kind::start:
            load_.reset();
            load_ = std::make_unique<Load>(common_, session_.index().value_or(0));
            if (facts_) load_->note(*facts_);
            load_->start(order.spawn);
            load_runs_ = true;
            break;
        case locust::Order::Kind::steer:
            load_->steer(order.spawn);
            break;
        case locust::Order::Kind::facts:
            facts_ = order.facts;
            if (load_runs_) load_->note(order.facts);
            break;
        case locust::Order::Kind::stop:
            load_->stop(order.grace);
            facts_.reset();
            break;
    }
}

}  // namespace

Result<int> run_worker(scenario::Scenario scenario, const MasterAddress& master,
                       const run::Options& options, const run::Terminal& terminal,
                       const run::Network& network) {
    if (auto writable = run::check_outputs(options.outputs); !writable)
        return tl::unexpected(writable.error());
    auto backend = run::choose_backend(options.backend);
    if (!backend) return tl::unexpected(backend.error());
    if (!backend->note.empty()) log::info(backend->note);
    std::unique_ptr<run::MetricsPage> page;
    if (options.prometheus_port) {
        auto opened = run::MetricsPage::open(*options.prometheus_port);
        if (!opened)
            return fail(ErrorKind::usage,
                        fmt::format("--prometheus-port: {}", opened.error().message));
        page = *std::move(opened);
        log::info("metrics for Prometheus at " + page->url());
    }
    std::unique_ptr<run::HealthPage> health;
    if (master.health_port) {
        auto opened = run::HealthPage::open(*master.health_port);
        if (!opened)
            return fail(ErrorKind::usage, fmt::format("--health-port: {}", opened.error().message));
        health = *std::move(opened);
        log::info(fmt::format("GET /health at port {}", health->port()));
    }
    const Nanos graceful_stop = scenario.graceful_stop;
    settle(scenario);
    if (const auto judged = run::compile_bounds(scenario); !judged)
        return tl::unexpected(judged.error());
    run::Display display(terminal, true);  // lines of the log instead: the master shows the rest
    auto node_id = make_node_id();
    auto link = locust::Link::open(master.host, master.port, node_id);
    if (!link) return tl::unexpected(link.error());
    const Common common{scenario,
                        options,
                        terminal,
                        network,
                        run::raise_and_read_limits(),
                        *std::move(backend),
                        display,
                        page.get(),
                        std::move(node_id),
                        fmt::format("{}:{}", master.host, master.port)};
    return Loop(common, *std::move(link), health.get(), graceful_stop).run();
}

}  // namespace squadload::worker
