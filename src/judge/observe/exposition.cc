#include "judge/observe/exposition.h"

#include <cctype>
#include <cmath>
#include <optional>

#include "base/units.h"

namespace squadload::observe {
namespace {

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
}

void skip_spaces(std::string_view& rest) {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

std::string_view take_name(std::string_view& rest) {
    std::size_t n = 0;
    while (n < rest.size() && is_name(rest[n])) ++n;
    const std::string_view name = rest.substr(0, n);
    rest.remove_prefix(n);
    return name;
}

// After the opening quote, up to and with the closing one; nothing when there is none.
std::optional<std::string> take_text(std::string_view& rest) {
    std::string out;
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == '"') {
            rest.remove_prefix(i + 1);
            return out;
        }
        if (rest[i] == '\\' && i + 1 < rest.size()) {
            ++i;
            out += rest[i] == 'n' ? '\n' : rest[i];
        } else {
            out += rest[i];
        }
    }
    return std::nullopt;
}

bool take_labels(std::string_view& rest, Sample& sample) {
    if (rest.empty() || rest.front() != '{') return true;
    rest.remove_prefix(1);
    for (;;) {
        skip_spaces(rest);
        if (!rest.empty() && rest.front() == '}') {
            rest.remove_prefix(1);
            return true;
        }
        const std::string_view name = take_name(rest);
        skip_spaces(rest);
        if (name.empty() || !rest.starts_with('=')) return false;
        rest.remove_prefix(1);
        skip_spaces(rest);
        if (!rest.starts_with('"')) return false;
        rest.remove_prefix(1);
        auto value = take_text(rest);
        if (!value) return false;
        sample.labels.emplace_back(name, std::move(*value));
        skip_spaces(rest);
        if (rest.starts_with(',')) rest.remove_prefix(1);
    }
}

std::optional<Sample> read_line(std::string_view line) {
    skip_spaces(line);
    if (line.empty() || line.front() == '#') return std::nullopt;
    Sample sample;
    sample.name = take_name(line);
    if (sample.name.empty()) return std::nullopt;
    skip_spaces(line);
    if (!take_labels(line, sample)) return std::nullopt;
    skip_spaces(line);
    const auto value = parse_number(line.substr(0, line.find_first_of(" \t\r")));
    if (!value || !std::isfinite(*value)) return std::nullopt;
    sample.value = *value;
    return sample;
}

}  // namespace

std::string_view Sample::label(std::string_view wanted) const {
    for (const auto& one : labels)
        if (one.first == wanted) return one.second;
    return {};
}

std::vector<Sample> parse_exposition(std::string_view text) {
    std::vector<Sample> out;
    while (!text.empty() && out.size() < kMostSamples) {
        const auto end = std::min(text.find('\n'), text.size());
        if (auto sample = read_line(text.substr(0, end))) out.push_back(std::move(*sample));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

}  // namespace squadload::observe
