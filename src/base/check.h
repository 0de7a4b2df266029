// CHECK: programmer errors end the process with the condition and place. Never for what a user or a
// network sends.
#pragma once

namespace squadload {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace squadload

#define SQUADLOAD_CHECK(condition) \
    ((condition) ? static_cast<void>(0) : ::squadload::check_failed(#condition, __FILE__, __LINE__))
