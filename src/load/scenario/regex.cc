#include "load/scenario/regex.h"

#include <re2/re2.h>

#include <string>

namespace squadload::scenario {
namespace {

// For the compiled program and the states RE2 caches while it matches.
constexpr std::int64_t kMaxMemoryBytes = 1024 * 1024;

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

RE2::Options options() {
    RE2::Options o;
    o.set_log_errors(false);  // they are returned
    o.set_max_mem(kMaxMemoryBytes);
    return o;
}

std::string shown(std::string_view text) {
    constexpr std::size_t kMost = 200;
    if (text.size() <= kMost) return std::string(text);
    std::size_t size = kMost;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
    return std::string(text.substr(0, size)) + "...";
}

}  // namespace

struct Regex::Compiled {
    explicit Compiled(std::string_view text) : expression(piece(text), options()) {}
    RE2 expression;
};

Regex::Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}

Result<Regex> Regex::compile(std::string_view expression) {
    auto compiled = std::make_shared<const Compiled>(expression);
    if (!compiled->expression.ok()) {
        return fail(ErrorKind::config, "regular expression \"" + shown(expression) +
                                           "\": " + shown(compiled->expression.error()));
    }
    return Regex(std::move(compiled));
}

std::optional<std::string_view> Regex::find(std::string_view text) const {
    const RE2& expression = compiled_->expression;
    const int wanted = expression.NumberOfCapturingGroups() > 0 ? 1 : 0;
    re2::StringPiece found[2];
    if (!expression.Match(piece(text), 0, text.size(), RE2::UNANCHORED, found, wanted + 1))
        return std::nullopt;
    const re2::StringPiece& value = found[wanted];
    if (value.data() == nullptr && (wanted == 1 || !text.empty())) return std::nullopt;
    return std::string_view(value.data(), value.size());
}

}  // namespace squadload::scenario
