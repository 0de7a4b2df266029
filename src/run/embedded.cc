#include "run/embedded.h"

#include <fmt/format.h>

#include "target/stack/stack.h"

namespace squadload::run {
namespace {

constexpr Nanos kPatience = std::chrono::seconds(3);

result::ProviderResult result_of(const stack::ProviderFigures& figures) {
    result::ProviderResult out;
    out.name = figures.name;
    out.limit_per_minute = figures.limit_per_minute;
    out.ok = figures.ok;
    out.responses_429 = figures.responses_429;
    out.failed = figures.failed;
    out.served_as_fallback = figures.served_as_fallback;
    out.peak_per_minute = figures.peak_per_minute;
    for (const Nanos time : figures.times) out.time.record(time);
    return out;
}

}  // namespace

EmbeddedStack::EmbeddedStack() = default;
EmbeddedStack::~EmbeddedStack() = default;

Result<void> EmbeddedStack::give_target(scenario::Scenario& scenario) {
    if (!scenario.target.host.empty()) return {};
    if (!stack_) {
        auto started = stack::Stack::start(
            {.providers = scenario.providers.enabled_providers, .seed = scenario.seed});
        if (!started) {
            Error error = started.error();
            error.message = fmt::format("the {}: {}", kEmbeddedStack, error.message);
            return tl::unexpected(std::move(error));
        }
        stack_ = *std::move(started);
    }
    scenario.target.host = stack_->url();
    scenario.target.host_mark.file = kEmbeddedStack;
    return {};
}

std::vector<result::ProviderResult> EmbeddedStack::take_providers() {
    std::vector<result::ProviderResult> out;
    if (!stack_) return out;
    for (const auto& figures : stack_->take_figures(kPatience)) out.push_back(result_of(figures));
    return out;
}

std::string EmbeddedStack::note() const {
    if (!stack_ || stack_->calls_lost() == 0) return {};
    return fmt::format(
        "{} calls reached the providers after their log was full: they are missing "
        "in the provider figures",
        stack_->calls_lost());
}

}  // namespace squadload::run
