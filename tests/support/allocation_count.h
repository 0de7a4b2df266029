// Counts the heap allocations of chosen threads. A program that links allocation_count.cc has its
// malloc and the like replaced, and operator new with them.
#pragma once

#include <cstdint>
#include <string>

namespace squadload::test_support {

// Sanitizers bring their own allocator: nothing is counted then.
[[nodiscard]] bool allocations_are_counted();

// From now on the calling thread's allocations count (or no longer do).
void count_allocations_of_this_thread(bool on);

// While it lives, the calling thread's allocations do not count.
class UncountedAllocations {
  public:
    UncountedAllocations();
    ~UncountedAllocations();
    UncountedAllocations(const UncountedAllocations&) = delete;
    UncountedAllocations& operator=(const UncountedAllocations&) = delete;
    [[nodiscard]] bool were_counted() const { return before_; }

  private:
    bool before_;
};

// malloc, calloc, realloc and the aligned forms, of all counted threads so far. Any thread.
[[nodiscard]] std::uint64_t allocations();

// While on, the next few counted allocations are remembered with their callers. Any thread.
void trace_allocations(bool on);
// Those callers, one block of lines for each allocation.
[[nodiscard]] std::string traced_allocations();

}  // namespace squadload::test_support
