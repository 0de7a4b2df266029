// The witness' memory: every call that reached a simulated provider, in the order of admission.
//
// Bounded: the earliest `capacity` calls are kept, later ones are counted as overflow. Whoever
// judges needs a stretch without holes from a known beginning, and a call once kept must still be
// there when it ends; dropping the oldest would break both. Taking or clearing makes room again.
// Sequence numbers go on, so a hole shows.
//
// A kept call takes some 100 bytes and its texts; memory is used as calls come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "arrivals/arrival.h"
#include "base/time.h"

namespace squadload::providers {

struct LogCounts {
    std::uint64_t recorded = 0;    // calls so far: the last sequence number
    std::uint64_t open = 0;        // of them not ended
    std::uint64_t kept = 0;        // in memory now
    std::uint64_t first_kept = 0;  // its sequence number; 0 when none is kept
    std::uint64_t overflow = 0;    // not kept for want of room, since the start
    std::uint64_t capacity = 0;
};

// One JSON line, {"log":{…}}: what a reader must know to trust the lines before it. It has no
// "seq", so it cannot be taken for a call.
void to_line(const LogCounts& counts, std::uint64_t next_since, Nanos now, std::string& out);

struct ArrivalPage {
    std::vector<arrivals::Arrival> arrivals;  // by seq, from since + 1 on
    std::uint64_t next_since = 0;             // for the next page
    bool more = false;                        // there are kept calls after it
    LogCounts counts;
};

// Texts of calls (model, correlation id, agent) longer than this are cut.
inline constexpr std::size_t kMaxLoggedText = 200;

// Written by the simulator's loop; read from any thread. The lock is held for what one call or one
// page needs.
class ArrivalLog {
  public:
    explicit ArrivalLog(std::size_t capacity);
    ~ArrivalLog();
    ArrivalLog(const ArrivalLog&) = delete;
    ArrivalLog& operator=(const ArrivalLog&) = delete;

    // Gives the call its number. Its texts are cut.
    void open(arrivals::Arrival& arrival);
    // It has ended: outcome and end are taken over, when it is still kept.
    void close(const arrivals::Arrival& arrival);

    [[nodiscard]] LogCounts counts() const;
    [[nodiscard]] ArrivalPage page(std::uint64_t since, std::size_t limit) const;
    // All that is kept, which is then kept no longer. Calls still open are among it, without an
    // end; how they end will stand nowhere but in the counts, the summary and the file.
    [[nodiscard]] std::vector<arrivals::Arrival> take();
    void clear();  // as take(), without giving it

  private:
    struct Record;
    struct Chunk;
    static constexpr std::size_t kChunk = 4096;

    [[nodiscard]] LogCounts counts_locked() const;
    void keep(const arrivals::Arrival& arrival);
    [[nodiscard]] static arrivals::Arrival restored(const Chunk& chunk, std::size_t index,
                                                    std::uint64_t seq);

    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<Chunk>> chunks_;
    std::uint64_t recorded_ = 0;
    std::uint64_t open_ = 0;
    std::uint64_t overflow_ = 0;
    std::uint64_t first_ = 1;  // sequence number of the first kept, if kept_ > 0
    std::size_t kept_ = 0;
};

}  // namespace squadload::providers
