#include "run/try_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/suggest.h"
#include "judge/result/run_result.h"
#include "load/engine/connection.h"
#include "load/engine/entry_table.h"
#include "load/engine/flow.h"
#include "load/engine/user_data.h"
#include "load/http/response_parser.h"
#include "run/embedded.h"
#include "run/run_scenario.h"
#include "run/wire_tap.h"

namespace squadload::run {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr Nanos kTurn = std::chrono::seconds{1};
constexpr int kCloseTurns = 1000;

// The outcome of one exchange: views of a result do not outlive the call that brings it.
struct Attempt {
    bool done = false;
    engine::ExchangeResult result;
    std::string message;
};

// Lines of a head, each with a mark before it, the blank line left out.
std::string marked(std::string_view head, std::string_view mark) {
    std::string out;
    while (!head.empty()) {
        const auto end = std::min(head.find('\n'), head.size());
        auto one = head.substr(0, end);
        if (!one.empty() && one.back() == '\r') one.remove_suffix(1);
        out += fmt::format("{} {}\n", mark, one);
        head.remove_prefix(std::min(end + 1, head.size()));
    }
    return out;
}

// The body as the checks see it: transfer coding removed where the response is well-formed, else
// what came.
std::string body_text(std::string_view received, std::size_t heads, bool head_request,
                      const scenario::ResponseLimits& limits) {
    http::ResponseParser parser;
    parser.start(head_request, false, true,
                 {limits.header_bytes, limits.body_bytes, limits.checked_body_bytes});
    const auto status = parser.feed(received);
    if (status != http::ResponseParser::Status::failed && parser.status_code() != 0)
        return std::string(parser.body());
    return std::string(received.substr(heads));
}

std::string milliseconds(Nanos d) {
    return d < Nanos{} ? "–" : fmt::format("{:.2f} ms", to_ms(d));
}

std::string timings(const engine::ExchangeResult& r) {
    const std::string tls =
        r.handshake < Nanos{} ? "" : fmt::format(", TLS {}", milliseconds(r.handshake));
    return fmt::format("connect {}{}, first byte {}, complete {}; {} bytes sent, {} received",
                       milliseconds(r.connect), tls, milliseconds(r.first_byte),
                       milliseconds(r.end - r.actual_start), r.bytes_sent, r.bytes_received);
}

std::string with_line_end(std::string text) {
    if (!text.empty() && text.back() != '\n') text += '\n';
    return text;
}

std::string shown(const WireTap::Exchange& exchange, const scenario::ResponseLimits& limits) {
    const std::string_view sent = exchange.sent;
    const auto sent_head = end_of_heads(sent);
    std::string out = marked(sent.substr(0, sent_head), ">");
    out += with_line_end(std::string(sent.substr(sent_head)));
    const std::string_view received = exchange.received;
    const auto heads = end_of_heads(received);
    out += marked(received.substr(0, heads), "<");
    return out + with_line_end(body_text(received, heads, sent.starts_with("HEAD "), limits));
}

std::string shown(const WireTap& tap, const Attempt& attempt,
                  const scenario::ResponseLimits& limits, const std::string& tls) {
    std::string out;
    for (const auto& exchange : tap.exchanges())
        out += (out.empty() ? "" : "\n") + shown(exchange, limits);
    const auto& result = attempt.result;
    out += fmt::format("\noutcome {}{}{}\n{}\n", measure::name(result.outcome),
                       attempt.message.empty() ? "" : ": ", attempt.message, timings(result));
    if (!tls.empty()) out += tls + "\n";
    return out;
}

// One user on one connection: its requests one after the other, each shown when it is over.
class Trial final : public engine::ExchangeOwner {
  public:
    Trial(const engine::Plan& plan, transport::Loop& loop, const Terminal& terminal)
        : plan_(plan),
          loop_(loop),
          terminal_(terminal),
          entries_(plan),
          tap_(plan.scenario.target.limits.checked_body_bytes +
               plan.scenario.target.limits.header_bytes),
          channels_{loop, plan},
          connection_(channels_, plan, entries_, *this, &tap_) {}

    // on_start, the task and on_stop of its user. True when every outcome was ok and nothing was
    // missing.
    bool run(std::uint16_t task) {
        const auto ref = entries_.sequence(task).ref;
        const auto& user_class = plan_.scenario.classes[ref.user_class];
        data_.variables.resize(user_class.variables.size());
        variable_names_ = user_class.variables;
        titles_ = entries_.of_class(ref.user_class).has_flow;
        engine::Flow flow(entries_, ref.user_class);
        Random session(plan_.scenario.seed, RandomStream::user, 0);
        Random iteration(plan_.scenario.seed, RandomStream::iteration, 0);
        bool fine = true;
        if (flow.needs_on_start()) {
            fine = play(flow, flow.begin_on_start(data_.variables), session);
        }
        if (fine) fine = play(flow, flow.begin_iteration(task, data_.variables), iteration);
        if (flow.needs_on_stop()) {
            fine = play(flow, flow.begin_on_stop(data_.variables), session) && fine;
        }
        close();
        return fine;
    }

