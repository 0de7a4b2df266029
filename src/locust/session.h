// A worker's side of the session with a master: what to send when, and what the load is to be.
// Pure: time and messages are arguments, messages and orders are what comes out. One thread.
//
// The rules are those of Locust's own worker (locust/runners.py, WorkerRunner), but that
// - client_ready is said once per membership: said twice during a run it would get a double share;
// - a master that answers heartbeats and stops doing so has forgotten the worker, or is another
// one:
//   then the load ends, and the worker joins anew;
// - what is in flight at a stop is awaited, so that a request that was sent is counted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "locust/messages.h"

namespace squadload::locust {

// What the load is to do.
struct Order {
    enum class Kind {
        start,  // a run begins, with the users of `spawn`
        steer,  // its users are now those of `spawn`
        facts,  // the whole test is as `facts` say
        stop    // nothing new starts; what is in flight is awaited for `grace` at most
    };
    Kind kind = Kind::start;
    Spawn spawn;
    TestFacts facts;
    Nanos grace{};
};

// What a line in the log says, and how loud.
struct Remark {
    bool warning = false;
    std::string text;
};

struct SessionSettings {
    Nanos heartbeat = std::chrono::seconds{1};
    Nanos report = std::chrono::seconds{3};
    Nanos ack_wait = std::chrono::seconds{5};            // then it is said that none came
    Nanos lost_for = std::chrono::seconds{60};           // without a master: the load ends
    Nanos give_up = std::chrono::minutes{5};             // without a master: the worker ends
    Nanos unanswered = std::chrono::seconds{15};         // heartbeats: the connection is made anew
    Nanos forgotten = std::chrono::milliseconds{2500};   // the same, after a connection was made
    Nanos last_report = std::chrono::milliseconds{300};  // after quit; a master leaves 0.5 s
    Nanos graceful_stop = std::chrono::seconds{30};      // at a stop, where the master says none
    Nanos rejoin_grace = std::chrono::seconds{5};        // the same, when a master has forgotten us
};

// What the load did, as the session needs it; called while the session works.
struct LoadView {
    // Everything since the last time, as the data of a stats message.
    std::function<Value(const UserCounts& users)> take_stats;
    std::function<double()> cpu_percent;    // of the cores it has, 0 to 100
    std::function<std::uint64_t()> memory;  // resident, bytes
};

class Session {
  public:
    enum class End {
        none,
        quit,        // the master ended it
        terminated,  // leave() was asked for
        unreachable  // no master for `give_up`
    };

    Session(Messages messages, SessionSettings settings, LoadView load, MonoTime now);

    // What happened.
    void connected(MonoTime now);     // a connection to a master stands; the first, or anew
    void disconnected(MonoTime now);  // it does not any more
    void received(const FromMaster& message, MonoTime now);
    void users_taken(MonoTime now);  // the load acts on the last start or steer
    // The load could not be started: the master hears why. As load_ended() else.
    void load_failed(const std::string& why, MonoTime now);
    void load_ended(MonoTime now);  // after stop: everything is measured
    void leave(MonoTime now);       // asked for here, not by the master
    // This process stood still for `how_long` (a stopped container): what the master said meanwhile
    // may be void.
    void stood_still(Nanos how_long, MonoTime now);
    void report_exception(const std::string& what, const std::string& trace);
    void tick(MonoTime now);  // what is due; call at next_wake() at the latest

    // What is to be done; each is given once.
    [[nodiscard]] std::vector<std::string> take_messages();
    [[nodiscard]] std::vector<Order> take_orders();
    [[nodiscard]] std::vector<Remark> take_remarks();
    [[nodiscard]] bool take_reconnect();  // close the socket, make a new one of the same identity

    [[nodiscard]] MonoTime next_wake() const;
    [[nodiscard]] bool over() const { return end_ != End::none && !load_; }
    [[nodiscard]] End end() const { return end_; }
    [[nodiscard]] std::optional<std::int64_t> index() const { return index_; }
    [[nodiscard]] bool joined() const { return member(); }
    [[nodiscard]] const UserCounts& users() const { return users_; }  // last told to the master

  private:
    enum class State {
        away,     // no membership
        joining,  // client_ready is said
        ready,
        spawning,  // users were asked for that the load has not taken yet
        running,
        stopping,   // on the master's word
        rejoining,  // the load ends, since its master has forgotten it
        quitting    // last statistics are awaited
    };

    void on_spawn(const Spawn& spawn, MonoTime now);
    void on_stop(MonoTime now);
    void on_quit(MonoTime now);
    void join(MonoTime now);
    void join_anew(MonoTime now);
    void ready_again(MonoTime now);
    void order_stop(Nanos grace);
    void send(std::string bytes);
    void heartbeat(MonoTime now);
    void report(MonoTime now);
    void check_master(MonoTime now);
    void finish(End end, MonoTime now);
    void say(std::string text, bool warning = false);
    [[nodiscard]] bool member() const;
    [[nodiscard]] Nanos grace() const;

    Messages messages_;
    SessionSettings settings_;
    LoadView view_;
    State state_ = State::away;
    End end_ = End::none;
    bool connected_ = false;
    bool load_ = false;      // under way, ending included
    bool answers_ = false;   // this master answers heartbeats
    bool in_doubt_ = false;  // connected anew: does the master still know us?
    bool reconnect_ = false;
    bool warned_of_ack_ = false;
    double last_spawn_ = 0;  // its timestamp
    UserCounts users_;       // told to the master
    UserCounts wanted_;
    std::optional<double> stop_timeout_s_;
    std::optional<std::int64_t> index_;
    MonoTime next_heartbeat_ = MonoTime::max();
    MonoTime next_report_ = MonoTime::max();
    MonoTime no_master_since_;
    MonoTime last_answer_;                    // or the beginning of waiting for one
    MonoTime asked_;                          // client_ready
    MonoTime last_chance_ = MonoTime::max();  // of the last report, after quit
    std::vector<std::string> out_;
    std::vector<Order> orders_;
    std::vector<Remark> remarks_;
};

}  // namespace squadload::locust
