#include "locust/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace squadload::locust {
namespace {

constexpr Nanos kStoodStill = std::chrono::seconds{30};  // a master may have struck us off by then

}  // namespace

Session::Session(Messages messages, SessionSettings settings, LoadView load, MonoTime now)
    : messages_(std::move(messages)),
      settings_(settings),
      view_(std::move(load)),
      no_master_since_(now),
      last_answer_(now),
      asked_(now) {}

bool Session::member() const {
    return state_ != State::away && state_ != State::joining && state_ != State::rejoining;
}

Nanos Session::grace() const {
    return stop_timeout_s_ ? from_seconds(*stop_timeout_s_) : settings_.graceful_stop;
}

void Session::say(std::string text, bool warning) {
    remarks_.push_back({warning, std::move(text)});
}

// What a worker says of its membership is void once the connection is gone.
void Session::send(std::string bytes) {
    if (connected_) out_.push_back(std::move(bytes));
}

// The connection --------------------------------------------------------------------------------

void Session::connected(MonoTime now) {
    connected_ = true;
    if (end_ != End::none) return;
    last_answer_ = now;
    if (state_ == State::away || state_ == State::joining) {
        join(now);
    } else if (state_ == State::rejoining) {
        // The load is ending; joined when it has.
    } else if (answers_) {
        in_doubt_ = true;
        heartbeat(now);
    } else {
        join_anew(now);
    }
}

void Session::disconnected(MonoTime now) {
    if (!connected_) return;
    connected_ = false;
    in_doubt_ = false;
    if (member()) no_master_since_ = now;
    if (end_ == End::none && state_ != State::quitting)
        say("the connection to the master is lost; trying again", true);
}

void Session::join(MonoTime now) {
    users_.clear();
    last_spawn_ = 0;
    in_doubt_ = false;
    next_heartbeat_ = MonoTime::max();
    next_report_ = MonoTime::max();
    if (member()) no_master_since_ = now;
    asked_ = last_answer_ = now;
    state_ = connected_ ? State::joining : State::away;
    send(messages_.client_ready());
}

void Session::join_anew(MonoTime now) {
    in_doubt_ = false;
    if (!load_) {
        join(now);
        return;
    }
    say("the master does not know this worker any more: the load ends here, then it joins anew",
        true);
    order_stop(settings_.rejoin_grace);
    state_ = State::rejoining;
}

void Session::check_master(MonoTime now) {
    if ((!connected_ || state_ == State::joining) && now - no_master_since_ >= settings_.give_up) {
        finish(End::unreachable, now);
        return;
    }
    if (!connected_) {
        if (load_ && member() && now - no_master_since_ >= settings_.lost_for) {
            say("no master for a minute: the load ends", true);
            order_stop(settings_.rejoin_grace);
            state_ = State::rejoining;
        }
        return;
    }
    if (state_ == State::joining && !warned_of_ack_ && now - asked_ >= settings_.ack_wait) {
        warned_of_ack_ = true;
        say("connected, but nothing answers there as a Locust master does", true);
    }
    // Whatever was said over this connection was not heard, or the master would have answered.
    if (state_ == State::joining && now - last_answer_ >= settings_.unanswered) {
        last_answer_ = now;
        reconnect_ = true;
    }
    if (!answers_ || !member()) return;
    const Nanos silent = now - last_answer_;
    if (in_doubt_ && silent >= settings_.forgotten) {
        join_anew(now);
    } else if (silent >= settings_.unanswered) {
        say("the master does not answer; the connection is made anew", true);
        reconnect_ = true;
        last_answer_ = now;
    }
}

void Session::stood_still(Nanos how_long, MonoTime now) {
    last_answer_ = now;
    if (how_long < kStoodStill || !member()) return;
    say(fmt::format("this process stood still for {:.0f} s: the connection is made anew",
                    to_seconds(how_long)),
        true);
    reconnect_ = true;
}

// What the master says ---------------------------------------------------------------------------

void Session::received(const FromMaster& message, MonoTime now) {
    if (end_ != End::none) return;
    switch (message.what) {
        case MasterSays::heartbeat:
            answers_ = true;
            in_doubt_ = false;
            last_answer_ = now;
            return;
        case MasterSays::ack:
            if (message.index) index_ = message.index;
            if (state_ != State::joining) return;
            state_ = State::ready;
            warned_of_ack_ = false;
            last_answer_ = now;
            say(index_ ? fmt::format("joined the master as worker {}", *index_)
                       : std::string("joined the master"));
            heartbeat(now);
            return;
        case MasterSays::spawn:
            on_spawn(message.spawn, now);
            return;
        case MasterSays::stop:
            on_stop(now);
            return;
        case MasterSays::quit:
            on_quit(now);
            return;
        case MasterSays::reconnect:
            say("the master asks for a new connection", true);
            reconnect_ = true;
            return;
        case MasterSays::test_facts:
            orders_.push_back({Order::Kind::facts, {}, message.facts, {}});
            return;
        case MasterSays::spawning_complete:
        case MasterSays::other:
            return;
    }
}

