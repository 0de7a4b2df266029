#include "run/try_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/suggest.h"
#include "judge/result/run_result.h"
#include "load/engine/connection.h"
#include "load/engine/entry_table.h"
#include "load/http/response_parser.h"
#include "run/run_scenario.h"
#include "run/wire_tap.h"

namespace squadload::run {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr Nanos kTurn = std::chrono::seconds{1};
constexpr int kCloseTurns = 1000;

// What is left to show when the exchange is over: views of the result do not outlive the call.
class Attempt final : public engine::ExchangeOwner {
  public:
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] const engine::ExchangeResult& result() const { return result_; }
    [[nodiscard]] const std::string& message() const { return message_; }

  private:
    void exchange_started(engine::Connection&, MonoTime) override {}
    void exchange_done(engine::Connection&, const engine::ExchangeResult& result) override {
        result_ = result;
        message_ = result.message;
        result_.message = result_.example = {};
        done_ = true;
    }

    bool done_ = false;
    engine::ExchangeResult result_;
    std::string message_;
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
    const auto& result = attempt.result();
    out += fmt::format("\noutcome {}{}{}\n{}\n", measure::name(result.outcome),
                       attempt.message().empty() ? "" : ": ", attempt.message(), timings(result));
    if (!tls.empty()) out += tls + "\n";
    return out;
}

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
    // One connection, whatever the scenario's load would need.
    scenario.requests = 1;
    const auto plan = preflight(std::move(scenario), raise_and_read_limits(), network);
    if (!plan) return tl::unexpected(plan.error());
    const auto backend = choose_backend(backend_name);
    if (!backend) return tl::unexpected(backend.error());
    const auto loop = backend->make_loop(0);
    if (!loop) return tl::unexpected(loop.error());

    const auto& limits = plan->scenario.target.limits;
    const engine::EntryTable entries(*plan);
    const std::uint16_t entry = entries.sequence(*number).first_entry;
    WireTap tap(limits.checked_body_bytes + limits.header_bytes);
    Attempt attempt;
    engine::ChannelContext channels{**loop, *plan};
    engine::Connection connection(channels, *plan, entries, attempt, &tap);
    Random random(plan->scenario.seed, RandomStream::iteration, 0);
    std::string scratch;
    engine::Connection::Job job;
    job.entry = entry;
    job.intended = job.free_since = (*loop)->now();
    connection.start(job, random, scratch);
    while (!attempt.done()) (*loop)->run_once((*loop)->now() + kTurn);
    connection.shut();
    for (int i = 0; i < kCloseTurns && connection.open(); ++i)
        (*loop)->run_once((*loop)->now() + std::chrono::milliseconds{1});

    const auto text = shown(tap, attempt, limits, channels.tls_used);
    terminal.out(terminal.out_is_terminal() ? harmless(text) : text);
    return attempt.result().outcome == measure::Outcome::ok ? result::ExitCode::pass
                                                            : result::ExitCode::fail;
}

}  // namespace squadload::run
