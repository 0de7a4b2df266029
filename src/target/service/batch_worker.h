// A thread for work that blocks (SQLite, files), behind a bounded queue, so that a service's loop
// never waits. Pure std.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"

namespace squadload::service {

namespace detail {
void name_this_thread(const std::string& name);
void log_worker_error(const std::string& name);  // the exception being handled
}  // namespace detail

// Totals since the start, but for `queued`. posted = done + dropped + queued + being worked on.
struct WorkerCounters {
    std::uint64_t posted = 0;   // all calls of post()
    std::uint64_t done = 0;     // given to the work, also when it threw
    std::uint64_t dropped = 0;  // the queue was full, or the worker was stopping
    std::uint64_t errors = 0;   // exceptions of the work; each is logged
    std::size_t queued = 0;
};

// Items are worked on in order, in batches (one transaction each). post() and counters() from any
// thread. Owned by one thread, which calls stop().
template <class Item>
class BatchWorker {
  public:
    using Work =
        std::function<void(std::vector<Item>&)>;  // 1 … max_batch items; may move from them

    // capacity, max_batch >= 1
    BatchWorker(std::string name, std::size_t capacity, std::size_t max_batch, Work work)
        : name_(std::move(name)),
          capacity_(capacity),
          max_batch_(max_batch),
          work_(std::move(work)),
          thread_([this] { run(); }) {}
    // Flushes without a bound; call stop() before for one.
    ~BatchWorker() { stop(Nanos::max()); }
    BatchWorker(const BatchWorker&) = delete;
    BatchWorker& operator=(const BatchWorker&) = delete;

    // Never blocks on the work. False: dropped, and counted.
    bool post(Item item) {
        {
            const std::lock_guard lock(mutex_);
            ++counters_.posted;
            if (stopping_ || queue_.size() >= capacity_) {
                ++counters_.dropped;
                return false;
            }
            queue_.push_back(std::move(item));
        }
        wake_.notify_one();
        return true;
    }

    [[nodiscard]] WorkerCounters counters() const {
        const std::lock_guard lock(mutex_);
        auto counters = counters_;
        counters.queued = queue_.size();
        return counters;
    }

    // Takes no more, works on what is queued for at most `flush_within`, drops (and counts) the
    // rest, waits for the batch under way, joins. True: nothing was dropped by it. The second call
    // does nothing.
    bool stop(Nanos flush_within) {
        if (!thread_.joinable()) return true;
        std::size_t left = 0;
        {
            std::unique_lock lock(mutex_);
            stopping_ = true;
            wake_.notify_one();
            const auto flushed = [this] { return queue_.empty(); };
            if (flush_within == Nanos::max())
                flushed_.wait(lock, flushed);
            else
                flushed_.wait_for(lock, flush_within, flushed);
            left = queue_.size();
            counters_.dropped += left;
            queue_.clear();
        }
        thread_.join();
        return left == 0;
    }

  private:
    void run() {
        detail::name_this_thread(name_);
        std::vector<Item> batch;
        while (take(batch)) {
            const auto size = batch.size();
            bool failed = false;
            try {
                work_(batch);
            } catch (...) {
                detail::log_worker_error(name_);
                failed = true;
            }
            const std::lock_guard lock(mutex_);
            counters_.done += size;
            counters_.errors += failed ? 1 : 0;
        }
    }
    // False: stopping, and nothing is left.
    bool take(std::vector<Item>& batch) {
        batch.clear();
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        while (!queue_.empty() && batch.size() < max_batch_) {
            batch.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        if (queue_.empty()) flushed_.notify_all();
        return !batch.empty();
    }

    std::string name_;
    std::size_t capacity_;
    std::size_t max_batch_;
    Work work_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable flushed_;
    std::deque<Item> queue_;
    WorkerCounters counters_;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace squadload::service
