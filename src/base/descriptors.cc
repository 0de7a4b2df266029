#include "base/descriptors.h"

#include <sys/resource.h>

namespace squadload {

std::optional<std::uint64_t> raise_descriptor_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return std::nullopt;
    const rlimit raised{files.rlim_max, files.rlim_max};
    if (files.rlim_cur < files.rlim_max && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) files = raised;
    return files.rlim_cur;
}

}  // namespace squadload
