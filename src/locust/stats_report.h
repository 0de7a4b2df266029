// What a worker tells its master of requests: deltas, as Locust's own workers report them
// (locust/stats.py, StatsEntry.serialize). Pure.
//
// A request is every one that has an outcome; a failure is every outcome but ok, 429 too. Times are
// response times, rounded as Locust rounds them; what was never sent is not told.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "load/measure/interval.h"
#include "locust/messages.h"
#include "locust/value.h"

namespace squadload::locust {

// What an entry of the engine is called at the master. Those of one name and method are one there.
struct EntryLabel {
    std::string method;
    std::string name;
};

// The text of a failure as Locust's users know it: "CatchResponseError('status 503')" where a
// response came that was not good, else the sentence itself.
[[nodiscard]] std::string error_text(measure::Outcome outcome, const std::string& message);

// Used by one thread.
class StatsReport {
  public:
    static constexpr std::size_t kMostText = 500;  // bytes of an error's text; longer ones are cut
    // Rows of errors in one report; more count together, by task.
    static constexpr std::size_t kMostErrors = 500;

    explicit StatsReport(std::vector<EntryLabel> labels);  // by entry number

    // A run begins, and with it what is counted; what was not taken is lost.
    void begin(WallTime start);
    // Second `interval.second` of the run.
    void add(const measure::Interval& interval);
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::uint64_t told() const { return told_; }  // requests taken since begin()

    // Everything since the last time, as the data of a stats message; `users` are echoed.
    [[nodiscard]] Value take(WallTime now, const UserCounts& users);

  private:
    struct Entry {
        std::uint64_t requests = 0, failures = 0, content = 0;
        double total_ms = 0, max_ms = 0, min_ms = 0;
        std::map<std::int64_t, std::uint64_t> times, requests_at, failures_at;
        double last_s = 0;
        void merge(const Entry& other);
    };
    using Key = std::pair<std::string, std::string>;  // name, method
    struct Error {
        std::uint64_t occurrences = 0;
        double first_s = 0, last_s = 0;
    };

    [[nodiscard]] Value entry_value(const Key& key, const Entry& entry) const;
    void add_error(std::size_t label, const std::string& text, std::uint64_t n, double first_s,
                   double last_s);

    std::vector<EntryLabel> labels_;
    std::map<Key, Entry> entries_;
    std::map<std::pair<Key, std::string>, Error> errors_;
    WallTime start_{};
    WallTime since_{};
    std::uint64_t told_ = 0;
    // What Locust's statistics do not have; scripts/load_test.py asks for it ("squad_counts").
    std::uint64_t rate_limited_ = 0, server_errors_ = 0, fallbacks_ = 0;
};

}  // namespace squadload::locust
