// Where the workers' intervals meet: one lock per worker and second. The main thread merges and
// recycles.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "load/engine/recorder.h"

namespace squadload::engine {

// exchange() is called by worker threads, the rest by the main thread.
class Collector final : public IntervalSink {
  public:
    Collector(std::uint32_t workers, std::size_t entries, std::size_t sequences,
              std::size_t most_claims = 0);

    std::unique_ptr<measure::Interval> exchange(std::uint32_t worker,
                                                std::unique_ptr<measure::Interval> full) override;

    // The next second that every worker has ended, merged; blocks for it. nullptr when all are done
    // (or failed).
    [[nodiscard]] std::unique_ptr<measure::Interval> next();
    void recycle(std::unique_ptr<measure::Interval> interval);
    void worker_failed();  // no more will come from one worker: next() returns nullptr

  private:
    [[nodiscard]] bool second_is_complete() const;  // under the lock

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<std::vector<std::unique_ptr<measure::Interval>>> queues_;  // oldest first, short
    std::vector<bool> done_;  // the worker's last interval was taken from its queue
    std::vector<std::unique_ptr<measure::Interval>> empty_;
    std::size_t entries_;
    std::size_t sequences_;
    std::size_t most_claims_;
    bool failed_ = false;
};

}  // namespace squadload::engine
