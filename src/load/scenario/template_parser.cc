#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/suggest.h"
#include "base/units.h"
#include "load/scenario/data_sets.h"
#include "load/scenario/template_expression.h"
#include "load/scenario/template_part.h"

namespace squadload::scenario {
namespace {

using Part = Template::Part;

constexpr std::array<std::string_view, 9> kFunctions{"random_int", "choice", "uuid", "seq", "now",
                                                     "env",        "field",  "var",  "user"};
constexpr std::array<std::string_view, 2> kFilters{"json", "number"};

std::string did_you_mean(const std::string& nearest) {
    return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

// Turns expressions into parts.
class Compiler {
  public:
    Compiler(const TemplateScope& scope, const SourceMark& mark) : scope_(scope), mark_(mark) {}

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
        else if (name == "user")
            part = plain(Part::Kind::user, expression);
        else if (name == "var")
            part = var(expression.arguments);
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
        if (const DataSet* set = scope_.data.find(name); set != nullptr) return set;
        const std::vector<std::string> names = scope_.data.names();
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
        const bool by_user = arguments.size() == 3 && arguments[2].text == "user";
        if (arguments.size() != 2 && !by_user) {
            return fail_at(mark_,
                           "field takes a data set and a column, field(users, email), and `user` "
                           "for the user's own row, field(users, email, user)");
        }
        const auto set = data_set(arguments[0].text);
        if (!set) return tl::unexpected(set.error());
        if ((*set)->is_list()) {
            return fail_at(mark_, fmt::format("'{0}' is a list without columns; use choice({0})",
                                              (*set)->name));
        }
        Part part;
        part.kind = by_user ? Part::Kind::user_field : Part::Kind::field;
        part.values = (*set)->column(arguments[1].text);
        if (part.values == nullptr) {
            return fail_at(
                mark_,
                fmt::format("data set '{}' has no column '{}'{}", (*set)->name, arguments[1].text,
                            did_you_mean(nearest_name(arguments[1].text, (*set)->columns))));
        }
        return part;
    }

    [[nodiscard]] Result<Part> var(const Arguments& arguments) const {
        if (arguments.size() != 1) {
            return fail_at(mark_, "var takes the name of one extracted variable: var(token)");
        }
        const auto variable = find_variable(arguments[0].text, scope_.variables);
        if (!variable) return fail_at(mark_, variable.error());
        Part part;
        part.kind = Part::Kind::variable;
        part.variable = *variable;
        return part;
    }

    [[nodiscard]] Result<Part> env(const Arguments& arguments) const {
        if (arguments.size() != 1) {
            return fail_at(mark_, "env takes the name of one environment variable: env(API_KEY)");
        }
        auto value = scope_.environment(arguments[0].text);
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

    [[nodiscard]] Result<void> check_number(Part& part) const {
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
            case Part::Kind::user_field:
                return check_all(*part.values);
            case Part::Kind::inline_choice:
                return check_all(part.own_values);
            case Part::Kind::uuid:
                return check_all({"uuid()"});
            case Part::Kind::now_text:
                return check_all({"now()"});
            case Part::Kind::variable:  // known when it is written: see append_value
                part.as_number = true;
                return {};
            case Part::Kind::user:
            case Part::Kind::random_int:
            case Part::Kind::seq:
            case Part::Kind::now_seconds:
            case Part::Kind::now_millis:
                return {};
        }
        return {};
    }

    const TemplateScope& scope_;
    const SourceMark& mark_;
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

tl::expected<std::uint16_t, std::string> find_variable(std::string_view name,
                                                       std::span<const std::string> variables) {
    const auto it = std::find(variables.begin(), variables.end(), name);
    if (it != variables.end()) return static_cast<std::uint16_t>(it - variables.begin());
    return tl::unexpected(
        fmt::format("no step extracts '{}'{}", name, did_you_mean(nearest_name(name, variables))));
}

Result<std::vector<Part>> parse_template(std::string_view text, Escape escape,
                                         const TemplateScope& scope, const SourceMark& mark) {
    if (escape == Escape::header && has_control(text)) {
        return fail_at(mark, "a header value may not hold line breaks or control characters");
    }
    const bool json_value = escape == Escape::json_value;
    const Compiler compiler(scope, mark);
    std::vector<Part> parts;
    bool number = false;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t open = std::min(text.find("{{", at), text.size());
        if (open > at) parts.push_back(written_text(text.substr(at, open - at), escape));
        if (open == text.size()) break;
        at = open + 2;
        const auto expression = read_expression(text, at, mark);
        if (!expression) return tl::unexpected(expression.error());
        auto part = compiler.compile(*expression);
        if (!part) return tl::unexpected(part.error());
        number = number || expression->filter == "number";
        settle_literal(*part, json_value && !part->as_number ? Escape::json_string : escape);
        parts.push_back(std::move(*part));
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
