#include "yaml/value.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/suggest.h"
#include "base/units.h"

namespace squadload::yaml {
namespace {

constexpr std::size_t kShownCharacters = 40;

// What a file may hold behind a backslash is not to move the cursor of a terminal.
std::string printable(std::string_view text) {
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return out;
}

std::string shown(const Node& node) {
    switch (node.kind) {
        case Node::Kind::null:
            return "nothing";
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a map";
        case Node::Kind::scalar:
            break;
    }
    std::size_t size = std::min(node.text.size(), kShownCharacters);
    // Not in the middle of a character.
    while (size < node.text.size() &&
           (static_cast<unsigned char>(node.text[size]) & 0xC0U) == 0x80U)
        --size;
    return fmt::format("'{}{}'", printable(node.text.substr(0, size)),
                       size < node.text.size() ? "..." : "");
}

// 1000000 → "1,000,000".
std::string grouped(std::int64_t number) {
    std::string digits = fmt::format("{}", number);
    for (auto i = static_cast<std::int64_t>(digits.size()) - 3; i > (number < 0 ? 1 : 0); i -= 3) {
        digits.insert(static_cast<std::size_t>(i), ",");
    }
    return digits;
}

std::string as_bound(double number) {
    if (std::abs(number) < 1e15 && number == std::floor(number)) {
        return grouped(static_cast<std::int64_t>(number));
    }
    return fmt::format("{}", number);
}

std::string joined(const std::vector<std::string_view>& names) {
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
        out += names[i];
    }
    return out;
}

std::string join_path(const std::string& path, std::string_view key) {
    return path.empty() ? printable(key) : fmt::format("{}.{}", path, printable(key));
}

}  // namespace

void Problems::add(SourceMark mark, std::string message) {
    add(Error{ErrorKind::config, std::move(message), std::move(mark)});
}

void Problems::add(Error error) {
    if (!first_) first_ = std::move(error);
}

Value::Value(const Document& document, Problems& problems)
    : Value(document.root(), document.file_name(), "", problems) {}

Value::Value(const Node& node, const std::string& file, std::string path, Problems& problems)
    : node_(&node), file_(&file), path_(std::move(path)), problems_(&problems) {}

SourceMark Value::mark() const {
    return SourceMark{*file_, node_->line, node_->column};
}

void Value::fail(std::string_view sentence) const {
    problems_->add(mark(),
                   path_.empty() ? std::string(sentence) : fmt::format("{}: {}", path_, sentence));
}

void Value::expected(std::string_view what) const {
    fail(fmt::format("expected {}, not {}", what, shown(*node_)));
}

bool Value::expect_scalar(std::string_view what) const {
    if (is_scalar()) return true;
    expected(what);
    return false;
}

std::string Value::text() const {
    return expect_scalar("a text") ? node_->text : std::string();
}

bool Value::boolean() const {
    if (is_scalar() && node_->text == "true") return true;
    if (!is_scalar() || node_->text != "false") expected("true or false");
    return false;
}

std::int64_t Value::integer(std::int64_t low, std::int64_t high) const {
    const auto parsed = is_scalar() ? parse_integer(node_->text) : 0;
    if (is_scalar() && parsed && *parsed >= low && *parsed <= high) return *parsed;
    expected(fmt::format("a whole number from {} to {}", grouped(low), grouped(high)));
    return low;
}

double Value::number(double low, double high) const {
    const auto parsed = is_scalar() ? parse_number(node_->text) : 0;
    if (is_scalar() && parsed && *parsed >= low && *parsed <= high) return *parsed;
    expected(fmt::format("a number from {} to {}", as_bound(low), as_bound(high)));
    return low;
}

double Value::rate(double high) const {
    const auto parsed = is_scalar() ? parse_rate(node_->text) : 0;
    if (is_scalar() && parsed && *parsed <= high) return *parsed;
    if (is_scalar() && parsed)
        expected(fmt::format("a rate of at most {}/s", as_bound(high)));
    else
        expected("a rate such as 50 (per second), 50/s, 600/m or 3600/h");
    return 0;
}

