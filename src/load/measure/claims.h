// What each response claimed about who served it: one record per response, for whoever holds the
// claims against the providers' log. Bounded; text in one arena, so that a cleared log records
// again without allocating.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace squadload::measure {

// Views are valid until the log changes.
struct Claim {
    Nanos end{};                  // of the request, since the start of the run
    std::uint16_t task = 0;       // entry number
    int status = 0;               // of the response
    std::string_view request_id;  // "": not told; likewise below
    std::string_view provider;    // that served
    std::string_view agent;
    // The attempts as the target words them, in order: "groq=429, cerebras=ok",
    // "groq=skipped:quota". Skipped ones are no calls.
    std::string_view attempts;
    std::string_view fallback_reason;
    enum class Fallback : std::uint8_t { unknown, no, yes };
    Fallback fallback = Fallback::unknown;
    bool ok = false;  // the outcome
    // Not kept in a log.
    std::string_view model;
    std::uint32_t calls = 0;  // attempts that were calls; 0: not told
    std::int64_t prompt_tokens = 0, completion_tokens = 0;
};

class ClaimLog {
  public:
    // Past the bound claims are counted in lost() and not kept.
    ClaimLog() = default;
    explicit ClaimLog(std::size_t most) : most_(most) {}

    void add(const Claim& claim);
    void merge(const ClaimLog& other);  // appends; `lost` adds up; the larger bound holds
    void clear();                       // keeps the memory
    [[nodiscard]] std::size_t size() const { return records_.size(); }
    [[nodiscard]] Claim operator[](std::size_t i) const;
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

  private:
    struct Record {
        Nanos end{};
        std::uint64_t text =
            0;  // offset: id, provider, agent, attempts, reason, one after the other
        std::uint32_t attempts_size = 0;
        std::uint16_t id_size = 0, provider_size = 0, agent_size = 0, reason_size = 0;
        std::uint16_t task = 0;
        std::int16_t status = 0;
        Claim::Fallback fallback = Claim::Fallback::unknown;
        bool ok = false;
    };
    std::size_t most_ = 0;
    std::uint64_t lost_ = 0;
    std::vector<Record> records_;
    std::string text_;
};

}  // namespace squadload::measure
