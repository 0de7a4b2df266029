#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/suggest.h"
#include "base/units.h"
#include "load/scenario/data_sets.h"
#include "load/scenario/template_part.h"

namespace squadload::scenario {
namespace {

using Part = Template::Part;

constexpr std::array<std::string_view, 7> kFunctions{"random_int", "choice", "uuid", "seq",
                                                     "now",        "env",    "field"};
constexpr std::array<std::string_view, 2> kFilters{"json", "number"};

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

std::string did_you_mean(const std::string& nearest) {
    return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

struct Argument {
    std::string text;
    bool quoted = false;
};

// "name(arguments) | filter" or a quoted text, as written between the braces.
struct Expression {
    std::string function;  // empty: the text alone
    std::vector<Argument> arguments;
    std::string filter;
};

// Reads expressions; a plain recursive descent over the text.
class ExpressionReader {
  public:
    ExpressionReader(std::string_view text, std::size_t at, const SourceMark& mark)
        : text_(text), at_(at), mark_(mark) {}

    // From behind "{{" to behind "}}".
    Result<Expression> read() {
        const std::size_t start = at_;
        Expression expression;
        skip_spaces();
        if (peek() == '"' || peek() == '\'') {
            auto argument = read_quoted();
            if (!argument) return tl::unexpected(argument.error());
            expression.arguments.push_back(std::move(*argument));
        } else if (auto called = read_call(expression); !called) {
            return tl::unexpected(called.error());
        }
        skip_spaces();
        if (peek() == '|') {
            ++at_;
            skip_spaces();
            expression.filter = read_word();
            skip_spaces();
        }
        const bool empty = expression.function.empty() && expression.arguments.empty();
        if (empty || !text_.substr(at_).starts_with("}}")) return unreadable(start);
        at_ += 2;
        return expression;
    }
    [[nodiscard]] std::size_t position() const { return at_; }

  private:
    [[nodiscard]] tl::unexpected<Error> unreadable(std::size_t start) const {
        const std::size_t end = text_.find("}}", start);
        if (end == std::string_view::npos) {
            return fail_at(mark_,
                           "'{{' is not closed with '}}'; for braces as text write {{ \"{{\" }}");
        }
        return fail_at(mark_, fmt::format("cannot read the expression '{{{{{}'",
                                          text_.substr(start, end + 2 - start)));
    }
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skip_spaces() {
        while (is_space(peek())) ++at_;
    }
    std::string read_word() {
        const std::size_t start = at_;
        while (is_word(peek())) ++at_;
        return std::string(text_.substr(start, at_ - start));
    }

    Result<Argument> read_quoted() {
        const char quote = text_[at_++];
        Argument argument{"", true};
        while (at_ < text_.size() && text_[at_] != quote) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            argument.text += text_[at_++];
        }
        if (at_ >= text_.size()) return fail_at(mark_, "a quoted text in '{{ }}' is not closed");
        ++at_;
        return argument;
    }

    Result<void> read_call(Expression& expression) {
        expression.function = read_word();
        const std::string& name = expression.function;
        if (name.empty()) return {};  // read() says so
        skip_spaces();
        if (peek() != '(') {
            return fail_at(
                mark_, fmt::format("'{0}' is not a call; write {{{{ choice({0}) }}}} for a list "
                                   "or {{{{ \"{0}\" }}}} for the text",
                                   name));
        }
        ++at_;
        skip_spaces();
        while (peek() != ')') {
            if (auto argument = read_argument(); argument) {
                expression.arguments.push_back(std::move(*argument));
            } else {
                return tl::unexpected(argument.error());
            }
            skip_spaces();
            if (peek() == ',') {
                ++at_;
                skip_spaces();
            } else if (peek() != ')') {
                return fail_at(mark_, fmt::format("expected ',' or ')' in the call of {}", name));
            }
        }
        ++at_;
        return {};
    }

    Result<Argument> read_argument() {
        if (peek() == '"' || peek() == '\'') return read_quoted();
        Argument argument{read_word(), false};
        if (!argument.text.empty()) return argument;
        return fail_at(mark_, "expected a name, a number or a quoted text between the parentheses");
    }

    std::string_view text_;
    std::size_t at_;
    const SourceMark& mark_;
};

// Turns expressions into parts.
class Compiler {
  public:
    Compiler(const DataSets& data, const SourceMark& mark, const Environment& environment)
        : data_(data), mark_(mark), environment_(environment) {}

