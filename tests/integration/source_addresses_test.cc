// More connections to one target than one address has local ports.
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "integration/engine_run.h"
#include "support/quick_server.h"

namespace squadload::integration {
namespace {

constexpr std::uint32_t kUsers = 2500;
constexpr const char* kPortRange = "20000 20999";

// Gives the calling thread, and the threads it makes, a network of their own: loopback alone, with
// few local ports. What is in the way, or "".
std::string enter_small_network() {
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return std::string("no network namespace: ") + std::strerror(errno);
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    std::strncpy(loopback.ifr_name, "lo", sizeof loopback.ifr_name - 1);
    loopback.ifr_flags = IFF_UP | IFF_RUNNING;
    const bool up = ::ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    ::close(fd);
    if (!up) return std::string("loopback cannot be set up: ") + std::strerror(errno);
    std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
    range << kPortRange << std::flush;
    return range ? "" : "the range of local ports cannot be set";
}

bool may_open(rlim_t descriptors) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < descriptors) return false;
    files.rlim_cur = std::max(files.rlim_cur, descriptors);
    return ::setrlimit(RLIMIT_NOFILE, &files) == 0;
}

class SourceAddressesTest : public LoopTest {
  protected:
    // One connection for each user, kept to the end.
    engine::Measurements run_with(const std::vector<std::string>& sources) {
        const test_support::QuickServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                                               [](std::uint64_t) {});
        engine::Plan plan;
        plan.origin.host = "127.0.0.1";
        plan.origin.address = transport::Address::parse("127.0.0.1", server.port()).value();
        plan.origin.authority = "target";
        for (const auto& source : sources)
            plan.sources.push_back(transport::Address::parse(source, 0).value());
        plan.scenario.model = scenario::Model::closed;
        plan.scenario.users = kUsers;
        plan.scenario.requests = std::uint64_t{3} * kUsers;
        plan.scenario.duration = std::chrono::minutes{1};
        plan.scenario.graceful_stop = std::chrono::seconds{30};
        scenario::Task task;
        task.name = "get";
        task.path = scenario::Template::constant("/");
        const pacing::WaitTime wait{pacing::WaitTime::Kind::constant, std::chrono::seconds{1}};
        plan.scenario.classes.push_back({"User", 1, wait, {task}});
        return run(plan, GetParam());
    }
};

TEST_P(SourceAddressesTest, HaveTheirLocalPortsEach) {
    if (!may_open(2 * kUsers + 200)) GTEST_SKIP() << "not enough file descriptors (ulimit -n)";
    std::string obstacle;
    std::thread([&] {
        obstacle = enter_small_network();
        if (!obstacle.empty()) return;
        const auto three = run_with({"127.0.0.2", "127.0.0.3", "127.0.0.4"});
        EXPECT_EQ(all(three).outcomes[measure::Outcome::ok], 3 * kUsers);
        EXPECT_EQ(three.connections_opened, kUsers);
        EXPECT_EQ(three.own_limit_hits, 0U);

        const auto one = run_with({"127.0.0.2"});
        EXPECT_GE(one.own_limit_hits, kUsers - 1000) << "so many ports there are not";
        EXPECT_NE(one.own_limit.find("target.source_addresses"), std::string::npos)
            << one.own_limit;
    }).join();
    if (!obstacle.empty()) GTEST_SKIP() << obstacle;
}

INSTANTIATE_TEST_SUITE_P(Loops, SourceAddressesTest, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
