// A real redis-server on a Unix socket (and a TCP port, when asked for) in a private folder. It
// keeps nothing on disk unless told to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/server_process.h"

namespace squadload::test_support {

struct RedisServerOptions {
    bool tcp = false;                    // listens on a port of loopback, too
    std::string password;                // empty: none
    std::vector<std::string> arguments;  // more of them: {"--maxmemory", "2mb"}
};

class RedisServer {
  public:
    explicit RedisServer(RedisServerOptions options = {});  // started; throws when it cannot

    [[nodiscard]] std::string url() const;      // unix://…, with the password
    [[nodiscard]] std::string tcp_url() const;  // redis://…, likewise
    [[nodiscard]] std::string socket() const { return (folder_.path() / "s").string(); }

    void start();
    void kill();    // SIGKILL, and waits for its end
    void freeze();  // SIGSTOP
    void thaw();    // SIGCONT
    void restart() {
        kill();
        start();
    }
    // One command in words without spaces ("SCRIPT FLUSH"); its answer as it comes, at most 64 kB.
    std::string command(const std::string& words) const;

  private:
    RedisServerOptions options_;
    TemporaryFolder folder_;
    int port_ = 0;
    std::unique_ptr<ServerProcess> process_;
};

}  // namespace squadload::test_support
