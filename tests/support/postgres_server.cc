#include "support/postgres_server.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "base/check.h"

namespace squadload::test_support {
namespace {

constexpr Nanos kEndWithin = std::chrono::seconds(30);

// Debian keeps each version's programs in a folder of its own; the newest first.
std::vector<std::filesystem::path> program_folders() {
    std::vector<std::filesystem::path> folders;
    std::error_code ignored;
    for (const auto& version :
         std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
        folders.push_back(version.path() / "bin");
    }
    std::sort(folders.rbegin(), folders.rend());
    return folders;
}

}  // namespace

PostgresServer::PostgresServer() : user_(user_instead_of_root()) {
    if (user_) {
        SQUADLOAD_CHECK(chown(folder_.path().c_str(), user_->uid, user_->gid) == 0);
    }
    run_program({program("initdb"), "--pgdata", (folder_.path() / "data").string(), "--username",
                 "postgres", "--auth", "trust", "--no-sync", "--no-locale", "--encoding", "UTF8"},
                folder_.path() / "initdb.log", user_);
    start();
}

PostgresServer::~PostgresServer() {
    if (process_) kill();
}

std::string PostgresServer::program(const std::string& name) const {
    return find_program(name, program_folders());
}

std::string PostgresServer::url(const std::string& database) const {
    return "postgresql:///" + database + "?user=postgres&host=" + folder_.path().string();
}

// After a kill the children of the old one may hold the memory a little longer, and the new one
// gives up: then once more.
void PostgresServer::start() {
    const auto log = folder_.path() / "log";
    const MonoTime deadline = mono_now() + std::chrono::seconds(30);
    while (mono_now() < deadline) {
        const std::vector<std::string> argv = {program("postgres"),
                                               "-D",
                                               (folder_.path() / "data").string(),
                                               "-k",
                                               folder_.path().string(),
                                               "-c",
                                               "listen_addresses=",
                                               "-c",
                                               "fsync=off",
                                               "-c",
                                               "shared_buffers=16MB",
                                               "-c",
                                               "max_connections=20"};
        process_ = std::make_unique<ServerProcess>(argv, log, user_);
        if (process_->wait_until([this] { return answers(); })) return;
    }
    throw std::runtime_error("postgres did not start: " + read_text(log));
}

bool PostgresServer::answers() const {
    const std::vector<std::string> argv = {program("pg_isready"), "-q", "-h",
                                           folder_.path().string()};
    ServerProcess ready(argv, folder_.path() / "ready.log");
    return ready.wait(kEndWithin) == 0;
}

void PostgresServer::stop() {
    process_->signal(SIGINT);
    SQUADLOAD_CHECK(process_->wait(kEndWithin).has_value());
}

void PostgresServer::kill() {
    process_->signal(SIGKILL);
    SQUADLOAD_CHECK(process_->wait(kEndWithin).has_value());
}

std::string PostgresServer::query(const std::string& sql) const {
    return run_program({program("psql"), "-XAtq", "-h", folder_.path().string(), "-U", "postgres",
                        "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql},
                       folder_.path() / "query.log");
}

}  // namespace squadload::test_support
