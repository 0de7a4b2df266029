#include "load/engine/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/units.h"
#include "load/engine/user_data.h"
#include "load/http/expectation.h"
#include "load/http/redirect.h"
#include "load/http/retry_after.h"

namespace squadload::engine {

using measure::Outcome;

namespace {

// The start of the body, taken from the bytes that completed a small response.
std::string_view body_in(std::span<const char> bytes) {
    const std::string_view text(bytes.data(), bytes.size());
    const auto end_of_head = text.find("\r\n\r\n");
    return end_of_head == std::string_view::npos ? text : text.substr(end_of_head + 4);
}

// What a connect timeout cut off.
std::string_view not_done(Channel::Stage stage) {
    switch (stage) {
        case Channel::Stage::tunnelling:
            return "connected to the proxy, but no tunnel";
        case Channel::Stage::handshaking:
            return "connected, but no TLS handshake";
        default:
            return "no connection";
    }
}

std::string_view broken_off(int error, bool started) {
    if (error == 0)
        return started ? "connection closed in the middle of the response"
                       : "connection closed before the response";
    if (error == Channel::kTruncated)
        return started ? "connection closed in the middle of the response (no TLS close_notify)"
                       : "connection closed before the response (no TLS close_notify)";
    return started ? "connection reset in the middle of the response"
                   : "connection reset before the response";
}

}  // namespace

Connection::Connection(ChannelContext& channels, const Plan& plan, const EntryTable& entries,
                       ExchangeOwner& owner, Tap* tap)
    : loop_(channels.loop),
      plan_(plan),
      entries_(entries),
      owner_(owner),
      tap_(tap),
      channel_(channels, *this) {}

void Connection::start(const Job& job, Random& random, std::string& body_scratch) {
    SQUADLOAD_CHECK(!busy_);
    busy_ = true;
    job_ = job;
    sent_ = false;
    start_error_ = 0;
    connect_ = handshake_ = first_byte_ = Nanos{-1};
    resumed_ = false;
    bytes_received_ = bytes_sent_ = 0;
    redirects_ = earlier_redirects_ = retries_ = 0;
    waited_ = Nanos{0};
    begun_ = false;
    origin_ = &plan_.origin;
    if (std::exchange(holds_, false)) buffer_.swap(held_);
    scenario::RenderContext context{plan_.first_number + job.number, random,
                                    plan_.first_user + job.user};
    if (job.data != nullptr) context.variables = job.data->variables;
    request_ = first_request_ =
        entries_.render(job.entry, context, job.data, buffer_, body_scratch);
    if (socket_state_ == SocketState::closing) {
        waiting_for_close_ = true;
        return;
    }
    begin();
}

void Connection::begin() {
    begun_ = true;
    actual_start_ = try_start_ = loop_.now();
    owner_.exchange_started(*this, actual_start_);
    send_hop();
}

void Connection::send_hop() {
    const CompiledEntry& compiled = entries_[job_.entry];
    const auto& limits = plan_.scenario.target.limits;
    const bool head = redirects_ == 0 ? compiled.head_request : redirect_chain_->head_request();
    parser_.start(head, compiled.keeps_headers, compiled.keeps_body,
                  {limits.header_bytes, limits.body_bytes, limits.checked_body_bytes});
    hop_start_ = redirects_ == 0 ? try_start_ : loop_.now();
    if (socket_state_ == SocketState::connected) {
        send_request();
        return;
    }
    start_error_ = channel_.open(*origin_);
    if (start_error_ != 0) {
        loop_.set_timer(*this, hop_start_);
        return;
    }
    socket_state_ = SocketState::connecting;
    ++opened_;
    watch(deadline_of_hop(compiled.request->timeouts.connect));
}

void Connection::send_request() {
    watch(deadline_of_hop(entries_[job_.entry].request->timeouts.first_byte));
    if (tap_ != nullptr) tap_->sent(request_);
    channel_.send(request_);
}

MonoTime Connection::deadline_of_hop(Nanos limit) const {
    const Nanos total = entries_[job_.entry].request->timeouts.total;
    return std::min(limit.count() == 0 ? MonoTime::max() : hop_start_ + limit,
                    total.count() == 0 ? MonoTime::max() : try_start_ + total);
}

// Moves the deadline; the armed timer is left alone unless it would come too late, and looks again
// when it fires.
void Connection::watch(MonoTime deadline) {
    deadline_ = deadline;
    if (deadline == MonoTime::max()) return;
    if (!armed() || Timer::deadline() > deadline) loop_.set_timer(*this, deadline);
}

void Connection::on_timer() {
    if (!busy_ || waiting_for_close_) return;
    const MonoTime now = loop_.now();
    if (start_error_ != 0) {
        const int error = std::exchange(start_error_, 0);
        fail_to_connect(error, now);
        return;
    }
    if (retry_at_) {
        now < *retry_at_ ? loop_.set_timer(*this, *retry_at_) : retry();
        return;
    }
    if (now < deadline_) {
        if (deadline_ != MonoTime::max()) loop_.set_timer(*this, deadline_);
        return;
    }
    const auto& timeouts = entries_[job_.entry].request->timeouts;
    std::string message;
    if (deadline_ == deadline_of_hop(Nanos{0})) {
        message = fmt::format("no complete response within {}", format_duration(timeouts.total));
    } else if (socket_state_ == SocketState::connecting) {
        message = fmt::format("{} within {}", not_done(channel_.stage()),
                              format_duration(timeouts.connect));
    } else {
        message = fmt::format("no first byte within {}", format_duration(timeouts.first_byte));
    }
    fail(Outcome::timeout, message, now);
}

void Connection::on_connected(int error) {
    if (!busy_) {
        close_socket(false);
        return;
    }
    if (error != 0) {
        fail_to_connect(error, loop_.batch_time());
        return;
    }
    socket_state_ = SocketState::connected;
    if (redirects_ == 0 && retries_ == 0) measure_connect();
    send_request();
}

void Connection::measure_connect() {
    MonoTime connected = loop_.batch_time();
    if (channel_.secured()) {
        const auto handshake = channel_.handshake();
        handshake_ = connected - handshake.started;
        resumed_ = handshake.resumed;
        connected = handshake.started;
    }
    connect_ = std::max(Nanos{0}, connected - actual_start_);
}

void Connection::on_sent(int error) {
    sent_ = true;
    if (error == 0 || !busy_ || retry_at_ || parser_.started()) return;
    fail(Outcome::connection_closed, "connection closed while the request was sent",
         loop_.batch_time());
}

void Connection::on_received(std::span<const char> bytes) {
    if (expects_nothing()) {
        close_socket(true);  // bytes nobody asked for: the connection cannot be trusted with
                             // another exchange
        return;
    }
    if (!parser_.started()) {
        first_byte_ = std::max(Nanos{0}, loop_.batch_time() - try_start_);
        const auto& timeouts = entries_[job_.entry].request->timeouts;
        if (timeouts.first_byte.count() != 0) watch(deadline_of_hop(Nanos{0}));
    }
    bytes_received_ += bytes.size();
    if (tap_ != nullptr) tap_->received(bytes);
    switch (parser_.feed(bytes)) {
        case http::ResponseParser::Status::need_more:
            return;
        case http::ResponseParser::Status::complete:
            complete(bytes);
            return;
        case http::ResponseParser::Status::failed:
            fail(Outcome::protocol_error, parser_.error(), loop_.batch_time());
            return;
    }
}

void Connection::on_end(int error) {
    if (expects_nothing()) {
        close_socket(false);
        return;
    }
    using Status = http::ResponseParser::Status;
    const Status status = error == 0 ? parser_.finish() : Status::need_more;
    if (status == Status::complete) {
        complete({});
        return;
    }
    if (status == Status::failed && !parser_.truncated()) {  // all there, but cannot be decoded
        fail(Outcome::protocol_error, parser_.error(), loop_.batch_time());
        return;
    }
    if (error == Channel::kFailed) {
        const ChannelFailure failure = channel_.failure();
        fail(failure.outcome, failure.message, loop_.batch_time());
        return;
    }
    fail(Outcome::connection_closed, broken_off(error, parser_.started()), loop_.batch_time());
}

void Connection::on_closed() {
    socket_state_ = SocketState::none;
    holds_ = false;
    if (waiting_for_close_) {
        waiting_for_close_ = false;
        begun_ ? send_hop() : begin();
    }
}

ExchangeResult Connection::result_so_far(MonoTime end) const {
    ExchangeResult r;
    r.actual_start = actual_start_;
    r.end = std::max(end, actual_start_);
    r.connect = connect_;
    r.handshake = handshake_;
    r.resumed = resumed_;
    r.first_byte = first_byte_;
    r.bytes_received = bytes_received_;
    r.bytes_sent = bytes_sent_ + (sent_ ? request_.size() : 0);
    r.redirects = earlier_redirects_ + redirects_;
    r.waited = waited_;
    return r;
}

// Outcomes in the order of the outcome table.
void Connection::complete(std::span<const char> last_bytes) {
    const CompiledEntry& compiled = entries_[job_.entry];
    const auto& expect = compiled.request->expect;
    std::string message;
    if (compiled.cookies && parser_.excess_bytes() == 0) keep_cookies();
    const bool redirected = compiled.max_redirects > 0 && parser_.excess_bytes() == 0 &&
                            http::is_redirect(parser_.status_code());
    if (redirected) {
        message = follow_redirect();
        if (message.empty()) return;
    }
    ExchangeResult r = result_so_far(loop_.batch_time());
    r.bytes_sent = bytes_sent_ + request_.size();
    r.status = parser_.status_code();
    r.body_bytes = parser_.body_bytes();
    if (redirected) {
        r.outcome = Outcome::check_failed;
    } else if (parser_.excess_bytes() > 0) {
        r.outcome = Outcome::protocol_error;
        message = "bytes after the end of the response";
    } else if (r.status == 429) {
        const auto& on = plan_.scenario.on_429;
        if (on.action == scenario::On429::Action::retry && retries_ < on.max_retries) {
            wait_to_retry(r);
            return;
        }
        r.outcome = Outcome::rate_limited;
        if (on.action == scenario::On429::Action::wait) r.user_waits = wait_after_429();
    } else if (expect.accepts(r.status)) {
        message = http::unmet_expectation(expect, parser_, r.end - try_start_);
        if (message.empty() && job_.data != nullptr) {
            message = compiled.extractor.extract(parser_, job_.data->variables);
        }
        r.outcome = message.empty() ? Outcome::ok : Outcome::check_failed;
    } else {
        r.outcome = r.status >= 500 && r.status < 600   ? Outcome::server_error
                    : r.status >= 400 && r.status < 500 ? Outcome::client_error
                                                        : Outcome::check_failed;
        message = fmt::format("status {}", r.status);
    }
    r.message = message;
    if (!message.empty()) r.example = compiled.keeps_body ? parser_.body() : body_in(last_bytes);
    measure::Claim claim;
    read_claim(r, claim);
    // The next exchange begins at the target again.
    const bool keep =
        sent_ && parser_.keep_alive() && parser_.excess_bytes() == 0 && origin_ == &plan_.origin;
    finish(r, keep, false);
}

void Connection::read_claim(ExchangeResult& result, measure::Claim& claim) const {
    if (!entries_[job_.entry].attributes) return;
    thread_local attribution::Attributor::Scratch scratch;
    if (entries_.attributor().read(parser_, scratch, claim)) result.claim = &claim;
}

Nanos Connection::wait_after_429() const {
    const auto& on = plan_.scenario.on_429;
    const auto hint = http::parse_retry_after(parser_.header("retry-after"), wall_now());
    const Nanos wait = std::min(hint.value_or(on.default_wait), on.max_wait);
    // Users that were refused together must not come back together.
    const std::uint64_t key = job_.number ^ (job_.user << 20) ^ (std::uint64_t{retries_} << 56) ^
                              (std::uint64_t{job_.entry} << 40);
    Random random(plan_.scenario.seed, RandomStream::backoff, key);
    return wait + from_seconds(to_seconds(wait) * on.jitter * random.unit());
}

// The response is a complete 429; the request goes out again later.
void Connection::wait_to_retry(const ExchangeResult& refused) {
    const Nanos wait = wait_after_429();
    ExchangeResult r = refused;
    r.outcome = Outcome::rate_limited;
    r.actual_start = try_start_;
    measure::Claim claim;
    read_claim(r, claim);
    const bool keep = sent_ && parser_.keep_alive() && origin_ == &plan_.origin;
    ++retries_;
    waited_ += wait;
    retry_at_ = r.end + wait;
    deadline_ = MonoTime::max();
    if (!keep) close_socket(false);
    loop_.set_timer(*this, *retry_at_);
    owner_.exchange_refused(*this, r, wait);
}

void Connection::retry() {
    retry_at_.reset();
    bytes_sent_ += request_.size();
    sent_ = false;
    try_start_ = loop_.now();
    earlier_redirects_ += std::exchange(redirects_, 0);
    origin_ = &plan_.origin;
    request_ = first_request_;
    if (socket_state_ == SocketState::closing)
        waiting_for_close_ = true;
    else
        send_hop();
}

// The response is complete. The next request goes out at once when its connection is this one, else
// when this one is closed.
std::string Connection::follow_redirect() {
    const std::uint32_t max = entries_[job_.entry].max_redirects;
    if (redirects_ == max) {
        return fmt::format("redirected more than {} time{}", max, max == 1 ? "" : "s");
    }
    if (!redirect_chain_) redirect_chain_ = std::make_unique<RedirectChain>(plan_);
    if (redirects_ == 0) redirect_chain_->begin(request_);
    std::string why_not = redirect_chain_->follow(parser_);
    if (!why_not.empty()) return why_not;
    redirect_chain_->render(next_cookie());

    ++redirects_;
    const bool keep = sent_ && parser_.keep_alive() && origin_ == &redirect_chain_->origin();
    origin_ = &redirect_chain_->origin();
    bytes_sent_ += request_.size();
    request_ = redirect_chain_->request();
    sent_ = false;
    if (keep) {
        send_hop();
    } else {
        waiting_for_close_ = true;
        close_socket(false);
    }
    return "";
}

void Connection::keep_cookies() {
    if (job_.data == nullptr) return;
    constexpr std::string_view kName = "Set-Cookie";
    const auto from = redirects_ == 0 ? cookie_url(plan_.origin, {request_.data(), request_.size()})
                                      : redirect_chain_->cookie_url();
    for (std::size_t i = 0; parser_.has_header(kName, i); ++i) {
        job_.data->cookies.store(parser_.header(kName, i), from, wall_now());
    }
}

// Of the request after a redirect: the request's own where they may go, then the user's.
std::optional<std::string_view> Connection::next_cookie() {
    if (!entries_[job_.entry].cookies || job_.data == nullptr) return std::nullopt;
    cookie_.clear();
    if (redirect_chain_->is_trusted()) cookie_ = job_.data->own_cookie;
    const std::size_t own = cookie_.size();
    if (own > 0) cookie_ += "; ";
    if (!job_.data->cookies.append(redirect_chain_->cookie_url(), wall_now(), cookie_)) {
        cookie_.resize(own);
    }
    return cookie_;
}

void Connection::fail(Outcome outcome, std::string_view message, MonoTime end) {
    ExchangeResult r = result_so_far(end);
    r.outcome = outcome;
    r.message = message;
    finish(r, false, true);
}

void Connection::fail_to_connect(int error, MonoTime end) {
    const ConnectFailure failure = channel_.connect_failure(error);
    ExchangeResult r = result_so_far(end);
    r.outcome = Outcome::connect_error;
    r.message = failure.message;
    r.own_limit = failure.own_limit;
    finish(r, false, true);
}

void Connection::finish(const ExchangeResult& result, bool keep, bool reset) {
    if (!keep) close_socket(reset);
    busy_ = false;
    waiting_for_close_ = false;
    retry_at_.reset();
    deadline_ = MonoTime::max();
    owner_.exchange_done(*this, result);
}

void Connection::close_socket(bool reset) {
    if (socket_state_ == SocketState::none || socket_state_ == SocketState::closing) return;
    // What is not sent yet the loop may read until on_closed.
    holds_ = socket_state_ == SocketState::connected && !sent_;
    socket_state_ = SocketState::closing;
    channel_.close(reset);
}

void Connection::abandon() {
    if (!busy_) return;
    if (!begun_) {  // its actual start was never reached: it counts from now
        actual_start_ = loop_.now();
        owner_.exchange_started(*this, actual_start_);
    }
    start_error_ = 0;
    fail(Outcome::abandoned,
         retry_at_ ? "waiting after a 429 when graceful_stop ended"
                   : "still in flight when graceful_stop ended",
         loop_.now());
}

void Connection::shut() {
    if (armed()) loop_.cancel_timer(*this);
    close_socket(false);
}

}  // namespace squadload::engine
