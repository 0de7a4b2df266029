// From the wire formats' replies to the service's, and what the simulator has to fill in. Pure. Not
// for other rooms.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "target/limits/quota.h"
#include "target/llm/dialect.h"
#include "target/llm/limit_headers.h"
#include "target/llm/refusal.h"
#include "target/llm/wire.h"
#include "target/service/message.h"

namespace squadload::providers {

[[nodiscard]] service::Reply to_reply(llm::WireReply wire);
void add_headers(const llm::Headers& from, service::Headers& to);

// An error of the provider, in its words.
[[nodiscard]] service::Reply error_reply(llm::Dialect dialect, int status,
                                         std::string_view message = {},
                                         std::string_view model = {});

// What the headers tell. A window counts as a minute, however long it is. The limit is the rate;
// what remains is what would be admitted at once, so that a burst shows in it.
[[nodiscard]] llm::LimitState limit_state(const limits::QuotaSettings& settings,
                                          const limits::QuotaState& state);

// What the refusal of a call of `tokens` says. `wait` is left to the caller.
[[nodiscard]] llm::Refusal refusal_of(limits::Limit limit, const limits::QuotaSettings& settings,
                                      const limits::QuotaState& state, std::int64_t tokens,
                                      std::string_view model);

// What a client that reads the refusal is told to wait; none: nothing is said.
[[nodiscard]] std::optional<Nanos> told_wait(llm::Dialect dialect, const llm::WireReply& wire,
                                             WallTime now);

}  // namespace squadload::providers
