#include "cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace squadload::cli {

Result<void> write_new_file(const std::string& path, std::string_view text) {
    const auto folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error)
        return fail(ErrorKind::io, fmt::format("cannot create the folder {}: {}", folder.string(),
                                               error.message()));
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        if (errno == EEXIST)
            return fail(
                ErrorKind::io,
                fmt::format("{} exists and is not overwritten; name another file with --output",
                            path));
        return fail(ErrorKind::io, fmt::format("cannot create {}: {}", path, std::strerror(errno)));
    }
    int failure = 0;
    while (!text.empty() && failure == 0) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno != EINTR) failure = errno;
        if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::close(fd) != 0 && failure == 0) failure = errno;
    if (failure == 0) return {};
    ::unlink(path.c_str());
    return fail(ErrorKind::io, fmt::format("cannot write {}: {}", path, std::strerror(failure)));
}

Result<std::ifstream> open_file(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return fail(ErrorKind::io, fmt::format("{} is a folder, not a file", path));
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return fail(ErrorKind::io, fmt::format("cannot read {}: {}", path,
                                               std::strerror(errno == 0 ? EIO : errno)));
    return in;
}

}  // namespace squadload::cli
