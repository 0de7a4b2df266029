// One call to one provider: the request in its dialect, and what its answer means. Internal to this
// room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "target/llm/chat.h"
#include "target/llm/provider_error.h"
#include "target/squad_api/core.h"

namespace squadload::squad_api {

// One chat request on its way through the gateway. The handler owns it; who is given a reference
// is awaited by it.
struct ChatCall {
    std::string request_id;
    const Route* route = nullptr;
    llm::ChatRequest chat;    // model is filled in per provider
    std::int64_t tokens = 0;  // prompt, estimated, plus max_tokens
    std::uint64_t order = 0;  // of arrival
    MonoTime arrived;
};

// What came of it. Filled in as it goes, so that a hang-up finds what was done until then.
struct Served {
    Verdict verdict;
    std::vector<Attempt> attempts;
    std::int64_t calls = 0;
    Nanos queued{};
    llm::ChatReply reply;      // served
    llm::ProviderError error;  // of the last failed answer
};

// What a failed answer means for the request.
[[nodiscard]] Reason reason_of(const llm::ProviderError& error, int status);

struct CallResult {
    CallEnd end;
    llm::ChatReply reply;      // end.reason none
    llm::ProviderError error;  // a provider's no
};

// cut: the deadline was earlier than the provider's timeout.
[[nodiscard]] CallResult judge(llm::Dialect dialect, const service::Answer& answer, bool cut,
                               WallTime now);

[[nodiscard]] service::ClientRequest call_request(const Provider& provider, const ChatCall& call,
                                                  std::int64_t attempt);

// Sends it with leave already given: the lease is used up, whatever happens. Reports to the
// provider's state, the limiter, the counters and the walk. Not called after all when the provider
// has closed since: then the walk is told that.
[[nodiscard]] asio::awaitable<void> make_call(std::shared_ptr<Core> core, ChatCall* call,
                                              Walk* walk, Served* served, Lease lease);

}  // namespace squadload::squad_api
