// The stack under test as the target of scenarios that name none.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "load/scenario/scenario.h"

namespace squadload::stack {
class Stack;
}

namespace squadload::run {

// What messages and the header call the target then; also its host_mark's file.
inline constexpr std::string_view kEmbeddedStack = "embedded stack";

// Owns the stack, if one was needed.
class EmbeddedStack {
  public:
    EmbeddedStack();
    ~EmbeddedStack();
    EmbeddedStack(const EmbeddedStack&) = delete;
    EmbeddedStack& operator=(const EmbeddedStack&) = delete;

    // Where a scenario has no host, starts the stack, at the first call and at that scenario's
    // scale of quotas and time, and makes it the scenario's target and witness. Errors: of
    // stack::Stack::start; a provider in enabled_providers that there is not, at its place.
    [[nodiscard]] Result<void> give_target(scenario::Scenario& scenario);

  private:
    std::unique_ptr<stack::Stack> stack_;
};

}  // namespace squadload::run
