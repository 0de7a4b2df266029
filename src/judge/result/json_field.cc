#include "judge/result/json_field.h"

#include <fmt/core.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace squadload::result::internal {

using measure::Histogram;

Field Field::operator[](const char* key) const {
    const std::string path = path_.empty() ? key : path_ + "." + key;
    if (value_ == nullptr || !value_->is_object()) return missing(path, path_ + " is no object");
    const auto it = value_->find(key);
    if (it == value_->end()) return missing(path, path + " is missing");
    return {&*it, path, *fault_};
}

Field Field::missing(const std::string& path, std::string message) const {
    if (value_ != nullptr) fault_->set(std::move(message));
    return {nullptr, path, *fault_};
}

std::uint64_t Field::u64() const {
    if (value_ != nullptr && value_->is_number_unsigned()) return value_->get<std::uint64_t>();
    return wrong("a whole number, not negative"), 0;
}

std::uint32_t Field::u32() const {
    const std::uint64_t v = u64();
    if (v <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(v);
    return wrong("a number below 2^32"), 0;
}

int Field::integer(int low, int high) const {
    if (value_ != nullptr && value_->is_number_integer()) {
        const auto v = value_->get<std::int64_t>();
        if (v >= low && v <= high) return static_cast<int>(v);
    }
    return wrong(fmt::format("a whole number from {} to {}", low, high)), low;
}

double Field::number() const {
    if (value_ != nullptr && value_->is_number()) return value_->get<double>();
    return wrong("a number"), 0;
}

std::optional<double> Field::optional_number() const {
    if (is_null()) return std::nullopt;
    return number();
}

std::optional<std::uint64_t> Field::optional_u64() const {
    if (is_null()) return std::nullopt;
    return u64();
}

std::optional<std::string> Field::optional_text() const {
    if (is_null()) return std::nullopt;
    return text();
}

std::string Field::text() const {
    if (value_ != nullptr && value_->is_string()) return value_->get<std::string>();
    return wrong("a text"), std::string();
}

std::vector<std::string> Field::texts() const {
    std::vector<std::string> out;
    each([&out](const Field& item) { out.push_back(item.text()); });
    return out;
}

bool Field::flag() const {
    if (value_ != nullptr && value_->is_boolean()) return value_->get<bool>();
    return wrong("true or false"), false;
}

Nanos Field::nanos() const {
    const std::uint64_t v = u64();
    if (v <= 1ULL << 62) return Nanos{static_cast<std::int64_t>(v)};
    return wrong("a time"), Nanos{};
}

Nanos Field::seconds() const {
    const double v = number();
    if (v >= 0 && v < 1e9) return from_seconds(v);
    return wrong("a time in seconds"), Nanos{};
}

bool Field::is_empty() const {
    return value_ != nullptr && value_->is_object() && value_->empty();
}

bool Field::is_null() const {
    return value_ != nullptr && value_->is_null();
}

void Field::each(const std::function<void(const Field&)>& visit) const {
    if (value_ == nullptr || !value_->is_array()) return wrong("a list");
    std::size_t i = 0;
    for (const auto& item : *value_)
        visit(Field(&item, fmt::format("{}[{}]", path_, i++), *fault_));
}

void Field::each_member(const std::function<void(const std::string&, const Field&)>& visit) const {
    if (value_ == nullptr || !value_->is_object()) return wrong("an object");
    for (const auto& [key, value] : value_->items()) {
        visit(key, Field(&value, path_ + "." + key, *fault_));
    }
}

measure::Histogram read_histogram(const Field& field) {
    Histogram h;
    std::optional<std::uint32_t> first, last;
    bool ascending = true;
    field["buckets"].each([&](const Field& pair) {
        std::vector<Field> items;
        pair.each([&](const Field& item) { items.push_back(item); });
        if (items.size() != 2) return pair.wrong("a pair of bucket and count");
        const std::uint32_t bucket = items[0].u32();
        const std::uint64_t count = items[1].u64();
        if (bucket >= Histogram::bucket_count()) return pair.wrong("a bucket that exists");
        if (last && bucket <= *last) ascending = false;
        if (!first) first = bucket;
        last = bucket;
        h.add_bucket(bucket, count);
    });
    const Nanos min = field["min_ns"].nanos();
    const Nanos max = field["max_ns"].nanos();
    const double sum = field["sum_ns"].number();
    if (!ascending) field.wrong("a histogram: its buckets do not ascend");
    if (!first) return h;
    if (Histogram::bucket_of(min) != *first || Histogram::bucket_of(max) != *last) {
        field.wrong("a histogram: its extremes lie outside its buckets");
    }
    if (min < Nanos{0} || min > max) {
        field.wrong("a histogram: its minimum is not within 0 and its maximum");
        return h;
    }
    if (!(sum >= 0 && sum <= 0x1p127)) {
        field.wrong("a histogram: its sum is no sum of durations");
        return h;
    }
    h.restore_extremes(min, max, sum);
    return h;
}

measure::RoundedTimes read_rounded(const Field& field, std::uint64_t count) {
    measure::RoundedTimes times;
    field.each_member([&](const std::string& key, const Field& value) {
        std::uint32_t ms = 0;
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), ms);
        if (error != std::errc() || end != key.data() + key.size() || !times.add(ms, value.u64()))
            value.wrong("the count of a response time as Locust rounds it");
    });
    if (times.count() != count) field.wrong("rounded times of all its requests");
    return times;
}

}  // namespace squadload::result::internal
