#include "target/providers/core.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "target/providers/control.h"
#include "target/providers/replies.h"

namespace squadload::providers {
namespace {

constexpr Nanos kFileFlush = std::chrono::milliseconds(200);

}  // namespace

// A call stands open in log and counts until this goes, which happens also when its coroutine is
// cancelled or destroyed.
class Core::OpenCall {
  public:
    OpenCall(Core& core, SimulatedProvider& provider, Call call)
        : core_(core), provider_(provider), call_(std::move(call)) {
        arrivals::Arrival& arrival = call_.arrival;
        arrival.at = core_.latest_ - core_.start_;
        core_.log_.open(arrival);
        group_ = &core_.stats_.opened(arrival, core_.latest_);
        place_ = core_.open_.insert(core_.open_.end(), &arrival);
    }
    ~OpenCall() {
        arrivals::Arrival& arrival = call_.arrival;
        if (!answered_) arrival.status = 0;  // an exception, or the loop's end: nothing was sent
        if (arrival.status == 0 && arrival.reason.empty()) arrival.reason = why_cancelled();
        arrival.done = std::max(mono_now(), core_.latest_) - core_.start_;
        provider_.end(call_, core_.latest_);
        core_.log_.close(arrival);
        ArrivalStats::closed(*group_, arrival);
        core_.open_.erase(place_);
        if (core_.file_) core_.write(arrival);
    }
    OpenCall(const OpenCall&) = delete;
    OpenCall& operator=(const OpenCall&) = delete;

    [[nodiscard]] Call& call() { return call_; }
    void answered() { answered_ = true; }

  private:
    // The server's end closes connections, too.
    [[nodiscard]] const char* why_cancelled() const {
        const bool gone = call_.hangup && call_.hangup->happened();
        return gone && !core_.ending_ ? "client_gone" : "stopped";
    }

    Core& core_;
    SimulatedProvider& provider_;
    Call call_;
    CallGroup* group_ = nullptr;
    std::list<const arrivals::Arrival*>::iterator place_;
    bool answered_ = false;
};

std::string base_path_of(std::string_view provider, llm::Dialect dialect) {
    return fmt::format("/{}{}", provider, llm::base_path(dialect));
}

std::string call_path(std::string_view provider, llm::Dialect dialect) {
    return base_path_of(provider, dialect) + (dialect == llm::Dialect::gemini
                                                  ? "/models/{model}:generateContent"
                                                  : "/chat/completions");
}

Core::Core(asio::io_context& io, Settings settings, MonoTime start, WallTime wall_start)
    : settings_(std::move(settings)),
      start_(start),
      wall_start_(wall_start),
      latest_(start),
      log_(settings_.log_capacity),
      stats_(settings_.window),
      flush_timer_(io) {
    for (const Profile& profile : settings_.profiles) {
        providers_.push_back(
            std::make_unique<SimulatedProvider>(io.get_executor(), settings_, profile, start_));
    }
}

Core::~Core() = default;

Result<void> Core::begin() {
    for (const auto& provider : providers_) {
        for (const FaultSpec& fault : provider->profile().faults) {
            const auto added = inject(provider->profile().provider, fault);
            if (!added) return tl::unexpected(added.error());
        }
    }
    if (settings_.arrivals_file.empty()) return {};
    auto file = ArrivalFile::create(settings_.arrivals_file);
    if (!file) return tl::unexpected(file.error());
    file_ = std::move(*file);
    keep_file_fresh();
    return {};
}

service::Router Core::router() {
    service::Router router;
    for (const auto& provider : providers_) add_provider_routes(router, *provider);
    add_own_routes(router, shared_from_this());
    return router;
}

void Core::add_provider_routes(service::Router& router, SimulatedProvider& provider) {
    const std::string& name = provider.profile().provider;
    std::vector<llm::Dialect> dialects = {provider.profile().dialect};
    if (dialects.front() == llm::Dialect::gemini) dialects.push_back(llm::Dialect::gemini_openai);
    const auto self = shared_from_this();
    SimulatedProvider* const its = &provider;  // as long as the core, which the handlers hold
    for (const llm::Dialect dialect : dialects) {
        router.add("POST", call_path(name, dialect), [self, its, dialect](service::Request r) {
            return serve(self, its, dialect, std::move(r));
        });
        if (dialect == llm::Dialect::gemini)  // a call, too, though it is refused
            router.add("POST",
                       base_path_of(name, dialect) + "/models/{model}:streamGenerateContent",
                       [self, its, dialect](service::Request r) {
                           return serve(self, its, dialect, std::move(r));
                       });
        router.add_quick(
            "GET", base_path_of(name, dialect) + "/models",
            [self, its, dialect](const service::Request&) { return its->models(dialect); });
    }
    const auto missing = [self, dialect = dialects.front()](const service::Request& request) {
        ++self->unknown_paths_;
        return SimulatedProvider::no_such_path(dialect, request);
    };
    for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
        router.add_quick(method, fmt::format("/{}/{{rest...}}", name), missing);
    }
}