    [[nodiscard]] Result<Part> compile(const Expression& expression) const {
        const std::string& name = expression.function;
        auto part = Result<Part>(Part{});
        if (name.empty())
            part = literal(expression.arguments.front().text);
        else if (name == "random_int")
            part = random_int(expression.arguments);
        else if (name == "choice")
            part = choice(expression.arguments);
        else if (name == "field")
            part = field(expression.arguments);
        else if (name == "env")
            part = env(expression.arguments);
        else if (name == "now")
            part = now(expression.arguments);
        else if (name == "uuid")
            part = plain(Part::Kind::uuid, expression);
        else if (name == "seq")
            part = plain(Part::Kind::seq, expression);
        else {
            part = fail_at(mark_, fmt::format("unknown function '{}'{}", name,
                                              did_you_mean(nearest_name(name, kFunctions))));
        }
        if (!part) return part;
        if (auto filtered = apply_filter(expression.filter, *part); !filtered) {
            return tl::unexpected(filtered.error());
        }
        return part;
    }

  private:
    using Arguments = std::vector<Argument>;

    static Part literal(std::string text) {
        Part part;
        part.text = std::move(text);
        return part;
    }

    [[nodiscard]] Result<Part> plain(Part::Kind kind, const Expression& expression) const {
        if (!expression.arguments.empty()) {
            return fail_at(mark_, fmt::format("{}() takes nothing between the parentheses",
                                              expression.function));
        }
        Part part;
        part.kind = kind;
        return part;
    }

    [[nodiscard]] Result<Part> random_int(const Arguments& arguments) const {
        if (arguments.size() == 2) {
            const auto low = parse_integer(arguments[0].text);
            const auto high = parse_integer(arguments[1].text);
            if (low && high && *low <= *high) {
                Part part;
                part.kind = Part::Kind::random_int;
                part.low = *low;
                part.high = *high;
                return part;
            }
        }
        return fail_at(mark_,
                       "random_int takes two whole numbers, the smaller first: random_int(1, 100)");
    }

    [[nodiscard]] Result<const DataSet*> data_set(const std::string& name) const {
        if (const DataSet* set = data_.find(name); set != nullptr) return set;
        const std::vector<std::string> names = data_.names();
        std::string hint = did_you_mean(nearest_name(name, names));
        if (names.empty()) hint = "; the file has no `data` section";
        return fail_at(mark_, fmt::format("unknown data set '{}'{}", name, hint));
    }

    [[nodiscard]] Result<Part> choice(const Arguments& arguments) const {
        Part part;
        const bool all_quoted = std::all_of(arguments.begin(), arguments.end(),
                                            [](const Argument& a) { return a.quoted; });
        if (arguments.size() > 1 && all_quoted) {
            part.kind = Part::Kind::inline_choice;
            for (const Argument& a : arguments) part.own_values.push_back(a.text);
            return part;
        }
        if (arguments.size() != 1) {
            return fail_at(mark_,
                           "choice takes the name of a list, choice(prompts), or quoted "
                           "texts, choice(\"a\", \"b\")");
        }
        const auto set = data_set(arguments[0].text);
        if (!set) return tl::unexpected(set.error());
        if ((*set)->values.size() > 1) {
            return fail_at(mark_, fmt::format("'{0}' has several columns; use field({0}, {1})",
                                              (*set)->name, (*set)->columns.front()));
        }
        part.kind = Part::Kind::choice;
        part.values = &(*set)->values.front();
        return part;
    }

    [[nodiscard]] Result<Part> field(const Arguments& arguments) const {
        if (arguments.size() != 2) {
            return fail_at(mark_, "field takes a data set and a column: field(users, email)");
        }
        const auto set = data_set(arguments[0].text);
        if (!set) return tl::unexpected(set.error());
        if ((*set)->is_list()) {
            return fail_at(mark_, fmt::format("'{0}' is a list without columns; use choice({0})",
                                              (*set)->name));
        }
        Part part;
        part.kind = Part::Kind::field;
        part.values = (*set)->column(arguments[1].text);
        if (part.values == nullptr) {
            return fail_at(
                mark_,
                fmt::format("data set '{}' has no column '{}'{}", (*set)->name, arguments[1].text,
                            did_you_mean(nearest_name(arguments[1].text, (*set)->columns))));
        }
        return part;
    }

    [[nodiscard]] Result<Part> env(const Arguments& arguments) const {
        if (arguments.size() != 1) {
            return fail_at(mark_, "env takes the name of one environment variable: env(API_KEY)");
        }
        auto value = environment_(arguments[0].text);
        if (value) return literal(std::move(*value));
        return fail_at(mark_,
                       fmt::format("the environment variable {} is not set", arguments[0].text));
    }

