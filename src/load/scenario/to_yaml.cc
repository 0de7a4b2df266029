#include <fmt/core.h>

#include "base/units.h"
#include "load/scenario/config.h"
#include "load/scenario/data_sets.h"
#include "load/scenario/yaml_writer.h"

namespace squadload::scenario {
namespace {

std::string tls_text(const TlsSettings& tls) {
    std::string out = fmt::format("{{verify: {}, ", tls.verify);
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) out += fmt::format("{}: {}, ", key, yaml_scalar(value));
    };
    add("ca_file", tls.ca_file);
    add("certificate_file", tls.certificate_file);
    add("key_file", tls.key_file);
    add("server_name", tls.server_name);
    return out + fmt::format("session_reuse: {}, min_version: {}, max_version: {}}}",
                             tls.session_reuse, tls.min_version, tls.max_version);
}

void write_target(YamlWriter& out, const Target& target) {
    out.key(0, "target");
    if (!target.host.empty()) out.key(1, "host", yaml_scalar(target.host));
    write_headers(out, 1, target.headers);
    out.key(1, "timeouts", timeouts_text(target.timeouts));
    const bool shared = target.connections.mode == ConnectionMode::shared;
    out.key(1, "connections",
            shared ? fmt::format("{{mode: shared, max: {}}}", target.connections.max) : "per_user");
    out.key(1, "tls", tls_text(target.tls));
    if (!target.proxy.empty()) out.key(1, "proxy", yaml_scalar(masked_url(target.proxy)));
    const ResponseLimits& limits = target.limits;
    out.key(1, "limits",
            fmt::format("{{header_bytes: {}, checked_body_bytes: {}, body_bytes: {}}}",
                        limits.header_bytes, limits.checked_body_bytes, limits.body_bytes));
    const RedirectSettings& redirects = target.redirects;
    out.key(1, "redirects",
            redirects.hosts.empty()
                ? fmt::format("{}", redirects.max)
                : fmt::format("{{max: {}, hosts: {}}}", redirects.max, yaml_list(redirects.hosts)));
    if (!target.source_addresses.empty())
        out.key(1, "source_addresses", yaml_list(target.source_addresses));
}

void write_data(YamlWriter& out, const DataSets* data) {
    if (data == nullptr || data->all().empty()) return;
    out.key(0, "data");
    for (const auto& set : data->all()) {
        if (set->is_list())
            out.key(1, set->name, yaml_list(set->values.front()));
        else
            out.key(1, set->name, fmt::format("{{file: {}}}", yaml_scalar(set->file)));
    }
}

void write_rates(YamlWriter& out, const Scenario& s) {
    const bool constant = s.rates.size() == 1 && s.rates[0].start_per_s == s.rates[0].end_per_s;
    if (constant) {
        out.key(2, "rate", fmt::format("{}", s.rates[0].start_per_s));
    } else {
        out.key(2, "stages");
        for (const pacing::RateStage& stage : s.rates) {
            const std::string duration = format_duration(stage.duration);
            if (stage.start_per_s == stage.end_per_s) {
                out.line(3, fmt::format("- {{duration: {}, rate: {}}}", duration, stage.end_per_s));
            } else {
                out.line(3, fmt::format("- {{duration: {}, from: {}, to: {}}}", duration,
                                        stage.start_per_s, stage.end_per_s));
            }
        }
    }
    if (constant && s.duration != Nanos::max()) out.key(2, "duration", format_duration(s.duration));
    out.key(2, "arrivals", s.arrivals == pacing::Arrivals::poisson ? "poisson" : "constant");
    out.key(2, "max_in_flight",
            s.max_in_flight == 0 ? "0  # none" : fmt::format("{}", s.max_in_flight));
}

void write_event(YamlWriter& out, const Event& event) {
    std::string text = fmt::format("- {{at: {}, provider: {}, fault: {}", format_duration(event.at),
                                   yaml_scalar(event.provider), event.kind);
    if (event.lasts) text += ", for: " + format_duration(*event.lasts);
    if (event.retry_after) text += ", retry_after: " + format_duration(*event.retry_after);
    for (const auto& [what, amount] : event.amounts) text += fmt::format(", {}: {}", what, amount);
    if (!event.settings.empty()) text += ", " + event.settings;
    out.line(3, text + "}");
}

void write_on_429(YamlWriter& out, const On429& on) {
    if (on.action == On429::Action::record && !on.adaptive)
        return out.key(2, "on_429", name_of(on.action));
    out.key(2, "on_429");
    out.key(3, "do", name_of(on.action));
    if (on.action == On429::Action::retry)
        out.key(3, "max_retries", fmt::format("{}", on.max_retries));
    if (on.action != On429::Action::record) {
        out.key(3, "default_wait", format_duration(on.default_wait));
        out.key(3, "max_wait", format_duration(on.max_wait));
        out.key(3, "jitter", fmt::format("{:g}", on.jitter));
    }
    if (on.adaptive) out.key(3, "adaptive", "true");
}

