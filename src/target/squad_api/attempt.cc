#include "target/squad_api/attempt.h"

#include <array>

namespace squadload::squad_api {

std::string_view name_of(Reason reason) {
    static constexpr std::array<std::string_view, kReasons> kNames = {
        "",    "quota",   "throttle", "breaker", "429",
        "5xx", "timeout", "connect",  "invalid", "rejected"};
    return kNames[static_cast<std::size_t>(reason)];
}

std::string_view name_of(Attempt::Outcome outcome) {
    switch (outcome) {
        case Attempt::Outcome::ok:
            return "ok";
        case Attempt::Outcome::skipped:
            return "skipped";
        case Attempt::Outcome::failed:
            break;
    }
    return "failed";
}

std::string short_text(const Attempt& attempt) {
    if (attempt.outcome == Attempt::Outcome::ok) return "ok";
    std::string text = attempt.outcome == Attempt::Outcome::skipped ? "skipped:" : "";
    text += name_of(attempt.reason);
    return text;
}

}  // namespace squadload::squad_api
