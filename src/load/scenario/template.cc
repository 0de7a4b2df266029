#include "load/scenario/template.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/time.h"
#include "base/utf8.h"
#include "load/scenario/template_part.h"

namespace squadload::scenario {
namespace {

using Part = Template::Part;

// A quoted JSON string, escaped once more for where it stands; character by character, so that each
// piece fits into a short string.
void append_json_then_escaped(std::string_view value, Escape escape, std::string& out) {
    if (escape == Escape::none) return append_escaped(value, Escape::json_value, out);
    std::string piece;
    append_escaped("\"", escape, out);
    while (!value.empty()) {
        const std::size_t length = std::max<std::size_t>(utf8_length(value), 1);
        piece.clear();
        append_escaped(value.substr(0, length), Escape::json_string, piece);
        append_escaped(piece, escape, out);
        value.remove_prefix(length);
    }
    append_escaped("\"", escape, out);
}

template <class Number>
void append_number(const Part& part, Number number, std::string& out) {
    std::array<char, 24> buffer;
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    append_value(part, std::string_view(buffer.data(), result.ptr), out);
}

// RFC 9562 §5.4: 122 random bits, version 4, variant 10.
void append_uuid(const Part& part, Random& random, std::string& out) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr std::string_view kPattern = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    std::array<char, kPattern.size()> uuid;
    std::uint64_t bits = 0;
    int left = 0;
    for (std::size_t i = 0; i < kPattern.size(); ++i) {
        if (kPattern[i] != 'x' && kPattern[i] != 'y') {
            uuid[i] = kPattern[i];
            continue;
        }
        if (left == 0) {
            bits = random.next();
            left = 16;
        }
        const std::uint64_t digit = kPattern[i] == 'y' ? 8U | (bits & 3U) : bits & 15U;
        uuid[i] = kDigits[digit];
        bits >>= 4U;
        --left;
    }
    append_value(part, std::string_view(uuid.data(), uuid.size()), out);
}

void put_digits(char* out, int width, std::uint64_t value) {
    for (int i = width - 1; i >= 0; --i) {
        out[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

void append_now_text(const Part& part, std::string& out) {
    using namespace std::chrono;
    const WallTime now = wall_now();
    const auto day = floor<days>(now);
    const year_month_day date(day);
    const auto millis = static_cast<std::uint64_t>(floor<milliseconds>(now - day).count());
    std::array<char, 24> text{"0000-00-00T00:00:00.000"};
    put_digits(&text[0], 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
    put_digits(&text[5], 2, static_cast<unsigned>(date.month()));
    put_digits(&text[8], 2, static_cast<unsigned>(date.day()));
    put_digits(&text[11], 2, millis / 3'600'000);
    put_digits(&text[14], 2, millis / 60'000 % 60);
    put_digits(&text[17], 2, millis / 1000 % 60);
    put_digits(&text[20], 3, millis % 1000);
    text[23] = 'Z';
    append_value(part, std::string_view(text.data(), text.size()), out);
}

void append_part(const Part& part, RenderContext& context, std::string& out) {
    switch (part.kind) {
        case Part::Kind::literal:
            out += part.text;
            break;
        case Part::Kind::random_int:
            append_number(part, context.random.between(part.low, part.high), out);
            break;
        case Part::Kind::choice:
            append_value(part, (*part.values)[context.random.below(part.values->size())], out);
            break;
        case Part::Kind::inline_choice:
            append_value(part, part.own_values[context.random.below(part.own_values.size())], out);
            break;
        case Part::Kind::field:
            append_value(part, (*part.values)[context.request_number % part.values->size()], out);
            break;
        case Part::Kind::user_field:
            append_value(part, (*part.values)[context.user % part.values->size()], out);
            break;
        case Part::Kind::variable:
            if (part.variable < context.variables.size()) {
                append_value(part, context.variables[part.variable].text, out);
            }
            break;
        case Part::Kind::user:
            append_number(part, context.user, out);
            break;
        case Part::Kind::uuid:
            append_uuid(part, context.random, out);
            break;
        case Part::Kind::seq:
            append_number(part, context.request_number, out);
            break;
        case Part::Kind::now_text:
            append_now_text(part, out);
            break;
        case Part::Kind::now_seconds:
            append_number(part, wall_now().time_since_epoch() / std::chrono::seconds{1}, out);
            break;
        case Part::Kind::now_millis:
            append_number(part, wall_now().time_since_epoch() / std::chrono::milliseconds{1}, out);
            break;
    }
}

// Adjoining literals become one, so that a constant template is a single append.
void merge_literals(std::vector<Part>& parts) {
    std::vector<Part> merged;
    for (auto& part : parts) {
        const bool literal = part.kind == Part::Kind::literal;
        if (literal && part.text.empty()) continue;
        if (literal && !merged.empty() && merged.back().kind == Part::Kind::literal) {
            merged.back().text += part.text;
        } else {
            merged.push_back(std::move(part));
        }
    }
    parts = std::move(merged);
}

}  // namespace

void append_value(const Part& part, std::string_view value, std::string& out) {
    if (part.as_json) return append_json_then_escaped(value, part.escape, out);
    const bool in_json = part.escape == Escape::json_value || part.escape == Escape::none;
    if (!part.as_number || !in_json) return append_escaped(value, part.escape, out);
    if (is_json_number(value))
        out += value;
    else
        append_escaped(value, Escape::json_value, out);
}

Template::Template(std::string source, std::vector<Part> parts) : source_(std::move(source)) {
    merge_literals(parts);
    parts_ = std::make_shared<const std::vector<Part>>(std::move(parts));
}

Result<Template> Template::compile(std::string_view text, Escape escape, const TemplateScope& scope,
                                   const SourceMark& mark) {
    auto parts = parse_template(text, escape, scope, mark);
    if (!parts) return tl::unexpected(parts.error());
    return Template(std::string(text), std::move(*parts));
}

Template Template::constant(std::string text) {
    Part part;
    part.text = text;
    std::vector<Part> parts;
    parts.push_back(std::move(part));
    return Template(std::move(text), std::move(parts));
}

Template Template::concat(std::span<const Template> pieces, std::string source) {
    std::vector<Part> parts;
    for (const Template& piece : pieces) {
        if (piece.parts_ == nullptr) continue;
        parts.insert(parts.end(), piece.parts_->begin(), piece.parts_->end());
    }
    return Template(std::move(source), std::move(parts));
}

void Template::render(RenderContext& context, std::string& out) const {
    if (parts_ == nullptr) return;
    for (const Part& part : *parts_) append_part(part, context, out);
}

void Template::variables(std::vector<std::uint16_t>& out) const {
    if (parts_ == nullptr) return;
    for (const Part& part : *parts_) {
        const bool known = std::find(out.begin(), out.end(), part.variable) != out.end();
        if (part.kind == Part::Kind::variable && !known) out.push_back(part.variable);
    }
}

bool Template::is_constant() const {
    return parts_ == nullptr || parts_->empty() ||
           (parts_->size() == 1 && parts_->front().kind == Part::Kind::literal);
}

}  // namespace squadload::scenario
