#include "target/squad_api/stores/redis_client.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "base/random.h"
#include "support/server_process.h"
#include "target/squad_api/stores/fake_redis_for_test.h"
#include "target/squad_api/stores/loop_for_test.h"

namespace squadload::squad_api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A client and, when the test makes one, a server of bytes, on one loop.
class RedisClientBytes : public testing::Test {
  protected:
    RedisClientBytes() {
        options_.address.path = path_;
        options_.backoff_first = milliseconds(1);
        options_.backoff_max = milliseconds(20);
        options_.connect_timeout = seconds(5);
        options_.answer_timeout = seconds(5);
        options_.greeting = {{"PING"}};
    }
    void serve(FakeRedis::Answer answer) {
        server_ = std::make_unique<FakeRedis>(io_, path_, std::move(answer));
    }
    void start() {
        RedisClient::Events events;
        events.up = [this](const std::vector<RedisReply>& greeting) {
            ++ups_;
            greeting_ = greeting;
        };
        events.lost = [this](const std::string& why, bool now) {
            losses_.push_back(why);
            retried_now_ = now;
        };
        events.unreachable = [this](const std::string& why) { failures_.push_back(why); };
        client_ = std::make_unique<RedisClient>(io_.get_executor(), options_, std::move(events));
        client_->start();
    }
    bool turn(const std::function<bool()>& until) { return turn_until(io_, until); }
    // What came back, in order: texts, "lost".
    RedisClient::Done note() {
        return [this](RedisAnswer answer) {
            answers_.push_back(answer.reply ? answer.reply->text : "lost");
        };
    }

    test_support::TemporaryFolder folder_;
    std::string path_ = (folder_.path() / "s").string();
    asio::io_context io_;
    RedisOptions options_;
    std::unique_ptr<FakeRedis> server_;
    std::unique_ptr<RedisClient> client_;
    int ups_ = 0;
    bool retried_now_ = false;
    std::vector<RedisReply> greeting_;
    std::vector<std::string> losses_, failures_, answers_;
};

TEST_F(RedisClientBytes, ManyCommandsAreUnderWayAtOnceAndAnsweredInOrder) {
    int asked = 0;
    std::string held;
    serve([&](std::string& received, FakeRedis::Connection&) {
        const std::string replies = FakeRedis::well_behaved(received, "+x\r\n");
        if (asked == 0) return replies;  // the greeting
        held += replies;
        if (held.size() < 400) return std::string();
        std::string numbered;
        for (int i = 0; i < 100; ++i) numbered += "+" + std::to_string(i) + "\r\n";
        return numbered;
    });
    start();
    EXPECT_FALSE(client_->send({"GET", "early"}, note()));
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    ASSERT_EQ(greeting_.size(), 1U);
    asked = 1;
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(client_->send({"GET", "k"}, note()));
    EXPECT_TRUE(answers_.empty());
    ASSERT_TRUE(turn([&] { return answers_.size() == 100; }));
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(answers_[i], std::to_string(i));
}

TEST_F(RedisClientBytes, CredentialsDatabaseAndScriptsComeFirst) {
    std::string all;
    serve([&](std::string& received, FakeRedis::Connection&) {
        all += received;
        return FakeRedis::well_behaved(received);
    });
    options_.address.user = "me";
    options_.address.password = "pass";
    options_.address.database = 3;
    options_.scripts = {"return 1"};
    start();
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    EXPECT_EQ(all,
              "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$4\r\npass\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
              "*1\r\n$4\r\nPING\r\n*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 1\r\n");
    ASSERT_EQ(greeting_.size(), 1U);
    all.clear();
    EXPECT_TRUE(client_->eval(0, "k", {"a", ""}, note()));
    ASSERT_TRUE(turn([&] { return answers_.size() == 1; }));
    EXPECT_EQ(all,
              "*6\r\n$7\r\nEVALSHA\r\n$4\r\nhash\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n$0\r\n\r\n");
}

