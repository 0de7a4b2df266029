// For tests: one command at a time to a real Redis, and the answer.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "target/squad_api/stores/redis_codec.h"

namespace squadload::squad_api {

class SyncRedis {
  public:
    explicit SyncRedis(const std::string& path) {
        connection_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        SQUADLOAD_CHECK(path.size() < sizeof address.sun_path);
        path.copy(address.sun_path, path.size());
        const timeval limit{10, 0};
        setsockopt(connection_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        SQUADLOAD_CHECK(
            connect(connection_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~SyncRedis() { close(connection_); }
    SyncRedis(const SyncRedis&) = delete;
    SyncRedis& operator=(const SyncRedis&) = delete;

    RedisReply operator()(const std::vector<std::string_view>& command) {
        const std::string bytes = encode_command(command);
        SQUADLOAD_CHECK(write(connection_, bytes.data(), bytes.size()) ==
                        static_cast<ssize_t>(bytes.size()));
        std::array<char, 16384> buffer{};
        while (true) {
            auto reply = decoder_.next();
            if (!reply) throw std::runtime_error(reply.error().message);
            if (*reply) return std::move(**reply);
            const ssize_t size = read(connection_, buffer.data(), buffer.size());
            if (size <= 0) throw std::runtime_error("no answer from Redis");
            decoder_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
        }
    }
    RedisReply eval(std::string_view script, std::string_view key,
                    const std::vector<std::string>& arguments) {
        std::string& hash = hashes_[script];
        if (hash.empty()) hash = (*this)({"SCRIPT", "LOAD", script}).text;
        std::vector<std::string_view> command = {"EVALSHA", hash, "1", key};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return (*this)(command);
    }

  private:
    int connection_ = -1;
    RedisDecoder decoder_;
    std::map<std::string_view, std::string> hashes_;
};

}  // namespace squadload::squad_api
