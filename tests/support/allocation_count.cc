#include "support/allocation_count.h"

#include <execinfo.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace squadload::test_support {
namespace {

constexpr std::size_t kTraces = 3;
constexpr int kDepth = 24;

struct Trace {
    std::array<void*, kDepth> callers;
    int depth = 0;
};

// Zero from the start: malloc is called before any constructor.
constinit std::atomic<std::uint64_t> count{0};
constinit std::atomic<bool> tracing{false};
constinit std::atomic<std::size_t> traced{0};
constinit std::array<Trace, kTraces> traces{};
constinit thread_local bool counted = false;

[[maybe_unused]] void note() {
    if (!counted) return;
    count.fetch_add(1, std::memory_order_relaxed);
    if (!tracing.load(std::memory_order_relaxed)) return;
    const std::size_t place = traced.fetch_add(1, std::memory_order_relaxed);
    if (place >= kTraces) return;
    counted = false;  // what looks for the callers may allocate
    traces[place].depth = ::backtrace(traces[place].callers.data(), kDepth);
    counted = true;
}

}  // namespace

bool allocations_are_counted() {
#ifdef SQUADLOAD_SANITIZED
    return false;
#else
    return true;
#endif
}

void count_allocations_of_this_thread(bool on) {
    std::array<void*, 1> first{};
    static_cast<void>(::backtrace(first.data(), 1));  // its first call loads a library
    counted = on;
}

UncountedAllocations::UncountedAllocations() : before_(std::exchange(counted, false)) {}
UncountedAllocations::~UncountedAllocations() {
    counted = before_;
}

std::uint64_t allocations() {
    return count.load(std::memory_order_relaxed);
}

void trace_allocations(bool on) {
    tracing.store(on, std::memory_order_relaxed);
}

std::string traced_allocations() {
    std::string text;
    for (std::size_t i = 0; i < kTraces && i < traced.load(); ++i) {
        char** lines = ::backtrace_symbols(traces[i].callers.data(), traces[i].depth);
        if (lines == nullptr) continue;
        text += "an allocation by:\n";
        for (int frame = 2; frame < traces[i].depth; ++frame) {
            text += "  ";
            text += lines[frame];
            text += '\n';
        }
        std::free(static_cast<void*>(lines));
    }
    return text;
}

}  // namespace squadload::test_support

#ifndef SQUADLOAD_SANITIZED
// What glibc offers for a malloc that only passes on ("Replacing malloc", glibc manual 3.2.5).
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t n, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
    squadload::test_support::note();
    return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) {
    squadload::test_support::note();
    return __libc_calloc(n, size);
}
void* realloc(void* memory, std::size_t size) {
    squadload::test_support::note();
    return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
    squadload::test_support::note();
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    squadload::test_support::note();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    squadload::test_support::note();
    *memory = __libc_memalign(alignment, size);
    return *memory == nullptr ? ENOMEM : 0;
}
}
#endif
