// Reading the metrics file field by field, for the readers of this room. Not for other rooms.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "judge/result/json_internal.h"

namespace squadload::result::internal {

// The first thing found wrong; the rest of the reading then yields defaults.
struct Fault {
    std::string message;
    void set(std::string text) {
        if (message.empty()) message = std::move(text);
    }
};

// A value of the document and the path to it. A value that is missing or of the wrong kind sets the
// fault and reads as zero or empty.
class Field {
  public:
    Field(const Json* value, std::string path, Fault& fault)
        : value_(value), path_(std::move(path)), fault_(&fault) {}

    [[nodiscard]] Field operator[](const char* key) const;
    [[nodiscard]] std::uint64_t u64() const;
    [[nodiscard]] std::uint32_t u32() const;
    [[nodiscard]] int integer(int low, int high) const;
    [[nodiscard]] double number() const;
    [[nodiscard]] std::optional<double> optional_number() const;  // null: none; likewise below
    [[nodiscard]] std::optional<std::uint64_t> optional_u64() const;
    [[nodiscard]] std::optional<std::string> optional_text() const;
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::vector<std::string> texts() const;
    [[nodiscard]] bool flag() const;
    [[nodiscard]] Nanos nanos() const;
    [[nodiscard]] Nanos seconds() const;
    [[nodiscard]] bool is_null() const;
    [[nodiscard]] bool is_empty() const;  // an object without members

    void each(const std::function<void(const Field&)>& visit) const;
    void each_member(const std::function<void(const std::string&, const Field&)>& visit) const;
    void wrong(const std::string& wanted) const { fault_->set(path_ + " is not " + wanted); }

  private:
    [[nodiscard]] Field missing(const std::string& path, std::string message) const;

    const Json* value_;  // none: an earlier fault
    std::string path_;
    Fault* fault_;
};

[[nodiscard]] measure::Histogram read_histogram(const Field& field);
// Of `count` requests.
[[nodiscard]] measure::RoundedTimes read_rounded(const Field& field, std::uint64_t count);

// Members about the providers' side (json_providers.cc).
[[nodiscard]] ProviderResult read_provider(const std::string& name, const Field& field);
[[nodiscard]] std::vector<WitnessCheck> read_witness(const Field& list);
[[nodiscard]] std::vector<FiredEvent> read_events(const Field& list);
[[nodiscard]] std::vector<Criterion> read_criteria(const Field& list);
[[nodiscard]] std::optional<Capacity> read_capacity(const Field& field);  // json_capacity.cc

}  // namespace squadload::result::internal
