// What a request came to, told from the words in which a Locust run says why it failed. For this
// room.
#pragma once

#include <string>
#include <string_view>

#include "load/measure/outcome.h"

namespace squadload::locust_files {

// The text without what Locust puts around it: the quotes of repr(), once or twice, and
// CatchResponseError(…).
[[nodiscard]] std::string unwrapped(std::string_view text);

struct Told {
    measure::Outcome outcome = measure::Outcome::check_failed;
    int status = 0;  // where the text has one
};

// Texts of squadload itself ("status 503"), of HttpUser (HTTPError('404 Client Error: …')), of
// FastHttpUser (BadStatusCode(code=500)), of connections that failed and of timeouts. 429 is
// rate_limited; what is not understood, and a status below 400, is check_failed.
[[nodiscard]] Told outcome_of(std::string_view text);

}  // namespace squadload::locust_files
