#include "run/embedded.h"

#include <fmt/format.h>

#include "target/stack/stack.h"

namespace squadload::run {
EmbeddedStack::EmbeddedStack() = default;
EmbeddedStack::~EmbeddedStack() = default;

Result<void> EmbeddedStack::give_target(scenario::Scenario& scenario) {
    if (!scenario.target.host.empty()) return {};
    if (!stack_) {
        auto started = stack::Stack::start({.providers = scenario.providers.enabled_providers,
                                            .seed = scenario.seed,
                                            .quota_scale = scenario.stack.quota_scale,
                                            .time_scale = scenario.time_scale});
        if (!started) {
            Error error = started.error();
            error.message = fmt::format("the {}: {}", kEmbeddedStack, error.message);
            const auto& mark = scenario.providers.enabled_mark;
            if (error.kind == ErrorKind::config && !error.mark && mark.line > 0) error.mark = mark;
            return tl::unexpected(std::move(error));
        }
        stack_ = *std::move(started);
    }
    scenario.target.host = stack_->url();
    scenario.target.host_mark.file = kEmbeddedStack;
    scenario.witness_url = stack_->simulators_url();
    if (scenario.attribution.preset.empty())
        scenario.attribution = *scenario::attribution_preset("squad");
    return {};
}

}  // namespace squadload::run
