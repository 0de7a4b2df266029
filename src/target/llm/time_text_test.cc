#include <chrono>

#include "base/random.h"
#include "target/llm/decimal.h"
#include "target/llm/go_duration.h"
#include "target/llm/instant.h"
#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;

TEST(GoDurationTest, ReadsWhatGoReads) {
    const std::map<std::string, Nanos> cases = {
        {"1m2.5s", 62500ms},
        {"644ms", 644ms},
        {"2m59.56s", 179560ms},
        {"7.66s", 7660ms},
        {"1h2m", 62min},
        {"120\xc2\xb5s", 120us},
        {"120\xce\xbcs", 120us},
        {"120us", 120us},
        {"5ns", 5ns},
        {"6m0s", 6min},
        {"0s", 0ns},
        {"0", 0ns},
        {"1h2m0s", 62min},
        {"-1.5s", -1500ms},
        {"+3s", 3s},
        {".5s", 500ms},
        {"1.s", 1s},
        {"9m38.016s", 578016ms},
        {"30m1h", 90min},
        {"0.0000000019s", 1ns},
        {"2562047h47m16.854775807s", Nanos::max()},
    };
    for (const auto& [text, time] : cases) EXPECT_EQ(parse_go_duration(text), time) << text;
}

TEST(GoDurationTest, RefusesWhatGoRefuses) {
    for (const std::string text : {"",
                                   "s",
                                   "1",
                                   "1.5",
                                   "-",
                                   "+",
                                   "1x",
                                   "1s ",
                                   " 1s",
                                   "1 s",
                                   ".s",
                                   "1e3s",
                                   "nans",
                                   "infs",
                                   "--1s",
                                   "1-s",
                                   "2562047h47m16.854775808s",
                                   "99999999999999999999h",
                                   "1m2",
                                   "1\xc2s",
                                   "1d",
                                   "9223372036854775807h",
                                   "1..5s"}) {
        EXPECT_EQ(parse_go_duration(text), std::nullopt) << text;
    }
}

TEST(GoDurationTest, WritesWhatGoWrites) {
    const std::map<Nanos, std::string> cases = {
        {0ns, "0s"},
        {1ns, "1ns"},
        {1100ns, "1.1\xc2\xb5s"},
        {120us, "120\xc2\xb5s"},
        {2200us, "2.2ms"},
        {644ms, "644ms"},
        {1s, "1s"},
        {7660ms, "7.66s"},
        {6min, "6m0s"},
        {179560ms, "2m59.56s"},
        {62min, "1h2m0s"},
        {62500ms, "1m2.5s"},
        {24h, "24h0m0s"},
        {-1500ms, "-1.5s"},
        {1s + 1ns, "1.000000001s"},
    };
    for (const auto& [time, text] : cases) EXPECT_EQ(format_go_duration(time), text);
    EXPECT_EQ(format_go_duration(Nanos::max()), "2562047h47m16.854775807s");
    EXPECT_EQ(format_go_duration(Nanos::min()), "-2562047h47m16.854775808s");
}

TEST(GoDurationTest, ReadsBackWhatItWrote) {
    for (std::uint64_t i = 0; i < 2000; ++i) {
        Random random(3, RandomStream::test, i);
        const auto bits = random.below(63);
        const Nanos time{static_cast<std::int64_t>(random.next() >> (bits + 1))};
        for (const Nanos t : {time, -time}) {
            const std::string text = format_go_duration(t);
            EXPECT_EQ(parse_go_duration(text), t) << text;
        }
    }
}

