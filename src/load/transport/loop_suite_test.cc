// What every Loop promises, run over each of them. A new loop joins by one line in kPlaces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>

#include "base/random.h"
#include "load/transport/epoll_loop.h"
#include "load/transport/handler_for_test.h"
#include "load/transport/loop.h"
#include "load/transport/server_for_test.h"
#include "load/transport/sim_loop.h"
#include "load/transport/uring_loop.h"

namespace squadload::transport {
namespace {

using namespace std::chrono_literals;

// A loop and the server its sockets reach.
class Place {
  public:
    virtual ~Place() = default;
    virtual Loop& loop() = 0;
    virtual Address address() = 0;           // of the server; from now on connections are accepted
    virtual Address refusing_address() = 0;  // from now on connections to this are refused
    virtual std::uint64_t server_received() = 0;
};

class SocketPlace final : public Place {
  public:
    explicit SocketPlace(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
    Loop& loop() override { return *loop_; }
    Address address() override { return server_.address(); }
    Address refusing_address() override { return refusing_.address(); }
    std::uint64_t server_received() override { return server_.received(); }

  private:
    SocketServer server_;
    LoopbackSocket refusing_{-1};
    std::unique_ptr<Loop> loop_;
};

class SimPlace final : public Place {
  public:
    Loop& loop() override { return *loop_; }
    Address address() override {
        server_.refusing = false;
        return {};
    }
    Address refusing_address() override {
        server_.refusing = true;
        return {};
    }
    std::uint64_t server_received() override { return server_.received; }

  private:
    SimulatedServer server_;
    std::unique_ptr<Loop> loop_ = SimLoop::make(server_);
};

using MadePlace = Result<std::unique_ptr<Place>>;

MadePlace place_on(Result<std::unique_ptr<Loop>> loop) {
    if (!loop) return tl::unexpected(loop.error());
    return std::make_unique<SocketPlace>(std::move(*loop));
}

struct PlaceMaker {
    const char* name;
    MadePlace (*make)();
};

void PrintTo(const PlaceMaker& made, std::ostream* out) {
    *out << made.name;
}

constexpr PlaceMaker kPlaces[] = {
    {"epoll", []() { return place_on(make_epoll_loop()); }},
    {"epoll_ms", []() { return place_on(make_epoll_loop({.fine_wait = false})); }},
    {"io_uring", []() { return place_on(make_uring_loop()); }},
    {"io_uring_small",
     []() {
         return place_on(make_uring_loop({.submissions = 4, .completions = 8, .buffers = 2}));
     }},
    {"sim", []() -> MadePlace { return std::make_unique<SimPlace>(); }},
};

class LoopSuite : public testing::TestWithParam<PlaceMaker> {
  protected:
    void SetUp() override {
        if (!made) GTEST_SKIP() << made.error().text();
    }

    MadePlace made = GetParam().make();
    std::unique_ptr<Place> place = made ? std::move(*made) : std::make_unique<SimPlace>();
    Loop& loop = place->loop();

