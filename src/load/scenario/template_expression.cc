#include "load/scenario/template_expression.h"

#include <fmt/core.h>

namespace squadload::scenario {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

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
                mark_, fmt::format("'{0}' is not a call; write {{{{ var({0}) }}}} for what a step "
                                   "extracted, {{{{ choice({0}) }}}} for a list or {{{{ \"{0}\" "
                                   "}}}} for the text",
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

}  // namespace

Result<Expression> read_expression(std::string_view text, std::size_t& at, const SourceMark& mark) {
    ExpressionReader reader(text, at, mark);
    auto expression = reader.read();
    at = reader.position();
    return expression;
}

}  // namespace squadload::scenario
