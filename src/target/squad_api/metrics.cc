#include "target/squad_api/metrics.h"

#include <fmt/core.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <deque>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

namespace squadload::squad_api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
  public:
    MetricFamily& add(const char* name, MetricType type, const char* help) {
        MetricFamily family;
        family.name = name;
        family.help = help;
        family.type = type;
        all_.push_back(std::move(family));
        return all_.back();
    }
    void one(const char* name, MetricType type, const char* help, double value) {
        put(add(name, type, help), {}, value);
    }
    static void put(MetricFamily& family, Labels labels, double value) {
        ClientMetric metric;
        metric.label = std::move(labels);
        (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
        family.metric.push_back(std::move(metric));
    }
    [[nodiscard]] std::string text() const {
        std::ostringstream out;
        prometheus::TextSerializer().Serialize(out, {all_.begin(), all_.end()});
        return std::move(out).str();
    }

  private:
    std::deque<MetricFamily> all_;  // references to elements stay valid
};

double number(std::uint64_t n) {
    return static_cast<double>(n);
}

std::string provider_name(const Core& core, std::size_t place_plus_one) {
    return place_plus_one == 0 ? "none" : core.providers[place_plus_one - 1].config.name;
}

std::string agent_name(const Core& core, std::size_t place_plus_one) {
    return place_plus_one == 0 ? "none" : core.routes[place_plus_one - 1].name;
}

void add_requests(Families& families, const Core& core) {
    auto& requests = families.add("squad_requests_total", MetricType::Counter,
                                  "Chat requests by who served them, agent and status");
    for (const auto& [key, count] : core.counters.requests) {
        const auto& [provider, route, status] = key;
        Families::put(requests,
                      {{"provider", provider_name(core, provider)},
                       {"agent", agent_name(core, route)},
                       {"status", fmt::format("{}", status)}},
                      number(count));
    }
    auto& calls = families.add("squad_provider_calls_total", MetricType::Counter,
                               "Calls to providers by agent and how they ended");
    for (const auto& [key, count] : core.counters.calls) {
        const auto& [provider, route, status] = key;
        Families::put(calls,
                      {{"provider", core.providers[provider].config.name},
                       {"agent", core.routes[route].name},
                       {"status", status}},
                      number(count));
    }
    auto& fallbacks =
        families.add("squad_fallbacks_total", MetricType::Counter,
                     "Requests served by another than the first provider of their chain");
    for (const auto& [key, count] : core.counters.fallbacks)
        Families::put(fallbacks,
                      {{"provider", core.providers[key.first].config.name},
                       {"reason", std::string(name_of(key.second))}},
                      number(count));
}

ClientMetric::Histogram histogram_of(const LatencyHistogram& latency) {
    ClientMetric::Histogram out;
    out.sample_count = latency.count;
    out.sample_sum = latency.sum_seconds;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < latency.counts.size(); ++i) {
        below += latency.counts[i];
        const double bound =
            i < kLatencyBounds.size() ? kLatencyBounds[i] : std::numeric_limits<double>::infinity();
        out.bucket.push_back({below, bound});
    }
    return out;
}

void add_provider_counters(Families& families, const Core& core) {
    auto& limited = families.add("squad_provider_429_total", MetricType::Counter,
                                 "Calls a provider answered with 429");
    for (const Provider& p : core.providers)
        Families::put(limited, {{"provider", p.config.name}}, number(p.counters.answers_429));
    auto& skips = families.add("squad_provider_skips_total", MetricType::Counter,
                               "Turns a provider was passed over without a call");
    auto& latency = families.add("squad_provider_latency_seconds", MetricType::Histogram,
                                 "Time of complete answers of a provider");
    auto& tokens = families.add("squad_provider_tokens_total", MetricType::Counter,
                                "Tokens as the provider counted them");
    for (const Provider& p : core.providers) {
        for (std::size_t i = 0; i < kReasons; ++i)
            if (p.counters.skipped[i] > 0)
                Families::put(skips,
                              {{"provider", p.config.name},
                               {"reason", std::string(name_of(static_cast<Reason>(i)))}},
                              number(p.counters.skipped[i]));
        ClientMetric metric;
        metric.label = {{"provider", p.config.name}};
        metric.histogram = histogram_of(p.counters.latency);
        latency.metric.push_back(std::move(metric));
        Families::put(tokens, {{"provider", p.config.name}, {"kind", "prompt"}},
                      number(p.counters.prompt_tokens));
        Families::put(tokens, {{"provider", p.config.name}, {"kind", "completion"}},
                      number(p.counters.completion_tokens));
    }
}

// A gauge per provider; nothing where there is no value.
template <class F>
void add_gauge(Families& families, Core& core, const char* name, const char* help, F value_of) {
    auto& family = families.add(name, MetricType::Gauge, help);
    for (std::size_t i = 0; i < core.providers.size(); ++i) {
        const std::optional<double> value = value_of(i);
        if (value) Families::put(family, {{"provider", core.providers[i].config.name}}, *value);
    }
}