TEST_F(RedisClientBytes, AForgottenScriptIsSentWhole) {
    std::string all;
    serve([&](std::string& received, FakeRedis::Connection&) {
        all += received;
        const bool by_hash = received.find("EVALSHA") != std::string::npos;
        return FakeRedis::well_behaved(received,
                                       by_hash ? "-NOSCRIPT No matching script\r\n" : "+done\r\n");
    });
    options_.scripts = {"return 1"};
    start();
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    EXPECT_TRUE(client_->eval(0, "k", {"a"}, note()));
    ASSERT_TRUE(turn([&] { return answers_.size() == 1; }));
    EXPECT_EQ(answers_[0], "done");
    EXPECT_NE(all.find("$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n"),
              std::string::npos);
}

TEST_F(RedisClientBytes, ALossEndsWhatIsUnderWayAndItConnectsAgain) {
    int seen = 0;
    serve([&](std::string& received, FakeRedis::Connection& connection) {
        if (received.find("GET") != std::string::npos && ++seen == 1) {
            connection.socket.close();
            return std::string();
        }
        return FakeRedis::well_behaved(received, "+fine\r\n");
    });
    options_.settled = Nanos::zero();
    start();
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    EXPECT_TRUE(client_->send({"GET", "a"}, note()));
    EXPECT_TRUE(client_->send({"GET", "b"}, note()));
    ASSERT_TRUE(turn([&] { return answers_.size() == 2; }));
    EXPECT_EQ(answers_, (std::vector<std::string>{"lost", "lost"}));
    EXPECT_FALSE(client_->up());
    ASSERT_EQ(losses_.size(), 1U);
    EXPECT_EQ(losses_[0], path_ + " closed the connection");
    EXPECT_TRUE(retried_now_);
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    EXPECT_EQ(ups_, 2);
    EXPECT_TRUE(client_->send({"GET", "c"}, note()));
    ASSERT_TRUE(turn([&] { return answers_.size() == 3; }));
    EXPECT_EQ(answers_[2], "fine");
}

TEST_F(RedisClientBytes, AnAnswerThatDoesNotComeIsALoss) {
    serve([&](std::string& received, FakeRedis::Connection&) {
        if (received.find("GET") != std::string::npos) return std::string();
        return FakeRedis::well_behaved(received);
    });
    options_.answer_timeout = milliseconds(30);
    start();
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    EXPECT_TRUE(client_->send({"GET", "a"}, note()));
    ASSERT_TRUE(turn([&] { return answers_.size() == 1; }));
    EXPECT_EQ(losses_.at(0), path_ + " did not answer in time");
    EXPECT_FALSE(retried_now_);  // it had not settled
}

TEST_F(RedisClientBytes, AGreetingThatDoesNotComeIsAFailedAttempt) {
    serve([](std::string&, FakeRedis::Connection&) { return std::string(); });
    options_.connect_timeout = milliseconds(30);
    start();
    ASSERT_TRUE(turn([&] { return failures_.size() >= 2; }));
    EXPECT_EQ(failures_[0], path_ + " did not answer in time");
    EXPECT_EQ(ups_, 0);
}

TEST_F(RedisClientBytes, NobodyThereIsAFailedAttemptUntilSomebodyIs) {
    start();
    ASSERT_TRUE(turn([&] { return failures_.size() >= 3; }));
    EXPECT_FALSE(failures_[0].empty());
    serve([](std::string& received, FakeRedis::Connection&) {
        return FakeRedis::well_behaved(received);
    });
    ASSERT_TRUE(turn([&] { return client_->up(); }));
}

TEST_F(RedisClientBytes, ARefusedHandshakeSaysWhyWithoutThePassword) {
    serve([](std::string& received, FakeRedis::Connection&) {
        return FakeRedis::well_behaved(received, "-WRONGPASS invalid username-password pair\r\n");
    });
    options_.address.password = "pass-word";
    start();
    ASSERT_TRUE(turn([&] { return !failures_.empty(); }));
    EXPECT_EQ(failures_[0],
              path_ + " refused the user or password: WRONGPASS invalid username-password pair");
}

