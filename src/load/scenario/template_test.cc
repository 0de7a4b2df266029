#include "load/scenario/template.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "load/scenario/data_sets.h"

namespace squadload::scenario {
namespace {

const SourceMark kMark{"t.yaml", 3, 7};

std::optional<std::string> template_environment(const std::string& name) {
    if (name == "API_KEY") return "k\"1";
    if (name == "PORT") return "8080";
    return std::nullopt;
}

DataSets template_data() {
    DataSets data;
    EXPECT_TRUE(data.add_list("prompts", {"a \"b\"", "c\nd", "e"}, kMark));
    EXPECT_TRUE(data.add_list("numbers", {"1", "2.5"}, kMark));
    EXPECT_TRUE(data.add_csv("users", "name,age\nann,30\nbob,40\ncat,50\n", "users.csv"));
    EXPECT_TRUE(data.add_csv("one", "x\n7\n8\n", "one.csv"));
    return data;
}

Result<Template> compile_with(const DataSets& data, std::string_view text, Escape escape) {
    static const Environment environment = template_environment;
    static const std::vector<std::string> variables{"token", "count"};
    return Template::compile(text, escape, {data, environment, variables}, kMark);
}

std::string rendered(const Template& t, std::uint64_t request, std::uint64_t seed = 1) {
    Random random(seed, RandomStream::iteration, request);
    RenderContext context{request, random};
    std::string out;
    t.render(context, out);
    return out;
}

std::string render_once(std::string_view text, Escape escape, std::uint64_t request = 0) {
    static const DataSets data = template_data();
    auto compiled = compile_with(data, text, escape);
    if (!compiled) return "error: " + compiled.error().text();
    EXPECT_EQ(compiled->source(), text);
    return rendered(*compiled, request);
}

TEST(TemplateTest, TextAloneIsConstant) {
    const DataSets data;
    EXPECT_TRUE(compile_with(data, "/agents/chat", Escape::url_path)->is_constant());
    EXPECT_TRUE(compile_with(data, "", Escape::none)->is_constant());
    EXPECT_TRUE(compile_with(data, "x{{ env(PORT) }}y", Escape::none)->is_constant());
    EXPECT_FALSE(compile_with(data, "{{ seq() }}", Escape::none)->is_constant());
    EXPECT_TRUE(Template().is_constant());
    EXPECT_EQ(rendered(Template(), 0), "");
    EXPECT_EQ(rendered(Template::constant("{{ not evaluated }}\n"), 0), "{{ not evaluated }}\n");
}

TEST(TemplateTest, WritesEachFunction) {
    EXPECT_EQ(render_once("n={{ seq() }}", Escape::none, 41), "n=41");
    EXPECT_EQ(render_once("{{ random_int(5, 5) }}", Escape::none), "5");
    EXPECT_EQ(render_once("{{random_int(-3,-3)}}", Escape::none), "-3");
    EXPECT_EQ(render_once("{{ env(PORT) }}", Escape::none), "8080");
    EXPECT_EQ(render_once("{{ field(users, name) }}-{{ field(users, age) }}", Escape::none, 4),
              "bob-40");
    EXPECT_EQ(render_once("{{ \"{{\" }} }}", Escape::none), "{{ }}");
    EXPECT_EQ(render_once("{{ choice('a b', 'a b') }}", Escape::none), "a b");
    EXPECT_TRUE(
        std::regex_match(render_once("{{ now() }}", Escape::none),
                         std::regex(R"(20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z)")));
    EXPECT_TRUE(
        std::regex_match(render_once("{{ now(unix) }}", Escape::none), std::regex(R"(\d{10})")));
    EXPECT_TRUE(
        std::regex_match(render_once("{{ now(unix_ms) }}", Escape::none), std::regex(R"(\d{13})")));
}

TEST(TemplateTest, UuidsHaveTheFormOfVersion4AndDiffer) {
    const DataSets data;
    const auto t = compile_with(data, "{{ uuid() }}", Escape::none).value();
    const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
    std::set<std::string> seen;
    for (std::uint64_t k = 0; k < 500; ++k) {
        const std::string uuid = rendered(t, k);
        EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
        seen.insert(uuid);
    }
    EXPECT_EQ(seen.size(), 500U);
}

// Rendered by user 4 of request 0, who holds these values.
std::string with_variables(std::string_view text, Escape escape, const std::string& token,
                           const std::string& count = "") {
    static const DataSets data = template_data();
    const auto compiled = compile_with(data, text, escape);
    if (!compiled) return "error: " + compiled.error().text();
    const std::vector<Variable> variables{{token, true}, {count, true}};
    Random random(1, RandomStream::iteration, 0);
    RenderContext context{0, random, 4, variables};
    std::string out;
    compiled->render(context, out);
    return out;
}

TEST(TemplateTest, VariablesAreEscapedForThePlaceTheyStandIn) {
    const std::string evil = "a/\"\r\n&";
    EXPECT_EQ(with_variables("k={{ var(token) }}", Escape::none, evil), "k=" + evil);
    EXPECT_EQ(with_variables("/x/{{ var(token) }}", Escape::url_path, evil), "/x/a%2F%22%0D%0A%26");
    EXPECT_EQ(with_variables("{{ var(token) }}", Escape::url_query, evil), "a%2F%22%0D%0A%26");
    EXPECT_EQ(with_variables("{{ var('token') }}", Escape::header, evil), "a/\"  &");
    EXPECT_EQ(with_variables("{{ var(token) }}", Escape::json_value, evil), "\"a/\\\"\\r\\n&\"");
    EXPECT_EQ(with_variables("{{ var(token) | json }}", Escape::none, evil), "\"a/\\\"\\r\\n&\"");
    EXPECT_EQ(with_variables("{{ var(token) }}+{{ var(count) }}", Escape::none, "1", "2"), "1+2");
}

TEST(TemplateTest, AVariableUnderNumberNeverBreaksTheJsonAroundIt) {
    for (const char* number : {"17", "-1.5e9", "0"}) {
        for (const Escape escape : {Escape::json_value, Escape::none}) {
            EXPECT_EQ(with_variables("{{ var(token) | number }}", escape, number), number);
        }
    }
    for (const char* text : {"", "017", "1,\"admin\":true", "NaN", "true"}) {
        const std::string quoted = escaped(text, Escape::json_value);
        EXPECT_EQ(with_variables("{{ var(token) | number }}", Escape::json_value, text), quoted);
        EXPECT_EQ(with_variables("{\"n\":{{ var(token) | number }}}", Escape::none, text),
                  "{\"n\":" + quoted + "}");
    }
    EXPECT_EQ(with_variables("{{ var(token) | number }}", Escape::url_query, "1 2"), "1%202");
    EXPECT_EQ(with_variables("{{ var(token) | number }}", Escape::header, "1\n2"), "1 2");
}

TEST(TemplateTest, KnowsTheVariablesItWrites) {
    const DataSets data = template_data();
    const auto t =
        compile_with(data, "{{ var(count) }}{{ var(token) }}{{ var(count) }}", Escape::none)
            .value();
    EXPECT_FALSE(t.is_constant());
    std::vector<std::uint16_t> needed;
    t.variables(needed);
    EXPECT_EQ(needed, (std::vector<std::uint16_t>{1, 0}));
    t.variables(needed);
    EXPECT_EQ(needed.size(), 2U);
    std::vector<std::uint16_t> none;
    compile_with(data, "{{ user() }}", Escape::none)->variables(none);
    Template().variables(none);
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(rendered(t, 0), "");
}

TEST(TemplateTest, TheUsersNumberAndItsRow) {
    EXPECT_EQ(with_variables("{{ user() }}", Escape::none, ""), "4");
    EXPECT_EQ(with_variables("{{ user() | number }}", Escape::json_value, ""), "4");
    EXPECT_EQ(
        with_variables("{{ field(users, name, user) }}-{{ field(users, name) }}", Escape::none, ""),
        "bob-ann");
    EXPECT_EQ(with_variables("{{ field(users, age, user) | number }}", Escape::json_value, ""),
              "40");
}

TEST(TemplateTest, JsonInsideAnotherEscapeKeepsEveryByte) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    all += "\xE2\x82\xAC \xF0\x9F\x98\x80";
    for (const Escape escape :
         {Escape::json_string, Escape::url_path, Escape::url_query, Escape::header}) {
        EXPECT_EQ(with_variables("{{ var(token) | json }}", escape, all),
                  escaped(escaped(all, Escape::json_value), escape));
    }
}

TEST(TemplateTest, SeedAndRequestNumberAloneDecide) {
    const DataSets data = template_data();
    const auto t =
        compile_with(data, "{{ random_int(1,1000000) }} {{ choice(prompts) }} {{ uuid() }}",
                     Escape::none)
            .value();
    const Template copy = t;
    std::set<std::string> seen;
    for (std::uint64_t k = 0; k < 100; ++k) {
        EXPECT_EQ(rendered(t, k), rendered(copy, k));
        seen.insert(rendered(t, k));
    }
    EXPECT_EQ(seen.size(), 100U);
    EXPECT_NE(rendered(t, 3, 1), rendered(t, 3, 2));
}

TEST(TemplateTest, ChoiceReachesEveryEntryEvenly) {
    const DataSets data = template_data();
    const auto t = compile_with(data, "{{ choice(one) }}", Escape::none).value();
    int sevens = 0;
    for (std::uint64_t k = 0; k < 2000; ++k) sevens += rendered(t, k) == "7" ? 1 : 0;
    EXPECT_NEAR(sevens, 1000, 4 * 22.4);  // four standard errors
}

TEST(TemplateTest, EscapesForThePlaceItStandsIn) {
    EXPECT_EQ(render_once("k={{ env(API_KEY) }}\"", Escape::none), "k=k\"1\"");
    EXPECT_EQ(render_once("k={{ env(API_KEY) }}\"", Escape::json_string), "k=k\\\"1\\\"");
    EXPECT_EQ(render_once("k={{ env(API_KEY) }}\"", Escape::json_value), "\"k=k\\\"1\\\"\"");
    EXPECT_EQ(render_once("/a b/{{ env(API_KEY) }}?x=%41", Escape::url_path), "/a%20b/k%221?x=%41");
    EXPECT_EQ(render_once("a&b={{ env(API_KEY) }}", Escape::url_query), "a%26b%3Dk%221");
    EXPECT_EQ(render_once("Bearer {{ env(API_KEY) }}", Escape::header), "Bearer k\"1");
    EXPECT_EQ(render_once("{{ 'a\n\rb' }}", Escape::url_query), "a%0A%0Db");
}

TEST(TemplateTest, FiltersWriteJson) {
    EXPECT_EQ(render_once("{\"a\": {{ env(API_KEY) | json }}}", Escape::none),
              "{\"a\": \"k\\\"1\"}");
    EXPECT_EQ(render_once("{{ env(PORT) | number }}", Escape::json_value), "8080");
    EXPECT_EQ(render_once("{{ env(PORT) }}", Escape::json_value), "\"8080\"");
    EXPECT_EQ(render_once("{{ field(users, age) | number }}", Escape::json_value, 2), "50");
    EXPECT_EQ(render_once("{{ env(API_KEY) | json }}", Escape::json_string), "\\\"k\\\\\\\"1\\\"");
}

TEST(TemplateTest, HeaderValuesNeverCarryLineBreaks) {
    DataSets data;
    ASSERT_TRUE(data.add_list("evil", {"a\r\nX-Injected: 1"}, kMark));
    const auto t = compile_with(data, "{{ choice(evil) }}", Escape::header).value();
    EXPECT_EQ(rendered(t, 0), "a  X-Injected: 1");
    EXPECT_FALSE(compile_with(data, "a\nb", Escape::header));
}

TEST(TemplateTest, AnyBytesBecomeValidJson) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    all += "\xE2\x82\xAC \xF0\x9F\x98\x80 \xED\xA0\x80 \xC0\xAF \xF5 \xE2\x82";
    DataSets data;
    ASSERT_TRUE(data.add_list("bytes", {all}, kMark));
    const auto t = compile_with(data, "{{ choice(bytes) }}", Escape::json_value).value();
    const auto parsed = nlohmann::json::parse(rendered(t, 0), nullptr, false);
    ASSERT_FALSE(parsed.is_discarded());
    const auto text = parsed.get<std::string>();
    EXPECT_EQ(text.substr(0, 128), all.substr(0, 128));
    EXPECT_NE(text.find("\xE2\x82\xAC \xF0\x9F\x98\x80"), std::string::npos);
    EXPECT_NE(text.find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(TemplateTest, RandomUnicodeSurvivesTheJsonRoundTrip) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Random random(seed, RandomStream::test, 0);
        std::string bytes;
        for (int i = 0; i < 40; ++i) bytes += static_cast<char>(random.below(256));
        const auto parsed =
            nlohmann::json::parse(escaped(bytes, Escape::json_value), nullptr, false);
        ASSERT_FALSE(parsed.is_discarded()) << seed;
        // Writing it once more changes nothing: the first pass left only valid UTF-8.
        EXPECT_EQ(escaped(parsed.get<std::string>(), Escape::json_value),
                  escaped(bytes, Escape::json_value))
            << seed;
    }
}

