#include "run/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/suggest.h"
#include "base/units.h"

namespace squadload::run {
namespace {

constexpr Nanos kPatience = std::chrono::seconds{5};

std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string body_of(const scenario::Event& event) {
    std::string body = fmt::format("{{\"provider\":{}", quoted(event.provider));
    if (event.kind != "quota") body += fmt::format(",\"kind\":{}", quoted(event.kind));
    for (const auto& [what, amount] : event.amounts)
        body += fmt::format(",{}:{}", quoted(what), amount);
    if (!event.settings.empty()) body += "," + event.settings;
    const auto time = [&body](const char* key, const std::optional<Nanos>& t) {
        if (t) body += fmt::format(",\"{}\":\"{}us\"", key, t->count() / 1000);
    };
    time("retry_after", event.retry_after);
    time("for", event.lasts);
    return body + "}";
}

// What a refusal says: {"error":{"message":…}} or the body's start.
std::string sentence_of(const SideClient::Answer& answer) {
    const auto json = nlohmann::json::parse(answer.body, nullptr, false);
    if (json.is_object() && json.contains("error")) {
        const auto& error = json["error"];
        if (error.is_object() && error.contains("message") && error["message"].is_string())
            return error["message"].get<std::string>();
        if (error.is_string()) return error.get<std::string>();
    }
    return fmt::format("status {}", answer.status);
}

std::string id_of(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("id")) return {};
    return json["id"].is_string() ? json["id"].get<std::string>() : json["id"].dump();
}

}  // namespace

Result<void> check_events(const std::vector<scenario::Event>& events, SideClient& simulators) {
    if (events.empty()) return {};
    const auto answer = simulators.send("GET", "/control/quota", "", kPatience);
    if (!answer) return tl::unexpected(answer.error());
    if (answer->status != 200)
        return fail(ErrorKind::config,
                    fmt::format("{} takes no orders: {}", simulators.url(), sentence_of(*answer)));
    const auto json = nlohmann::json::parse(answer->body, nullptr, false);
    std::vector<std::string> known;
    if (json.is_object() && json.contains("quotas") && json["quotas"].is_array())
        for (const auto& one : json["quotas"])
            if (one.is_object() && one.contains("provider") && one["provider"].is_string())
                known.push_back(one["provider"].get<std::string>());
    if (known.empty()) return {};
    for (const auto& event : events) {
        if (std::find(known.begin(), known.end(), event.provider) != known.end()) continue;
        const auto near = nearest_name(event.provider, std::span<const std::string>(known));
        return fail_at(event.mark,
                       fmt::format("there is no simulated provider '{}'{}", event.provider,
                                   near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    }
    return {};
}

EventDriver::EventDriver(std::vector<scenario::Event> events,
                         std::unique_ptr<SideClient> simulators)
    : events_(std::move(events)), simulators_(std::move(simulators)) {
    std::stable_sort(events_.begin(), events_.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
}

EventDriver::~EventDriver() {
    (void)finish(Nanos::max());
}

void EventDriver::start() {
    if (events_.empty()) return;
    thread_ = std::thread([this, start = mono_now()] { work(start); });
}

void EventDriver::work(MonoTime start) {
    for (const auto& event : events_) {
        {
            std::unique_lock lock(mutex_);
            if (over_.wait_until(lock, start + event.at, [this] { return stop_; })) return;
        }
        fire(event, mono_now() - start);
    }
}

void EventDriver::fire(const scenario::Event& event, Nanos at) {
    result::FiredEvent fired;
    fired.label = label_of(event);
    fired.provider = event.provider;
    fired.at = at;
    if (event.lasts) fired.until = at + *event.lasts;
    const bool quota = event.kind == "quota";
    const auto answer =
        simulators_->send(quota ? "PUT" : "POST", quota ? "/control/quota" : "/control/faults",
                          body_of(event), kPatience);
    if (!answer) {
        fired.error = answer.error().message;
    } else if (answer->status != 200) {
        fired.error = sentence_of(*answer);
    } else if (quota) {
        changed_quotas_.push_back(event.provider);
    } else {
        faults_.push_back(id_of(answer->body));
    }
    fired_.push_back(std::move(fired));
}

// Also what has run out by itself: to be told so twice does no harm.
void EventDriver::undo() {
    for (const auto& provider : changed_quotas_)
        (void)simulators_->send("DELETE", "/control/quota?provider=" + provider, "", kPatience);
    for (const auto& id : faults_)
        (void)simulators_->send("DELETE", "/control/faults?id=" + id, "", kPatience);
    changed_quotas_.clear();
    faults_.clear();
}

std::vector<result::FiredEvent> EventDriver::finish(Nanos end) {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    over_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
        undo();
    }
    for (auto& event : fired_)
        if (!event.until || *event.until > end) event.until = std::max(event.at, end);
    return std::exchange(fired_, {});
}

}  // namespace squadload::run
