#include "locust/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "locust/codec.h"

namespace squadload::locust {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A session, its clock, and what it says and orders, in words.
struct Played {
    MonoTime now{1000s};
    int taken = 0;  // reports
    SessionSettings settings;
    Session session{Messages("host_1"),
                    settings,
                    {[this](const UserCounts& users) {
                         ++taken;
                         return stats(users);
                     },
                     [] { return 50.0; }, [] { return std::uint64_t{1000}; }},
                    now};
    std::vector<std::string> said;

    static Value stats(const UserCounts& users) {
        return Map{{"user_classes_count", users_map(users)}, {"user_count", sum(users)}};
    }

    std::vector<std::string> messages() {
        std::vector<std::string> out;
        for (const auto& bytes : session.take_messages()) {
            const Value message = *unpack(bytes);
            const auto& parts = *message.array();
            std::string text = *parts[0].text();
            if (text == "heartbeat") text += " " + *parts[1].find("state")->text();
            if (text == "spawning_complete" || text == "stats")
                text +=
                    " " + std::to_string(static_cast<int>(parts[1].find("user_count")->number()));
            if (text == "exception") text += " " + *parts[1].find("msg")->text();
            out.push_back(text);
        }
        for (const auto& remark : session.take_remarks()) said.push_back(remark.text);
        return out;
    }
    std::vector<std::string> orders() {
        std::vector<std::string> out;
        for (const auto& order : session.take_orders()) {
            const auto users = std::to_string(sum(order.spawn.users));
            if (order.kind == Order::Kind::start) out.push_back("start " + users);
            if (order.kind == Order::Kind::steer) out.push_back("steer " + users);
            if (order.kind == Order::Kind::facts) out.emplace_back("facts");
            if (order.kind == Order::Kind::stop)
                out.push_back("stop " + std::to_string(order.grace / 1ms));
        }
        return out;
    }
    // Lets time pass, with a master that answers heartbeats or not; what was said.
    std::vector<std::string> pass(Nanos time, bool answers) {
        std::vector<std::string> out;
        for (const MonoTime end = now + time; now < end;) {
            now += 100ms;
            session.tick(now);
            for (auto& text : messages()) {
                if (answers && text.starts_with("heartbeat")) hear(MasterSays::heartbeat);
                out.push_back(std::move(text));
            }
        }
        return out;
    }
    void hear(MasterSays what) {
        FromMaster message;
        message.what = what;
        if (what == MasterSays::ack) message.index = 4;
        session.received(message, now);
    }
    void spawn(double timestamp, UserCounts users, std::optional<double> stop_timeout = {}) {
        FromMaster message;
        message.what = MasterSays::spawn;
        message.spawn.timestamp = timestamp;
        message.spawn.users = std::move(users);
        message.spawn.stop_timeout_s = stop_timeout;
        session.received(message, now);
    }
    void join() {
        session.connected(now);
        hear(MasterSays::ack);
        messages();
    }
    // Joined, and five users run.
    void run(bool answers = true) {
        join();
        if (answers) hear(MasterSays::heartbeat);
        spawn(1, {{"A", 3}, {"B", 2}});
        session.users_taken(now);
        messages();
        orders();
    }
};

TEST(Session, JoinsOnceThereIsAConnection) {
    Played p;
    EXPECT_THAT(p.pass(20s, false), IsEmpty());
    p.session.connected(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("client_ready"));
    EXPECT_THAT(p.pass(4s, false), IsEmpty()) << "neither a heartbeat nor another client_ready";
    p.hear(MasterSays::ack);
    EXPECT_EQ(p.session.index(), 4);
    EXPECT_THAT(p.messages(), ElementsAre("heartbeat ready"));
    EXPECT_THAT(p.pass(2s, true), ElementsAre("heartbeat ready", "heartbeat ready"));
}

TEST(Session, AMasterThatDoesNotAckIsToldOfButNotAskedTwice) {
    Played p;
    p.session.connected(p.now);
    p.messages();
    EXPECT_THAT(p.pass(60s, false), IsEmpty());
    EXPECT_TRUE(p.session.take_reconnect()) << "it asks again over another connection";
    EXPECT_THAT(p.said,
                ElementsAre("connected, but nothing answers there as a Locust master does"));
    p.pass(5min, false);
    EXPECT_EQ(p.session.end(), Session::End::unreachable);
    EXPECT_TRUE(p.session.over());
}

TEST(Session, ARampStepByStep) {
    Played p;
    p.join();
    p.spawn(1, {{"A", 1}, {"B", 0}});
    EXPECT_THAT(p.orders(), ElementsAre("start 1"));
    EXPECT_THAT(p.messages(), ElementsAre("spawning"));
    EXPECT_THAT(p.pass(1s, true), ElementsAre("heartbeat spawning"));
    p.session.users_taken(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("spawning_complete 1"));
    p.session.users_taken(p.now);
    EXPECT_THAT(p.messages(), IsEmpty()) << "once for each spawn";
    p.spawn(2, {{"A", 2}, {"B", 2}});
    EXPECT_THAT(p.orders(), ElementsAre("steer 4"));
    p.session.users_taken(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("spawning", "spawning_complete 4"));
    EXPECT_EQ(p.session.users(), (UserCounts{{"A", 2}, {"B", 2}}));
    p.spawn(3, {{"A", 0}, {"B", 0}});
    p.session.users_taken(p.now);
    EXPECT_EQ(p.session.users(), (UserCounts{{"A", 0}, {"B", 0}})) << "zeros are echoed";
}

TEST(Session, AnOlderSpawnIsVoid) {
    Played p;
    p.run();
    p.spawn(1, {{"A", 9}});
    p.spawn(0.5, {{"A", 9}});
    EXPECT_THAT(p.messages(), IsEmpty());
    EXPECT_THAT(p.orders(), IsEmpty());
}

TEST(Session, ReportsEveryThreeSecondsWhileThereIsLoad) {
    Played p;
    p.join();
    p.pass(20s, true);
    EXPECT_EQ(p.taken, 0) << "before a run it would put the test's start too early";
    p.hear(MasterSays::heartbeat);
    p.spawn(1, {{"A", 5}});
    p.session.users_taken(p.now);
    p.pass(10s, true);
    EXPECT_EQ(p.taken, 3);
}

TEST(Session, AStopAwaitsTheLoadAndJoinsAgain) {
    Played p;
    p.run();
    p.hear(MasterSays::stop);
    EXPECT_THAT(p.orders(), ElementsAre("stop 30000"));
    EXPECT_THAT(p.pass(1s, true), ElementsAre("heartbeat running"));
    p.session.load_ended(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("stats 0", "client_stopped", "client_ready"));
    p.hear(MasterSays::ack);
    EXPECT_THAT(p.messages(), ElementsAre("heartbeat ready"));
    // The master's clock may have gone back meanwhile: it may be another one.
    p.spawn(0.5, {{"A", 1}});
    EXPECT_THAT(p.orders(), ElementsAre("start 1"));
}

TEST(Session, TheMastersStopTimeoutIsTheGrace) {
    Played p;
    p.join();
    p.spawn(1, {{"A", 1}}, 2.5);
    p.session.users_taken(p.now);
    p.hear(MasterSays::stop);
    EXPECT_THAT(p.orders(), ElementsAre("start 1", "stop 2500"));
}

TEST(Session, AStopWithoutLoadIsAnsweredAtOnce) {
    Played p;
    p.join();
    p.hear(MasterSays::stop);
    EXPECT_THAT(p.messages(), ElementsAre("client_stopped", "client_ready"));
}

TEST(Session, AfterQuitTheLastReportIsInTimeWhateverIsInFlight) {
    Played p;
    p.run();
    p.hear(MasterSays::quit);
    EXPECT_THAT(p.orders(), ElementsAre("stop 30000"));
    const MonoTime asked = p.now;
    while (p.session.end() == Session::End::none) {
        p.now = p.session.next_wake();
        p.session.tick(p.now);
    }
    EXPECT_LE(p.now - asked, 300ms);
    const auto said = p.messages();
    ASSERT_GE(said.size(), 2U);
    EXPECT_EQ(said[said.size() - 2], "stats 5");
    EXPECT_EQ(said.back(), "quit");
    EXPECT_FALSE(p.session.over()) << "the load still ends";
    p.session.load_ended(p.now + 5s);
    EXPECT_TRUE(p.session.over());
    EXPECT_THAT(p.messages(), IsEmpty()) << "nothing after quit";
    EXPECT_EQ(p.session.end(), Session::End::quit);
}

TEST(Session, AfterQuitAQuickEndIsReportedAtOnce) {
    Played p;
    p.run();
    p.hear(MasterSays::quit);
    p.session.load_ended(p.now + 10ms);
    EXPECT_THAT(p.messages(), ElementsAre("stats 0", "quit"));
    EXPECT_EQ(p.session.end(), Session::End::quit);
}

TEST(Session, QuitWithoutLoad) {
    Played p;
    p.join();
    p.hear(MasterSays::quit);
    EXPECT_THAT(p.messages(), ElementsAre("quit"));
    EXPECT_TRUE(p.session.over());
}

TEST(Session, QuitDuringAStop) {
    Played p;
    p.run();
    p.hear(MasterSays::stop);
    p.hear(MasterSays::quit);
    EXPECT_THAT(p.orders(), ElementsAre("stop 30000")) << "one stop";
    p.session.load_ended(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("stats 0", "quit"));
}

TEST(Session, LeavingSaysWhatWasMeasuredAndQuit) {
    Played p;
    p.run();
    p.session.leave(p.now);
    p.session.leave(p.now);
    EXPECT_THAT(p.orders(), ElementsAre("stop 30000"));
    EXPECT_THAT(p.pass(2s, true), ElementsAre("heartbeat running", "heartbeat running"));
    p.session.load_ended(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("stats 0", "quit"));
    EXPECT_EQ(p.session.end(), Session::End::terminated);
}

TEST(Session, ALoadThatCannotStartIsToldToTheMaster) {
    Played p;
    p.join();
    p.spawn(1, {{"A", 3}});
    p.session.load_failed("nothing listens", p.now);
    EXPECT_THAT(p.messages(),
                ElementsAre("spawning", "exception nothing listens", "spawning_complete 0"));
    p.orders();
    p.spawn(2, {{"A", 4}});
    EXPECT_THAT(p.orders(), ElementsAre("start 4")) << "it is tried again";
}

// A master's own network trouble, or ours: a new connection to the same master.
TEST(Session, AfterABriefLossTheSameMasterNeedsNoNewMembership) {
    Played p;
    p.run();
    p.session.disconnected(p.now);
    const int before = p.taken;
    EXPECT_THAT(p.pass(10s, false), IsEmpty());
    EXPECT_EQ(p.taken, before) << "what cannot be sent adds up";
    p.session.connected(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("heartbeat running"));
    p.hear(MasterSays::heartbeat);
    const auto said = p.pass(5s, true);
    EXPECT_THAT(said, ::testing::Contains("stats 5"));
    EXPECT_THAT(said, ::testing::Not(::testing::Contains("client_ready")));
    EXPECT_THAT(p.orders(), IsEmpty());
}

TEST(Session, AMasterThatWasRestartedGetsWhatIsLeftAndANewMember) {
    Played p;
    p.run();
    p.session.disconnected(p.now);
    p.pass(5s, false);
    p.session.connected(p.now);
    EXPECT_THAT(p.pass(3s, false), ElementsAre("heartbeat running", "heartbeat running",
                                               "heartbeat running", "heartbeat running"))
        << "no report to a master that may be another";
    EXPECT_THAT(p.orders(), ElementsAre("stop 5000"));
    p.session.load_ended(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("stats 0", "client_ready"));
}

TEST(Session, WhileItIsInDoubtNothingOfASpawnIsSaid) {
    Played p;
    p.run();
    p.spawn(2, {{"A", 9}});
    p.messages();
    p.session.disconnected(p.now);
    p.session.connected(p.now);
    p.session.users_taken(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("heartbeat spawning"));
    p.hear(MasterSays::heartbeat);
    p.session.users_taken(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("spawning_complete 9"));
}

// A 2.12 master answers no heartbeat.
TEST(Session, AMasterThatNeverAnswersIsJoinedAnewAfterAnyLoss) {
    Played p;
    p.run(false);
    EXPECT_THAT(p.pass(40s, false), ::testing::Not(::testing::Contains("client_ready")));
    EXPECT_FALSE(p.session.take_reconnect());
    p.session.disconnected(p.now);
    p.session.connected(p.now);
    EXPECT_THAT(p.orders(), ElementsAre("stop 5000"));
    p.session.load_ended(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("stats 0", "client_ready"));
}

TEST(Session, ANewMembershipWaitsForItsOwnAnswer) {
    Played p;
    p.run(false);
    p.pass(40s, false);
    p.hear(MasterSays::stop);
    p.session.load_ended(p.now);
    p.pass(14s, false);
    EXPECT_FALSE(p.session.take_reconnect());
}

TEST(Session, ALossWhileJoiningJoinsAgain) {
    Played p;
    p.session.connected(p.now);
    p.session.disconnected(p.now);
    p.session.connected(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("client_ready", "client_ready"));
}

TEST(Session, ALossWhileReadyJoinsAgain) {
    Played p;
    p.join();
    p.session.disconnected(p.now);
    p.session.connected(p.now);
    EXPECT_THAT(p.messages(), ElementsAre("client_ready"));
}

TEST(Session, WithoutAMasterTheLoadEndsAndLaterTheWorker) {
    Played p;
    p.run();
    p.session.disconnected(p.now);
    p.pass(59s, false);
    EXPECT_THAT(p.orders(), IsEmpty());
    p.pass(2s, false);
    EXPECT_THAT(p.orders(), ElementsAre("stop 5000"));
    p.session.load_ended(p.now);
    EXPECT_THAT(p.messages(), IsEmpty());
    p.pass(230s, false);
    EXPECT_EQ(p.session.end(), Session::End::none);
    p.pass(10s, false);
    EXPECT_EQ(p.session.end(), Session::End::unreachable);
}

TEST(Session, SilenceOverAStandingConnectionMakesANewOne) {
    Played p;
    p.run();
    p.pass(14s, false);
    EXPECT_FALSE(p.session.take_reconnect());
    p.pass(2s, false);
    EXPECT_TRUE(p.session.take_reconnect());
    p.pass(13s, false);
    EXPECT_FALSE(p.session.take_reconnect()) << "not at every tick";
}

TEST(Session, AShortPauseIsHealedByHeartbeatsALongOneByANewConnection) {
    Played p;
    p.run();
    p.now += 8s;
    p.session.stood_still(8s, p.now);
    EXPECT_FALSE(p.session.take_reconnect());
    EXPECT_THAT(p.pass(500ms, true), ::testing::Contains("heartbeat running"));
    p.now += 45s;
    p.session.stood_still(45s, p.now);
    EXPECT_TRUE(p.session.take_reconnect());
}

TEST(Session, TheMasterMayAskForANewConnection) {
    Played p;
    p.run();
    p.hear(MasterSays::reconnect);
    EXPECT_TRUE(p.session.take_reconnect());
    EXPECT_FALSE(p.session.take_reconnect());
}

TEST(Session, WhatItDoesNotKnowChangesNothing) {
    Played p;
    p.run();
    p.hear(MasterSays::other);
    p.hear(MasterSays::spawning_complete);
    EXPECT_THAT(p.messages(), IsEmpty());
    EXPECT_THAT(p.orders(), IsEmpty());
    p.hear(MasterSays::test_facts);
    EXPECT_THAT(p.orders(), ElementsAre("facts"));
}

TEST(Session, HeartbeatsAreASecondApart) {
    Played p;
    p.run();
    std::vector<MonoTime> at;
    for (const MonoTime end = p.now + 10s; p.now < end;) {
        p.now = std::min(p.session.next_wake(), p.now + 20ms);
        p.session.tick(p.now);
        for (const auto& text : p.messages())
            if (text.starts_with("heartbeat")) {
                at.push_back(p.now);
                p.hear(MasterSays::heartbeat);
            }
    }
    ASSERT_GE(at.size(), 9U);
    for (std::size_t i = 1; i < at.size(); ++i) EXPECT_EQ(at[i] - at[i - 1], 1s);
}

// Whatever comes in whatever order: client_ready is never said twice without a new connection or a
// client_stopped between, nothing follows quit, and an ended load is never steered.
TEST(Session, NoOrderOfEventsBreaksTheRules) {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        Random random(seed, RandomStream::test, 0);
        Played p;
        bool connected = false;
        bool load = false;
        bool may_join = false;
        bool quit = false;
        double timestamp = 0;
        for (int step = 0; step < 300 && !p.session.over(); ++step) {
            p.now += std::chrono::milliseconds{random.below(random.below(30) == 0 ? 20'000 : 700)};
            switch (random.below(13)) {
                case 0:
                    if (!connected) {
                        may_join = true;
                        p.session.connected(p.now);
                    }
                    connected = true;
                    break;
                case 1:
                    if (random.below(4) == 0) {
                        connected = false;
                        p.session.disconnected(p.now);
                    }
                    break;
                case 2:
                    if (connected) p.hear(MasterSays::ack);
                    break;
                case 3:
                case 4:
                    if (connected)
                        p.spawn(random.below(5) == 0 ? 0 : ++timestamp,
                                {{"A", static_cast<std::int64_t>(random.below(9))}});
                    break;
                case 5:
                    if (connected && random.below(3) == 0) p.hear(MasterSays::stop);
                    break;
                case 6:
                    if (connected && random.below(30) == 0) p.hear(MasterSays::quit);
                    break;
                case 7:
                case 8:
                    if (connected) p.hear(MasterSays::heartbeat);
                    break;
                case 9:
                    if (load) p.session.users_taken(p.now);
                    break;
                case 10:
                    if (load && random.below(3) == 0) {
                        load = false;
                        p.session.load_failed("why", p.now);
                    }
                    break;
                case 11:
                    if (random.below(60) == 0) p.session.leave(p.now);
                    break;
                default:
                    p.session.stood_still(std::chrono::seconds{random.below(60)}, p.now);
            }
            p.session.tick(p.now);
            bool ends = false;
            for (const auto& order : p.orders()) {
                if (order.starts_with("start")) {
                    ASSERT_FALSE(load) << seed;
                    load = true;
                } else if (order.starts_with("steer")) {
                    ASSERT_TRUE(load && !ends) << seed;
                } else if (order.starts_with("stop")) {
                    ASSERT_TRUE(load) << seed;
                    ends = true;
                }
            }
            if (ends && random.below(2) == 0) {
                load = false;
                p.session.load_ended(p.now);
            }
            static_cast<void>(p.session.take_reconnect());
            for (const auto& text : p.messages()) {
                ASSERT_TRUE(connected) << seed;
                ASSERT_FALSE(quit) << seed << ": " << text << " after quit";
                if (text == "client_stopped") may_join = true;
                if (text == "client_ready") {
                    // A master that forgot us is one more reason, which this test does not see.
                    ASSERT_TRUE(may_join || step > 0) << seed;
                    may_join = false;
                }
                quit = text == "quit";
            }
        }
    }
}

}  // namespace
}  // namespace squadload::locust
