#include "load/http/json_body.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

namespace squadload::http {
namespace {

using scenario::JsonExpectation;
namespace dom = simdjson::dom;

// A thread that once read a huge body does not hold on to the memory (about twelve times the body).
constexpr std::size_t kRetainedBytes = 1024 * 1024;
// Up to here a body with numbers beyond 64 bits gets the slower reading, which takes more memory.
constexpr std::size_t kMaxWideNumberBytes = 1024 * 1024;
constexpr std::size_t kMaxDepth = simdjson::DEFAULT_MAX_DEPTH;  // 1,024

constexpr std::string_view kNotJson = "body is not valid JSON";
constexpr std::string_view kEmpty = "body is empty, not JSON";

std::string missing(const JsonExpectation& expected) {
    return fmt::format("json {} missing", expected.pointer);
}

std::string differs(const JsonExpectation& expected) {
    return fmt::format("json {} is not {}", expected.pointer, expected.equals.value_or(""));
}

bool same(const dom::element& a, const dom::element& b);

template <class Integer>
bool same_number(double real, Integer integer) {
    // 2^63 and 2^64 are exact; the conversion below is defined only inside these bounds.
    const double low = std::is_signed_v<Integer> ? -0x1p63 : 0.0;
    const double high = std::is_signed_v<Integer> ? 0x1p63 : 0x1p64;
    if (!(real >= low && real < high)) return false;
    const auto whole = static_cast<Integer>(real);
    return whole == integer && static_cast<double>(whole) == real;
}

bool same_number(const dom::element& a, const dom::element& b) {
    using dom::element_type;
    if (b.type() == element_type::DOUBLE && a.type() != element_type::DOUBLE)
        return same_number(b, a);
    if (a.type() == element_type::DOUBLE) {
        const double real = a.get_double().value_unsafe();
        if (b.type() == element_type::DOUBLE) return real == b.get_double().value_unsafe();
        if (b.type() == element_type::INT64) return same_number(real, b.get_int64().value_unsafe());
        return same_number(real, b.get_uint64().value_unsafe());
    }
    if (a.type() != b.type()) return false;  // unsigned is only what signed cannot hold
    if (a.type() == element_type::INT64)
        return a.get_int64().value_unsafe() == b.get_int64().value_unsafe();
    return a.get_uint64().value_unsafe() == b.get_uint64().value_unsafe();
}

bool same_array(const dom::array& a, const dom::array& b) {
    auto left = a.begin();
    auto right = b.begin();
    for (; left != a.end() && right != b.end(); ++left, ++right) {
        if (!same(*left, *right)) return false;
    }
    return !(left != a.end()) && !(right != b.end());
}

bool same_object(const dom::object& a, const dom::object& b) {
    if (a.size() != b.size()) return false;
    for (const auto field : a) {
        dom::element other;
        if (b.at_key(field.key).get(other) != simdjson::SUCCESS || !same(field.value, other))
            return false;
    }
    return true;
}

// Recursion is bounded by the parser's depth of 1,024.
bool same(const dom::element& a, const dom::element& b) {
    if (a.is_number() && b.is_number()) return same_number(a, b);
    if (a.type() != b.type()) return false;
    switch (a.type()) {
        case dom::element_type::OBJECT:
            return same_object(a.get_object().value_unsafe(), b.get_object().value_unsafe());
        case dom::element_type::ARRAY:
            return same_array(a.get_array().value_unsafe(), b.get_array().value_unsafe());
        case dom::element_type::STRING:
            return a.get_string().value_unsafe() == b.get_string().value_unsafe();
        case dom::element_type::BOOL:
            return a.get_bool().value_unsafe() == b.get_bool().value_unsafe();
        default:
            return true;  // null
    }
}

// A reference token without its escapes; nullopt when they are not "~0" or "~1". `buffer` holds it
// if there are any.
std::optional<std::string_view> unescaped(std::string_view token, std::string& buffer) {
    if (token.find('~') == std::string_view::npos) return token;
    buffer.clear();
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] != '~') {
            buffer += token[i];
        } else if (++i < token.size() && (token[i] == '0' || token[i] == '1')) {
            buffer += token[i] == '0' ? '~' : '/';
        } else {
            return std::nullopt;
        }
    }
    return buffer;
}

std::optional<std::size_t> array_index(std::string_view token) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
    const bool whole = error == std::errc{} && end == token.data() + token.size();
    if (!whole || (token.size() > 1 && token.front() == '0')) return std::nullopt;
    return index;
}

// RFC 6901. Not simdjson's at_pointer: its array indexes wrap around at 2^64.
std::optional<dom::element> at(dom::element element, std::string_view pointer) {
    std::string buffer;
    while (!pointer.empty()) {
        if (pointer.front() != '/') return std::nullopt;
        pointer.remove_prefix(1);
        const std::string_view token = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(token.size());
        auto error = simdjson::NO_SUCH_FIELD;
        if (dom::object object; element.get(object) == simdjson::SUCCESS) {
            const auto key = unescaped(token, buffer);
            if (key) error = object.at_key(*key).get(element);
        } else if (dom::array array; element.get(array) == simdjson::SUCCESS) {
            const auto index = array_index(token);
            if (index) error = array.at(*index).get(element);
        }
        if (error != simdjson::SUCCESS) return std::nullopt;
    }
    return element;
}

// What one thread reads with; kept, so that reading takes no new memory.
struct Parsers {
    dom::parser body, wanted;
    std::string bracketed;

    [[nodiscard]] simdjson::error_code read(std::string_view text, dom::element& document) {
        return body.parse(text.data(), text.size()).get(document);
    }
    void let_go() {
        if (body.capacity() > kRetainedBytes) body = dom::parser();
    }
};

