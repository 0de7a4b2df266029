#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "yaml/document.h"
#include "yaml/value.h"

namespace squadload::yaml {
namespace {

using namespace std::chrono_literals;

std::string parse_error(std::string_view text) {
    const auto document = Document::parse(text, "f.yaml");
    return document ? "none" : document.error().text();
}

TEST(DocumentTest, KeepsKindsQuotesAndPlaces) {
    const auto document = Document::parse(
        "\xEF\xBB\xBF# c\na: 010\nb:\n  - \"x\"\n  - {k: yes}\nc: |\n  t\nd:\ne: 'it''s'\n",
        "f.yaml");
    ASSERT_TRUE(document) << document.error().text();
    const auto& entries = document->root().entries;
    ASSERT_EQ(entries.size(), 5U);
    EXPECT_EQ(entries[0].value.text, "010");
    EXPECT_FALSE(entries[0].value.quoted);
    EXPECT_EQ(entries[1].value.items[0].text, "x");
    EXPECT_TRUE(entries[1].value.items[0].quoted);
    EXPECT_EQ(entries[1].value.items[1].entries[0].value.text, "yes");
    EXPECT_EQ(entries[1].value.items[1].entries[0].value.line, 5);
    EXPECT_EQ(entries[1].value.items[1].entries[0].value.column, 9);
    EXPECT_EQ(entries[2].value.text, "t\n");
    EXPECT_TRUE(entries[2].value.quoted);
    EXPECT_EQ(entries[3].value.kind, Node::Kind::null);
    EXPECT_EQ(entries[4].value.text, "it's");
}

TEST(DocumentTest, EmptyTextIsNull) {
    for (const char* text : {"", "\n\n", "# only a comment\n", "---\n"}) {
        const auto document = Document::parse(text, "f.yaml");
        ASSERT_TRUE(document) << text;
        EXPECT_EQ(document->root().kind, Node::Kind::null) << text;
    }
}

// Looking each key up among all before it would take a minute.
TEST(DocumentTest, ManyKeysAreLookedUpQuickly) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
    EXPECT_EQ(parse_error(text + "k4: 1\n"),
              "f.yaml:100001:1: duplicate key 'k4'; it is there already in line 5");
    EXPECT_EQ(parse_error("a: {x: 1}\nb: {x: 1, y: {x: 2}}\n"), "none");
}

TEST(DocumentTest, TypicalMistakesGetAPlainSentence) {
    struct Case {
        const char* text;
        const char* sentence;
    };
    const Case cases[] = {
        {"a:\n\tb: 1\n", "f.yaml:2:1: this line is indented with a tab"},
        {"a:\n  b: 1\n\tc: 2\n", "f.yaml:3:1: this line is indented with a tab"},
        {"a:\n  b: 1\n   c: 2\n", "f.yaml:3:5: a ':' is not expected here: check the indentation"},
        {"a:\n  b: 1\n c: 2\n", "f.yaml:3:2: this line does not fit"},
        {"a: b: c\n", "f.yaml:1:5: a ':' is not expected here"},
        {"a: [1, 2\nb: 3\n", "a '[' is not closed"},
        {"a: {x: 1\n", "a '{' is not closed"},
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key 'a'; it is there already in line 1"},
        {"a: &x 1\n", "f.yaml:1:4: anchors (&name) are not supported"},
        {"a: *x\n", "f.yaml:1:4: aliases (*name) are not supported"},
        {"a:\n  <<: {b: 1}\n", "f.yaml:2:3: merge keys (<<) are not supported"},
        {"a: !!str 5\n", "f.yaml:1:4: tags (!name) are not supported"},
        {"a: 1\n---\nb: 2\n", "a second document"},
        {"? [a]\n: b\n", "a key must be plain text"},
        {": b\n", "a key is missing before the ':'"},
        {"a: {{ seq() }}\n", "put an expression in quotes"},
        {"a: \"abc\nb: 1\n", "f.yaml:1:4: the quote opened here is never closed"},
        {"a: 'it''s\nb: 1\n", "f.yaml:1:4: the quote opened here is never closed"},
        {"a: @x\n", "f.yaml:1:4: a text may not begin with this character"},
        {"a: 1\nb: \xFF\n", "f.yaml:2:4: not UTF-8 text"},
        {"\xFF\xFE"
         "a\0:\0",
         "f.yaml:1:1: not UTF-8 text"},
        {"a: \x01\n", "f.yaml:1:4: a control character (byte 1)"},
    };
    for (const Case& c : cases) {
        const std::string got = parse_error(c.text);
        EXPECT_NE(got.find(c.sentence), std::string::npos) << c.text << " → " << got;
    }
    EXPECT_NE(parse_error(std::string_view("a: 1\0b", 6)).find("control character (byte 0)"),
              std::string::npos);
}

TEST(DocumentTest, QuotesAreClosedWhereTheyAre) {
    for (const char* text : {"a: 'x'", "a: ''", "a: ''''", "a: 'a''b'''", "a: \"\\\"\"",
                             "a: \"\\\\\"", "'k': \"v\"", "\"\": 1", "a: \"x\n  y\"\n"}) {
        EXPECT_EQ(parse_error(text), "none") << text;
    }
    for (const char* text : {"a: '", "a: '''", "a: \"\\\"", "a: 'a''"}) {
        EXPECT_NE(parse_error(text), "none") << text;
    }
}

TEST(DocumentTest, NestingHasABound) {
    const auto repeated = [](const char* piece, int times) {
        std::string out;
        for (int i = 0; i < times; ++i) out += piece;
        return out;
    };
    for (const char* piece : {"[", "{", "? ", "[{a: "}) {
        EXPECT_NE(parse_error(repeated(piece, 50'000)), "none") << piece;
    }
    for (const std::string& deep :
         {repeated("- ", 50'000), repeated("[", 51) + repeated("]", 51)}) {
        EXPECT_NE(parse_error(deep).find("nested deeper than 50 levels"), std::string::npos);
    }
    EXPECT_EQ(parse_error(repeated("[", 50) + repeated("]", 50)), "none");
    EXPECT_NE(parse_error(std::string(kMaxFileBytes + 1, ' ')).find("larger than 4 MiB"),
              std::string::npos);
}

TEST(DocumentTest, NoInputCrashes) {
    const std::string_view alphabet = "ab:-?[]{}\"'|>\n\n  #&*!%,\t\\<";
    for (std::uint64_t seed = 0; seed < 5000; ++seed) {
        Random random(seed, RandomStream::test, 0);
        std::string text;
        for (std::uint64_t i = random.below(40); i > 0; --i)
            text += alphabet[random.below(alphabet.size())];
        (void)Document::parse(text, "f.yaml");
    }
}

TEST(DocumentTest, FilesThatCannotBeRead) {
    const std::string dir = ::testing::TempDir();
    EXPECT_EQ(Document::load_file(dir + "/squadload_none.yaml").error().message,
              "cannot read '" + dir + "/squadload_none.yaml': no such file");
    EXPECT_NE(Document::load_file(dir).error().message.find("is a directory, not a file"),
              std::string::npos);
    const std::string path = dir + "/squadload_yaml_test.yaml";
    std::ofstream(path) << "a: 1\n";
    EXPECT_TRUE(Document::load_file(path));
    std::ofstream(path) << std::string(kMaxFileBytes + 10, '#');
    EXPECT_FALSE(Document::load_file(path));
    std::filesystem::remove(path);
}

// Reads the value of the key `v`.
template <class Read>
std::string read_error(const std::string& text, Read read) {
    const auto document = Document::parse("v: " + text, "f.yaml");
    if (!document) return document.error().text();
    Problems problems;
    read(*Value(*document, problems).map({"v"}).get_or_null("v"));
    return problems.first() ? problems.first()->text() : "none";
}

TEST(ValueTest, ReadsEachType) {
    const auto document = Document::parse(
        "i: 010\nn: 2.5e1\nr: 600/m\nd: 1h30m\nb: 64KiB\nt: true\no: poisson\ns: yes\nl: [1, "
        "2]\nq: '5'\n",
        "f.yaml");
    Problems problems;
    const Map map =
        Value(*document, problems).map({"i", "n", "r", "d", "b", "t", "o", "s", "l", "q"});
    EXPECT_EQ(map.get("i")->integer(0, 100), 10);
    EXPECT_EQ(map.get("n")->number(0, 100), 25);
    EXPECT_EQ(map.get("r")->rate(100), 10);
    EXPECT_EQ(map.get("d")->duration(), 90min);
    EXPECT_EQ(map.get("b")->bytes(0, 1'000'000), 65536U);
    EXPECT_TRUE(map.get("t")->boolean());
    EXPECT_EQ(map.get("o")->one_of({"constant", "poisson"}), 1U);
    EXPECT_EQ(map.get("s")->text(), "yes");
    EXPECT_EQ(map.get("l")->items()[1].integer(0, 9), 2);
    EXPECT_EQ(map.get("q")->items_or_one()[0].integer(0, 9), 5);
    EXPECT_FALSE(map.get("none"));
    EXPECT_FALSE(problems.first());
}

TEST(ValueTest, ProblemsNamePlacePathAndWhatWasExpected) {
    const auto integer = [](const Value& v) { (void)v.integer(1, 1'000'000); };
    const auto rate = [](const Value& v) { (void)v.rate(1000); };
    const auto duration = [](const Value& v) { (void)v.duration(Nanos{1}); };
    const auto boolean = [](const Value& v) { (void)v.boolean(); };
    EXPECT_EQ(read_error("-3", integer),
              "f.yaml:1:4: v: expected a whole number from 1 to 1,000,000, not '-3'");
    for (const char* bad : {"many", "1.5", "0x10", "1_000", "1e3", "[1]", "{a: 1}", "''"}) {
        EXPECT_NE(read_error(bad, integer).find("expected a whole number"), std::string::npos)
            << bad;
    }
    EXPECT_EQ(read_error("fast", rate),
              "f.yaml:1:4: v: expected a rate such as 50 (per second), 50/s, 600/m or 3600/h, not "
              "'fast'");
    EXPECT_EQ(read_error("1001", rate),
              "f.yaml:1:4: v: expected a rate of at most 1,000/s, not '1001'");
    EXPECT_NE(
        read_error("5 parsecs", duration).find("expected a duration in seconds or with units"),
        std::string::npos);
    EXPECT_EQ(read_error("0", duration), "f.yaml:1:4: v: expected a duration above 0, not '0'");
    for (const char* bad : {"yes", "True", "1", "on"}) {
        EXPECT_NE(read_error(bad, boolean).find("expected true or false"), std::string::npos)
            << bad;
    }
    EXPECT_EQ(read_error("fixed", [](const Value& v) { (void)v.one_of({"constant", "poisson"}); }),
              "f.yaml:1:4: v: expected constant or poisson, not 'fixed'");
    EXPECT_EQ(read_error("{raet: 1}", [](const Value& v) { (void)v.map({"rate", "users"}); }),
              "f.yaml:1:5: v.raet: unknown key; did you mean 'rate'?");
    EXPECT_EQ(read_error("{zzz: 1}", [](const Value& v) { (void)v.map({"rate", "users"}); }),
              "f.yaml:1:5: v.zzz: unknown key; known here are rate or users");
    EXPECT_EQ(read_error("[1]", [](const Value& v) { (void)v.map({"rate"}); }),
              "f.yaml:1:4: v: expected a map with keys such as rate, not a list");
    EXPECT_NE(read_error("5", [](const Value& v) { (void)v.items(); }).find("expected a list"),
              std::string::npos);
    EXPECT_EQ(read_error("{a: }", [](const Value& v) { (void)v.map({"a"}).get("a"); }),
              "f.yaml:1:5: v.a: has no value");
    EXPECT_NE(read_error("1MB", [](const Value& v) { (void)v.bytes(0, 1000); })
                  .find("expected a size from 0 to 1,000 bytes"),
              std::string::npos);
}

TEST(ValueTest, MessagesAreOneLineOfWholeCharacters) {
    EXPECT_EQ(read_error("{\"a\\nb\\e[2J\": 1}", [](const Value& v) { (void)v.map({"rate"}); }),
              "f.yaml:1:5: v.a?b?[2J: unknown key; known here are rate");
    EXPECT_EQ(read_error("\"\\tx\\x7f\"", [](const Value& v) { (void)v.boolean(); }),
              "f.yaml:1:4: v: expected true or false, not '?x?'");
    const std::string text = std::string(39, 'x') + "\xC3\xA9y";  // byte 40 is inside the é
    EXPECT_EQ(read_error(text, [](const Value& v) { (void)v.boolean(); }),
              "f.yaml:1:4: v: expected true or false, not '" + std::string(39, 'x') + "...'");
}

TEST(ValueTest, AKeyWithoutAValueIsSaidWhereItStands) {
    const auto document = Document::parse("a:\n  b:\n\nc: 1\n", "f.yaml");
    Problems problems;
    (void)Value(*document, problems).map({"a", "c"}).get("a")->map({"b"}).get("b");
    EXPECT_EQ(problems.first().value().text(), "f.yaml:2:3: a.b: has no value");
}

TEST(ValueTest, TheFirstProblemStays) {
    Problems problems;
    problems.add(SourceMark{"a", 1, 1}, "first");
    problems.add(SourceMark{"a", 2, 1}, "second");
    EXPECT_EQ(problems.first()->text(), "a:1:1: first");
}

TEST(ValueTest, TextFromElsewhereNamesItsSource) {
    Problems problems;
    const TextValue text("SQUADLOAD_USERS", "many");
    EXPECT_EQ(text.value(problems).integer(1, 10), 1);
    EXPECT_EQ(problems.first()->text(),
              "SQUADLOAD_USERS: expected a whole number from 1 to 10, not 'many'");
}

}  // namespace
}  // namespace squadload::yaml
