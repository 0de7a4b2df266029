// What became of one provider's turn in a request: called or passed over, and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace squadload::squad_api {

// Why a provider did not answer a request. The first three are reasons not to call it, the others
// what came of the call.
enum class Reason : std::uint8_t {
    none,
    quota,         // our own limits of it are used up; called: its day's quota or money is (402)
    throttle,      // slowed down because of 429s, or the pause it asked for is not over
    breaker,       // left alone after failures
    rate_limited,  // "429"
    server_error,  // "5xx": 5xx, Groq's 498
    timeout,       // ours, or its 408
    connect,       // no connection: resolve, connect, TLS
    invalid,       // connection lost within the answer, malformed or incomplete answer
    rejected,      // another 4xx: would fail elsewhere too, so nobody else is asked
};
[[nodiscard]] std::string_view name_of(Reason reason);
inline constexpr std::size_t kReasons = 10;

// Whether the next provider is asked after such a failure.
[[nodiscard]] constexpr bool may_fall_back(Reason reason) {
    return reason != Reason::none && reason != Reason::rejected;
}

// How one call ended, as the decision needs it.
struct CallEnd {
    Reason reason = Reason::none;      // none: ok
    int status = 0;                    // 0: no answer
    std::optional<Nanos> retry_after;  // the provider's hint: a floor
    // From a call that was given up: the client left, or the request's total time was over before
    // the provider's timeout. Says nothing about the provider.
    bool abandoned = false;
};

struct Attempt {
    enum class Outcome : std::uint8_t { ok, skipped, failed };
    std::size_t provider = 0;
    Outcome outcome = Outcome::failed;
    Reason reason = Reason::none;
    int status = 0;  // of the provider's answer; 0: none
    Nanos time{};    // of the call
};
[[nodiscard]] std::string_view name_of(Attempt::Outcome outcome);
// "ok", "429", "skipped:quota": as in the header x-squad-attempts.
[[nodiscard]] std::string short_text(const Attempt& attempt);

}  // namespace squadload::squad_api