    // Turns until `done`; gives up after 20 s of the loop's time.
    template <class Done>
    [[nodiscard]] bool run_until(Done done, Nanos longest_wait = 20s) {
        const MonoTime deadline = loop.now() + 20s;
        while (!done()) {
            if (loop.now() >= deadline) return false;
            loop.run_once(std::min(deadline, loop.now() + longest_wait));
        }
        return true;
    }
    // Connects and says `hello`, which chooses what the server does.
    void open(Recorder& client, const std::string& hello) {
        ASSERT_EQ(client.connect(place->address()), 0);
        ASSERT_TRUE(run_until([&] { return client.connected; }));
        client.send(hello);
        ASSERT_TRUE(run_until([&] { return client.sent == 1; }));
        ASSERT_EQ(client.send_error, 0);
    }
    void close(Recorder& client) {
        client.close();
        ASSERT_TRUE(run_until([&] { return client.closed; }));
    }
};

INSTANTIATE_TEST_SUITE_P(Loops, LoopSuite, testing::ValuesIn(kPlaces),
                         [](const auto& made) { return std::string(made.param.name); });

TEST_P(LoopSuite, ConnectsSendsReceivesAndCloses) {
    Recorder client(loop);
    open(client, "ehello");
    ASSERT_TRUE(run_until([&] { return client.received == "ehello"; }));
    close(client);
    EXPECT_EQ(client.log, "connected sent received(ehello) closed ");
    EXPECT_FALSE(loop.name().empty());
}

TEST_P(LoopSuite, TellsARefusal) {
    Recorder client(loop);
    int error = client.connect(place->refusing_address());
    if (error == 0) {  // a kernel may tell it at once, or later
        ASSERT_TRUE(run_until([&] { return client.connect_error != 0; }));
        error = client.connect_error;
        close(client);
    }
    EXPECT_EQ(error, ECONNREFUSED);
}

TEST_P(LoopSuite, CarriesLargeTransfersBothWaysAtOnce) {
    Recorder client(loop);
    ASSERT_EQ(client.connect(place->address()), 0);
    ASSERT_TRUE(run_until([&] { return client.connected; }));
    const std::string big = "e" + pattern(kBlast);
    client.send(big);
    ASSERT_TRUE(run_until([&] { return client.received.size() >= big.size(); }));
    ASSERT_TRUE(run_until([&] { return client.sent == 1; }));
    EXPECT_TRUE(client.received == big);
    EXPECT_EQ(client.send_error, 0);
    close(client);
}

TEST_P(LoopSuite, DeliversAllBytesBeforeTheEnd) {
    Recorder client(loop);
    open(client, "b");
    ASSERT_TRUE(run_until([&] { return client.end != -1; }));
    EXPECT_EQ(client.end, 0);
    EXPECT_TRUE(client.received == pattern(kBlast));
    close(client);
}

TEST_P(LoopSuite, ChatsForManyRounds) {
    Recorder client(loop);
    client.on_bytes = [&] {
        if (client.received.size() < 500) client.send("x");
    };
    open(client, "e");
    ASSERT_TRUE(run_until([&] { return client.received.size() == 500; }));
    EXPECT_EQ(client.sent, 500);
    close(client);
}

TEST_P(LoopSuite, SendsOnAfterThePeerClosedItsSide) {
    Recorder client(loop);
    open(client, "f");
    ASSERT_TRUE(run_until([&] { return client.end != -1; }));
    EXPECT_EQ(client.end, 0);
    EXPECT_EQ(client.received, "bye");
    client.send(pattern(1'000'000));
    ASSERT_TRUE(run_until([&] { return client.sent == 2; }));
    EXPECT_EQ(client.send_error, 0);
    ASSERT_TRUE(run_until([&] { return place->server_received() == 1'000'001; }, 1ms));
    close(client);
}

TEST_P(LoopSuite, TellsAReset) {
    Recorder client(loop);
    open(client, "r");
    ASSERT_TRUE(run_until([&] { return client.end != -1; }));
    EXPECT_EQ(client.end, ECONNRESET);
    client.send("more");
    ASSERT_TRUE(run_until([&] { return client.sent == 2; }));
    EXPECT_NE(client.send_error, 0);
    close(client);
    EXPECT_FALSE(client.closing() && client.open());
}

TEST_P(LoopSuite, ClosesAtAnyMoment) {
    for (const bool reset : {false, true}) {
        Recorder connecting(loop);
        ASSERT_EQ(connecting.connect(place->address()), 0);
        connecting.close(reset);
        connecting.close(reset);  // once more changes nothing
        ASSERT_TRUE(run_until([&] { return connecting.closed; }));
        EXPECT_EQ(connecting.log, "closed ");

        Recorder at_open(loop);
        at_open.on_open = [&] { at_open.close(reset); };
        ASSERT_EQ(at_open.connect(place->address()), 0);
        ASSERT_TRUE(run_until([&] { return at_open.closed; }));
        EXPECT_EQ(at_open.log, "connected closed ");

        Recorder at_sent(loop);
        at_sent.on_open = [&] { at_sent.send("e1"); };
        at_sent.on_free = [&] { at_sent.close(reset); };
        ASSERT_EQ(at_sent.connect(place->address()), 0);
        ASSERT_TRUE(run_until([&] { return at_sent.closed; }));
        EXPECT_EQ(at_sent.log, "connected sent closed ");

        Recorder at_bytes(loop);
        at_bytes.on_bytes = [&] { at_bytes.close(reset); };
        open(at_bytes, "b");
        ASSERT_TRUE(run_until([&] { return at_bytes.closed; }));
        EXPECT_EQ(at_bytes.end, -1);
        EXPECT_GT(at_bytes.received.size(), 0U);
        EXPECT_LE(at_bytes.received.size(), 65536U) << "one call, then no more bytes";

        Recorder at_end(loop);
        at_end.on_done = [&] { at_end.close(reset); };
        open(at_end, "f");
        ASSERT_TRUE(run_until([&] { return at_end.closed; }));
        EXPECT_EQ(at_end.log, "connected sent received(bye) end(0) closed ");
    }
}

TEST_P(LoopSuite, ClosesDuringASend) {
    Recorder client(loop);
    open(client, "s");
    client.send(pattern(kBlast));
    client.close();
    ASSERT_TRUE(run_until([&] { return client.closed; }));
    EXPECT_EQ(client.log, "connected sent closed ");
}

TEST_P(LoopSuite, AHandlerCanConnectAgainFromItsLastCall) {
    Recorder client(loop);
    int rounds = 0;
    client.on_open = [&] { client.send("e" + std::to_string(rounds)); };
    client.on_bytes = [&] {
        if (client.received.size() == client.sent_bytes()) {
            EXPECT_EQ(client.received, "e" + std::to_string(rounds));
            client.close();
        }
    };
    client.on_gone = [&] {
        if (++rounds == 100) return;
        ASSERT_EQ(client.connect(place->address()), 0);
    };
    ASSERT_EQ(client.connect(place->address()), 0);
    ASSERT_TRUE(run_until([&] { return rounds == 100; }));
}

// Events of one batch must not reach sockets that a handler of the same batch closed, nor their
// successors.
TEST_P(LoopSuite, AHandlerCanCloseAndReplaceAllOthers) {
    std::vector<std::unique_ptr<Recorder>> clients;
    int answered = 0;
    int replaced = 0;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(std::make_unique<Recorder>(loop));
        open(*clients.back(), "e");
        ASSERT_TRUE(run_until([&] { return !clients.back()->received.empty(); }));
    }
    for (auto& client : clients) {
        client->on_bytes = [&] {
            ++answered;
            for (auto& other : clients) other->close();
        };
        client->on_gone = [&, c = client.get()] {
            c->on_bytes = [&] { ++replaced; };
            c->on_open = [c] { c->send("s"); };
            ASSERT_EQ(c->connect(place->address()), 0);
        };
        client->send("all at about the same time");
    }
    ASSERT_TRUE(run_until([&] {
        return std::all_of(clients.begin(), clients.end(), [](auto& c) { return c->sent == 1; }) &&
               answered > 0;
    }));
    EXPECT_EQ(answered, 1);
    EXPECT_EQ(replaced, 0) << "bytes of an old connection at a new one";
}

TEST_P(LoopSuite, ReturnsAtTheLimitAndNotBefore) {
    const MonoTime limit = loop.now() + 3ms;
    int turns = 0;
    for (; loop.now() < limit; ++turns) loop.run_once(limit);
    EXPECT_LT(turns, 50) << "spins instead of waiting";
    const MonoTime before = loop.now();
    loop.run_once(before - 1s);  // does not wait
    loop.run_once(before);
}

TEST_P(LoopSuite, FiresTimersInOrderAndNeverEarly) {
    std::vector<int> order;
    std::vector<std::unique_ptr<TestTimer>> timers;
    const MonoTime start = loop.now();
    for (const int ms : {3, 1, 2, 0}) {
        timers.push_back(std::make_unique<TestTimer>([&, ms] {
            EXPECT_GE(loop.now(), start + std::chrono::milliseconds{ms});
            order.push_back(ms);
        }));
        loop.set_timer(*timers.back(), start + std::chrono::milliseconds{ms});
    }
    ASSERT_TRUE(run_until([&] { return order.size() == 4; }));
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
}

TEST_P(LoopSuite, ATimerMayUseTheLoop) {
    Recorder client(loop);
    TestTimer never([] { ADD_FAILURE() << "was cancelled"; });
    TestTimer closes([&] {
        client.close();
        loop.cancel_timer(never);
    });
    TestTimer connects([&] {
        ASSERT_EQ(client.connect(place->address()), 0);
        loop.set_timer(closes, loop.now());
        loop.set_timer(never, loop.now());
        loop.cancel_timer(never);
    });
    loop.set_timer(connects, loop.now());
    ASSERT_TRUE(run_until([&] { return client.closed; }));
}

TEST_P(LoopSuite, AHandlerMayMoveTimers) {
    Recorder client(loop);
    int fired = 0;
    TestTimer far([&] { ++fired; });
    TestTimer cancelled([] { ADD_FAILURE() << "was cancelled"; });
    loop.set_timer(far, loop.now() + 1h);
    loop.set_timer(cancelled, loop.now() + 15s);
    client.on_bytes = [&] {
        loop.set_timer(far, loop.now());
        loop.cancel_timer(cancelled);
    };
    open(client, "e");
    ASSERT_TRUE(run_until([&] { return fired == 1; }));
    EXPECT_FALSE(cancelled.armed());
    close(client);
}

TEST_P(LoopSuite, ATimerSetForNowDoesNotKeepEventsWaiting) {
    Recorder client(loop);
    int fired = 0;
    TestTimer busy([&] {
        ++fired;
        loop.set_timer(
            busy, loop.now() + (GetParam().name == std::string("sim") ? Nanos{1000} : Nanos{0}));
    });
    loop.set_timer(busy, loop.now());
    open(client, "e");
    ASSERT_TRUE(run_until([&] { return !client.received.empty(); }));
    EXPECT_GT(fired, 1);
    loop.cancel_timer(busy);
    close(client);
}

TEST_P(LoopSuite, AWakeBeforeTheWaitEndsIt) {
    const MonoTime far = loop.now() + 1h;
    loop.wake();
    loop.run_once(far);
    EXPECT_LT(loop.now(), far);
}

TEST_P(LoopSuite, CanBeDestroyedWithSocketsOpen) {
    Recorder open_one(loop);
    Recorder connecting(loop);
    open(open_one, "e");
    ASSERT_EQ(connecting.connect(place->address()), 0);
    place.reset();
    EXPECT_FALSE(open_one.closed);
}

// Random calls from random callbacks; the recorders insist on the order of completions.
class Chaos {
  public:
    Chaos(Place& place, std::uint64_t seed)
        : place_(place), loop_(place.loop()), random_(seed, RandomStream::test, 1) {
        for (int i = 0; i < 24; ++i) {
            clients_.push_back(std::make_unique<Recorder>(loop_));
            Recorder& c = *clients_.back();
            c.on_open = c.on_bytes = c.on_done = c.on_gone = c.on_free = [this] { act(); };
            timers_.push_back(std::make_unique<TestTimer>([this] { act(); }));
        }
    }
    void act() {
        if (actions_left_ == 0) return;
        --actions_left_;
        EXPECT_GE(loop_.batch_time(), last_batch_);
        last_batch_ = loop_.batch_time();
        for (std::uint64_t n = random_.below(3); n > 0; --n) {
            act_on(*clients_[random_.below(clients_.size())]);
            TestTimer& timer = *timers_[random_.below(timers_.size())];
            if (random_.below(4) == 0) loop_.cancel_timer(timer);
            if (random_.below(4) == 0) {
                loop_.set_timer(timer, loop_.now() + Nanos{random_.between(-1000, 300'000)});
            }
        }
    }
    // One turn; false when all is over.
    bool turn() {
        if (actions_left_ == 0) {
            for (auto& c : clients_) {
                if (c->open() && !c->closing()) c->close(random_.below(2) == 0);
            }
            for (auto& timer : timers_) loop_.cancel_timer(*timer);
        } else {
            act();
        }
        loop_.run_once(loop_.now() + 1ms);
        return actions_left_ > 0 ||
               std::any_of(clients_.begin(), clients_.end(), [](auto& c) { return c->open(); });
    }
    std::uint64_t received = 0;

  private:
    void act_on(Recorder& c) {
        received += c.received.size();
        c.received.clear();
        if (!c.open()) {
            const Address address =
                random_.below(8) == 0 ? place_.refusing_address() : place_.address();
            static_cast<void>(c.connect(address));
        } else if (c.closing()) {
            return;
        } else if (random_.below(5) == 0) {
            c.close(random_.below(2) == 0);
        } else if (c.connected && !c.sending()) {
            const char* modes = "eeeeesfr";
            const std::size_t size = random_.below(20) == 0 ? 600'000 : random_.below(50);
            c.send(modes[random_.below(8)] + std::string(size, 'x'));
        }
    }

    Place& place_;
    Loop& loop_;
    Random random_;
    int actions_left_ = 3000;
    MonoTime last_batch_{};
    std::vector<std::unique_ptr<Recorder>> clients_;
    std::vector<std::unique_ptr<TestTimer>> timers_;
};

TEST_P(LoopSuite, ConnectsFromTheSourceAskedFor) {
    std::vector<std::unique_ptr<Recorder>> clients;
    for (int i = 0; i < 4; ++i) {
        const Address source = Address::parse(i % 2 == 0 ? "127.0.0.2" : "127.0.0.3", 0).value();
        Recorder& client = *clients.emplace_back(std::make_unique<Recorder>(loop));
        ASSERT_EQ(client.connect(place->address(), &source), 0);
        ASSERT_TRUE(run_until([&] { return client.connected; }));
        client.send("a");
        ASSERT_TRUE(run_until([&] { return !client.received.empty(); }));
        EXPECT_EQ(client.received, source.ip());
    }
    for (const auto& client : clients) close(*client);
}

TEST_P(LoopSuite, KeepsItsPromisesUnderRandomUse) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        SCOPED_TRACE(seed);
        Chaos chaos(*place, seed);
        ASSERT_TRUE(run_until([&] { return !chaos.turn(); }, 0ns));
        EXPECT_GT(chaos.received, 1000U);
    }
}

}  // namespace
}  // namespace squadload::transport