asio::awaitable<service::Reply> Core::serve(std::shared_ptr<Core> core, SimulatedProvider* provider,
                                            llm::Dialect dialect, service::Request request) {
    // Calls are admitted in the order they are complete. One whose first bytes came before another
    // that was admitted earlier counts as come with that one, so that the log's times never go back
    // and are exactly those the quotas were decided by.
    core->latest_ = std::max(core->latest_, request.arrived);
    OpenCall open(*core, *provider, provider->begin(request, dialect, core->latest_));
    request = {};  // a call that waits needs it no more
    service::Reply reply = co_await provider->answer(&open.call());
    open.answered();
    co_return reply;
}

MonoTime Core::now() const {
    return std::max(latest_, mono_now());
}

void Core::keep_file_fresh() {
    flush_timer_.expires_after(kFileFlush);
    flush_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (error || !self || !self->file_) return;
        self->file_->flush();
        self->keep_file_fresh();
    });
}

void Core::write(const arrivals::Arrival& arrival) {
    line_.clear();
    arrivals::to_line(arrival, line_);
    file_->add(line_);
}

void Core::finish() {
    flush_timer_.cancel();
    if (!file_) return;
    for (const arrivals::Arrival* arrival : open_) write(*arrival);
    const LogCounts counts = log_.counts();
    std::string last;
    to_line(counts, counts.recorded, mono_now() - start_, last);
    file_->close(last);
    file_.reset();
}

Result<SimulatedProvider*> Core::provider(std::string_view name) {
    std::string known;
    for (const auto& provider : providers_) {
        if (provider->profile().provider == name) return provider.get();
        known += (known.empty() ? "" : ", ") + provider->profile().provider;
    }
    return fail(ErrorKind::config,
                fmt::format("there is no provider '{}'; there are {}", name, known));
}

Result<std::uint64_t> Core::inject(std::string_view provider, FaultSpec fault) {
    const auto found = this->provider(provider);
    if (!found) return tl::unexpected(found.error());
    const Profile& profile = (*found)->profile();
    if (!fault.model.empty() && !profile.other_models && profile.model(fault.model) == nullptr) {
        return fail(ErrorKind::config,
                    fmt::format("{} has no model '{}'", profile.provider, fault.model));
    }
    if (!(*found)->faults().add(faults_added_ + 1, std::move(fault), now())) {
        return fail(ErrorKind::config,
                    fmt::format("{} has {} faults already", profile.provider, FaultBoard::kMost));
    }
    return ++faults_added_;
}

bool Core::remove_fault(std::uint64_t id) {
    return std::any_of(providers_.begin(), providers_.end(),
                       [&](const auto& provider) { return provider->faults().remove(id); });
}

std::size_t Core::clear_faults(std::string_view provider) {
    std::size_t removed = 0;
    for (const auto& its : providers_) {
        if (provider.empty() || its->profile().provider == provider)
            removed += its->faults().clear();
    }
    return removed;
}

std::string Core::health() const {
    using nlohmann::ordered_json;
    ordered_json all = ordered_json::object();
    for (const auto& provider : providers_) {
        all[provider->profile().provider] = {{"in_flight", provider->in_flight()},
                                             {"waiting", provider->waiting()},
                                             {"calls", provider->calls()}};
    }
    return ordered_json{{"status", "ok"}, {"providers", std::move(all)}}.dump();
}

std::string Core::summary() const {
    using nlohmann::ordered_json;
    const LogCounts log = log_.counts();
    const service::ServerCounters server =
        server_ != nullptr ? server_->counters() : service::ServerCounters{};
    ordered_json providers = ordered_json::array();
    for (const auto& provider : providers_) {
        providers.push_back({{"provider", provider->profile().provider},
                             {"calls", provider->calls()},
                             {"in_flight", provider->in_flight()},
                             {"in_flight_peak", provider->in_flight_peak()},
                             {"waiting", provider->waiting()}});
    }
    ordered_json all = {
        {"log",
         {{"recorded", log.recorded},
          {"open", log.open},
          {"kept", log.kept},
          {"first_kept", log.first_kept},
          {"overflow", log.overflow},
          {"capacity", log.capacity}}},
        {"started_at", utc_iso8601(wall_start_)},
        {"now_ns", (mono_now() - start_).count()},
        {"window_s", to_seconds(settings_.window)},
        {"providers", std::move(providers)},
        {"calls", ordered_json::parse(stats_.json())},
        // What never became a call: broken or too large a request, a path nobody has.
        {"server",
         {{"connections", server.connections},
          {"requests", server.requests},
          {"bad_requests", server.bad_requests},
          {"too_large", server.too_large},
          {"overloaded", server.overloaded},
          {"unknown_paths", unknown_paths_},
          {"accept_errors", server.accept_errors},
          {"timeouts", server.timeouts},
          {"hangups", server.hangups},
          {"handler_errors", server.handler_errors}}}};
    if (file_) {
        const FileCounts file = file_->counts();
        all["file"] = {{"lines", file.lines}, {"dropped", file.dropped}};
    }
    return all.dump();
}

}  // namespace squadload::providers
