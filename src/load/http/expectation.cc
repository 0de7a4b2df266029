#include "load/http/expectation.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "base/units.h"
#include "load/http/json_body.h"

namespace squadload::http {
namespace {

constexpr std::size_t kMaxShownSize = 80;

// As it may stand in a table: one line, not endless.
std::string quoted(std::string_view text) {
    std::string out = "\"" + std::string(text.substr(0, kMaxShownSize));
    std::ranges::replace_if(out, [](char c) { return (c >= '\0' && c < ' ') || c == '\x7f'; }, '?');
    return out + (text.size() > kMaxShownSize ? "...\"" : "\"");
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

bool meets(const scenario::HeaderExpectation& expected, std::string_view value) {
    return (!expected.equals || value == *expected.equals) &&
           (!expected.contains || contains(value, *expected.contains));
}

std::string unmet_header(const scenario::HeaderExpectation& expected,
                         const ResponseParser& response) {
    if (!response.has_header(expected.name)) return fmt::format("header {} missing", expected.name);
    for (std::size_t nth = 0; response.has_header(expected.name, nth); ++nth) {
        if (meets(expected, response.header(expected.name, nth))) return "";
    }
    return expected.equals
               ? fmt::format("header {} is not {}", expected.name, quoted(*expected.equals))
               : fmt::format("header {} does not contain {}", expected.name,
                             quoted(*expected.contains));
}

}  // namespace

std::string undecoded_body(const ResponseParser& response) {
    if (response.unknown_coding().empty()) return "";
    return fmt::format(
        "body has content coding {}, which cannot be decoded; set Accept-Encoding "
        "to some of gzip, deflate and br",
        quoted(response.unknown_coding()));
}

std::string unmet_expectation(const scenario::Expectation& expect, const ResponseParser& response,
                              Nanos service_time) {
    for (const auto& header : expect.headers) {
        if (std::string sentence = unmet_header(header, response); !sentence.empty())
            return sentence;
    }
    if (expect.reads_body()) {
        if (std::string sentence = undecoded_body(response); !sentence.empty()) return sentence;
    }
    for (const std::string& part : expect.body_contains) {
        if (!contains(response.body(), part)) return "body does not contain " + quoted(part);
    }
    if (!expect.json.empty()) {
        if (std::string sentence = unmet_json(expect.json, response.body()); !sentence.empty())
            return sentence;
    }
    if (expect.max_time && service_time > *expect.max_time) {
        return "took longer than " + format_duration(*expect.max_time);
    }
    return "";
}

}  // namespace squadload::http
