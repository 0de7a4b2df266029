#include "target/providers/simulator.h"

#include <fmt/core.h>

#include <utility>

#include "target/providers/core.h"

namespace squadload::providers {

Result<Settings> shipped_settings() {
    auto profiles = shipped_profiles();
    if (!profiles) return tl::unexpected(profiles.error());
    Settings settings;
    settings.profiles = std::move(*profiles);
    return settings;
}

Result<void> check(const Settings& settings) {
    const auto wrong = [](const char* sentence) { return fail(ErrorKind::config, sentence); };
    if (settings.profiles.empty()) return wrong("there is no provider to simulate");
    if (settings.window < std::chrono::milliseconds(10) || settings.window > std::chrono::hours(1))
        return wrong("the window must be from 10ms to 1h");
    if (!(settings.latency_scale >= 0 && settings.latency_scale <= 1'000))
        return wrong("the latency scale must be from 0 to 1000");
    if (settings.log_capacity > 100'000'000)
        return wrong("the log's capacity must be at most 100,000,000 calls");
    return {};
}

Simulator::Simulator(std::shared_ptr<Core> core, std::unique_ptr<service::Server> server)
    : core_(std::move(core)), server_(std::move(server)) {
    core_->set_server(server_.get());
}

Result<std::unique_ptr<Simulator>> Simulator::start(asio::io_context& io, Settings settings) {
    if (const auto good = check(settings); !good) return tl::unexpected(good.error());
    service::ServerOptions options;
    options.address = settings.host;
    options.port = settings.port;
    const auto core = std::make_shared<Core>(io, std::move(settings), mono_now(), wall_now());
    auto server = service::Server::listen(io, options, core->router());
    if (!server) return tl::unexpected(server.error());
    if (const auto begun = core->begin(); !begun) return tl::unexpected(begun.error());
    return std::unique_ptr<Simulator>(new Simulator(core, std::move(*server)));
}

Simulator::~Simulator() {
    stop();
    core_->set_server(nullptr);
}

std::uint16_t Simulator::port() const {
    return server_->port();
}

std::string Simulator::url() const {
    return server_->url();
}

std::vector<Simulator::Path> Simulator::paths() const {
    std::vector<Path> all;
    for (const Profile& profile : core_->settings().profiles) {
        all.push_back({profile.provider, base_path_of(profile.provider, profile.dialect),
                       call_path(profile.provider, profile.dialect)});
    }
    return all;
}

asio::awaitable<bool> Simulator::drain(Nanos grace) {
    core_->set_ending();
    return server_->drain(grace);
}

void Simulator::stop() {
    core_->set_ending();
    server_->stop();
    core_->finish();
}

Result<std::uint64_t> Simulator::inject(std::string_view provider, FaultSpec fault) {
    return core_->inject(provider, std::move(fault));
}

bool Simulator::remove_fault(std::uint64_t id) {
    return core_->remove_fault(id);
}

std::size_t Simulator::clear_faults(std::string_view provider) {
    return core_->clear_faults(provider);
}

Result<void> Simulator::change_quota(std::string_view provider, const QuotaChange& change) {
    const auto found = core_->provider(provider);
    if (!found) return tl::unexpected(found.error());
    return (*found)->quotas().change(change, core_->now());
}

Result<void> Simulator::restore_quota(std::string_view provider) {
    const auto found = core_->provider(provider);
    if (!found) return tl::unexpected(found.error());
    (*found)->quotas().restore(core_->now());
    return {};
}

std::string Simulator::summary() const {
    return core_->summary();
}

ArrivalPage Simulator::arrivals(std::uint64_t since, std::size_t limit) const {
    return core_->log().page(since, limit);
}

std::vector<arrivals::Arrival> Simulator::take_arrivals() {
    return core_->log().take();
}

LogCounts Simulator::log_counts() const {
    return core_->log().counts();
}

MonoTime Simulator::log_start() const {
    return core_->started();
}

}  // namespace squadload::providers
