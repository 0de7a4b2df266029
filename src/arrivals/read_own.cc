#include <charconv>
#include <concepts>
#include <string>

#include "arrivals/read_internal.h"

namespace squadload::arrivals::internal {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Cursor {
  public:
    explicit Cursor(std::string_view text) : text_(text) {}

    [[nodiscard]] bool literal(std::string_view expected) {
        if (!text_.starts_with(expected)) return false;
        text_.remove_prefix(expected.size());
        return true;
    }

    [[nodiscard]] bool number(std::integral auto& value) {
        // JSON allows neither "007" nor "-0"-something.
        const std::size_t first = text_.starts_with('-') ? 1 : 0;
        if (text_.size() > first + 1 && text_[first] == '0' && is_digit(text_[first + 1]))
            return false;
        const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
        if (error != std::errc()) return false;
        text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
        return true;
    }

    [[nodiscard]] bool text(std::string& value) {
        const std::size_t n = text_.find('"');
        if (n == text_.npos) return false;
        bool plain = true;
        for (const char c : text_.substr(0, n)) {
            const auto byte = static_cast<unsigned char>(c);
            plain = plain && byte >= 0x20 && byte < 0x80 && byte != '\\';
        }
        if (!plain) return false;
        value.assign(text_.data(), n);
        text_.remove_prefix(n + 1);
        return true;
    }

    [[nodiscard]] bool milliseconds(std::optional<Nanos>& value) {
        if (literal("null")) return true;
        std::size_t n = text_.starts_with('-') ? 1 : 0;
        const std::size_t first = n;
        while (n < text_.size() && (is_digit(text_[n]) || text_[n] == '.')) ++n;
        if (n == first || text_[first] == '.' || text_[n - 1] == '.') return false;
        if (text_[first] == '0' && n > first + 1 && text_[first + 1] != '.') return false;
        value = exact_ms(text_.substr(0, n));
        text_.remove_prefix(n);
        return value.has_value();
    }

    [[nodiscard]] bool flag(bool& value) {
        value = literal("true");
        return value || literal("false");
    }

    [[nodiscard]] bool at_end() const { return text_.empty() || text_ == "\n"; }

  private:
    std::string_view text_;
};

}  // namespace

bool read_own_line(std::string_view line, Arrival& a) {
    a.retry_after.reset();
    a.done.reset();
    Cursor c(line);
    std::int64_t at = 0, done = 0;
    const bool read =
        c.literal(R"({"seq":)") && c.number(a.seq) && c.literal(R"(,"at_ns":)") && c.number(at) &&
        c.literal(R"(,"provider":")") && c.text(a.provider) && c.literal(R"(,"key":")") &&
        c.text(a.key) && c.literal(R"(,"model":")") && c.text(a.model) &&
        c.literal(R"(,"prompt_tokens":)") && c.number(a.prompt_tokens) &&
        c.literal(R"(,"max_tokens":)") && c.number(a.max_tokens) &&
        c.literal(R"(,"reserved_tokens":)") && c.number(a.reserved_tokens) &&
        c.literal(R"(,"admitted":)") && c.flag(a.admitted) && c.literal(R"(,"reason":")") &&
        c.text(a.reason) && c.literal(R"(,"status":)") && c.number(a.status) &&
        c.literal(R"(,"in_flight":)") && c.number(a.in_flight) &&
        c.literal(R"(,"correlation_id":")") && c.text(a.correlation_id) &&
        c.literal(R"(,"agent":")") && c.text(a.agent) && c.literal(R"(,"attempt":)") &&
        c.number(a.attempt) && c.literal(R"(,"completion_tokens":)") &&
        c.number(a.completion_tokens) && c.literal(R"(,"retry_after_ms":)") &&
        c.milliseconds(a.retry_after) && c.literal(R"(,"done_ns":)");
    if (!read) return false;
    if (!c.literal("null")) {
        if (!c.number(done)) return false;
        a.done = Nanos{done};
    }
    if (!c.literal("}") || !c.at_end()) return false;
    a.at = Nanos{at};
    return true;
}

}  // namespace squadload::arrivals::internal
