// One line of the acceptance criteria a suite is held against. Plain value.
#pragma once

#include <string>
#include <string_view>

namespace squadload::result {

enum class CriterionAnswer {
    met,
    not_met,
    not_exercised,  // the run gave no occasion to judge it, or no evidence: never met
    left_out,       // a time-scaled run would blur it
};
[[nodiscard]] std::string_view name(CriterionAnswer answer);  // "met", "not met", …

struct Criterion {
    std::string id;        // "AC-4"
    std::string text;      // "latency in the spike at most 2 × sustained"
    std::string scenario;  // "spike"; "": over all of them
    std::string bound;     // "≤ 2 ×"
    std::string actual;    // "1.11 × (chat), 1.08 × (total)"
    CriterionAnswer answer = CriterionAnswer::not_exercised;
    std::string sentence;  // why, where the figures do not say it; "" else
    friend bool operator==(const Criterion&, const Criterion&) = default;
};

}  // namespace squadload::result