TEST_F(RedisClientBytes, AnswersNobodyAskedForEndTheConnection) {
    serve([](std::string& received, FakeRedis::Connection&) {
        return FakeRedis::well_behaved(received) + "+more\r\n";
    });
    start();
    ASSERT_TRUE(turn([&] { return !losses_.empty(); }));
    EXPECT_EQ(losses_[0], path_ + " sent an answer that nobody asked for");
}

TEST_F(RedisClientBytes, BrokenBytesEndTheConnection) {
    serve([](std::string& received, FakeRedis::Connection&) {
        if (received.find("GET") != std::string::npos) return std::string("HTTP/1.1 400\r\n\r\n");
        return FakeRedis::well_behaved(received);
    });
    start();
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    EXPECT_TRUE(client_->send({"GET", "a"}, note()));
    ASSERT_TRUE(turn([&] { return answers_.size() == 1; }));
    EXPECT_NE(losses_.at(0).find("does not speak Redis's protocol"), std::string::npos);
}

// Whatever a server answers: no crash, every command ends, and it goes on.
TEST_F(RedisClientBytes, RandomBytes) {
    const std::string alphabet = "*$:+-0123456789\r\nax";
    Random random(7, RandomStream::test, 0);
    serve([&](std::string& received, FakeRedis::Connection&) {
        const bool greeting = received.find("GET") == std::string::npos;
        std::string answer = FakeRedis::well_behaved(received);
        if (greeting && random.below(4) > 0) return answer;
        for (std::uint64_t changes = random.below(8); changes > 0; --changes) {
            answer.insert(random.below(answer.size() + 1), 1,
                          alphabet[random.below(alphabet.size())]);
        }
        return answer;
    });
    options_.answer_timeout = milliseconds(20);
    options_.connect_timeout = milliseconds(20);
    options_.backoff_max = milliseconds(1);
    start();
    std::size_t sent = 0;
    for (int round = 0; round < 60; ++round) {
        ASSERT_TRUE(turn([&] { return client_->up(); }));
        for (int i = 0; i < 5; ++i) sent += client_->send({"GET", "a"}, note()) ? 1U : 0U;
        ASSERT_TRUE(turn([&] { return answers_.size() == sent; }));
    }
    EXPECT_GT(sent, 200U);
}

TEST_F(RedisClientBytes, WhatWaitsHasBounds) {
    serve([](std::string& received, FakeRedis::Connection&) {
        if (received.find("GET") != std::string::npos) return std::string();
        return FakeRedis::well_behaved(received);
    });
    options_.max_waiting = 3;
    options_.max_unsent = 10'000;
    start();
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    const std::string large(20'000, 'x');
    EXPECT_FALSE(client_->send({"GET", large}, note()));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(client_->send({"GET", "a"}, note()));
    EXPECT_FALSE(client_->send({"GET", "a"}, note()));
    client_->drop("enough");
    EXPECT_EQ(answers_.size(), 3U);
    EXPECT_EQ(losses_, (std::vector<std::string>{"enough"}));
}

TEST_F(RedisClientBytes, ItsOwnerMayGoAtAnyTime) {
    serve([&](std::string& received, FakeRedis::Connection&) {
        return FakeRedis::well_behaved(received);
    });
    for (int turns = 0; turns < 30; ++turns) {
        start();
        for (int i = 0; i < turns; ++i) io_.run_one_for(milliseconds(1));
        if (client_->up()) {
            client_->send({"GET", "a"}, [this](RedisAnswer) {
                answers_.emplace_back("answered");
                client_.reset();  // from inside
            });
        }
        if (turns % 2 == 0) client_.reset();
        for (int i = 0; i < 20; ++i) io_.run_one_for(milliseconds(1));
    }
    // A loop that ends with everything under way destroys it.
    start();
    ASSERT_TRUE(turn([&] { return client_->up(); }));
    client_->send({"GET", "a"}, note());
}

}  // namespace
}  // namespace squadload::squad_api