void write_scenario(YamlWriter& out, const Scenario& s) {
    out.key(0, "scenarios");
    out.key(1, s.name);
    if (!s.description.empty()) out.key(2, "description", yaml_scalar(s.description));
    out.key(2, "kind", s.kind == Kind::spike ? "spike" : "steady");
    out.key(2, "users", fmt::format("{}", s.users));
    if (s.model == Model::open) {
        write_rates(out, s);
    } else {
        out.key(2, "spawn_rate",
                s.spawn_rate > 0 ? fmt::format("{}", s.spawn_rate) : "0  # all at once");
        if (s.duration != Nanos::max()) out.key(2, "duration", format_duration(s.duration));
    }
    if (s.requests) out.key(2, "requests", fmt::format("{}", *s.requests));
    out.key(2, "graceful_stop", format_duration(s.graceful_stop));
    write_on_429(out, s.on_429);
    if (!s.events.empty()) out.key(2, "events");
    for (const Event& event : s.events) write_event(out, event);
}

void write_bounds(YamlWriter& out, const std::vector<ThresholdEntry>& bounds) {
    std::vector<std::string> expressions;
    for (const ThresholdEntry& bound : bounds) {
        if (bound.name.empty())
            expressions.push_back(bound.value);
        else
            out.key(1, bound.name, yaml_scalar(bound.value));
    }
    if (!expressions.empty()) out.key(1, "expressions", yaml_list(expressions));
}

void write_attribution(YamlWriter& out, const Attribution& attribution) {
    if (attribution.preset.empty()) return;  // nobody said
    const auto preset = attribution_preset(attribution.preset);
    if (preset && *preset == attribution) return out.key(0, "attribution", attribution.preset);
    out.key(0, "attribution");
    out.key(1, "preset", attribution.preset);
    for (std::size_t i = 0; i < Attribution::kFields; ++i) {
        const auto field = static_cast<Attribution::Field>(i);
        const AttributionSource& source = attribution.sources[field];
        if (source.from == AttributionSource::From::none) continue;
        const char* from = source.from == AttributionSource::From::header ? "header" : "json";
        out.key(1, name_of(field), fmt::format("{{{}: {}}}", from, yaml_scalar(source.what)));
    }
}

}  // namespace

std::string to_yaml(const Scenario& scenario) {
    YamlWriter out;
    out.line(0, fmt::format("# {}: {} model", scenario.name,
                            scenario.model == Model::open ? "open" : "closed"));
    for (const std::string& note : scenario.notes) out.line(0, "# note: " + note);
    out.key(0, "version", "1");
    out.key(0, "seed", fmt::format("{}", scenario.seed));
    out.key(0, "workers", fmt::format("{}", scenario.workers));
    write_target(out, scenario.target);
    write_users(out, scenario.classes);
    write_data(out, scenario.data.get());
    write_scenario(out, scenario);
    if (!scenario.thresholds.empty()) out.key(0, "thresholds");
    write_bounds(out, scenario.thresholds);
    out.key(0, "fail_fast");
    out.key(1, "enabled", scenario.fail_fast.enabled ? "true" : "false");
    out.key(1, "window", format_duration(scenario.fail_fast.window));
    out.key(1, "min_samples", fmt::format("{}", scenario.fail_fast.min_samples));
    write_bounds(out, scenario.fail_fast.bounds);
    out.key(0, "provider_settings");
    out.key(1, "enabled_providers", yaml_list(scenario.providers.enabled_providers));
    out.key(1, "track_rpm", scenario.providers.track_rpm ? "true" : "false");
    out.key(1, "track_fallback", scenario.providers.track_fallback ? "true" : "false");
    out.key(1, "track_429s", scenario.providers.track_429s ? "true" : "false");
    write_attribution(out, scenario.attribution);
    const ObserveSettings& observe = scenario.observe;
    if (!observe.enabled) {
        out.key(0, "observe", "none");
    } else {
        out.key(0, "observe");
        out.key(1, "interval", format_duration(observe.interval));
        out.key(1, "health", observe.health.empty() ? "none" : yaml_scalar(observe.health));
        out.key(1, "metrics", observe.metrics.empty() ? "none" : yaml_scalar(observe.metrics));
    }
    if (!scenario.witness_url.empty())
        out.key(0, "witness", yaml_scalar(masked_url(scenario.witness_url)));
    const SuiteSettings& suite = scenario.suite;
    out.key(0, "suite");
    out.key(1, "criteria", suite.criteria ? "squad" : "none");
    // A file of one scenario cannot name another.
    if (!suite.baseline.empty()) out.line(1, "# baseline: " + suite.baseline);
    out.key(1, "latency_ratio_max", fmt::format("{:g}", suite.latency_ratio_max));
    out.key(1, "latency_ratio_ignore_ms", fmt::format("{:g}", to_ms(suite.latency_ratio_ignore)));
    return out.take();
}

}  // namespace squadload::scenario
