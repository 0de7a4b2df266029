// Failures grouped by task, outcome and message, with counts, first and last time and one example
// each. Bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "load/measure/outcome.h"

namespace squadload::measure {

struct FailureGroup {
    std::uint16_t task = 0;
    Outcome outcome = Outcome::connect_error;
    std::string message;  // the same text for the same cause
    std::uint64_t count = 0;
    Nanos first{};  // end of the request, since the start of the run
    Nanos last{};
    int status = 0;       // of the example; 0 when no response
    std::string example;  // start of the body, at most kMaxExample bytes of valid UTF-8; control
                          // characters and stray bytes are shown as '.'
};

class FailureTable {
  public:
    static constexpr std::size_t kMaxGroups = 200;
    static constexpr std::size_t kMaxExample = 512;

    // The first occurrence of a group keeps its example. Past kMaxGroups, further groups count
    // together per task and outcome under the message "other failures" (that may exceed kMaxGroups
    // by one group per task and outcome).
    void add(std::uint16_t task, Outcome outcome, std::string_view message, Nanos at,
             int status = 0, std::string_view example = {});
    // A group keeps the example that came first.
    void merge(const FailureTable& other);
    void clear() { groups_.clear(); }
    [[nodiscard]] const std::vector<FailureGroup>& groups() const { return groups_; }

  private:
    FailureGroup& group(std::uint16_t task, Outcome outcome, std::string_view message);
    std::vector<FailureGroup> groups_;
};

}  // namespace squadload::measure
