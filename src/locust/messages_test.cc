#include "locust/messages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "locust/codec.h"
#include "locust/stats_report.h"

namespace squadload::locust {
namespace {

std::string from_hex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return out;
}

std::string to_hex(std::string_view bytes) {
    static constexpr const char* kDigits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        out += kDigits[static_cast<unsigned char>(c) >> 4];
        out += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

// The bytes are those of msgpack-python 1.1 for the same values.
TEST(Messages, WhatIsSentIsByteForByteAsLocustsOwn) {
    const Messages m("h_1");
    EXPECT_EQ(to_hex(m.client_ready()), "93ac636c69656e745f7265616479ffa3685f31");
    EXPECT_EQ(to_hex(m.heartbeat("ready", 12.5, 70'000'000)),
              "93a968656172746265617483a57374617465a57265616479b163757272656e745f6370755f75736167"
              "65cb4029000000000000b463757272656e745f6d656d6f72795f7573616765ce042c1d80a3685f31");
    EXPECT_EQ(to_hex(m.spawning()), "93a8737061776e696e67c0a3685f31");
    EXPECT_EQ(to_hex(m.spawning_complete({{"A", 2}, {"B", 0}})),
              "93b1737061776e696e675f636f6d706c65746582b2757365725f636c61737365735f636f756e7482a1"
              "4102a14200aa757365725f636f756e7402a3685f31");
    EXPECT_EQ(to_hex(m.exception("no target", "no target")),
              "93a9657863657074696f6e82a36d7367a96e6f20746172676574a974726163656261636ba96e6f2074"
              "6172676574a3685f31");
    EXPECT_EQ(to_hex(m.client_stopped()), "93ae636c69656e745f73746f70706564c0a3685f31");
    EXPECT_EQ(to_hex(m.quit()), "93a471756974c0a3685f31");
    for (const auto& bytes :
         {m.client_ready(), m.heartbeat("ready", 12.5, 7), m.spawning(),
          m.spawning_complete({{"A", 2}}), m.exception("a", "b"), m.client_stopped(), m.quit()})
        EXPECT_TRUE(check_outgoing(bytes)) << check_outgoing(bytes).error().message;
}

TEST(Messages, AHeartbeatHasAlwaysANumber) {
    const Messages m("h_1");
    EXPECT_EQ(m.heartbeat("running", std::nan(""), 1), m.heartbeat("running", 0, 1));
    EXPECT_EQ(m.heartbeat("running", std::numeric_limits<double>::infinity(), 1),
              m.heartbeat("running", 0, 1));
}

TEST(Messages, TextThatIsNoUtf8IsRepaired) {
    const Messages m("h\xff_1");
    EXPECT_TRUE(check_outgoing(m.client_ready()));
    EXPECT_TRUE(check_outgoing(m.exception("\xc3(", "\xff")));
}

FromMaster read(std::string_view hex) {
    auto message = read_message(from_hex(hex));
    if (!message) {
        ADD_FAILURE() << message.error().message;
        return {};
    }
    return *message;
}

TEST(Messages, EveryMessageOfAMasterIsRead) {
    const auto ack = read("93a361636b81a5696e64657803a3685f31");
    EXPECT_EQ(ack.what, MasterSays::ack);
    EXPECT_EQ(ack.index, 3);
    EXPECT_EQ(read("93a361636bc0a3685f31").index, std::nullopt) << "of a 2.10 master";
    const auto spawn = read(
        "93a5737061776e85a974696d657374616d70cb409b920000000000b2757365725f636c61737365735f636f75"
        "6e7482a14102a14200a4686f7374a8687474703a2f2f78ac73746f705f74696d656f7574cb40040000000000"
        "00ae7061727365645f6f7074696f6e7383a96e756d5f757365727307a474616773c0a178920181a179c4017a"
        "a3685f31");
    EXPECT_EQ(spawn.what, MasterSays::spawn);
    EXPECT_EQ(spawn.spawn.timestamp, 1764.5);
    EXPECT_EQ(spawn.spawn.users, (UserCounts{{"A", 2}, {"B", 0}}));
    EXPECT_EQ(spawn.spawn.host, "http://x");
    EXPECT_EQ(spawn.spawn.stop_timeout_s, 2.5);
    EXPECT_EQ(spawn.spawn.total_users, 7);
    const auto bare = read(
        "93a5737061776e85a974696d657374616d70cb409b920000000000b2757365725f636c61737365735f636f75"
        "6e7481a14102a4686f7374c0ac73746f705f74696d656f7574c0ae7061727365645f6f7074696f6e7380a368"
        "5f31");
    EXPECT_EQ(bare.spawn.host, "");
    EXPECT_EQ(bare.spawn.stop_timeout_s, std::nullopt);
    EXPECT_EQ(bare.spawn.total_users, 0);
    EXPECT_EQ(read("93a473746f70c0a3685f31").what, MasterSays::stop);
    EXPECT_EQ(read("93a471756974c0a3685f31").what, MasterSays::quit);
    EXPECT_EQ(read("93a97265636f6e6e656374c0a3685f31").what, MasterSays::reconnect);
    EXPECT_EQ(read("93a9686561727462656174c0a3685f31").what, MasterSays::heartbeat);
    EXPECT_EQ(read("93b1737061776e696e675f636f6d706c65746581aa757365725f636f756e7406a3685f31").what,
              MasterSays::spawning_complete);
    const auto unknown = read(
        "93b17570646174655f757365725f636c61737382af757365725f636c6173735f6e616d65a141a6776569676874"
        "02"
        "a3685f31");
    EXPECT_EQ(unknown.what, MasterSays::other);
    EXPECT_EQ(unknown.type, "update_user_class");
    EXPECT_EQ(read("93aa6d795f6d657373616765810194c0c3cb3ff8000000000000a2c3a9a3685f31").what,
              MasterSays::other);
    const auto facts = read(
        "93ae73717561646c6f61645f7465737482a5757365727328a7656c6170736564cb4028800000000000a3685f3"
        "1");
    EXPECT_EQ(facts.what, MasterSays::test_facts);
    EXPECT_EQ(facts.facts.users, 40);
    EXPECT_EQ(facts.facts.elapsed_s, 12.25);
}

TEST(Messages, OptionsMayHaveAnyShape) {
    for (const Value& options :
         {Value(), Value(3), Value("text"), Value(Array{1, 2}),
          Value(Map{{1, Map{{"a", Binary{"x"}}}}}), Value(Map{{"num_users", Array{}}}),
          Value(Map{{"users", -5}, {"num_users", 9}}),
          Value(Map{{"users", std::nan("")}, {"num_users", 9}})}) {
        const auto message = read_message(pack(
            Array{"spawn",
                  Map{{"timestamp", 1}, {"user_classes_count", Map{}}, {"parsed_options", options}},
                  "h_1"}));
        ASSERT_TRUE(message) << message.error().message;
        EXPECT_TRUE(message->spawn.total_users == 0 || message->spawn.total_users == 9);
    }
}

TEST(Messages, TheWebUisUsersComeBeforeTheCommandLines) {
    const auto message =
        read_message(pack(Array{"spawn",
                                Map{{"timestamp", 1},
                                    {"user_classes_count", Map{}},
                                    {"parsed_options", Map{{"num_users", 1}, {"users", 30}}}},
                                "h_1"}));
    EXPECT_EQ(message->spawn.total_users, 30);
}

TEST(Messages, WhatIsMalformedIsAnErrorWithASentence) {
    const auto spawn = [](Map data) { return pack(Array{"spawn", std::move(data), "h_1"}); };
    for (const auto& bytes : std::vector<std::string>{
             "", "x", pack(Array{"quit", Value()}), pack(Array{1, Value(), "h"}), pack(Map{}),
             pack(Array{Binary{"quit"}, Value(), "h"}), pack(Array{"quit", Value(), "h", 1}),
             spawn({}), spawn({{"timestamp", 1}}),
             spawn({{"timestamp", "1"}, {"user_classes_count", Map{}}}),
             spawn({{"timestamp", 1}, {"user_classes_count", Map{{"A", "many"}}}}),
             spawn({{"timestamp", 1}, {"user_classes_count", Map{{"A", -1}}}}),
             spawn({{"timestamp", 1}, {"user_classes_count", Map{{"A", 1e9}}}}),
             spawn({{"timestamp", 1}, {"user_classes_count", Map{{1, 1}}}}),
             pack(Array{"spawn", Value(), "h_1"}),
             pack(Array{kTestFacts, Map{{"users", "x"}}, "h_1"})}) {
        const auto message = read_message(bytes);
        EXPECT_FALSE(message) << to_hex(bytes);
        if (!message) {
            EXPECT_FALSE(message.error().message.empty());
        }
    }
}

// Each of these has left a stock master deaf, or its statistics wrong.
TEST(Messages, NothingThatAMasterWouldNotSurviveIsSent) {
    const auto not_sent = [](Value type, Value data, Value node = "h_1") {
        EXPECT_FALSE(
            check_outgoing(pack(Array{std::move(type), std::move(data), std::move(node)})));
    };
    EXPECT_FALSE(check_outgoing(""));
    EXPECT_FALSE(check_outgoing(pack(Array{"quit", Value()})));
    EXPECT_FALSE(check_outgoing(pack(Array{"quit", Value(), "h_1"}) + "x"));
    not_sent(Binary{"quit"}, {});
    not_sent("quit", {}, "");
    not_sent("quit", {}, "\xff");
    not_sent("client_ready", 2);
    not_sent("client_ready", {});
    not_sent("heartbeat", Map{{"state", "ready"}, {"current_memory_usage", 1}});
    not_sent("heartbeat",
             Map{{"state", "ready"}, {"current_cpu_usage", Value()}, {"current_memory_usage", 1}});
    not_sent("heartbeat",
             Map{{"state", "stopped"}, {"current_cpu_usage", 1.0}, {"current_memory_usage", 1}});
    not_sent("spawning_complete", {});
    not_sent("spawning_complete", Map{{"user_classes_count", Map{{"A", -1}}}, {"user_count", 1}});
    not_sent("exception", Map{{"msg", "x"}});
    not_sent("stats", Map{});
    not_sent("my_own", {});
    StatsReport report(std::vector<EntryLabel>{{"GET", "/"}});
    report.begin(WallTime{});
    const Value stats = report.take(WallTime{std::chrono::seconds{3}}, {});
    const auto with = [&](std::string_view member, Value value) {
        Map data = *stats.map();
        for (auto& [key, old] : data)
            if (*key.text() == member) old = value;
        return data;
    };
    EXPECT_TRUE(check_outgoing(Messages("h_1").stats(stats)));
    not_sent("stats", with("errors", Map{{1, Map{}}}));
    not_sent("stats", with("user_classes_count", Value()));
    Map total = *stats.find("stats_total")->map();
    for (auto& [key, old] : total)
        if (*key.text() == "response_times") old = Map{{"100", 1}};
    not_sent("stats", with("stats_total", total));
}

}  // namespace
}  // namespace squadload::locust