    [[nodiscard]] Result<Part> now(const Arguments& arguments) const {
        Part part;
        part.kind = Part::Kind::now_text;
        if (arguments.empty()) return part;
        if (arguments.size() == 1 && arguments[0].text == "unix") {
            part.kind = Part::Kind::now_seconds;
            return part;
        }
        if (arguments.size() == 1 && arguments[0].text == "unix_ms") {
            part.kind = Part::Kind::now_millis;
            return part;
        }
        return fail_at(mark_, "now takes nothing, unix or unix_ms: now(), now(unix)");
    }

    [[nodiscard]] Result<void> apply_filter(const std::string& filter, Part& part) const {
        if (filter.empty()) return {};
        if (filter == "json") {
            part.as_json = true;
            return {};
        }
        if (filter == "number") return check_number(part);
        return fail_at(mark_, fmt::format("unknown filter '{}'{}", filter,
                                          did_you_mean(nearest_name(filter, kFilters))));
    }

    [[nodiscard]] Result<void> check_number(const Part& part) const {
        const auto check_all = [&](const std::vector<std::string>& values) -> Result<void> {
            for (const std::string& value : values) {
                if (!is_json_number(value)) {
                    return fail_at(
                        mark_, fmt::format("'{}' is not a number, as `| number` demands", value));
                }
            }
            return {};
        };
        switch (part.kind) {
            case Part::Kind::literal:
                return check_all({part.text});
            case Part::Kind::choice:
            case Part::Kind::field:
                return check_all(*part.values);
            case Part::Kind::inline_choice:
                return check_all(part.own_values);
            case Part::Kind::uuid:
                return check_all({"uuid()"});
            case Part::Kind::now_text:
                return check_all({"now()"});
            case Part::Kind::random_int:
            case Part::Kind::seq:
            case Part::Kind::now_seconds:
            case Part::Kind::now_millis:
                return {};
        }
        return {};
    }

    const DataSets& data_;
    const SourceMark& mark_;
    const Environment& environment_;
};

Part written_text(std::string_view text, Escape escape) {
    Part part;
    switch (escape) {
        case Escape::json_string:
        case Escape::url_query:
            append_escaped(text, escape, part.text);
            break;
        case Escape::json_value:
            append_escaped(text, Escape::json_string, part.text);
            break;
        case Escape::url_path:
            part.text = encode_written_path(text);
            break;
        case Escape::none:
        case Escape::header:
            part.text = text;
            break;
    }
    return part;
}

// What is known when compiled becomes text at once.
void settle_literal(Part& part, Escape escape) {
    part.escape = escape;
    if (part.kind != Part::Kind::literal) return;
    std::string text;
    append_value(part, part.text, text);
    part = Part{};
    part.text = std::move(text);
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

Part json_quote() {
    Part part;
    part.text = "\"";
    return part;
}

}  // namespace

void append_value(const Part& part, std::string_view value, std::string& out) {
    if (!part.as_json) return append_escaped(value, part.escape, out);
    if (part.escape == Escape::none) return append_escaped(value, Escape::json_value, out);
    append_escaped(escaped(value, Escape::json_value), part.escape, out);
}

Result<std::vector<Part>> parse_template(std::string_view text, Escape escape, const DataSets& data,
                                         const SourceMark& mark, const Environment& environment) {
    if (escape == Escape::header && has_control(text)) {
        return fail_at(mark, "a header value may not hold line breaks or control characters");
    }
    const bool json_value = escape == Escape::json_value;
    const Compiler compiler(data, mark, environment);
    std::vector<Part> parts;
    bool number = false;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t open = std::min(text.find("{{", at), text.size());
        if (open > at) parts.push_back(written_text(text.substr(at, open - at), escape));
        if (open == text.size()) break;
        ExpressionReader reader(text, open + 2, mark);
        const auto expression = reader.read();
        if (!expression) return tl::unexpected(expression.error());
        auto part = compiler.compile(*expression);
        if (!part) return tl::unexpected(part.error());
        number = number || expression->filter == "number";
        settle_literal(*part, json_value ? Escape::json_string : escape);
        parts.push_back(std::move(*part));
        at = reader.position();
    }
    if (!json_value) return parts;
    if (number && parts.size() > 1) {
        return fail_at(mark, "`| number` must be the whole value, without text around it");
    }
    if (!number) {
        parts.insert(parts.begin(), json_quote());
        parts.push_back(json_quote());
    }
    return parts;
}

}  // namespace squadload::scenario
