// Does a complete response meet its task's expectations? Pure.
#pragma once

#include <string>

#include "base/time.h"
#include "load/http/response_parser.h"
#include "load/scenario/scenario.h"

namespace squadload::http {

// "" when every expectation but the status is met; else one sentence for the failures table that stays the same for the
// same cause ("json /text missing", "body does not contain \"ok\"", "took longer than 2s"), so that failures group.
// The status is judged by the caller, through Expectation::accepts (outcomes are decided in the order of the outcome table).
[[nodiscard]] std::string unmet_expectation(const scenario::Expectation& expect, const ResponseParser& response,
                                            Nanos service_time);

}  // namespace squadload::http
