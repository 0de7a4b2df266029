// What was admitted in the last window, coarsely: in at most 65 slots, each as old as its youngest
// part. For telling another store about it; never too little, and each slot up to 1/64 of a window
// longer than needed. Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/time.h"

namespace squadload::squad_api {

class RecentCounts {
  public:
    struct Slot {
        Nanos age{};
        std::int64_t requests = 0;
        std::int64_t tokens = 0;
        friend bool operator==(const Slot&, const Slot&) = default;
    };

    explicit RecentCounts(Nanos window) : window_(window) {}

    void add(std::int64_t requests, std::int64_t tokens, MonoTime now);
    void clear() { parts_.clear(); }
    [[nodiscard]] std::vector<Slot> slots(MonoTime now);  // oldest first
    [[nodiscard]] bool empty(MonoTime now);

  private:
    struct Part {
        MonoTime first;
        MonoTime last;
        std::int64_t requests = 0;
        std::int64_t tokens = 0;
    };
    void expire(MonoTime now);

    Nanos window_;
    std::deque<Part> parts_;
};

}  // namespace squadload::squad_api
