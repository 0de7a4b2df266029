// A scenario, fully resolved: what the engine drives and the verdict judges. Plain values;
// immutable once the run starts.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "load/pacing/schedule.h"
#include "load/pacing/wait_time.h"
#include "load/scenario/regex.h"
#include "load/scenario/template.h"

namespace squadload::scenario {

// Each limit counts from the actual start of the request. 0 means none.
struct Timeouts {
    Nanos connect = std::chrono::seconds{5};
    Nanos first_byte{};  // until the first byte of the response
    Nanos total = std::chrono::seconds{30};
};

enum class ConnectionMode { per_user, shared };

struct ConnectionSettings {
    ConnectionMode mode = ConnectionMode::per_user;
    std::uint32_t max = 100;  // shared: size of the pool, over all workers
};

// Bounds on what a target may make us hold. Beyond them: protocol_error.
struct ResponseLimits {
    std::uint64_t header_bytes = 64 * 1024;
    std::uint64_t checked_body_bytes =
        10 * 1024 * 1024;  // kept in memory only when a check reads the body
    std::uint64_t body_bytes =
        1024ULL * 1024 * 1024;  // a longer body is cut off (connection closed)
};

using HeaderTemplates = std::vector<std::pair<std::string, Template>>;

// TLS to the target, for https:// URLs.
struct TlsSettings {
    bool verify = true;            // the certificate's chain and name
    std::string ca_file;           // PEM; "": the system's authorities
    std::string certificate_file;  // PEM chain of the client's certificate; "": none
    std::string key_file;          // its key; "": in certificate_file
    std::string server_name;       // of the target's host, sent as SNI and verified; "": that host
    bool session_reuse = false;    // a user's later connections resume its own session
    std::string min_version = "1.2";
    std::string max_version = "1.3";
    // Where the files were named; as host_mark.
    SourceMark ca_mark, certificate_mark, key_mark;
};

struct RedirectSettings {
    std::uint32_t max = 0;  // redirects followed per request; 0: a redirect is the answer
    // Origins ("https://login.example.com") that may be followed to beside the target's own host.
    std::vector<std::string> hosts;
};

struct Target {
    std::string host;  // base URL, "http://127.0.0.1:8000"; empty: none given
    SourceMark
        host_mark;  // where it was given; file "--host" or "SQUADLOAD_HOST" when not from the file
    HeaderTemplates headers;
    Timeouts timeouts;
    ConnectionSettings connections;
    ResponseLimits limits;
    TlsSettings tls;
    RedirectSettings redirects;
    std::string proxy;        // URL; "": from the environment, "none": none
    SourceMark proxy_mark{};  // as host_mark
                              // Local IP addresses and blocks of them (ip_block.h) that connections
                              // start from, in turn;
    // none: the kernel's choice.
    std::vector<std::string> source_addresses;
};

struct StatusRange {
    int first = 200;
    int last = 299;  // inclusive
    friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

struct HeaderExpectation {
    std::string name;
    std::optional<std::string> equals;  // whole value; neither: the header must be there
    std::optional<std::string> contains;
};

struct JsonExpectation {
    std::string pointer;                // RFC 6901
    std::optional<std::string> equals;  // compact JSON text of the wanted value; none: must exist
};

struct Expectation {
    std::vector<StatusRange> status{StatusRange{}};  // never contains 429
    std::vector<HeaderExpectation> headers;
    std::vector<std::string> body_contains;
    std::vector<JsonExpectation> json;
    std::optional<Nanos> max_time;  // service time

