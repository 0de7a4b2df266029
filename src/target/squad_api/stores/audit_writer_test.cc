#include "target/squad_api/stores/audit_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <set>
#include <thread>

namespace squadload::squad_api {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A store of the test's: what it does is said from outside, what it holds can be looked at.
struct FakeStore {
    std::mutex mutex;
    std::condition_variable changed;
    bool reachable = true;
    bool takes = true;
    bool forgets_to_say = false;     // stores, then fails, once
    std::set<std::string> rejected;  // request ids it never takes
    std::vector<std::string> row_ids;
    std::vector<std::string> request_ids;
    std::vector<std::size_t> batches;
    int opened = 0;
    int failed_writes = 0;

    bool wait(const std::function<bool()>& until) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, seconds(30), until);
    }
    void set(const std::function<void()>& change) {
        {
            const std::lock_guard lock(mutex);
            change();
        }
        changed.notify_all();
    }
};

class FakeBackend final : public AuditBackend {
  public:
    explicit FakeBackend(FakeStore& store) : store_(store) {}
    [[nodiscard]] std::string kind() const override { return "fake"; }
    [[nodiscard]] std::string where() const override { return "here"; }
    [[nodiscard]] Result<void> open(const Patience&) override {
        const std::lock_guard lock(store_.mutex);
        ++store_.opened;
        store_.changed.notify_all();
        if (!store_.reachable) return fail(ErrorKind::io, "nobody there");
        return {};
    }
    [[nodiscard]] Result<std::size_t> write(std::span<const StoredRow> rows,
                                            const Patience& patience) override {
        std::unique_lock lock(store_.mutex);
        store_.batches.push_back(rows.size());
        if (!store_.takes) {  // hangs, as a server may
            ++store_.failed_writes;
            store_.changed.notify_all();
            while (!store_.takes && mono_now() < patience.until()) {
                store_.changed.wait_for(lock, milliseconds(5));
            }
            if (!store_.takes) return fail(ErrorKind::io, "no answer in time");
        }
        std::size_t rejected = 0;
        for (const StoredRow& row : rows) {
            if (store_.rejected.contains(row.row.request_id)) {
                ++rejected;
                continue;
            }
            const auto& ids = store_.row_ids;
            if (std::find(ids.begin(), ids.end(), row.row_id) != ids.end()) continue;
            store_.row_ids.push_back(row.row_id);
            store_.request_ids.push_back(row.row.request_id);
        }
        store_.changed.notify_all();
        if (std::exchange(store_.forgets_to_say, false)) {
            ++store_.failed_writes;
            return fail(ErrorKind::io, "lost before it said so");
        }
        return rejected;
    }
    void close() override {}

  private:
    FakeStore& store_;
};

AuditRow row_of(const std::string& id) {
    AuditRow row;
    row.request_id = id;
    return row;
}

class AuditWriting : public testing::Test {
  protected:
    AuditWriting() {
        options_.linger = milliseconds(1);
        options_.backoff_first = milliseconds(1);
        options_.backoff_max = milliseconds(5);
    }
    void start(bool is_open = false) {
        writer_ =
            std::make_unique<AuditWriter>(std::make_unique<FakeBackend>(store_), options_, is_open);
    }
    void add(int from, int to) {
        for (int i = from; i < to; ++i) writer_->add(row_of("r" + std::to_string(i)));
    }
    std::size_t stored() {
        const std::lock_guard lock(store_.mutex);
        return store_.request_ids.size();
    }
    // What is confirmed is in the store, once; nothing is unaccounted for.
    void expect_accounts(std::uint64_t added, std::uint64_t dropped) {
        const AuditCounters counters = writer_->counters();
        EXPECT_EQ(counters.added, added);
        EXPECT_EQ(counters.dropped, dropped);
        EXPECT_EQ(counters.written, added - dropped);
        EXPECT_EQ(counters.queued, 0U);
        EXPECT_EQ(stored(), added - dropped);
    }

    FakeStore store_;
    AuditWriterOptions options_;
    std::unique_ptr<AuditWriter> writer_;
};

TEST_F(AuditWriting, EveryRowIsWrittenOnceInOrder) {
    options_.batch_rows = 7;
    start();
    add(0, 100);
    writer_->close(seconds(30));
    expect_accounts(100, 0);
    for (std::size_t i = 0; i < 100; ++i) {
        EXPECT_EQ(store_.request_ids[i], "r" + std::to_string(i));
    }
    for (const std::size_t batch : store_.batches) EXPECT_LE(batch, 7U);
}