TEST(DecimalTest, ReadsExactly) {
    EXPECT_EQ(parse_decimal("7.66", 1s), 7660ms);
    EXPECT_EQ(parse_decimal(" 12 ", 1s), 12s);
    EXPECT_EQ(parse_decimal("33011.382867", 1s), 33011382867us);
    EXPECT_EQ(parse_decimal("0.1", 1s), 100ms);
    EXPECT_EQ(parse_decimal("1500", 1ms), 1500ms);
    EXPECT_EQ(parse_decimal("9223372036.854775807", 1s), Nanos::max());
    EXPECT_EQ(parse_decimal("0." + std::string(500, '9'), 1s), 999999999ns);
    for (const std::string text :
         {"", ".", "-1", "+1", "1e3", "nan", "inf", "1,5", "0x1", "1 2", "9223372036.854775808"}) {
        EXPECT_EQ(parse_decimal(text, 1s), std::nullopt) << text;
    }
    EXPECT_EQ(parse_decimal(std::string(1000, '9'), 1s), std::nullopt);
}

TEST(DecimalTest, WritesSecondsRoundedUp) {
    const auto text = [](Nanos time, int digits, Zeros zeros) {
        std::string out;
        append_seconds(out, time, digits, zeros);
        return out;
    };
    EXPECT_EQ(text(33011382867us, 6, Zeros::keep), "33011.382867");
    EXPECT_EQ(text(11380ms, 6, Zeros::keep), "11.380000");
    EXPECT_EQ(text(7660ms, 9, Zeros::trim), "7.66");
    EXPECT_EQ(text(12s, 9, Zeros::trim), "12");
    EXPECT_EQ(text(12s + 1ns, 0, Zeros::trim), "13");
    EXPECT_EQ(text(1ns, 3, Zeros::trim), "0.001");
    EXPECT_EQ(text(-5s, 3, Zeros::trim), "0");
    EXPECT_EQ(text(100s, 0, Zeros::trim), "100");
    EXPECT_EQ(text(1999999999ns, 6, Zeros::keep), "2.000000");
}

TEST(DecimalTest, RoundsUpNeverDown) {
    EXPECT_EQ(round_up(1ns, 1ms), 1ms);
    EXPECT_EQ(round_up(1ms, 1ms), 1ms);
    EXPECT_EQ(round_up(-1s, 1ms), 0ms);
    EXPECT_EQ(round_up(Nanos::max(), 1s), Nanos::max());
}

TEST(InstantTest, ReadsTheThreeFormsOfAnHttpDate) {
    const WallTime meant{784111777s};  // RFC 9110 §5.6.7
    for (const std::string text : {"Sun, 06 Nov 1994 08:49:37 GMT",
                                   "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
        EXPECT_EQ(parse_http_date(text, kNow), meant) << text;
    }
    EXPECT_EQ(parse_http_date("Wed, 25 Nov 2026 03:00:30 GMT", kNow), WallTime{1'795'575'630s});
    EXPECT_EQ(parse_http_date("Wednesday, 25-Nov-26 03:00:30 GMT", kNow), WallTime{1'795'575'630s});
    EXPECT_EQ(parse_http_date("Sat Nov 28 23:59:60 2026", kNow), WallTime{1'795'910'400s});
}

TEST(InstantTest, RefusesWhatIsNoDate) {
    for (const std::string text :
         {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 9999 08:49:37 GMT", ", 06 Nov 1994",
          "Sun, 06 Nov 1960 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET"}) {
        EXPECT_EQ(parse_http_date(text, kNow), std::nullopt) << text;
    }
}

TEST(InstantTest, CountsMilliseconds) {
    EXPECT_EQ(epoch_ms(kNow), 1'795'575'600'250);
    EXPECT_EQ(epoch_ms(kNow + 1ns), 1'795'575'600'251);
    EXPECT_EQ(epoch_ms(WallTime{-1500us}), -1);
    EXPECT_EQ(from_epoch_ms(1'795'575'600'250), kNow);
    EXPECT_EQ(from_epoch_ms(std::numeric_limits<std::int64_t>::max()), std::nullopt);
    EXPECT_EQ(from_epoch_ms(std::numeric_limits<std::int64_t>::min()), std::nullopt);
}

}  // namespace
}  // namespace squadload::llm
