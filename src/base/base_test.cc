#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "base/suggest.h"
#include "base/time.h"
#include "base/units.h"
#include "base/utf8.h"

namespace squadload {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsReadEveryForm) {
    EXPECT_EQ(parse_duration("300").value(), 300s);
    EXPECT_EQ(parse_duration("1.5").value(), 1500ms);
    EXPECT_EQ(parse_duration("250ms").value(), 250ms);
    EXPECT_EQ(parse_duration("10us").value(), 10us);
    EXPECT_EQ(parse_duration("1h30m").value(), 90min);
    EXPECT_EQ(parse_duration(" 2m 30s ").value(), 150s);
    EXPECT_EQ(parse_duration("0").value(), 0s);
    for (const char* bad : {"", "s", "-1s", "5x", "1m1h", "1s1s", "1 2", "1e3", "nan", "inf",
                            "99999h", "1..5s", "30s junk"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
}

TEST(Units, DurationsSurviveTheRoundTrip) {
    for (const Nanos d : {Nanos{0}, Nanos{5}, Nanos{1500}, Nanos{250ms}, Nanos{2500ms}, Nanos{30s},
                          Nanos{90min}, Nanos{3661s}}) {
        EXPECT_EQ(parse_duration(format_duration(d)).value(), d) << format_duration(d);
    }
    EXPECT_EQ(format_duration(90min), "1h30m");
}

TEST(Units, RatesSharesAndSizes) {
    EXPECT_DOUBLE_EQ(parse_rate("50").value(), 50);
    EXPECT_DOUBLE_EQ(parse_rate("600/m").value(), 10);
    EXPECT_FALSE(parse_rate("-1"));
    EXPECT_FALSE(parse_rate("5/fortnight"));
    EXPECT_DOUBLE_EQ(parse_share("0.1 %").value(), 0.001);
    EXPECT_DOUBLE_EQ(parse_share("0.99").value(), 0.99);
    EXPECT_EQ(parse_bytes("64KiB").value(), 65536U);
    EXPECT_EQ(parse_bytes("10MB").value(), 10'000'000U);
    EXPECT_FALSE(parse_bytes("-1"));
    EXPECT_FALSE(parse_number("1e999"));
    EXPECT_FALSE(parse_integer("3.5"));
}

TEST(RandomTest, TheKeyAloneDecidesTheSequence) {
    Random a(42, RandomStream::iteration, 7);
    Random b(42, RandomStream::iteration, 7);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
    EXPECT_NE(Random(42, RandomStream::iteration, 8).next(),
              Random(42, RandomStream::iteration, 7).next());
    EXPECT_NE(Random(42, RandomStream::wait, 7).next(),
              Random(42, RandomStream::iteration, 7).next());
    EXPECT_NE(Random(43, RandomStream::iteration, 7).next(),
              Random(42, RandomStream::iteration, 7).next());
}

TEST(RandomTest, FirstDrawsAcrossIndicesAreUniform) {
    constexpr int n = 20'000;
    std::array<int, 10> bins{};
    double sum_exponential = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        bins[Random(1, RandomStream::test, i).below(10)]++;
        sum_exponential += Random(1, RandomStream::arrivals, i).exponential();
    }
    double chi_square = 0;
    for (const int count : bins) chi_square += std::pow(count - n / 10.0, 2) / (n / 10.0);
    EXPECT_LT(chi_square, 27.9);  // 9 degrees of freedom, p = 0.001
    EXPECT_NEAR(sum_exponential / n, 1.0, 4 / std::sqrt(n));
}

TEST(RandomTest, BetweenReachesBothEnds) {
    std::set<std::int64_t> seen;
    Random r(3, RandomStream::test, 0);
    for (int i = 0; i < 1000; ++i) seen.insert(r.between(-2, 2));
    EXPECT_EQ(seen, (std::set<std::int64_t>{-2, -1, 0, 1, 2}));
    EXPECT_EQ(r.between(5, 5), 5);
}

TEST(Suggest, FindsTheNearestOrNothing) {
    const std::array<std::string_view, 3> names{"users", "spawn_rate", "duration"};
    EXPECT_EQ(nearest_name("user", names), "users");
    EXPECT_EQ(nearest_name("spwan_rate", names), "spawn_rate");
    EXPECT_EQ(nearest_name("zzz", names), "");
}

TEST(ErrorTest, CarriesThePlace) {
    EXPECT_EQ((Error{ErrorKind::config, "unknown key", SourceMark{"a.yaml", 3, 5}}).text(),
              "a.yaml:3:5: unknown key");
    EXPECT_EQ((Error{ErrorKind::io, "no such file", std::nullopt}).text(), "no such file");
}

TEST(Time, UtcForms) {
    EXPECT_EQ(utc_iso8601(WallTime{123ms}), "1970-01-01T00:00:00.123Z");
    EXPECT_EQ(utc_file_stamp(WallTime{0ms}), "19700101_000000");
    const WallTime t{1'795'425'300'123ms};
    EXPECT_EQ(from_utc_iso8601(utc_iso8601(t)), t);
    for (const char* bad :
         {"2926-11-23T09:15:00.000Z", "", "2026-11-23", "2026-02-30T00:00:00.000Z",
          "2026-11-23T25:00:00.000Z", "2026-11-23T09:15:00.123Zx"})
        EXPECT_FALSE(from_utc_iso8601(bad)) << bad;
}

TEST(Utf8Test, KnowsTheEdgesOfWellFormed) {
    for (const std::string good : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                   "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(utf8_length(good), good.size());
        EXPECT_EQ(utf8_length(good.substr(0, good.size() - 1)), 0U) << "cut short";
    }
    for (const std::string bad :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
        EXPECT_EQ(utf8_length(bad), 0U);
    }
}

TEST(Utf8Test, TheRestIsCutInMaximalParts) {
    struct Case {
        std::string text;
        std::size_t part;
    };
    for (const Case& c : {Case{"\xff\x80", 1}, Case{"\xe4\xb8", 2}, Case{"\xe4\xb8z", 2},
                          Case{"\xed\xa0\x80", 1}, Case{"\xf0\x90\x80z", 3}}) {
        const Utf8Piece piece = utf8_piece(c.text);
        EXPECT_FALSE(piece.good);
        EXPECT_EQ(piece.length, c.part);
    }
}

}  // namespace
}  // namespace squadload
