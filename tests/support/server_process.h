// A real server as a child process of the test: started, waited for, signalled, and gone with its
// object, or with the test should that die. One thread.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace squadload::test_support {

// A private folder below the system's temporary one; goes with the object. Its path is short
// enough for sockets.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

// Of the programs of that name in PATH and `folders`, the first. Throws a sentence that says how to
// install it when there is none, which fails the test.
[[nodiscard]] std::string find_program(const std::string& name,
                                       const std::vector<std::filesystem::path>& folders = {});

// Whom servers run as that refuse to be root: when we are root "postgres", or else "nobody".
struct User {
    uid_t uid = 0;
    gid_t gid = 0;
};
[[nodiscard]] std::optional<User> user_instead_of_root();

// A free TCP port of loopback. Somebody else may take it before you do.
[[nodiscard]] int free_port();

class ServerProcess {
  public:
    // argv[0] is the program's path. Its output goes to the end of `log`.
    ServerProcess(const std::vector<std::string>& argv, const std::filesystem::path& log,
                  std::optional<User> user = std::nullopt);
    ~ServerProcess();  // kills it
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    void signal(int number) const;
    // Waits until it has ended, at most `within`; its exit status (256 + signal), or nothing.
    std::optional<int> wait(Nanos within);
    // Waits until `ready` says so; false when it ended before, or after 30 s.
    bool wait_until(const std::function<bool()>& ready);

  private:
    pid_t pid_ = -1;
    int descriptor_ = -1;  // pidfd: becomes readable when it ends
    std::optional<int> status_;
};

// Runs a program to its end (at most 60 s); its output. Throws when it fails.
std::string run_program(const std::vector<std::string>& argv, const std::filesystem::path& log,
                        std::optional<User> user = std::nullopt);

[[nodiscard]] std::string read_text(const std::filesystem::path& file);

}  // namespace squadload::test_support