TEST_F(AuditWriting, ABatchWaitsToFillUp) {
    options_.linger = hours(1);
    options_.batch_rows = 10;
    start();
    add(0, 9);
    // The tenth makes it full; nobody waits for the hour.
    EXPECT_EQ(stored(), 0U);
    EXPECT_EQ(writer_->counters().queued, 9U);
    writer_->close(seconds(30));
    expect_accounts(9, 0);
    EXPECT_EQ(store_.batches, (std::vector<std::size_t>{9}));
}

TEST_F(AuditWriting, WhenTheStoreIsAwayTheQueueTakesWhatFitsAndTheRestIsDropped) {
    store_.reachable = false;
    options_.max_rows = 50;
    start();
    add(0, 80);
    ASSERT_TRUE(store_.wait([&] { return store_.opened >= 3; }));
    EXPECT_EQ(writer_->health().status, StoreStatus::down);
    EXPECT_EQ(writer_->health().detail, "nobody there");
    EXPECT_EQ(writer_->health().losses, 0U);
    AuditCounters counters = writer_->counters();
    EXPECT_EQ(counters.dropped, 30U);
    EXPECT_EQ(counters.queued, 50U);
    store_.set([&] { store_.reachable = true; });
    // The rows make room once they are confirmed, which the writer learns a moment later.
    const MonoTime end = mono_now() + seconds(30);
    while (writer_->counters().written < 50 && mono_now() < end) std::this_thread::yield();
    add(100, 110);
    writer_->close(seconds(30));
    expect_accounts(90, 30);
    EXPECT_EQ(store_.request_ids[49], "r49");
    EXPECT_EQ(writer_->health().status, StoreStatus::up);
}

TEST_F(AuditWriting, TheQueueIsBoundedInBytes) {
    store_.reachable = false;
    options_.max_bytes = 100'000;
    start();
    for (int i = 0; i < 10; ++i) {
        AuditRow row = row_of("r");
        row.prompt = std::string(30'000, 'x');
        writer_->add(std::move(row));
    }
    EXPECT_EQ(writer_->counters().queued, 3U);
    EXPECT_EQ(writer_->counters().dropped, 7U);
    store_.set([&] { store_.reachable = true; });
    ASSERT_TRUE(store_.wait([&] { return store_.request_ids.size() == 3; }));
    writer_->close(seconds(30));
    expect_accounts(10, 7);
}

TEST_F(AuditWriting, ABatchWhoseConfirmationGotLostIsNotStoredTwice) {
    options_.batch_rows = 10;
    store_.forgets_to_say = true;
    start();
    add(0, 30);
    writer_->close(seconds(30));
    expect_accounts(30, 0);
    EXPECT_EQ(store_.failed_writes, 1);
    EXPECT_EQ(writer_->health().losses, 1U);
}

TEST_F(AuditWriting, RowsTheStoreNeverTakesAreDroppedAlone) {
    store_.rejected = {"r3", "r4"};
    start();
    add(0, 10);
    writer_->close(seconds(30));
    expect_accounts(10, 2);
    EXPECT_EQ(writer_->health().status, StoreStatus::up);
}

TEST_F(AuditWriting, ClosingEndsInTimeAndCountsWhatIsLeft) {
    store_.takes = false;
    options_.write_timeout = hours(1);
    start();
    add(0, 20);
    ASSERT_TRUE(store_.wait([&] { return store_.failed_writes == 1; }));
    writer_->close(milliseconds(20));  // the backend hangs; it is told
    expect_accounts(20, 20);
    writer_->add(row_of("late"));
    EXPECT_EQ(writer_->counters().dropped, 21U);
    writer_->close(seconds(1));
}

TEST_F(AuditWriting, ClosingWithTheStoreAwayDropsAll) {
    store_.reachable = false;
    options_.backoff_first = hours(1);
    start();
    ASSERT_TRUE(store_.wait([&] { return store_.opened == 1; }));
    add(0, 5);
    writer_->close(milliseconds(20));
    expect_accounts(5, 5);
}

TEST_F(AuditWriting, ManyThreadsMayAdd) {
    options_.max_rows = 300;
    start(true);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([this, t] { add(t * 1000, t * 1000 + 500); });
    }
    for (std::thread& thread : threads) thread.join();
    writer_->close(seconds(30));
    const AuditCounters counters = writer_->counters();
    EXPECT_EQ(counters.added, 2000U);
    EXPECT_EQ(counters.written + counters.dropped, 2000U);
    EXPECT_EQ(stored(), counters.written);
}

}  // namespace
}  // namespace squadload::squad_api