  private:
    bool play(engine::Flow& flow, engine::Flow::Next next, Random& random) {
        using Kind = engine::Flow::Next::Kind;
        while (next.kind == Kind::send) {
            if (next.think != nullptr) {
                wait(pacing::next_start(*next.think, Nanos{0}, Nanos{0}, random));
            }
            exchange(next.entry, random);
            next = flow.answered(attempt_.result.outcome == measure::Outcome::ok, data_.variables);
        }
        if (next.kind == Kind::missing) {
            show(fmt::format("\nended before {}: {} is not set\n", label(next.entry),
                             variable_names_[next.variable]));
        }
        return next.kind == Kind::over;
    }

    void exchange(std::uint16_t entry, Random& random) {
        tap_.begin();
        attempt_ = {};
        engine::Connection::Job job;
        job.entry = entry;
        job.data = &data_;
        job.intended = job.free_since = loop_.now();
        connection_.start(job, random, scratch_);
        while (!attempt_.done) loop_.run_once(loop_.now() + kTurn);
        std::string text;
        if (titles_) text = fmt::format("{}── {}\n", shown_any_ ? "\n" : "", label(entry));
        shown_any_ = true;
        show(text + shown(tap_, attempt_, plan_.scenario.target.limits, channels_.tls_used));
    }

    void exchange_started(engine::Connection&, MonoTime) override {}
    void exchange_done(engine::Connection&, const engine::ExchangeResult& result) override {
        attempt_.result = result;
        attempt_.message = result.message;
        attempt_.result.message = attempt_.result.example = {};
        attempt_.done = true;
    }

    void wait(Nanos time) {
        for (const MonoTime end = loop_.now() + time; loop_.now() < end;) loop_.run_once(end);
    }

    void close() {
        connection_.shut();
        for (int i = 0; i < kCloseTurns && connection_.open(); ++i)
            loop_.run_once(loop_.now() + std::chrono::milliseconds{1});
    }

    [[nodiscard]] std::string label(std::uint16_t entry) const {
        return entry_labels(plan_.scenario)[entry];
    }
    void show(const std::string& text) const {
        terminal_.out(terminal_.out_is_terminal() ? harmless(text) : text);
    }

    const engine::Plan& plan_;
    transport::Loop& loop_;
    const Terminal& terminal_;
    engine::EntryTable entries_;
    WireTap tap_;
    engine::ChannelContext channels_;
    engine::Connection connection_;
    engine::UserData data_;
    std::span<const std::string> variable_names_;
    std::string scratch_;
    Attempt attempt_;
    bool titles_ = false;
    bool shown_any_ = false;
};

}  // namespace

Result<std::uint16_t> find_task(const scenario::Scenario& scenario, const std::string& task) {
    const auto refs = number_sequences(scenario);
    std::vector<std::string> known;
    for (std::size_t i = 0; i < refs.size(); ++i) {
        if (refs[i].part != scenario::Part::task) continue;
        const auto& user = scenario.classes[refs[i].user_class];
        const auto& one = user.tasks[refs[i].task];
        const bool named = one.name == task || user.name + "." + one.name == task;
        if (task.empty() ? user.weight > 0 && one.weight > 0 : named)
            return static_cast<std::uint16_t>(i);
        known.push_back(one.name);
    }
    const auto nearest = nearest_name(task, known);
    return fail(ErrorKind::usage,
                fmt::format("scenario {} has no task {}{}", scenario.name, task,
                            nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

std::size_t end_of_heads(std::string_view bytes) {
    std::size_t at = 0;
    for (;;) {
        const auto end = bytes.find(kEndOfHead, at);
        if (end == std::string_view::npos) return bytes.size();
        const auto status = bytes.substr(at, 10);
        at = end + kEndOfHead.size();
        if (!(status.starts_with("HTTP/1.") && status.size() == 10 && status[9] == '1')) return at;
    }
}

std::string harmless(std::string_view text) {
    std::string out(text);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto byte = static_cast<unsigned char>(out[i]);
        if ((byte < 0x20 && out[i] != '\n' && out[i] != '\t') || byte == 0x7f) out[i] = '.';
        // U+0080 … U+009F are control characters, too: 0xC2 and their own number in UTF-8.
        const bool control = i > 0 && out[i - 1] == '\xc2' && byte >= 0x80 && byte <= 0x9f;
        if (control) out[i - 1] = out[i] = '.';
    }
    return out;
}

Result<int> try_task(scenario::Scenario scenario, const std::string& task, const Terminal& terminal,
                     const Network& network, const std::string& backend_name) {
    const auto number = find_task(scenario, task);
    if (!number) return tl::unexpected(number.error());
    // What the answer is, not what comes of asking again.
    scenario.on_429 = {};
    // One connection, whatever the scenario's load would need.
    scenario.requests = 1;
    EmbeddedStack stack;
    if (auto given = stack.give_target(scenario); !given) return tl::unexpected(given.error());
    const auto plan = preflight(std::move(scenario), raise_and_read_limits(), network);
    if (!plan) return tl::unexpected(plan.error());
    const auto backend = choose_backend(backend_name);
    if (!backend) return tl::unexpected(backend.error());
    const auto loop = backend->make_loop(0);
    if (!loop) return tl::unexpected(loop.error());

    Trial trial(*plan, **loop, terminal);
    return trial.run(*number) ? result::ExitCode::pass : result::ExitCode::fail;
}

}  // namespace squadload::run