    [[nodiscard]] bool accepts(int code) const {
        for (const auto& range : status) {
            if (code >= range.first && code <= range.last) return true;
        }
        return false;
    }
    [[nodiscard]] bool reads_body() const { return !body_contains.empty() || !json.empty(); }
};

inline constexpr std::size_t kMaxVariableBytes = 64 * 1024;  // that an extraction may set

// Takes a value out of an ok response into a variable of the user.
struct Extraction {
    enum class From {
        json,    // the body, by RFC 6901 pointer: a string unquoted, anything else as compact JSON
        header,  // the first header of that name
        regex,   // the body, by RE2 expression: its first group, or the whole match without one
    };
    std::uint16_t variable = 0;  // index into UserClass::variables
    From from = From::json;
    std::string what;                     // pointer, header name or expression
    std::optional<std::string> fallback;  // none: the value must be there (check_failed)
    std::shared_ptr<const Regex> regex;   // `what`, compiled; set when from is regex
};

// A question to a variable: "token", "!token", "state == done", "state != done".
struct Condition {
    enum class Is { set, unset, equal, different };  // an unset variable differs from every text
    std::uint16_t variable = 0;
    Is is = Is::set;
    std::string text;
};

// One HTTP request with its expectations.
struct Request {
    std::string name;        // "chat"
    std::string entry_name;  // "/agents/chat": what Locust's formats show
    std::string description;
    std::string method = "GET";
    Template path;  // "/agents/chat", escaped as a path; may carry a literal query
    std::vector<std::pair<Template, Template>> query;
    HeaderTemplates headers;  // the target's headers merged in, the task's winning
    Template body;
    bool has_body = false;
    bool body_is_json = false;  // built from YAML: body.source() is JSON text with its expressions
    Timeouts timeouts;          // the target's, overridden by the task
    Expectation expect;
    std::vector<Extraction> extract;
    std::optional<std::uint32_t> redirects{};  // followed, instead of the target's redirects.max
};

// One request of a flow.
struct Step : Request {
    std::optional<Condition> when;   // asked before the first time; not met: the step is left out
    std::uint32_t repeat = 1;        // times, at most
    std::optional<Condition> until;  // asked after each time: met, the repeating ends
    pacing::WaitTime think;          // none, constant or between: after each time, but not at the
                                     // end of the flow
};

// One weighted action of a user: one request, or several steps one after the other. One run of it
// is an iteration.
struct Task : Request {
    std::uint32_t weight = 1;  // 0 switches the task off
    std::vector<Step> steps;   // not empty: they are sent instead of the task's own request
};

// A virtual user keeps its variables and cookies from its first request to its last; they are
// never another's.
struct UserClass {
    std::string name;
    std::uint32_t weight = 1;
    pacing::WaitTime wait;
    std::vector<Task> tasks;
    std::vector<Step>
        on_start{};               // before the user's first iteration; failed: again after the wait
    std::vector<Step> on_stop{};  // after its last, if on_start succeeded
    std::vector<std::string> variables{};  // names, in the order of their first extraction
    bool cookies = false;                  // kept and sent back (RFC 6265)
};

enum class Model { open, closed };
enum class Kind { steady, spike };

// A bound as written; judge/verdict compiles it. Known names are checked there, with the place.
struct ThresholdEntry {
    std::string name;   // "p95_latency_max_ms", or "" for a free expression
    std::string value;  // "2000", or the expression "p95(chat) < 2s"
    SourceMark mark;
    friend bool operator==(const ThresholdEntry& a, const ThresholdEntry& b) {
        return a.name == b.name && a.value == b.value;
    }
};

struct FailFast {
    bool enabled = false;
    std::vector<ThresholdEntry> bounds;  // judged on the last `window`
    Nanos window = std::chrono::seconds{10};
    std::uint64_t min_samples = 20;
};

// What a user does about a 429. Waits are what the response asks for (Retry-After), `default_wait`
// when it does not say, never more than `max_wait`, and then up to `jitter` of it longer.
struct On429 {
    enum class Action {
        record,  // note it and go on
        wait,    // note it and send nothing before the wait is over; closed model
        retry,   // send the same request again after it: one outcome, from the first intended start
    };
    Action action = Action::record;
    std::uint32_t max_retries = 3;  // of one request; 1 or more
    Nanos default_wait = std::chrono::seconds{1};
    Nanos max_wait = std::chrono::seconds{60};
    double jitter = 0.1;
    // Closed model: the number of active users falls while 429s last (pacing/active_share.h).
    bool adaptive = false;
    SourceMark mark{};
};
[[nodiscard]] std::string_view name_of(On429::Action action);  // "record"

// What happens to a simulated provider while a scenario runs.
struct Event {
    Nanos at{};  // since the start of the scenario
    std::string provider;
    std::string kind;            // "quota", or a fault of the simulators: "outage", "storm", …
    std::optional<Nanos> lasts;  // none: to the end of the scenario
    std::optional<Nanos> retry_after;  // of a storm
    // Of kind quota: {"requests", 1040}, per window of the provider's quota.
    std::vector<std::pair<std::string, std::int64_t>> amounts;
    // The other settings as JSON members: "\"share\": 0.3"; and as people read them.
    std::string settings, settings_text;
    SourceMark mark;
};
[[nodiscard]] std::string label_of(const Event& event);  // "groq: quota, 1,040 requests, for 40s"

// How the stack that is started beside the load differs from what is shipped.
struct StackSettings {
    double quota_scale = 1;  // every quota times this, the simulators' and the gateway's
};

// How the target is asked about itself beside the load.
struct ObserveSettings {
    bool enabled = true;
    Nanos interval = std::chrono::seconds{1};
    std::string health = "/health", metrics = "/metrics";  // below the target's base path; "": none
};

// Where a response says who served it, and how.
struct AttributionSource {
    enum class From { none, header, json };  // json: RFC 6901 pointer into the body
    From from = From::none;
    std::string what;
    friend bool operator==(const AttributionSource&, const AttributionSource&) = default;
};
struct Attribution {
    enum Field : std::uint8_t {
        provider,
        model,
        fallback,  // true/false, a number (of fallbacks, or of the place in the chain), or …[N]
        fallback_reason,
        attempts,  // "groq=429, cerebras=skipped:quota", or the number of retries
        request_id,
        agent,
        tokens,  // "120+80": prompt and completion
        prompt_tokens,
        completion_tokens
    };
    static constexpr std::size_t kFields = 10;
    std::string preset;  // "squad", …; "": nobody said, so a target of ours decides
    std::array<AttributionSource, kFields> sources;

