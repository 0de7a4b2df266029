// What the tests of run and cli share.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "load/scenario/config.h"
#include "load/scenario/scenario.h"
#include "run/limits.h"

namespace squadload::run {

[[nodiscard]] inline scenario::Environment environment_of(
    std::map<std::string, std::string> variables) {
    return
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
}

[[nodiscard]] inline scenario::Scenario closed(std::uint32_t users) {
    scenario::Scenario s;
    s.name = "spike";
    s.model = scenario::Model::closed;
    s.users = users;
    s.duration = std::chrono::seconds{60};
    return s;
}

[[nodiscard]] inline scenario::Scenario open(double rate, std::uint32_t users, bool by_default) {
    auto s = closed(users);
    s.model = scenario::Model::open;
    s.rates = {{s.duration, rate, rate}};
    s.users_by_default = by_default;
    return s;
}

[[nodiscard]] inline ProcessLimits limits_of(std::uint64_t descriptors) {
    ProcessLimits limits;
    limits.descriptors = descriptors;
    limits.descriptors_in_use = 5;
    return limits;
}

// A file in memory to write to, read back as text.
class Capture {
  public:
    Capture() : fd_(::memfd_create("capture", MFD_CLOEXEC)) { EXPECT_GE(fd_, 0); }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture() { ::close(fd_); }
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::string text() const {
        std::string all(static_cast<std::size_t>(::lseek(fd_, 0, SEEK_END)), '\0');
        EXPECT_EQ(::pread(fd_, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
        return all;
    }

  private:
    int fd_;
};

}  // namespace squadload::run
