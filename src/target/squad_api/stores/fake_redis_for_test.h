// For tests: a server on a Unix socket that answers with whatever bytes the test wants.
#pragma once

#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace squadload::squad_api {

class FakeRedis {
  public:
    using Protocol = boost::asio::local::stream_protocol;
    struct Connection {
        explicit Connection(Protocol::socket connected) : socket(std::move(connected)) {}
        Protocol::socket socket;
        std::array<char, 65536> buffer{};
        std::string received;
    };
    // Called with all that came on a connection so far, which it may shorten; gives what to send.
    using Answer = std::function<std::string(std::string& received, Connection& connection)>;

    FakeRedis(boost::asio::io_context& io, std::string path, Answer answer)
        : path_(std::move(path)),
          answer_(std::move(answer)),
          acceptor_(io, Protocol::endpoint(path_)) {
        accept();
    }
    ~FakeRedis() {
        close();
        unlink(path_.c_str());
    }
    FakeRedis(const FakeRedis&) = delete;
    FakeRedis& operator=(const FakeRedis&) = delete;

    void close() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        drop();
    }
    void drop() {
        boost::system::error_code ignored;
        for (const auto& connection : connections) connection->socket.close(ignored);
    }

    int accepted = 0;
    std::vector<std::shared_ptr<Connection>> connections;

    // What a good server says to the handshake of a client with that many scripts: a reply for each
    // command of `received`, by its name.
    static std::string well_behaved(std::string& received,
                                    const std::string& otherwise = "+OK\r\n") {
        std::string answer;
        while (true) {  // *N\r\n then N times $L\r\nBYTES\r\n
            if (received.empty() || received[0] != '*') return answer;
            std::size_t at = received.find("\r\n");
            if (at == std::string::npos) return answer;
            const int words = std::stoi(received.substr(1, at));
            at += 2;
            std::string name;
            for (int i = 0; i < words; ++i) {
                const std::size_t end = received.find("\r\n", at);
                if (end == std::string::npos) return answer;
                const std::size_t length = std::stoul(received.substr(at + 1, end));
                if (received.size() < end + 4 + length) return answer;
                if (i == 0) name = received.substr(end + 2, length);
                at = end + 4 + length;
            }
            received.erase(0, at);
            if (name == "SCRIPT") {
                answer += "$4\r\nhash\r\n";
            } else if (name == "INFO") {
                answer += "$17\r\nrun_id:0123456789\r\n";
            } else {
                answer += otherwise;
            }
        }
    }

  private:
    void accept() {
        acceptor_.async_accept(
            [this](const boost::system::error_code& error, Protocol::socket socket) {
                if (error) return;
                ++accepted;
                auto connection = std::make_shared<Connection>(std::move(socket));
                connections.push_back(connection);
                read(connection);
                accept();
            });
    }
    void read(const std::shared_ptr<Connection>& connection) {
        connection->socket.async_read_some(
            boost::asio::buffer(connection->buffer),
            [this, connection](const boost::system::error_code& error, std::size_t size) {
                if (error) return;
                connection->received.append(connection->buffer.data(), size);
                const std::string answer = answer_(connection->received, *connection);
                boost::system::error_code ignored;
                if (connection->socket.is_open() && !answer.empty()) {
                    boost::asio::write(connection->socket, boost::asio::buffer(answer), ignored);
                }
                if (connection->socket.is_open()) read(connection);
            });
    }

    std::string path_;
    Answer answer_;
    Protocol::acceptor acceptor_;
};

}  // namespace squadload::squad_api
