// Everything counted for one task, or for all of them. Merges exactly.
#pragma once

#include <cstdint>

#include "load/measure/histogram.h"
#include "load/measure/outcome.h"
#include "load/measure/rounded_times.h"

namespace squadload::measure {

// One finished request, as the engine reports it. Durations as in ARCHITECTURE.md, "Vocabulary".
struct RequestRecord {
    std::uint16_t task = 0;
    Outcome outcome = Outcome::ok;
    int status = 0;         // of the complete response, else 0
    Nanos response_time{};  // end - intended start
    Nanos service_time{};   // end - actual start
    Nanos blocked{};        // before the actual start, no slot free
    Nanos generator_lag{};  // the rest of the delay before the actual start
    Nanos connect{-1};      // connect() to established; -1: reused connection, or not established
    Nanos handshake{-1};    // of TLS, after `connect`; -1: none, or not completed
    bool resumed = false;   // that handshake resumed a session
    Nanos first_byte{-1};   // actual start to first byte of the response; -1: none came
    std::uint64_t bytes_received = 0;  // on the wire
    std::uint64_t bytes_sent = 0;
    std::uint64_t body_bytes = 0;  // of the complete response, before its coding is undone
    std::uint32_t redirects = 0;   // followed
};

struct TaskStats {
    OutcomeCounts outcomes;
    Histogram response_time;     // every outcome but unsent
    RoundedTimes rounded_times;  // the same, rounded as Locust rounds them
    Histogram response_time_ok;
    Histogram service_time;
    Histogram generator_lag;
    Histogram blocked;
    Histogram connect;
    Histogram handshake;  // of TLS
    Histogram first_byte;
    std::uint64_t handshakes_resumed = 0;
    std::uint64_t responses_429 = 0;  // complete responses with that status
    std::uint64_t retries = 0;
    Histogram retry_wait;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t body_bytes = 0;
    std::uint64_t redirects = 0;  // followed

    void record(const RequestRecord& r);  // unsent: only the outcome counts
    void record_unsent(std::uint64_t n = 1) { outcomes.add(Outcome::unsent, n); }
    void merge(const TaskStats& other);
    void clear();
};

}  // namespace squadload::measure
