// The outcome of a scheduled request: exactly one each. Order and meaning: ARCHITECTURE.md,
// "Outcomes".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace squadload::measure {

enum class Outcome : std::uint8_t {
    unsent,             // never started: the run ended, or was stopped, before a slot was free
    connect_error,      // DNS, connect or TLS handshake failed
    timeout,            // a connect, first-byte or total timeout struck
    connection_closed,  // the peer closed or reset before a complete response
    protocol_error,     // malformed response, or a header or body over its bound
    abandoned,          // still in flight when graceful_stop ended
    rate_limited,       // 429
    ok,                 // expected status, every other expectation met
    server_error,       // a 5xx not expected
    client_error,       // another 4xx not expected
    check_failed,  // any other status not expected, or an expectation on headers, body or time not
                   // met
};
inline constexpr std::size_t kOutcomes = 11;

[[nodiscard]] std::string_view name(Outcome outcome);  // "connect_error"
[[nodiscard]] std::optional<Outcome> outcome_from_name(std::string_view name);

struct OutcomeCounts {
    std::array<std::uint64_t, kOutcomes> count{};

    [[nodiscard]] std::uint64_t operator[](Outcome o) const {
        return count[static_cast<std::size_t>(o)];
    }
    void add(Outcome o, std::uint64_t n = 1) { count[static_cast<std::size_t>(o)] += n; }
    void merge(const OutcomeCounts& other);
    [[nodiscard]] std::uint64_t scheduled() const;  // all
    [[nodiscard]] std::uint64_t requests() const;   // all but unsent
    [[nodiscard]] std::uint64_t ok() const { return (*this)[Outcome::ok]; }
    [[nodiscard]] std::uint64_t rate_limited() const { return (*this)[Outcome::rate_limited]; }
    [[nodiscard]] std::uint64_t failed() const;  // requests - ok - rate_limited
    [[nodiscard]] std::uint64_t completed()
        const;  // a complete response came: rate_limited … check_failed
    friend bool operator==(const OutcomeCounts&, const OutcomeCounts&) = default;
};

}  // namespace squadload::measure
