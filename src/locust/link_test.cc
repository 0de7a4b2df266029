#include "locust/link.h"

#include <gtest/gtest.h>

#include <zmq.hpp>

#include "locust/codec.h"

namespace squadload::locust {
namespace {

using namespace std::chrono_literals;
using Kind = LinkEvent::Kind;

// A master's socket.
struct Router {
    zmq::context_t context{1};
    zmq::socket_t socket;
    std::uint16_t port = 0;

    explicit Router(std::uint16_t wanted = 0) : socket(context, zmq::socket_type::router) {
        socket.set(zmq::sockopt::linger, 0);
        socket.set(zmq::sockopt::rcvtimeo, 5000);
        for (int i = 0; i < 100; ++i) {
            try {
                socket.bind("tcp://127.0.0.1:" + (wanted == 0 ? "*" : std::to_string(wanted)));
                break;
            } catch (const zmq::error_t&) {  // the last one is still closing
                zmq_poll(nullptr, 0, 50);
            }
        }
        const auto endpoint = socket.get(zmq::sockopt::last_endpoint);
        port = static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
    }
    // Who sent, and what; both empty: nothing came.
    std::pair<std::string, std::string> receive() {
        zmq::message_t from;
        zmq::message_t bytes;
        if (!socket.recv(from) || !from.more() || !socket.recv(bytes)) return {};
        EXPECT_FALSE(bytes.more()) << "one frame";
        return {from.to_string(), bytes.to_string()};
    }
    void send(const std::string& to, const std::string& bytes) {
        socket.send(zmq::buffer(to), zmq::send_flags::sndmore);
        socket.send(zmq::buffer(bytes), zmq::send_flags::none);
    }
};

// The next event of that kind; others before it are dropped.
LinkEvent next(Link& link, Kind kind) {
    for (const MonoTime end = mono_now() + 10s; mono_now() < end;)
        for (auto& event : link.receive(mono_now() + 100ms))
            if (event.kind == kind) return event;
    ADD_FAILURE() << "nothing came";
    return {};
}

std::unique_ptr<Link> open(std::uint16_t port) {
    auto link = Link::open("127.0.0.1", port, "host_1");
    EXPECT_TRUE(link);
    return *std::move(link);
}

TEST(Link, CarriesFramesBothWays) {
    Router master;
    const auto link = open(master.port);
    const auto connection = next(*link, Kind::connected).connection;
    link->send("hello", connection);
    EXPECT_EQ(master.receive(), std::pair(std::string("host_1"), std::string("hello")));
    master.send("host_1", std::string(1'000'000, 'x'));
    const auto event = next(*link, Kind::message);
    EXPECT_EQ(event.bytes.size(), 1'000'000U);
    EXPECT_EQ(event.connection, connection);
}

TEST(Link, WaitsForAMasterAndFindsTheNextOne) {
    std::uint16_t port = 0;
    {
        const Router unused;
        port = unused.port;
    }
    const auto link = open(port);
    EXPECT_TRUE(link->receive(mono_now() + 200ms).empty());
    std::uint64_t first = 0;
    {
        Router master(port);
        first = next(*link, Kind::connected).connection;
        link->send("one", first);
        EXPECT_EQ(master.receive().second, "one");
    }
    next(*link, Kind::disconnected);
    link->send("said to nobody", first);
    Router master(port);
    const auto second = next(*link, Kind::connected).connection;
    EXPECT_GT(second, first);
    link->send("meant for the first", first);
    link->send("two", second);
    EXPECT_EQ(master.receive().second, "two") << "nothing old comes to a new master";
}

TEST(Link, MakesANewConnectionOfTheSameName) {
    Router master;
    const auto link = open(master.port);
    const auto first = next(*link, Kind::connected).connection;
    link->send("one", first);
    master.receive();
    link->reconnect();
    // A master listens all the time: what it hears of the old connection's end comes in time.
    std::uint64_t second = 0;
    for (const MonoTime end = mono_now() + 10s; second == 0 && mono_now() < end;) {
        static_cast<void>(master.socket.get(zmq::sockopt::events));
        for (const auto& event : link->receive(mono_now() + 10ms))
            if (event.kind == Kind::connected) second = event.connection;
    }
    EXPECT_GT(second, first);
    link->send("two", second);
    EXPECT_EQ(master.receive(), std::pair(std::string("host_1"), std::string("two")));
}

TEST(Link, SendsWhatIsLeftWhenItEnds) {
    Router master;
    {
        const auto link = open(master.port);
        const auto connection = next(*link, Kind::connected).connection;
        for (int i = 0; i < 100; ++i) link->send("last", connection);
    }
    for (int i = 0; i < 100; ++i) EXPECT_EQ(master.receive().second, "last");
}

TEST(Link, EndsAtOnceWithoutAMaster) {
    const MonoTime begin = mono_now();
    {
        const auto link = open(1);
        link->send("nobody", 0);
    }
    EXPECT_LT(mono_now() - begin, 5s);
}

TEST(Link, AHostThatIsNoneIsAnError) {
    const auto link = Link::open("a b", 5557, "host_1");
    if (!link) {
        EXPECT_NE(link.error().message.find("a b"), std::string::npos);
    }
}

}  // namespace
}  // namespace squadload::locust
