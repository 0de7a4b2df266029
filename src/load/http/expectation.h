// Does a complete response meet its task's expectations? Pure.
#pragma once

#include <string>

#include "base/time.h"
#include "load/http/response_parser.h"
#include "load/scenario/scenario.h"

namespace squadload::http {

// "" when every expectation but the status is met; else one sentence for the failures table that
// stays the same for the same cause ("json /text missing", "body does not contain \"ok\"", "took
// longer than 2s"), so that failures group. The status is judged by the caller, through
// Expectation::accepts (outcomes are decided in the order of the outcome table).
//
// Order: headers, body, JSON, time. The body is looked into decoded. A header met by any of its
// fields is met. JSON expectations need the whole body to be one valid document (RFC 8259, UTF-8,
// no byte order mark, at most 1,024 levels deep), wherever the pointer leads. JSON values are equal
// by value: 1 and 1.0 and 10e-1 are the same number (exactly compared, 64-bit integers and
// doubles), members have no order, strings are compared unescaped.
//
// `response` was started with keep_headers if there are header expectations, and keep_body if
// expect.reads_body().
[[nodiscard]] std::string unmet_expectation(const scenario::Expectation& expect,
                                            const ResponseParser& response, Nanos service_time);

// "", or why nothing can be looked for in the body of a complete response: a sentence as above.
[[nodiscard]] std::string undecoded_body(const ResponseParser& response);

}  // namespace squadload::http