void add_provider_levels(Families& families, Core& core, MonoTime now) {
    std::vector<limits::QuotaState> states;
    for (std::size_t i = 0; i < core.providers.size(); ++i)
        states.push_back(core.stores.limiter->state(i, now).quota);
    using Level = std::optional<limits::Level>;
    const auto field = [&states](Level limits::QuotaState::* level,
                                 std::int64_t limits::Level::* part) {
        return [&states, level, part](std::size_t i) -> std::optional<double> {
            const Level& found = states[i].*level;
            if (!found) return std::nullopt;
            return static_cast<double>((*found).*part);
        };
    };
    using State = limits::QuotaState;
    add_gauge(families, core, "squad_bucket_tokens_available",
              "Requests the burst bucket would admit at once",
              field(&State::burst, &limits::Level::remaining));
    add_gauge(families, core, "squad_window_occupancy", "Requests admitted within the window",
              field(&State::requests, &limits::Level::used));
    add_gauge(families, core, "squad_window_limit", "Requests allowed within the window",
              field(&State::requests, &limits::Level::limit));
    add_gauge(families, core, "squad_window_tokens", "Tokens reserved within the window",
              field(&State::tokens, &limits::Level::used));
    add_gauge(families, core, "squad_window_tokens_limit", "Tokens allowed within the window",
              field(&State::tokens, &limits::Level::limit));
    add_gauge(families, core, "squad_throttle_factor", "Share of the rate left by the throttle",
              [&core, now](std::size_t i) -> std::optional<double> {
                  return core.providers[i].state.factor(now);
              });
    add_gauge(families, core, "squad_breaker_state", "0 closed, 1 half open, 2 open",
              [&core, now](std::size_t i) -> std::optional<double> {
                  switch (core.providers[i].state.breaker(now).phase) {
                      case limits::BreakerPhase::closed:
                          return 0;
                      case limits::BreakerPhase::half_open:
                          return 1;
                      case limits::BreakerPhase::open:
                          break;
                  }
                  return 2;
              });
    add_gauge(families, core, "squad_provider_in_flight", "Calls to a provider under way",
              [&core](std::size_t i) -> std::optional<double> {
                  return static_cast<double>(core.providers[i].state.in_flight());
              });
}

void add_queue(Families& families, const Core& core) {
    const Counters& counters = core.counters;
    families.one("squad_in_flight", MetricType::Gauge, "Chat requests under way",
                 number(counters.in_flight));
    families.one("squad_queue_length", MetricType::Gauge, "Requests waiting for room",
                 static_cast<double>(core.queue.length()));
    families.one("squad_queue_entered_total", MetricType::Counter, "Requests that had to wait",
                 number(counters.queued));
    auto& outcomes =
        families.add("squad_queue_outcomes_total", MetricType::Counter, "How waiting ended");
    Families::put(outcomes, {{"outcome", "granted"}}, number(counters.queue_granted));
    Families::put(outcomes, {{"outcome", "timeout"}}, number(counters.queue_timeouts));
    Families::put(outcomes, {{"outcome", "full"}}, number(counters.queue_full));
    families.one("squad_queue_wait_seconds_total", MetricType::Counter, "Time requests have waited",
                 counters.queue_seconds);
    families.one("squad_hangups_total", MetricType::Counter,
                 "Requests whose client left before the answer", number(counters.hangups));
    families.one("squad_unauthorized_total", MetricType::Counter, "Requests without a valid key",
                 number(counters.unauthorized));
}

// What never became a request of a handler, and so has no audit row.
void add_refused(Families& families, const Core& core) {
    if (core.server == nullptr) return;
    const service::ServerCounters& counters = core.server->counters();
    auto& refused = families.add("squad_refused_total", MetricType::Counter,
                                 "Requests refused before they were looked at");
    Families::put(refused, {{"reason", "overloaded"}}, number(counters.overloaded));
    Families::put(refused, {{"reason", "too_large"}}, number(counters.too_large));
    Families::put(refused, {{"reason", "bad_request"}}, number(counters.bad_requests));
    Families::put(refused, {{"reason", "timeout"}}, number(counters.timeouts));
    families.one("squad_accept_errors_total", MetricType::Counter,
                 "Connections that could not be accepted", number(counters.accept_errors));
}

void add_stores(Families& families, const Core& core) {
    if (core.stores.audit) {
        const AuditCounters counters = core.stores.audit->counters();
        auto& rows = families.add("squad_audit_rows_total", MetricType::Counter, "Audit rows");
        Families::put(rows, {{"state", "added"}}, number(counters.added));
        Families::put(rows, {{"state", "written"}}, number(counters.written));
        Families::put(rows, {{"state", "dropped"}}, number(counters.dropped));
        families.one("squad_audit_queued", MetricType::Gauge, "Audit rows not written yet",
                     number(counters.queued));
    }
    if (core.stores.history) {
        const HistoryCounters counters = core.stores.history->counters();
        auto& turns = families.add("squad_history_turns_total", MetricType::Counter,
                                   "Turns of conversations");
        Families::put(turns, {{"state", "appended"}}, number(counters.appended));
        Families::put(turns, {{"state", "dropped"}}, number(counters.dropped));
    }
}

}  // namespace

std::string metrics_text(Core& core, MonoTime now) {
    Families families;
    add_requests(families, core);
    add_provider_counters(families, core);
    add_provider_levels(families, core, now);
    add_queue(families, core);
    add_refused(families, core);
    add_stores(families, core);
    return families.text();
}

}  // namespace squadload::squad_api