void Session::on_spawn(const Spawn& spawn, MonoTime now) {
    if (state_ == State::joining) {  // a master older than the ack
        state_ = State::ready;
        heartbeat(now);
    }
    if (state_ != State::ready && state_ != State::spawning && state_ != State::running) return;
    if (spawn.timestamp <= last_spawn_) {
        say("a spawn message that is older than the last one: ignored", true);
        return;
    }
    last_spawn_ = spawn.timestamp;
    wanted_ = spawn.users;
    stop_timeout_s_ = spawn.stop_timeout_s;
    send(messages_.spawning());
    state_ = State::spawning;
    orders_.push_back({load_ ? Order::Kind::steer : Order::Kind::start, spawn, {}, {}});
    if (load_) return;
    load_ = true;
    next_report_ = now + settings_.report;
}

void Session::users_taken(MonoTime) {
    // Another master would not survive it from a worker that it does not know.
    if (state_ != State::spawning || in_doubt_) return;
    users_ = wanted_;
    send(messages_.spawning_complete(users_));
    state_ = State::running;
}

void Session::load_failed(const std::string& why, MonoTime now) {
    if (state_ != State::spawning && state_ != State::running) {
        load_ended(now);
        return;
    }
    load_ = false;
    next_report_ = MonoTime::max();
    report_exception(why, why);
    for (auto& [name, count] : wanted_) count = 0;
    users_ = wanted_;
    if (!in_doubt_) send(messages_.spawning_complete(users_));
    state_ = State::ready;
}

void Session::on_stop(MonoTime now) {
    if (state_ == State::ready || state_ == State::joining) {
        send(messages_.client_stopped());
        join(now);
    } else if (state_ == State::spawning || state_ == State::running) {
        state_ = State::stopping;
        order_stop(grace());
    }
}

void Session::on_quit(MonoTime now) {
    say("the master ends the test");
    if (!load_) {
        send(messages_.quit());
        finish(End::quit, now);
        return;
    }
    if (state_ != State::stopping) order_stop(settings_.graceful_stop);
    state_ = State::quitting;
    last_chance_ = now + settings_.last_report;
}

void Session::leave(MonoTime now) {
    if (end_ != End::none || state_ == State::quitting) return;
    if (!load_) {
        if (member()) send(messages_.quit());
        finish(End::terminated, now);
        return;
    }
    say("leaving: what is in flight is awaited");
    if (state_ != State::stopping && state_ != State::rejoining) order_stop(grace());
    state_ = State::quitting;
}

void Session::load_ended(MonoTime now) {
    load_ = false;
    if (end_ != End::none) return;
    for (auto& [name, count] : users_) count = 0;
    report(now);
    if (connected_) no_master_since_ = now;
    const State was = std::exchange(state_, State::away);
    if (was == State::quitting) {
        send(messages_.quit());
        finish(last_chance_ == MonoTime::max() ? End::terminated : End::quit, now);
    } else {
        if (was == State::stopping) send(messages_.client_stopped());
        join(now);
    }
}

void Session::order_stop(Nanos grace) {
    orders_.push_back({Order::Kind::stop, {}, {}, grace});
}

void Session::finish(End end, MonoTime) {
    end_ = end;
    next_heartbeat_ = next_report_ = last_chance_ = MonoTime::max();
    if (end != End::unreachable) return;
    say("no master could be reached", true);
    if (load_ && state_ != State::rejoining && state_ != State::stopping)
        order_stop(settings_.rejoin_grace);
}

// What the master is told ------------------------------------------------------------------------

void Session::heartbeat(MonoTime now) {
    const char* state = "running";
    if (state_ == State::ready) state = "ready";
    if (state_ == State::spawning) state = "spawning";
    send(messages_.heartbeat(state, view_.cpu_percent(), view_.memory()));
    next_heartbeat_ = now + settings_.heartbeat;
}

// Taken only when it can be sent: until then it adds up.
void Session::report(MonoTime now) {
    next_report_ = load_ ? now + settings_.report : MonoTime::max();
    if (connected_ && !in_doubt_) send(messages_.stats(view_.take_stats(users_)));
}

void Session::report_exception(const std::string& what, const std::string& trace) {
    send(messages_.exception(what, trace));
}

void Session::tick(MonoTime now) {
    if (end_ != End::none) return;
    if (now >= next_heartbeat_) heartbeat(now);
    if (now >= next_report_) report(now);
    if (now >= last_chance_) {
        // The master closes: whatever still comes is in this worker's own figures alone.
        report(now);
        send(messages_.quit());
        finish(End::quit, now);
        return;
    }
    check_master(now);
}

MonoTime Session::next_wake() const {
    return std::min({next_heartbeat_, next_report_, last_chance_});
}

std::vector<std::string> Session::take_messages() {
    return std::exchange(out_, {});
}

std::vector<Order> Session::take_orders() {
    return std::exchange(orders_, {});
}

std::vector<Remark> Session::take_remarks() {
    return std::exchange(remarks_, {});
}

bool Session::take_reconnect() {
    return std::exchange(reconnect_, false);
}

}  // namespace squadload::locust
