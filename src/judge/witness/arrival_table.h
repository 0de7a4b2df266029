// The providers' arrival log, compact: a million calls take some 130 MB. Texts that repeat are kept
// once. Plain memory; one writer, then any number of readers.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arrivals/arrival.h"
#include "base/error.h"
#include "base/time.h"

namespace squadload::witness {

// Texts by number, in the order they were first seen.
class Names {
  public:
    // `last`: a number that is likely to be it.
    [[nodiscard]] std::uint32_t number(std::string_view text, std::uint32_t last = 0);
    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view text) const;
    [[nodiscard]] const std::string& text(std::uint32_t number) const { return texts_[number]; }
    [[nodiscard]] std::size_t size() const { return texts_.size(); }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::vector<std::string> texts_;
    std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers_;
};

// One call. Times since the origin the log was shifted to (the start of the scenario), so they may
// be negative.
struct Row {
    static constexpr std::int64_t kNone = INT64_MIN;
    std::int64_t at = 0;               // ns
    std::int64_t done = kNone;         // ns; kNone: open
    std::int64_t retry_after = kNone;  // ns, of the answer; kNone: no hint
    std::uint64_t id_at = 0;           // of the correlation id, in the arena
    std::uint32_t id_size = 0;         // 0: none
    std::uint32_t provider = 0, key = 0, model = 0, agent = 0, reason = 0;
    std::uint32_t reserved_tokens = 0;
    std::uint32_t in_flight = 0;  // at that provider, when it arrived
    std::int16_t status = 0;      // 0: none was sent
    std::uint16_t attempt = 0;

    [[nodiscard]] bool ended() const { return done != kNone; }
    [[nodiscard]] bool ok() const { return ended() && status >= 200 && status < 300; }
    [[nodiscard]] bool is_429() const { return status == 429; }
};

class ArrivalTable {
  public:
    // By time of arrival. `shift` is added to its times.
    void add(const arrivals::Arrival& arrival, Nanos shift = {});
    [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
    [[nodiscard]] std::string_view id(const Row& row) const {
        return std::string_view(ids_).substr(row.id_at, row.id_size);
    }
    [[nodiscard]] const Names& names() const { return names_; }
    [[nodiscard]] const std::string& provider(const Row& row) const {
        return names_.text(row.provider);
    }
    [[nodiscard]] const std::string& agent(const Row& row) const { return names_.text(row.agent); }
    // Calls that the log had no room for: what is judged lacks them.
    std::uint64_t lost = 0;

  private:
    std::vector<Row> rows_;
    std::string ids_;
    Names names_;
};

// Reads NDJSON as the simulators write it, in one piece or several: calls in the order of their
// seq; lines {"log":{…}} tell of calls that are missing; empty ones are skipped.
class LogReader {
  public:
    // Calls before `earliest` (in shifted time) are left out.
    explicit LogReader(ArrivalTable& table, Nanos shift = {}, Nanos earliest = Nanos::min())
        : table_(table), shift_(shift), earliest_(earliest) {}
    // Errors (kind config) with file:line: a line that is no arrival, one that was cut off, a seq
    // that repeats or goes backwards, a time that does.
    [[nodiscard]] Result<void> read(std::istream& in, const std::string& file_name);

  private:
    ArrivalTable& table_;
    Nanos shift_, earliest_;
    std::uint64_t last_seq_ = 0;
    Nanos last_at_{};
    arrivals::Arrival arrival_;  // reused
};

// A whole log. Errors: those of LogReader; no arrival in it.
[[nodiscard]] Result<ArrivalTable> read_log(std::istream& in, const std::string& file_name);

}  // namespace squadload::witness
