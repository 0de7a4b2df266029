#include "target/squad_api/stores/audit_writer.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "target/squad_api/stores/random_id.h"

namespace squadload::squad_api {
namespace {

std::size_t bytes_of(const AuditRow& row) {
    return sizeof(StoredRow) + row.request_id.size() + row.user_id.size() + row.agent.size() +
           row.endpoint.size() + row.provider.size() + row.model.size() + row.attempts_text.size() +
           row.prompt.size();
}

}  // namespace

AuditWriter::AuditWriter(std::unique_ptr<AuditBackend> backend, AuditWriterOptions options,
                         bool is_open)
    : backend_(std::move(backend)),
      options_(options),
      id_(random_id()),
      open_(is_open),
      health_(backend_->kind(), mono_now()),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    SQUADLOAD_CHECK(wake_ >= 0);
    if (open_) health_.up(backend_->where(), mono_now());
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "audit");
        run();
    });
}

AuditWriter::~AuditWriter() {
    close(Nanos::zero());
    ::close(wake_);
}

void AuditWriter::add(AuditRow row) {
    const MonoTime now = mono_now();
    const std::size_t bytes = bytes_of(row);
    bool asleep = false;
    {
        const std::lock_guard lock(mutex_);
        ++counters_.added;
        const std::uint64_t kept = counters_.added - counters_.written - counters_.dropped;
        if (closed_ || kept > options_.max_rows || bytes_ + bytes > options_.max_bytes) {
            ++counters_.dropped;
            return;
        }
        queue_.push_back({id_ + "-" + std::to_string(next_row_++), std::move(row), now});
        bytes_ += bytes;
        asleep = std::exchange(waiting_, false);
    }
    if (asleep) wake();
}

AuditCounters AuditWriter::counters() const {
    const std::lock_guard lock(mutex_);
    AuditCounters counters = counters_;
    counters.queued = counters.added - counters.written - counters.dropped;
    return counters;
}

StoreHealth AuditWriter::health() const {
    const std::lock_guard lock(mutex_);
    return health_.health();
}

void AuditWriter::close(Nanos within) {
    if (!thread_.joinable()) return;
    const MonoTime now = mono_now();
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    closing_.set(within >= MonoTime::max() - now ? MonoTime::max() - Nanos{1} : now + within);
    wake();
    thread_.join();
    const std::lock_guard lock(mutex_);
    counters_.dropped = counters_.added - counters_.written;
    queue_.clear();
}

void AuditWriter::wake() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_, &one, sizeof one));
}

// --- the thread

void AuditWriter::run() {
    while (true) {
        take_batch();
        if (over()) break;
        if (!open_ && mono_now() < next_try_) {
            wait(next_try_, false);
        } else if (!open_) {
            open_ = open();
        } else if (!batch_.empty()) {
            write();
        } else {
            wait(batch_due(), true);
        }
    }
    backend_->close();
}

bool AuditWriter::over() const {
    const MonoTime closing = closing_.get();
    if (mono_now() >= closing) return true;
    const std::lock_guard lock(mutex_);
    return closed_ && batch_.empty() && queue_.empty();
}

MonoTime AuditWriter::batch_due() const {
    const std::lock_guard lock(mutex_);
    return queue_.empty() ? MonoTime::max() : queue_.front().added + options_.linger;
}

// Fills the batch when it is empty and one is due: full, old enough, or the last.
void AuditWriter::take_batch() {
    if (!batch_.empty()) return;
    const MonoTime now = mono_now();
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return;
    const bool due = closed_ || queue_.size() >= options_.batch_rows ||
                     bytes_ >= options_.batch_bytes ||
                     now >= queue_.front().added + options_.linger;
    if (!due) return;
    std::size_t bytes = 0;
    while (!queue_.empty() && batch_.size() < options_.batch_rows &&
           (batch_.empty() || bytes < options_.batch_bytes)) {
        bytes += bytes_of(queue_.front().row);
        batch_.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
}

bool AuditWriter::open() {
    const Patience patience{mono_now() + options_.open_timeout, &closing_};
    if (const Result<void> opened = backend_->open(patience); !opened) {
        failed(opened.error().message);
        return false;
    }
    set_up();
    return true;
}

void AuditWriter::set_up() {
    const std::lock_guard lock(mutex_);
    health_.up(backend_->where(), mono_now());
}

void AuditWriter::write() {
    const Patience patience{mono_now() + options_.write_timeout, &closing_};
    const Result<std::size_t> rejected = backend_->write(batch_, patience);
    if (!rejected) return failed(rejected.error().message);
    backoff_ = Nanos::zero();
    std::size_t bytes = 0;
    for (const StoredRow& row : batch_) bytes += bytes_of(row.row);
    const std::lock_guard lock(mutex_);
    counters_.written += batch_.size() - *rejected;
    counters_.dropped += *rejected;
    bytes_ -= bytes;
    batch_.clear();
}

void AuditWriter::failed(const std::string& why) {
    backend_->close();
    open_ = false;
    backoff_ = backoff_ == Nanos::zero() ? options_.backoff_first
                                         : std::min(2 * backoff_, options_.backoff_max);
    const MonoTime now = mono_now();
    next_try_ = now + backoff_;
    bool news = false;
    {
        const std::lock_guard lock(mutex_);
        news = health_.health().detail != why;
        health_.down(why, now);
    }
    if (news) log::warning("audit log (" + backend_->kind() + "): " + why);
}

void AuditWriter::wait(MonoTime until, bool watch_connection) {
    {
        const std::lock_guard lock(mutex_);
        // A full batch came in meanwhile, or the first row, or the end.
        if (watch_connection && until == MonoTime::max() && !queue_.empty()) return;
        if (closed_ && watch_connection) return;
        waiting_ = until == MonoTime::max() && watch_connection;
    }
    const MonoTime now = mono_now();
    until = std::min(until, closing_.get());
    if (until <= now) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::min<Nanos>(until - now, std::chrono::hours(1)));
    std::array<pollfd, 2> watched = {{{wake_, POLLIN, 0}, {-1, POLLIN, 0}}};
    if (watch_connection) watched[1].fd = backend_->descriptor();
    if (poll(watched.data(), watched.size(), static_cast<int>(left.count())) <= 0) return;
    std::uint64_t ignored = 0;
    if (watched[0].revents != 0) static_cast<void>(!read(wake_, &ignored, sizeof ignored));
    if (watched[1].revents == 0) return;
    if (const Result<void> alive = backend_->look(); !alive) failed(alive.error().message);
}

}  // namespace squadload::squad_api