Nanos Value::duration(Nanos low) const {
    const auto parsed = is_scalar() ? parse_duration(node_->text) : Nanos::zero();
    if (is_scalar() && parsed && *parsed >= low) return *parsed;
    if (is_scalar() && parsed) {
        expected(low <= Nanos{1} ? "a duration above 0"
                                 : fmt::format("a duration of at least {}", format_duration(low)));
    } else {
        expected(
            "a duration in seconds or with units, up to 10,000 h, such as 30, 250ms, 5m or 1h30m");
    }
    return low;
}

std::uint64_t Value::bytes(std::uint64_t low, std::uint64_t high) const {
    const auto parsed = is_scalar() ? parse_bytes(node_->text) : 0;
    if (is_scalar() && parsed && *parsed >= low && *parsed <= high) return *parsed;
    expected(fmt::format("a size from {} to {} bytes, such as 512, 64KB or 10MiB",
                         grouped(static_cast<std::int64_t>(low)),
                         grouped(static_cast<std::int64_t>(high))));
    return low;
}

std::size_t Value::one_of(std::initializer_list<std::string_view> names) const {
    const std::vector<std::string_view> all(names);
    const auto found = is_scalar() ? std::find(all.begin(), all.end(), node_->text) : all.end();
    if (found != all.end()) return static_cast<std::size_t>(found - all.begin());
    expected(joined(all));
    return 0;
}

Map Value::map(std::initializer_list<std::string_view> known) const {
    return map(std::vector<std::string_view>(known));
}

Map Value::map(std::vector<std::string_view> known) const {
    if (!is_map() && !is_null()) expected(fmt::format("a map with keys such as {}", known.front()));
    for (const Entry& entry : node_->entries) {
        if (problems_->first()) break;  // no other is kept, and looking for names takes time
        const std::string& key = entry.key.text;
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const std::string nearest = nearest_name(key, known);
        const std::string hint = nearest.empty() ? fmt::format("known here are {}", joined(known))
                                                 : fmt::format("did you mean '{}'?", nearest);
        problems_->add(SourceMark{*file_, entry.key.line, entry.key.column},
                       fmt::format("{}: unknown key; {}", join_path(path_, key), hint));
    }
    return Map(*this);
}

std::vector<Value::Named> Value::entries() const {
    std::vector<Named> all;
    if (!is_map() && !is_null()) expected("a map of names");
    for (const Entry& entry : node_->entries) {
        all.push_back(
            Named{entry.key.text, SourceMark{*file_, entry.key.line, entry.key.column},
                  Value(entry.value, *file_, join_path(path_, entry.key.text), *problems_)});
    }
    return all;
}

std::vector<Value> Value::items() const {
    std::vector<Value> all;
    if (!is_list()) expected("a list");
    for (std::size_t i = 0; i < node_->items.size(); ++i) {
        all.emplace_back(node_->items[i], *file_, fmt::format("{}[{}]", path_, i), *problems_);
    }
    return all;
}

std::vector<Value> Value::items_or_one() const {
    if (is_list()) return items();
    return {*this};
}

std::optional<Value> Map::get_or_null(std::string_view key) const {
    for (const Entry& entry : value_.node_->entries) {
        if (entry.key.text != key) continue;
        return Value(entry.value, *value_.file_, join_path(value_.path_, key), *value_.problems_);
    }
    return std::nullopt;
}

std::optional<Value> Map::get(std::string_view key) const {
    auto found = get_or_null(key);
    if (!found || !found->is_null()) return found;
    for (const Entry& entry : value_.node_->entries) {  // nothing stands in the next line
        if (entry.key.text != key) continue;
        value_.problems_->add(SourceMark{*value_.file_, entry.key.line, entry.key.column},
                              fmt::format("{}: has no value", found->path()));
    }
    return std::nullopt;
}

bool Map::has(std::string_view key) const {
    return get_or_null(key).has_value();
}

TextValue::TextValue(std::string source, std::string text) : source_(std::move(source)) {
    node_.kind = Node::Kind::scalar;
    node_.text = std::move(text);
}

Value TextValue::value(Problems& problems) const {
    return Value(node_, source_, "", problems);
}

}  // namespace squadload::yaml
