#include "run/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/check.h"
#include "judge/result/run_result.h"

namespace squadload::run {
namespace {

// A handler has no arguments but the signal's number: what it needs lives here, lock-free.
std::atomic<bool> installed{false};
std::atomic<bool> measuring{false};  // a first signal stops instead of quitting
std::atomic<int> first_signal{0};
std::atomic<engine::StopSwitch*> watched{nullptr};
std::atomic<int> hidden_cursor{-1};

struct sigaction previous_int;
struct sigaction previous_term;
struct sigaction previous_pipe;

int code_of(int signal) {
    return signal == SIGTERM ? result::ExitCode::terminated : result::ExitCode::interrupted;
}

engine::StopReason reason_of(int signal) {
    return signal == SIGTERM ? engine::StopReason::terminated : engine::StopReason::interrupted;
}

[[noreturn]] void quit(int signal) {
    static constexpr char kShowCursor[] = "\x1b[?25h";
    const int fd = hidden_cursor.load();
    if (fd >= 0) {
        const auto written = ::write(fd, kShowCursor, sizeof kShowCursor - 1);
        static_cast<void>(written);  // nothing is left to be done about it
    }
    ::_exit(code_of(signal));
}

// Async-signal-safe: atomics, StopSwitch::stop, write and _exit alone.
void on_signal(int signal) {
    const int saved_errno = errno;
    int none = 0;
    if (!first_signal.compare_exchange_strong(none, signal) || !measuring.load()) quit(signal);
    if (auto* stop_switch = watched.load()) stop_switch->stop(reason_of(signal));
    errno = saved_errno;
}

}  // namespace

SignalGuard::SignalGuard() {
    SQUADLOAD_CHECK(!installed.exchange(true));
    first_signal.store(0);
    measuring.store(false);
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaddset(&action.sa_mask, SIGINT);
    ::sigaddset(&action.sa_mask, SIGTERM);
    ::sigaction(SIGINT, &action, &previous_int);
    ::sigaction(SIGTERM, &action, &previous_term);
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    ::sigemptyset(&ignore.sa_mask);
    ::sigaction(SIGPIPE, &ignore, &previous_pipe);
}

SignalGuard::~SignalGuard() {
    ::sigaction(SIGINT, &previous_int, nullptr);
    ::sigaction(SIGTERM, &previous_term, nullptr);
    ::sigaction(SIGPIPE, &previous_pipe, nullptr);
    watched.store(nullptr);
    installed.store(false);
}

void SignalGuard::watch(engine::StopSwitch& stop_switch) {
    watched.store(&stop_switch);
    measuring.store(true);
    if (const int signal = first_signal.load()) stop_switch.stop(reason_of(signal));
}

void SignalGuard::unwatch() {
    watched.store(nullptr);
}

int SignalGuard::received() const {
    return first_signal.load();
}

void set_hidden_cursor(int terminal_fd) {
    hidden_cursor.store(terminal_fd);
}

}  // namespace squadload::run
