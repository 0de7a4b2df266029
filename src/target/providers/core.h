// What a simulator is made of but for its server: providers, log and clock. Every handler holds it,
// so it must not hold the server, which holds the handlers. Not for other rooms.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "target/providers/arrival_file.h"
#include "target/providers/arrival_log.h"
#include "target/providers/arrival_stats.h"
#include "target/providers/provider.h"
#include "target/providers/settings.h"
#include "target/service/server.h"

namespace squadload::providers {

class Core : public std::enable_shared_from_this<Core> {
  public:
    // `start` is the log's zero.
    Core(asio::io_context& io, Settings settings, MonoTime start, WallTime wall_start);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    // Faults of the profiles, and the file. Errors as Simulator::start's.
    [[nodiscard]] Result<void> begin();
    [[nodiscard]] service::Router router();
    // Calls that are cancelled from now on are so by us.
    void set_ending() { ending_ = true; }
    // Completes the file. The server is stopped.
    void finish();
    // Null once the server is no more. Its counters stand in the summary.
    void set_server(const service::Server* server) { server_ = server; }

    // One call, from arrival to answer.
    [[nodiscard]] static asio::awaitable<service::Reply> serve(std::shared_ptr<Core> core,
                                                               SimulatedProvider* provider,
                                                               llm::Dialect dialect,
                                                               service::Request request);

    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] ArrivalLog& log() { return log_; }
    [[nodiscard]] MonoTime started() const { return start_; }
    [[nodiscard]] WallTime wall_started() const { return wall_start_; }
    [[nodiscard]] std::vector<std::unique_ptr<SimulatedProvider>>& providers() {
        return providers_;
    }
    [[nodiscard]] Result<SimulatedProvider*> provider(std::string_view name);
    [[nodiscard]] std::string summary() const;
    [[nodiscard]] std::string health() const;

    [[nodiscard]] Result<std::uint64_t> inject(std::string_view provider, FaultSpec fault);
    [[nodiscard]] bool remove_fault(std::uint64_t id);
    std::size_t clear_faults(std::string_view provider);  // "": all
    // The time of quotas and faults: now, and never before the call admitted last.
    [[nodiscard]] MonoTime now() const;

  private:
    class OpenCall;

    void add_provider_routes(service::Router& router, SimulatedProvider& provider);
    void keep_file_fresh();
    void write(const arrivals::Arrival& arrival);

    const Settings settings_;
    MonoTime start_;
    WallTime wall_start_;
    MonoTime latest_;  // of the calls' times
    ArrivalLog log_;
    ArrivalStats stats_;
    std::vector<std::unique_ptr<SimulatedProvider>> providers_;
    std::uint64_t faults_added_ = 0;
    std::uint64_t unknown_paths_ = 0;  // below a provider's name
    bool ending_ = false;
    std::unique_ptr<ArrivalFile> file_;
    std::string line_;  // kept for its memory
    std::list<const arrivals::Arrival*> open_;
    asio::steady_timer flush_timer_;
    const service::Server* server_ = nullptr;
};

// Where a dialect's calls go, below the provider's name: "/groq/openai/v1/chat/completions".
[[nodiscard]] std::string call_path(std::string_view provider, llm::Dialect dialect);
[[nodiscard]] std::string base_path_of(std::string_view provider, llm::Dialect dialect);

}  // namespace squadload::providers
