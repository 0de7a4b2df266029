#include "run/limits.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/descriptors.h"
#include "load/engine/engine.h"

namespace squadload::run {
namespace {

constexpr std::uint64_t kDescriptorsPerLoop =
    4;  // epoll, eventfd, timers, one being accepted or resolved
constexpr std::uint64_t kDescriptorsOfFiles =
    8;  // series, metrics file, what libraries open meanwhile

std::uint64_t count_open_descriptors() {
    DIR* folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return ProcessLimits{}.descriptors_in_use;
    std::uint64_t n = 0;
    while (::readdir(folder) != nullptr) ++n;
    ::closedir(folder);
    return n > 3 ? n - 3 : 0;  // ".", ".." and the folder itself
}

// What the schedule can ask for at most; a run of 300 requests never holds 301 connections.
std::uint64_t most_requests(const scenario::Scenario& scenario) {
    auto most = scenario.requests.value_or(std::numeric_limits<std::uint64_t>::max());
    if (scenario.model == scenario::Model::open &&
        scenario.arrivals == pacing::Arrivals::constant && !scenario.rates.empty()) {
        const double total = pacing::RateProfile(scenario.rates).total();
        if (total < 1e15) most = std::min(most, static_cast<std::uint64_t>(std::ceil(total)));
    }
    return std::max<std::uint64_t>(most, 1);
}

std::string described_need(const scenario::Scenario& scenario, std::uint64_t needed) {
    if (scenario.target.connections.mode == scenario::ConnectionMode::shared) {
        return fmt::format("scenario {} may open {} connections (connections.max)", scenario.name,
                           needed);
    }
    return fmt::format("scenario {} may open {} connections, one for each user", scenario.name,
                       needed);
}

void lower_bound(scenario::Scenario& scenario, std::uint64_t bound, const std::string& why) {
    scenario.users = static_cast<std::uint32_t>(bound);
    if (scenario.max_in_flight > scenario.users) scenario.max_in_flight = scenario.users;
    scenario.notes.push_back(fmt::format("at most {} concurrent users: {}", bound, why));
}

}  // namespace

std::uint64_t ProcessLimits::connections(std::uint32_t workers) const {
    const std::uint64_t reserved =
        descriptors_in_use + kDescriptorsOfFiles + kDescriptorsPerLoop * workers;
    return descriptors > reserved ? descriptors - reserved : 0;
}

bool parse_port_range(const std::string& text, std::uint32_t& low, std::uint32_t& high) {
    std::istringstream in(text);
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    if (!(in >> first >> last) || first == 0 || first > last || last > 65535) return false;
    low = first;
    high = last;
    return true;
}

ProcessLimits raise_and_read_limits() {
    ProcessLimits limits;
    if (const auto descriptors = raise_descriptor_limit()) limits.descriptors = *descriptors;
    limits.descriptors_in_use = count_open_descriptors();
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    std::string text;
    std::getline(file, text);
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    if (parse_port_range(text, low, high)) {
        limits.local_ports = high - low + 1;
        limits.local_port_range = fmt::format("{}-{}", low, high);
    }
    return limits;
}

std::uint64_t connections_needed(const scenario::Scenario& scenario) {
    return std::min(most_requests(scenario), engine::slots(scenario));
}

Result<void> fit_connections(scenario::Scenario& scenario, const ProcessLimits& limits,
                             std::uint64_t sources) {
    const auto by_descriptors = limits.connections(scenario.workers);
    const auto needed = connections_needed(scenario);
    const bool may_lower = scenario.model == scenario::Model::open && scenario.users_by_default;
    if (needed > by_descriptors) {
        const auto remedy = limits.descriptors + (needed - by_descriptors);
        const auto why = fmt::format(
            "this process may open {} files and sockets; raise the limit with: ulimit -n {}",
            limits.descriptors, remedy);
        if (!may_lower || by_descriptors == 0) {
            return fail(ErrorKind::resources,
                        fmt::format("{}, but {}", described_need(scenario, needed), why));
        }
        lower_bound(scenario, by_descriptors, why);
    }
    const auto still_needed = connections_needed(scenario);
    sources = std::max<std::uint64_t>(sources, 1);
    const std::uint64_t ports = limits.local_ports * sources;
    if (still_needed > ports) {
        const auto from =
            sources == 1 ? std::string() : fmt::format(" from {} source addresses", sources);
        const auto why = fmt::format(
            "there are {} local ports for connections to one address ({}){}; widen the range with: "
            "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\", or name more addresses of "
            "this machine in target.source_addresses",
            ports, limits.local_port_range, from);
        if (!may_lower) {
            return fail(ErrorKind::resources,
                        fmt::format("{}, but {}", described_need(scenario, still_needed), why));
        }
        lower_bound(scenario, ports, why);
    }
    return {};
}

}  // namespace squadload::run
