// An event of a scenario as it came to pass. Plain value.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"

namespace squadload::result {

struct FiredEvent {
    std::string label;  // "groq: quota 1,040 requests for 40s"
    std::string provider;
    Nanos at{};  // since the start of the scenario
    std::optional<Nanos> until;
    std::string error;  // why it did not come to pass; "" when it did
    friend bool operator==(const FiredEvent&, const FiredEvent&) = default;
};

}  // namespace squadload::result
