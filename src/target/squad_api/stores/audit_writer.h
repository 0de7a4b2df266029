// The part that all audit stores have in common: a bounded queue, a thread that writes from it in
// batches, a retry after every failure, and the account of what became of each row. A row counts as
// written when the store has confirmed it; until then it is kept and tried again. Every row carries
// an id of its own, so that a batch whose confirmation got lost is not stored twice. What does not
// fit the queue while the store is away is dropped and counted, and so is what is left at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "target/squad_api/audit.h"
#include "target/squad_api/stores/health_tracker.h"
#include "target/squad_api/stores/patience.h"

namespace squadload::squad_api {

struct StoredRow {
    std::string row_id;  // unique over all gateways and runs
    AuditRow row;
    MonoTime added;
};

// A store as the writer's thread sees it; used on that thread alone, but for open() before it
// starts. Waits no longer than its Patience.
class AuditBackend {
  public:
    virtual ~AuditBackend() = default;
    [[nodiscard]] virtual std::string kind() const = 0;
    [[nodiscard]] virtual std::string where() const = 0;  // no secret
    // Connects and brings the schema up to date.
    [[nodiscard]] virtual Result<void> open(const Patience& patience) = 0;
    // Stores all of them in one transaction; what is there already is left as it is. Gives the
    // number of rows that the store will never take. After an error it is not known whether they
    // were stored; close(), open(), and the same again.
    [[nodiscard]] virtual Result<std::size_t> write(std::span<const StoredRow> rows,
                                                    const Patience& patience) = 0;
    virtual void close() = 0;
    // Becomes readable when something happens to an idle connection; -1: nothing to watch.
    [[nodiscard]] virtual int descriptor() const { return -1; }
    // Called then. Error: it is lost.
    [[nodiscard]] virtual Result<void> look() { return {}; }
};

struct AuditWriterOptions {
    std::size_t max_rows = 20'000;                          // in the queue, batch included
    std::size_t max_bytes = std::size_t{64} * 1024 * 1024;  // likewise
    std::size_t batch_rows = 500;
    std::size_t batch_bytes = std::size_t{4} * 1024 * 1024;
    Nanos linger = std::chrono::milliseconds(50);  // for a batch to fill up
    Nanos open_timeout = std::chrono::seconds(10);
    Nanos write_timeout = std::chrono::seconds(10);
    Nanos backoff_first = std::chrono::milliseconds(50);  // after a failure; doubles
    Nanos backoff_max = std::chrono::seconds(2);
};

class AuditWriter final : public AuditSink {
  public:
    // is_open: backend->open() has succeeded already.
    AuditWriter(std::unique_ptr<AuditBackend> backend, AuditWriterOptions options, bool is_open);
    ~AuditWriter() override;  // close(0)
    AuditWriter(const AuditWriter&) = delete;
    AuditWriter& operator=(const AuditWriter&) = delete;

    void add(AuditRow row) override;  // any thread
    [[nodiscard]] AuditCounters counters() const override;
    [[nodiscard]] StoreHealth health() const override;
    void close(Nanos within) override;

  private:
    void run();
    bool open();
    void write();
    void take_batch();
    void failed(const std::string& why);
    void set_up();
    // Until then, or until somebody wakes it, or the idle connection does.
    void wait(MonoTime until, bool watch_connection);
    void wake();
    [[nodiscard]] bool over() const;
    [[nodiscard]] MonoTime batch_due() const;  // max(): nothing is queued

    std::unique_ptr<AuditBackend> backend_;
    AuditWriterOptions options_;
    std::string id_;
    ClosingTime closing_;

    // Of the thread.
    std::vector<StoredRow> batch_;
    bool open_;
    MonoTime next_try_{};
    Nanos backoff_{};

    mutable std::mutex mutex_;  // for what follows
    std::deque<StoredRow> queue_;
    std::size_t bytes_ = 0;  // of the queue and the batch
    std::uint64_t next_row_ = 0;
    bool closed_ = false;
    bool waiting_ = false;
    AuditCounters counters_;
    HealthTracker health_;

    int wake_;  // eventfd
    std::thread thread_;
};

}  // namespace squadload::squad_api
