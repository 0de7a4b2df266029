#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "arrivals/read_internal.h"

namespace squadload::arrivals {
namespace {

using internal::exact_ms;

constexpr std::array<std::string_view, 18> kKeys = {"seq",
                                                    "at_ns",
                                                    "provider",
                                                    "key",
                                                    "model",
                                                    "prompt_tokens",
                                                    "max_tokens",
                                                    "reserved_tokens",
                                                    "admitted",
                                                    "reason",
                                                    "status",
                                                    "in_flight",
                                                    "correlation_id",
                                                    "agent",
                                                    "attempt",
                                                    "completion_tokens",
                                                    "retry_after_ms",
                                                    "done_ns"};

// Takes the parser's events; nothing but the line's own keys is looked at. Numbers come with their
// text, so that none passes through a double.
class Reader : public nlohmann::json_sax<nlohmann::json> {
  public:
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] Arrival take() { return std::move(arrival_); }

    bool null() override {
        if (skips()) return true;
        if (key_ == "retry_after_ms" || key_ == "done_ns") return true;
        return wrong("null");
    }

    bool boolean(bool value) override {
        if (skips()) return true;
        if (key_ != "admitted") return wrong(value ? "true" : "false");
        arrival_.admitted = value;
        return true;
    }

    bool number_integer(number_integer_t value) override {
        return skips() || whole(value, std::to_string(value));
    }

    bool number_unsigned(number_unsigned_t value) override {
        if (skips()) return true;
        if (key_ == "seq") {
            arrival_.seq = value;
            return true;
        }
        const std::string text = std::to_string(value);
        if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
            return wrong(text);
        }
        return whole(static_cast<std::int64_t>(value), text);
    }

    bool number_float(number_float_t /*value*/, const string_t& text) override {
        if (skips()) return true;
        if (key_ != "retry_after_ms") return wrong(text);
        arrival_.retry_after = exact_ms(text);
        return arrival_.retry_after ? true : wrong(text);
    }

    bool string(string_t& value) override {
        if (skips()) return true;
        std::string* member = text_member();
        if (member == nullptr) return wrong("a string");
        *member = std::move(value);
        return true;
    }

    bool binary(binary_t& /*value*/) override { return wrong("binary"); }

    bool start_object(std::size_t /*size*/) override {
        return depth_++ == 0 || key_.empty() || wrong("an object");
    }
    bool start_array(std::size_t /*size*/) override {
        if (depth_++ == 0) return stop("an arrival must be a JSON object, not a list");
        return key_.empty() || wrong("a list");
    }
    bool end_object() override {
        if (--depth_ > 0) return true;
        for (std::size_t i = 0; i < kKeys.size(); ++i) {
            if (!seen_[i]) return stop(fmt::format("\"{}\" is missing", kKeys[i]));
        }
        return true;
    }
    bool end_array() override {
        --depth_;
        return true;
    }

    bool key(string_t& name) override {
        if (depth_ != 1) return true;
        key_ = {};
        for (std::size_t i = 0; i < kKeys.size(); ++i) {
            if (kKeys[i] != name) continue;
            if (std::exchange(seen_[i], true)) {
                return stop(fmt::format("\"{}\" stands twice", kKeys[i]));
            }
            key_ = kKeys[i];
        }
        return true;
    }

    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::json::exception& /*why*/) override {
        return stop(fmt::format("not valid JSON near byte {}", position));
    }

  private:
    // Whether the value that comes belongs to no key of ours. A bare value is no object.
    bool skips() {
        if (depth_ == 0) return stop("an arrival must be a JSON object"), false;
        return key_.empty() || depth_ > 1;
    }

    bool stop(std::string sentence) {
        if (problem_.empty()) problem_ = std::move(sentence);
        return false;
    }

    bool wrong(std::string_view what) {
        std::string_view expected = "a whole number";
        if (key_ == "admitted") expected = "true or false";
        if (text_member() != nullptr) expected = "a string";
        if (key_ == "retry_after_ms") expected = "milliseconds (down to 0.000001) or null";
        if (key_ == "done_ns") expected = "a whole number or null";
        if (key_ == "seq") expected = "a whole number from 0";
        return stop(fmt::format("\"{}\" must be {}, not {}", key_, expected, what));
    }

    std::string* text_member() {
        if (key_ == "provider") return &arrival_.provider;
        if (key_ == "key") return &arrival_.key;
        if (key_ == "model") return &arrival_.model;
        if (key_ == "reason") return &arrival_.reason;
        if (key_ == "correlation_id") return &arrival_.correlation_id;
        return key_ == "agent" ? &arrival_.agent : nullptr;
    }

    bool whole(std::int64_t value, const std::string& text) {
        if (key_ == "at_ns") {
            arrival_.at = Nanos{value};
        } else if (key_ == "done_ns") {
            arrival_.done = Nanos{value};
        } else if (key_ == "retry_after_ms") {
            arrival_.retry_after = exact_ms(text);
            if (!arrival_.retry_after) return wrong(text);
        } else if (std::int64_t* member = whole_member()) {
            *member = value;
        } else {
            return wrong(text);
        }
        return true;
    }

    std::int64_t* whole_member() {
        if (key_ == "prompt_tokens") return &arrival_.prompt_tokens;
        if (key_ == "max_tokens") return &arrival_.max_tokens;
        if (key_ == "reserved_tokens") return &arrival_.reserved_tokens;
        if (key_ == "status") return &arrival_.status;
        if (key_ == "in_flight") return &arrival_.in_flight;
        if (key_ == "attempt") return &arrival_.attempt;
        return key_ == "completion_tokens" ? &arrival_.completion_tokens : nullptr;
    }

    Arrival arrival_;
    std::array<bool, kKeys.size()> seen_{};
    std::string_view key_;  // of ours; empty below a key that is not
    int depth_ = 0;
    std::string problem_;
};

}  // namespace

namespace internal {

std::optional<Nanos> exact_ms(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    std::string digits(text.substr(0, point));
    std::string_view fraction = point == text.npos ? "" : text.substr(point + 1);
    while (fraction.ends_with('0')) fraction.remove_suffix(1);
    if (fraction.size() > 6) return std::nullopt;
    digits += fraction;
    digits.append(6 - fraction.size(), '0');
    if (negative) digits.insert(digits.begin(), '-');
    std::int64_t ns = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ns);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return Nanos{ns};
}

Result<Arrival> read_any_line(std::string_view line) {
    Reader reader;
    const bool read = nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
    if (!read) return fail(ErrorKind::io, "arrival log: " + reader.problem());
    return reader.take();
}

}  // namespace internal

Result<Arrival> from_line(std::string_view line) {
    Arrival arrival;
    if (auto read = read_line(line, arrival); !read) return tl::unexpected(read.error());
    return arrival;
}

Result<void> read_line(std::string_view line, Arrival& into) {
    if (internal::read_own_line(line, into)) return {};
    auto read = internal::read_any_line(line);
    if (!read) return tl::unexpected(read.error());
    into = *std::move(read);
    return {};
}

}  // namespace squadload::arrivals
