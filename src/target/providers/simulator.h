// Simulated LLM providers on one port: each under its own path, with its dialect, live quotas,
// latency and faults; and the log of every call that reached them.
//
//   POST /{provider}/…            the provider's own paths, see paths()
//   GET  /health                  {"status":"ok", …}
//   GET  /arrivals?since=&limit=  NDJSON, at most 20,000 calls a page; the last line is {"log":…}
//   GET  /arrivals/summary        JSON
//   DELETE /arrivals              forgets what is kept; numbers go on
//   GET, POST, DELETE /control/faults    list; {"provider","kind","for",…}; ?id= or ?provider=
//   GET, PUT, DELETE  /control/quota     list; {"provider","requests","for",…}; ?provider=
//   GET  /control/clock           the log's clock beside the wall's
// DELETE /arrivals and /control are for whoever may control: see Settings::control_token.
//
// A call's way: read, authenticated (any key will do, none is the provider's 401), parsed; an
// outage strikes before, other faults after the quota admits it; then its time passes; then the
// answer, with the limit headers as they were when it was admitted.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrivals/arrival.h"
#include "base/error.h"
#include "base/time.h"
#include "target/providers/arrival_log.h"
#include "target/providers/fault.h"
#include "target/providers/profile.h"
#include "target/providers/settings.h"
#include "target/service/server.h"

namespace squadload::providers {

namespace asio = boost::asio;

class Core;

// Made, used and destroyed on the io_context's thread, or while it does not run; before the
// io_context. What is marked "any thread" may be called from anywhere while it exists.
class Simulator {
  public:
    // Listens at once. Errors: settings (config), the address (resources), the file (io).
    [[nodiscard]] static Result<std::unique_ptr<Simulator>> start(asio::io_context& io,
                                                                  Settings settings);
    ~Simulator();  // stop()
    Simulator(const Simulator&) = delete;
    Simulator& operator=(const Simulator&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string url() const;  // "http://127.0.0.1:8080"
    // What a client's base URL is, behind url(): "/groq/openai/v1". One for each provider, in the
    // profiles' order; a gemini has its own dialect's.
    struct Path {
        std::string provider;
        std::string base;  // "/gemini/v1beta"
        std::string call;  // "/gemini/v1beta/models/{model}:generateContent"
    };
    [[nodiscard]] std::vector<Path> paths() const;

    // Stops accepting, answers what is in flight for at most `grace`. False: some was cut off.
    [[nodiscard]] asio::awaitable<bool> drain(Nanos grace);
    void stop();  // ends everything now and completes the file

    // Faults and quotas. Errors name what is wrong (kind config).
    [[nodiscard]] Result<std::uint64_t> inject(std::string_view provider, FaultSpec fault);  // id
    [[nodiscard]] bool remove_fault(std::uint64_t id);
    std::size_t clear_faults(std::string_view provider = "");  // "": all; how many
    [[nodiscard]] Result<void> change_quota(std::string_view provider, const QuotaChange& change);
    [[nodiscard]] Result<void> restore_quota(std::string_view provider);
    [[nodiscard]] std::string summary() const;  // as GET /arrivals/summary

    // Any thread. See ArrivalLog.
    [[nodiscard]] ArrivalPage arrivals(std::uint64_t since, std::size_t limit) const;
    [[nodiscard]] std::vector<arrivals::Arrival> take_arrivals();
    [[nodiscard]] LogCounts log_counts() const;
    [[nodiscard]] MonoTime log_start() const;  // at_ns counts from here

  private:
    Simulator(std::shared_ptr<Core> core, std::unique_ptr<service::Server> server);

    std::shared_ptr<Core> core_;
    std::unique_ptr<service::Server> server_;
};

}  // namespace squadload::providers
