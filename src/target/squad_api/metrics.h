// GET /metrics: the Prometheus text format. Internal to this room.
//
// clang-format off
// name                                   labels                   meaning
// squad_requests_total                   provider, agent, status  by who served ("none": nobody)
// squad_provider_calls_total             provider, agent, status  calls made, by how they ended
// squad_provider_429_total               provider                 of them answered with 429
// squad_provider_skips_total             provider, reason         passed over without a call
// squad_fallbacks_total                  provider, reason         served by another than the first
// squad_provider_latency_seconds         provider                 histogram of complete answers
// squad_provider_tokens_total            provider, kind           as the provider counted them
// squad_bucket_tokens_available          provider                 requests the burst bucket holds
// squad_window_occupancy, …_limit        provider                 requests in the window
// squad_window_tokens, …_limit           provider                 tokens reserved in the window
// squad_throttle_factor                  provider                 1: not slowed down
// squad_breaker_state                    provider                 0 closed, 1 half open, 2 open
// squad_provider_in_flight               provider                 calls under way
// squad_in_flight, squad_queue_length                             requests now
// squad_queue_entered_total, squad_queue_outcomes_total{outcome}, squad_queue_wait_seconds_total
// squad_hangups_total, squad_unauthorized_total, squad_accept_errors_total
// squad_refused_total                    reason                   by the server's bounds
// squad_audit_rows_total{state}, squad_audit_queued, squad_history_turns_total{state}
// clang-format on
#pragma once

#include <string>

#include "target/squad_api/core.h"

namespace squadload::squad_api {

inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

[[nodiscard]] std::string metrics_text(Core& core, MonoTime now);

}  // namespace squadload::squad_api
