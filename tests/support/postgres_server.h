// A real PostgreSQL server on a Unix socket, with a cluster of its own in a private folder. Made
// for being killed: it does not wait for the disk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/server_process.h"

namespace squadload::test_support {

class PostgresServer {
  public:
    PostgresServer();   // makes the cluster and starts; throws when it cannot
    ~PostgresServer();  // stops at once

    // Of that database (there is "postgres"), as the superuser "postgres".
    [[nodiscard]] std::string url(const std::string& database = "postgres") const;

    void start();
    void stop();  // in order, without waiting for clients
    void kill();  // SIGKILL to the postmaster; its children end by themselves
    void restart() {
        kill();
        start();
    }
    // What psql prints: rows in lines, columns split by |. Throws when it fails.
    std::string query(const std::string& sql) const;

  private:
    [[nodiscard]] std::string program(const std::string& name) const;
    bool answers() const;

    TemporaryFolder folder_;
    std::optional<User> user_;
    std::unique_ptr<ServerProcess> process_;
};

}  // namespace squadload::test_support