TEST(TemplateTest, ConcatJoinsPieces) {
    const DataSets data = template_data();
    const std::vector<Template> pieces{
        Template::constant("{\"n\":"),
        compile_with(data, "{{ seq() | number }}", Escape::json_value).value(), Template(),
        Template::constant("}")};
    const Template joined = Template::concat(pieces, "source");
    EXPECT_EQ(rendered(joined, 9), "{\"n\":9}");
    EXPECT_EQ(joined.source(), "source");
    EXPECT_FALSE(joined.is_constant());
    const std::vector<Template> texts{Template::constant("a"), Template::constant("b")};
    EXPECT_TRUE(Template::concat(texts, "").is_constant());
}

TEST(TemplateTest, MistakesAreSaidWithThePlace) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{{ randomint(1,2) }}", "unknown function 'randomint'; did you mean 'random_int'?"},
        {"{{ random_int(2,1) }}", "the smaller first"},
        {"{{ random_int(1) }}", "takes two whole numbers"},
        {"{{ random_int(1, x) }}", "takes two whole numbers"},
        {"{{ choice(promts) }}", "unknown data set 'promts'; did you mean 'prompts'?"},
        {"{{ choice(users) }}", "use field(users, name)"},
        {"{{ choice() }}", "choice takes"},
        {"{{ field(prompts, x) }}", "use choice(prompts)"},
        {"{{ field(users, nam) }}", "has no column 'nam'; did you mean 'name'?"},
        {"{{ field(users) }}", "field takes"},
        {"{{ field(users, name, request) }}", "field(users, email, user)"},
        {"{{ field(users, age, user) | nmber }}", "unknown filter"},
        {"{{ field(users, name, user) | number }}", "'ann' is not a number"},
        {"{{ var() }}", "var takes the name"},
        {"{{ var(token, count) }}", "var takes the name"},
        {"{{ var(tokn) }}", "no step extracts 'tokn'; did you mean 'token'?"},
        {"{{ var(something_else) }}", "no step extracts 'something_else'"},
        {"{{ user(1) }}", "user() takes nothing"},
        {"{{ env(NOPE) }}", "NOPE is not set"},
        {"{{ uuid(4) }}", "uuid() takes nothing"},
        {"{{ now(local) }}", "now takes"},
        {"{{ prompts }}", "choice(prompts)"},
        {"{{ seq()", "is not closed"},
        {"{{ 'abc }}", "not closed"},
        {"{{", "is not closed"},
        {"{{ }}", "cannot read the expression '{{ }}'"},
        {"{{ seq() | jsn }}", "unknown filter 'jsn'; did you mean 'json'?"},
        {"{{ seq() extra }}", "cannot read the expression"},
        {"{{ seq( }}", "between the parentheses"},
        {"{{ random_int(1 2) }}", "expected ',' or ')'"},
        {"{{ uuid() | number }}", "is not a number"},
        {"{{ choice(prompts) | number }}", "is not a number"},
        {"{{ env(API_KEY) | number }}", "is not a number"},
        {"n {{ seq() | number }}", "must be the whole value"},
    };
    for (const auto& [text, sentence] : cases) {
        const std::string got = render_once(text, Escape::json_value);
        EXPECT_TRUE(got.starts_with("error: t.yaml:3:7: ")) << text << " → " << got;
        EXPECT_NE(got.find(sentence), std::string::npos) << text << " → " << got;
    }
    const DataSets none;
    EXPECT_NE(compile_with(none, "{{ choice(x) }}", Escape::none)
                  .error()
                  .message.find("no `data` section"),
              std::string::npos);
}

TEST(TemplateTest, NoInputCrashesTheParser) {
    const std::string_view alphabet = "{}()|\"', \\ab1_seq";
    const DataSets data = template_data();
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        Random random(seed, RandomStream::test, 1);
        std::string text = "{{";
        for (std::uint64_t i = random.below(24); i > 0; --i)
            text += alphabet[random.below(alphabet.size())];
        (void)compile_with(data, text, Escape::json_value);
    }
}

TEST(EscapeTest, JsonNumbers) {
    for (const char* good : {"0", "-0", "10", "-1.5", "1e5", "1E-5", "0.25"})
        EXPECT_TRUE(is_json_number(good)) << good;
    for (const char* bad : {"", "-", "010", "+1", ".5", "1.", "0x10", "1_000", "1e", "nan", "1 "}) {
        EXPECT_FALSE(is_json_number(bad)) << bad;
    }
}

}  // namespace
}  // namespace squadload::scenario
