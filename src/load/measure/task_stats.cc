#include "load/measure/task_stats.h"

namespace squadload::measure {
namespace {

constexpr int kTooManyRequests = 429;  // RFC 6585 §4

}  // namespace

void TaskStats::record(const RequestRecord& r) {
    outcomes.add(r.outcome);
    if (r.outcome == Outcome::unsent) return;
    response_time.record(r.response_time);
    rounded_times.record(r.response_time);
    if (r.outcome == Outcome::ok) response_time_ok.record(r.response_time);
    service_time.record(r.service_time);
    generator_lag.record(r.generator_lag);
    blocked.record(r.blocked);
    if (r.connect >= Nanos{0}) connect.record(r.connect);
    if (r.handshake >= Nanos{0}) handshake.record(r.handshake);
    if (r.resumed) ++handshakes_resumed;
    if (r.first_byte >= Nanos{0}) first_byte.record(r.first_byte);
    if (r.status == kTooManyRequests) ++responses_429;
    bytes_received += r.bytes_received;
    bytes_sent += r.bytes_sent;
    body_bytes += r.body_bytes;
    redirects += r.redirects;
}

void TaskStats::merge(const TaskStats& other) {
    outcomes.merge(other.outcomes);
    response_time.merge(other.response_time);
    rounded_times.merge(other.rounded_times);
    response_time_ok.merge(other.response_time_ok);
    service_time.merge(other.service_time);
    generator_lag.merge(other.generator_lag);
    blocked.merge(other.blocked);
    connect.merge(other.connect);
    handshake.merge(other.handshake);
    first_byte.merge(other.first_byte);
    handshakes_resumed += other.handshakes_resumed;
    responses_429 += other.responses_429;
    retries += other.retries;
    retry_wait.merge(other.retry_wait);
    bytes_received += other.bytes_received;
    bytes_sent += other.bytes_sent;
    body_bytes += other.body_bytes;
    redirects += other.redirects;
}

void TaskStats::clear() {
    outcomes = {};
    response_time.clear();
    rounded_times.clear();
    response_time_ok.clear();
    service_time.clear();
    generator_lag.clear();
    blocked.clear();
    connect.clear();
    handshake.clear();
    first_byte.clear();
    handshakes_resumed = 0;
    responses_429 = 0;
    retries = 0;
    retry_wait.clear();
    bytes_received = 0;
    bytes_sent = 0;
    body_bytes = 0;
    redirects = 0;
}

}  // namespace squadload::measure
