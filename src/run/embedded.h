// The stack under test as the target of scenarios that name none.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "judge/result/run_result.h"
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

    // Where a scenario has no host, starts the stack, at the first call, and makes it the
    // scenario's target. Errors: of stack::Stack::start.
    [[nodiscard]] Result<void> give_target(scenario::Scenario& scenario);

    // What reached the providers since the last time; calls under way are awaited for a moment.
    // Empty without the stack.
    [[nodiscard]] std::vector<result::ProviderResult> take_providers();
    // A sentence when calls are missing in that; else "".
    [[nodiscard]] std::string note() const;

  private:
    std::unique_ptr<stack::Stack> stack_;
};

}  // namespace squadload::run
