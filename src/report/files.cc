#include "report/files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "report/html.h"

namespace squadload::report {
namespace {

constexpr int kMaxSuffix = 10'000;  // runs in one second and folder; beyond that something is wrong

constexpr std::string_view kMetricsStem = "load_test_metrics_";

std::string reason(int error) {
    return std::generic_category().message(error);
}

tl::unexpected<Error> cannot(const std::string& path, int error) {
    return fail(ErrorKind::io,
                fmt::format("cannot write {}: {}; choose another folder with --output-dir", path,
                            reason(error)));
}

tl::unexpected<Error> cannot_write(const std::string& path, int error) {
    return fail(ErrorKind::io, fmt::format("cannot write {}: {}", path, reason(error)));
}

Result<void> make_folder(const std::string& dir) {
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    if (!error && std::filesystem::is_directory(dir, error)) return {};
    return fail(ErrorKind::io,
                fmt::format("cannot make the folder {}: {}; choose another with --output-dir", dir,
                            error ? error.message() : "a file of that name is in the way"));
}

// "load_test_metrics_<stamp>", "load_test_metrics_<stamp>_2", …
std::string numbered(const std::string& dir, const std::string& stem, int n,
                     const char* extension) {
    const std::string suffix = n == 1 ? "" : fmt::format("_{}", n);
    return (std::filesystem::path(dir) / (stem + suffix + extension)).string();
}

// A file nobody else writes to, hidden until it is finished. Sets `path`; < 0 and errno on failure.
int open_temporary(const std::string& dir, const std::string& stem, std::string& path) {
    int fd = -1;
    for (int n = 1; n <= kMaxSuffix; ++n) {
        path = numbered(dir, fmt::format(".{}.{}", stem, ::getpid()), n, ".tmp");
        fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) break;
    }
    return fd;
}

// 0, or errno. The descriptor is closed either way.
int write_and_close(int fd, std::string_view text) {
    int error = 0;
    std::size_t done = 0;
    while (done < text.size() && error == 0) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n >= 0)
            done += static_cast<std::size_t>(n);
        else if (errno != EINTR)
            error = errno;
    }
    if (error == 0 && ::fsync(fd) != 0 && errno != EINVAL) error = errno;
    if (::close(fd) != 0 && error == 0) error = errno;
    return error;
}

// Gives the finished file its name unless that is taken. 0, or errno (EEXIST: taken).
int publish(const std::string& temporary, const std::string& path) {
    if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    // A file system that cannot rename without replacing can mostly link.
    if (::link(temporary.c_str(), path.c_str()) != 0) return errno;
    ::unlink(temporary.c_str());
    return 0;
}

}  // namespace

Result<std::string> write_file(const std::string& dir, const std::string& stem,
                               const std::string& extension, std::string_view text) {
    if (auto made = make_folder(dir); !made) return tl::unexpected(made.error());
    std::string temporary;
    const int fd = open_temporary(dir, stem, temporary);
    if (fd < 0) return cannot(numbered(dir, stem, 1, extension.c_str()), errno);
    if (const int error = write_and_close(fd, text); error != 0) {
        ::unlink(temporary.c_str());
        return cannot(numbered(dir, stem, 1, extension.c_str()), error);
    }
    int error = EEXIST;
    for (int n = 1; n <= kMaxSuffix && error == EEXIST; ++n) {
        std::string path = numbered(dir, stem, n, extension.c_str());
        error = publish(temporary, path);
        if (error == 0) return path;
    }
    ::unlink(temporary.c_str());
    return cannot(numbered(dir, stem, 1, extension.c_str()), error);
}

Result<void> replace_file(const std::string& path, std::string_view text) {
    const std::filesystem::path target(path);
    const auto dir = target.has_parent_path() ? target.parent_path().string() : std::string(".");
    std::error_code error;
    if (std::filesystem::is_directory(target, error))
        return fail(ErrorKind::io, fmt::format("cannot write {}: it is a folder", path));
    std::filesystem::create_directories(dir, error);
    std::string temporary;
    const int fd = open_temporary(dir, target.filename().string(), temporary);
    if (fd < 0) return cannot_write(path, errno);
    int failed = write_and_close(fd, text);
    if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
    if (failed == 0) return {};
    ::unlink(temporary.c_str());
    return cannot_write(path, failed);
}

Result<void> append_file(const std::string& path, std::string_view text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return cannot_write(path, errno);
    if (const int error = write_and_close(fd, text); error != 0) return cannot_write(path, error);
    return {};
}

Result<std::string> write_metrics(const result::RunResult& run, const std::string& dir,
                                  const std::string& stamp) {
    return write_file(dir, std::string(kMetricsStem) + stamp, ".json", result::to_json(run));
}

Result<std::string> write_page(const result::RunResult& run, const std::string& metrics_path) {
    const std::filesystem::path metrics(metrics_path);
    return write_file(metrics.parent_path().string(),
                      "locust_report_" + metrics.stem().string().substr(kMetricsStem.size()),
                      ".html", html(run));
}

SeriesLog::SeriesLog(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}

SeriesLog::SeriesLog(SeriesLog&& other) noexcept
    : file_(other.file_), path_(std::move(other.path_)) {
    other.file_ = nullptr;
}

SeriesLog::~SeriesLog() {
    if (file_ != nullptr) std::fclose(file_);
}

Result<SeriesLog> SeriesLog::open(const std::string& dir, const std::string& stamp) {
    if (auto made = make_folder(dir); !made) return tl::unexpected(made.error());
    int error = EEXIST;
    for (int n = 1; n <= kMaxSuffix && error == EEXIST; ++n) {
        std::string path = numbered(dir, "load_test_series_" + stamp, n, ".ndjson");
        // "x": never an existing file; "e": not for child processes.
        if (std::FILE* file = std::fopen(path.c_str(), "wxe"); file != nullptr)
            return SeriesLog(file, std::move(path));
        error = errno;
    }
    return cannot(numbered(dir, "load_test_series_" + stamp, 1, ".ndjson"), error);
}

void SeriesLog::append(const std::string& scenario, const measure::SeriesPoint& point) {
    if (file_ == nullptr) return;
    const std::string text = result::series_line(scenario, point) + "\n";
    std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);
}

void SeriesLog::finish() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    file_ = nullptr;
    ::unlink(path_.c_str());
}

}  // namespace squadload::report