    [[nodiscard]] bool any() const;
    friend bool operator==(const Attribution&, const Attribution&) = default;
};
[[nodiscard]] std::string_view name_of(Attribution::Field field);  // "fallback_reason"
// none, squad, squad_original, litellm, portkey, bifrost, openai. Nothing for another name.
[[nodiscard]] std::optional<Attribution> attribution_preset(std::string_view name);
[[nodiscard]] const std::vector<std::string>& attribution_presets();

// What a suite is held against as a whole.
struct SuiteSettings {
    std::string baseline;  // scenario that spikes are held against; "": the steady one before it
    // p95 of a spike, of all requests and of each task, at most so many times the baseline's; 0: no
    // bound. A difference below `ignore` is none.
    double latency_ratio_max = 0;
    Nanos latency_ratio_ignore = std::chrono::milliseconds{50};
    bool criteria = false;  // list the acceptance criteria of the Squad API's load tests
    SourceMark baseline_mark{};
};

// Which columns the story's provider_settings switch on. Used from judge/observe on.
struct ProviderSettings {
    std::vector<std::string> enabled_providers;
    SourceMark enabled_mark{};
    bool track_rpm = true;
    bool track_fallback = true;
    bool track_429s = true;
};

struct Scenario {
    std::string name;
    std::string description;
    Kind kind = Kind::steady;
    Model model = Model::closed;

    // Both models.
    std::uint32_t users = 1;  // closed: how many; open: bound on concurrent users
    // Open: nobody asked for this bound, so it may be lowered to what the process can open.
    bool users_by_default = false;
    Nanos duration{};  // of the schedule; Nanos::max() when only `requests` ends it
    std::optional<std::uint64_t> requests;  // stop after that many intended starts
    Nanos graceful_stop =
        std::chrono::seconds{30};  // how long after the end requests are still started and awaited
    std::uint64_t seed = 1;
    std::uint32_t workers = 1;  // threads

    // Closed model.
    double spawn_rate = 0;  // users per second, 0: all at once

    // Open model.
    std::vector<pacing::RateStage> rates;  // durations add up to `duration`
    pacing::Arrivals arrivals = pacing::Arrivals::constant;
    std::uint32_t max_in_flight = 0;  // bound on requests in flight; 0: users is the only bound

    Target target;
    std::vector<UserClass> classes;  // at least one with weight > 0, each with a task of weight > 0
    std::vector<ThresholdEntry> thresholds;
    FailFast fail_fast;
    ProviderSettings providers;
    SuiteSettings suite;  // the same in every scenario of a file
    Attribution attribution;
    ObserveSettings observe;
    std::vector<Event> events;  // in the order of the file
    On429 on_429;
    StackSettings stack;
    std::string witness_url;  // of simulated providers beside a target of one's own; "": none
    SourceMark witness_mark;
    // Durations were divided and rates multiplied by this. The stack beside the load follows; times
    // of single requests do not.
    double time_scale = 1;
    std::shared_ptr<const DataSets> data;  // what the templates point into

    // What was derived or ignored, as plain sentences for the user ("--users 50 switches sustained
    // to the closed model").
    std::vector<std::string> notes;
};

}  // namespace squadload::scenario
