#include "support/server_process.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/check.h"

namespace squadload::test_support {
namespace {

constexpr Nanos kStartWithin = std::chrono::seconds(30);
constexpr Nanos kRunWithin = std::chrono::seconds(60);

// In the child, between fork and exec: only what may be called there.
[[noreturn]] void become(char* const* argv, int log, pid_t parent,
                         const std::optional<User>& user) {
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    if (user) {
        if (setgroups(0, nullptr) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0) {
            _exit(126);
        }
    }
    // After the change of user, which takes it back.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
    execv(argv[0], argv);
    _exit(127);
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "squadload-XXXXXX").string();
    SQUADLOAD_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string find_program(const std::string& name,
                         const std::vector<std::filesystem::path>& folders) {
    std::vector<std::filesystem::path> all = folders;
    const char* const path = std::getenv("PATH");
    std::istringstream rest(path == nullptr ? "" : path);
    for (std::string folder; std::getline(rest, folder, ':');) all.emplace_back(folder);
    for (const auto& folder : all) {
        const std::string file = (folder / name).string();
        if (access(file.c_str(), X_OK) == 0) return file;
    }
    throw std::runtime_error(name + " is not installed: `make setup TIER=test` installs it");
}

std::optional<User> user_instead_of_root() {
    if (geteuid() != 0) return std::nullopt;
    for (const char* const name : {"postgres", "nobody"}) {
        if (const passwd* entry = getpwnam(name)) return User{entry->pw_uid, entry->pw_gid};
    }
    throw std::runtime_error("there is neither a user postgres nor nobody");
}

int free_port() {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SQUADLOAD_CHECK(listener >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    SQUADLOAD_CHECK(bind(listener, any, size) == 0 && getsockname(listener, any, &size) == 0);
    close(listener);
    return ntohs(address.sin_port);
}

ServerProcess::ServerProcess(const std::vector<std::string>& argv, const std::filesystem::path& log,
                             std::optional<User> user) {
    std::vector<char*> arguments;
    for (const std::string& argument : argv) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    SQUADLOAD_CHECK(output >= 0);
    const pid_t parent = getpid();
    pid_ = fork();
    SQUADLOAD_CHECK(pid_ >= 0);
    if (pid_ == 0) become(arguments.data(), output, parent, user);
    close(output);
    descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    SQUADLOAD_CHECK(descriptor_ >= 0);
}

ServerProcess::~ServerProcess() {
    if (!status_) {
        signal(SIGKILL);
        wait(kStartWithin);
    }
    close(descriptor_);
}

void ServerProcess::signal(int number) const {
    if (!status_) kill(pid_, number);
}

std::optional<int> ServerProcess::wait(Nanos within) {
    if (status_) return status_;
    const MonoTime deadline = mono_now() + within;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - mono_now());
        pollfd ended{descriptor_, POLLIN, 0};
        const int found = poll(&ended, 1, std::max(0, static_cast<int>(left.count())));
        if (found < 0 && errno == EINTR) continue;
        if (found <= 0) return std::nullopt;
        int status = 0;
        SQUADLOAD_CHECK(waitpid(pid_, &status, 0) == pid_);
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
        return status_;
    }
}

bool ServerProcess::wait_until(const std::function<bool()>& ready) {
    const MonoTime deadline = mono_now() + kStartWithin;
    while (mono_now() < deadline) {
        if (ready()) return true;
        if (wait(std::chrono::milliseconds(5))) return false;
    }
    return false;
}

std::string read_text(const std::filesystem::path& file) {
    const std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string run_program(const std::vector<std::string>& argv, const std::filesystem::path& log,
                        std::optional<User> user) {
    std::filesystem::remove(log);
    ServerProcess process(argv, log, user);
    const auto status = process.wait(kRunWithin);
    std::string output = read_text(log);
    if (status != 0) throw std::runtime_error(argv.front() + " failed: " + output);
    return output;
}

}  // namespace squadload::test_support
