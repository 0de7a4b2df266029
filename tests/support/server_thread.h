// The thread behind TestServer: listens, watches its connections with epoll, and lets each go on
// when its socket or its deadline says so.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "support/server_connection.h"

namespace squadload::test_support {

class ServerThread {
  public:
    explicit ServerThread(ServerOptions options);
    ~ServerThread();
    ServerThread(const ServerThread&) = delete;
    ServerThread& operator=(const ServerThread&) = delete;

    void run_on_thread(const std::function<void()>& work);  // and waits until it is done
    void freeze();
    void thaw();
    void close_idle();
    void die();

    ServerShared shared;
    std::uint16_t port = 0;

  private:
    using Connections = std::map<std::uint64_t, std::unique_ptr<ServerConnection>>;
    using Deadlines = std::set<std::pair<MonoTime, std::uint64_t>>;

    void loop();
    void watch(int operation, int socket, std::uint64_t tag, std::uint32_t events) const;
    void accept_all();
    void on_event(std::uint64_t tag, std::uint32_t events);
    void advance(std::uint64_t id);
    void destroy(std::uint64_t id);
    void fire_deadlines();
    void arm_timer() const;
    void run_commands();
    void stand_still();

    int listener_, epoll_, wake_, timer_;
    Connections connections_;
    std::map<std::uint64_t, std::uint32_t> watched_;  // events asked for, by connection
    std::map<std::uint64_t, MonoTime> deadline_of_;
    Deadlines deadlines_;
    bool stopping_ = false;

    std::mutex mutex_;  // for what follows
    std::condition_variable changed_;
    std::vector<std::function<void()>> commands_;
    bool frozen_ = false;
    bool standing_ = false;

    std::thread thread_;
};

}  // namespace squadload::test_support