std::string unmet(const JsonExpectation& expected, const dom::element& document, Parsers& with) {
    const auto actual = at(document, expected.pointer);
    if (!actual) return missing(expected);
    if (!expected.equals) return "";
    // In brackets: for a number that is the whole text simdjson allocates.
    with.bracketed.assign("[").append(*expected.equals).append("]");
    dom::element wanted;
    const auto error = with.wanted.parse(with.bracketed).at(0).get(wanted);
    return error == simdjson::SUCCESS && same(*actual, wanted) ? "" : differs(expected);
}

// What is looked up in a document recurses, and simdjson may have met a number before the nesting.
bool is_nested_too_deep(std::string_view body) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < body.size(); ++i) {
        const char c = body[i];
        if (c == '"') {
            in_string = !in_string;
        } else if (in_string) {
            if (c == '\\') ++i;
        } else if (c == '[' || c == '{') {
            if (++depth > kMaxDepth) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

// simdjson refuses integers beyond 64 bits, which are valid JSON; here they are read as doubles.
std::optional<nlohmann::json> read_wide(std::string_view body) {
    // nlohmann-json takes a zero byte for the end of the text.
    if (body.find('\0') != std::string_view::npos || is_nested_too_deep(body)) return std::nullopt;
    auto document = nlohmann::json::parse(body, nullptr, false);
    if (document.is_discarded()) return std::nullopt;
    return document;
}

std::string unmet_wide(std::span<const JsonExpectation> all, std::string_view body) {
    using nlohmann::json;
    const auto document = read_wide(body);
    if (!document) return std::string(kNotJson);
    for (const JsonExpectation& expected : all) {
        try {
            const json::json_pointer pointer(expected.pointer);
            if (!document->contains(pointer)) return missing(expected);
            if (expected.equals && document->at(pointer) != json::parse(*expected.equals))
                return differs(expected);
        } catch (const json::exception&) {
            return missing(expected);
        }
    }
    return "";
}

JsonText::State append_text(const dom::element& value, std::string& out) {
    switch (value.type()) {
        case dom::element_type::NULL_VALUE:
            return JsonText::State::missing;
        case dom::element_type::STRING:
            out += value.get_string().value_unsafe();
            break;
        case dom::element_type::INT64:
            fmt::format_to(std::back_inserter(out), "{}", value.get_int64().value_unsafe());
            break;
        case dom::element_type::UINT64:
            fmt::format_to(std::back_inserter(out), "{}", value.get_uint64().value_unsafe());
            break;
        case dom::element_type::BOOL:
            out += value.get_bool().value_unsafe() ? "true" : "false";
            break;
        default:
            out += simdjson::minify(value);
    }
    return JsonText::State::found;
}

// A double of that size may have been written as an integer, and lost digits.
bool may_be_inexact(const nlohmann::json& value) {
    if (value.is_number_float()) return std::abs(value.get<double>()) >= 0x1p63;
    return value.is_structured() && std::ranges::any_of(value, may_be_inexact);
}

JsonText::State append_wide_text(const nlohmann::json& document, std::string_view pointer,
                                 std::string& out) {
    try {
        const nlohmann::json::json_pointer where{std::string(pointer)};
        if (!document.contains(where)) return JsonText::State::missing;
        const nlohmann::json& value = document.at(where);
        if (value.is_null()) return JsonText::State::missing;
        if (may_be_inexact(value)) return JsonText::State::inexact;
        out += value.is_string() ? value.get_ref<const std::string&>() : value.dump();
        return JsonText::State::found;
    } catch (const nlohmann::json::exception&) {
        return JsonText::State::missing;
    }
}

Parsers& parsers() {
    thread_local Parsers instance;
    return instance;
}

}  // namespace

std::string unmet_json(std::span<const JsonExpectation> expected, std::string_view body) {
    if (body.empty()) return std::string(kEmpty);
    Parsers& parsers = http::parsers();
    dom::element document;
    const auto error = parsers.read(body, document);
    std::string sentence;
    if (error == simdjson::NUMBER_ERROR && body.size() <= kMaxWideNumberBytes) {
        sentence = unmet_wide(expected, body);
    } else if (error != simdjson::SUCCESS) {
        sentence = kNotJson;
    } else {
        for (const JsonExpectation& one : expected) {
            sentence = unmet(one, document, parsers);
            if (!sentence.empty()) break;
        }
    }
    parsers.let_go();
    return sentence;
}

std::string_view read_json(std::span<JsonText> wanted, std::string_view body,
                           std::size_t max_text_bytes, std::string& out) {
    if (body.empty()) return kEmpty;
    const auto read_each = [&](const auto& append) {
        for (JsonText& one : wanted) {
            one.begin = out.size();
            one.state = append(one.pointer);
            if (out.size() - one.begin > max_text_bytes) {
                one.state = JsonText::State::too_long;
                out.resize(one.begin);
            }
            one.end = out.size();
        }
        return std::string_view{};
    };
    Parsers& parsers = http::parsers();
    dom::element document;
    const auto error = parsers.read(body, document);
    std::string_view sentence = kNotJson;
    if (error == simdjson::SUCCESS) {
        sentence = read_each([&](std::string_view pointer) {
            const auto value = at(document, pointer);
            return value ? append_text(*value, out) : JsonText::State::missing;
        });
    } else if (error == simdjson::NUMBER_ERROR && body.size() <= kMaxWideNumberBytes) {
        const auto wide = read_wide(body);
        if (wide) {
            sentence = read_each(
                [&](std::string_view pointer) { return append_wide_text(*wide, pointer, out); });
        }
    }
    parsers.let_go();
    return sentence;
}

}  // namespace squadload::http
