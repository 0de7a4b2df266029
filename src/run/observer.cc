#include "run/observer.h"

#include <utility>

namespace squadload::run {
namespace {

// A target under load may be slow; the next look is better than a late one.
constexpr Nanos kPatience = std::chrono::seconds{5};
constexpr std::uint64_t kMostBytes = 8 * 1024 * 1024;

}  // namespace

Observer::Observer(const scenario::ObserveSettings& settings, std::string preset,
                   std::unique_ptr<SideClient> client)
    : settings_(settings), preset_(std::move(preset)), client_(std::move(client)) {}

Observer::~Observer() {
    (void)finish();
}

std::string Observer::page(const std::string& path) {
    if (path.empty()) return {};
    ++observed_.looks;
    const auto answer = client_->send("GET", path, "", kPatience, kMostBytes);
    if (!answer) {
        ++observed_.failed;
        observed_.last_failure = answer.error().message;
        return {};
    }
    // A gateway with a provider down answers 503 and says which.
    return answer->status == 200 || answer->status == 503 ? answer->body : std::string();
}

void Observer::look() {
    const std::string metrics = observe::has_metrics(preset_) ? page(settings_.metrics) : "";
    const std::string health = page(settings_.health);
    observed_.timeline.add(observe::read_snapshot(preset_, metrics, health));
}

void Observer::start() {
    look();
    thread_ = std::thread([this] {
        for (MonoTime next = mono_now() + settings_.interval;; next += settings_.interval) {
            {
                std::unique_lock lock(mutex_);
                if (over_.wait_until(lock, next, [this] { return stop_; })) return;
            }
            look();
            // Slow answers leave looks out, they do not pile up.
            next = std::max(next, mono_now());
        }
    });
}

Observed Observer::finish() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    over_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
        look();
    }
    return std::exchange(observed_, {});
}

}  // namespace squadload::run
