#include "worker/cores.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

namespace squadload::worker {

double quota_of(const std::string& cpu_max) {
    std::istringstream in(cpu_max);
    double quota = 0;
    double period = 0;
    if (!(in >> quota >> period) || quota <= 0 || period <= 0) return 0;
    return quota / period;
}

std::uint32_t cores() {
    double n = std::max(1U, std::thread::hardware_concurrency());
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) n = std::max(1, CPU_COUNT(&allowed));
    std::string line;
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    if (std::getline(file, line)) {
        if (const double quota = quota_of(line); quota > 0) n = std::min(n, std::floor(quota));
    }
    return std::max(1U, static_cast<std::uint32_t>(n));
}

CpuMeter::CpuMeter(std::uint32_t cores)
    : cores_(std::max(1U, cores)), used_(used()), at_(mono_now()) {}

Nanos CpuMeter::used() {
    struct rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto nanos = [](const timeval& t) {
        return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec};
    };
    return nanos(usage.ru_utime) + nanos(usage.ru_stime);
}

double CpuMeter::percent() {
    const MonoTime now = mono_now();
    const double passed = to_seconds(now - at_);
    if (passed < 0.2) return last_;  // too short a time says nothing
    const Nanos used_now = used();
    last_ = std::clamp(to_seconds(used_now - used_) / passed / cores_ * 100, 0.0, 100.0);
    used_ = used_now;
    at_ = now;
    return last_;
}

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    if (!(file >> size >> resident)) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace squadload::worker
