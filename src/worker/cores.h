// How much of the machine this process may use.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace squadload::worker {

// Cores this process may run on: its affinity, and the whole cores of its container's quota
// (cgroup v2, cpu.max); at least 1.
[[nodiscard]] std::uint32_t cores();
// "200000 100000" → 2; 0: no quota, or not readable.
[[nodiscard]] double quota_of(const std::string& cpu_max);

// Share of `cores` that this process used since the last time, in percent, 0 to 100.
class CpuMeter {
  public:
    explicit CpuMeter(std::uint32_t cores);
    [[nodiscard]] double percent();

  private:
    [[nodiscard]] static Nanos used();
    double cores_;
    Nanos used_;
    MonoTime at_;
    double last_ = 0;
};

// Resident memory of this process in bytes; 0 where the kernel does not say.
[[nodiscard]] std::uint64_t resident_bytes();

}  // namespace squadload::worker
