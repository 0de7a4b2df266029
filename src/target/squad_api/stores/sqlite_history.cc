#include "target/squad_api/stores/sqlite_history.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "target/squad_api/stores/deadline_event.h"
#include "target/squad_api/stores/health_tracker.h"
#include "target/squad_api/stores/sqlite_database.h"

namespace squadload::squad_api {
namespace {

constexpr std::size_t kBatch = 500;
constexpr Nanos kPurgeEvery = std::chrono::minutes(10);

struct Addition {
    std::string user_id;
    std::string agent;
    std::vector<Turn> turns;
    std::int64_t at_ms;
};

// A question of the loop's, answered on the thread. What the thread writes is `turns`, before it
// posts the event to the loop.
struct Question {
    Question(std::string user, std::string for_agent, std::size_t wanted,
             const asio::any_io_executor& loop)
        : user_id(std::move(user)),
          agent(std::move(for_agent)),
          count(wanted),
          executor(loop),
          answered(loop) {}
    std::string user_id;
    std::string agent;
    std::size_t count;
    asio::any_io_executor executor;
    DeadlineEvent answered;
    std::optional<std::vector<Turn>> turns;  // none: the store is away
};

// Back to the loop, the last reference with it: its timer is not for other threads.
void give(std::shared_ptr<Question> question) {
    const asio::any_io_executor executor = question->executor;
    asio::post(executor, [answered = std::move(question)] { answered->answered.happen(); });
}

std::size_t bytes_of(const Addition& addition) {
    std::size_t bytes = sizeof addition + addition.user_id.size() + addition.agent.size();
    for (const Turn& turn : addition.turns) bytes += turn.role.size() + turn.text.size();
    return bytes;
}

std::size_t turns_of(const std::vector<Addition>& additions) {
    std::size_t turns = 0;
    for (const Addition& addition : additions) turns += addition.turns.size();
    return turns;
}

// The connection with its statements; on the thread alone.
class TurnTable {
  public:
    TurnTable(std::string path, SqliteHistoryOptions options)
        : path_(std::move(path)), options_(options) {}

    [[nodiscard]] bool is_open() const { return database_.has_value(); }
    [[nodiscard]] Result<void> open(const Patience& patience);
    void close() {
        insert_.reset();
        trim_.reset();
        select_.reset();
        purge_.reset();
        database_.reset();
    }
    [[nodiscard]] Result<void> add(const std::vector<Addition>& additions,
                                   const Patience& patience);
    [[nodiscard]] Result<std::vector<Turn>> last(const Question& question);
    [[nodiscard]] Result<void> purge(std::int64_t before_ms, const Patience& patience);

  private:
    [[nodiscard]] Result<void> add_one(const Addition& addition);

    std::string path_;
    SqliteHistoryOptions options_;
    std::optional<SqliteDatabase> database_;
    std::optional<SqliteStatement> insert_, trim_, select_, purge_;
};

Result<void> TurnTable::open(const Patience& patience) {
    Result<SqliteDatabase> opened = SqliteDatabase::open(path_, patience);
    if (!opened) return tl::unexpected(opened.error());
    const std::pair<std::optional<SqliteStatement>*, std::string_view> statements[] = {
        {&insert_, "INSERT INTO turns (user_id, agent, at_ms, role, text) VALUES (?, ?, ?, ?, ?)"},
        {&trim_,
         "DELETE FROM turns WHERE user_id = ?1 AND agent = ?2 AND id <= (SELECT id FROM turns "
         "WHERE user_id = ?1 AND agent = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)"},
        {&select_,
         "SELECT role, text FROM turns WHERE user_id = ? AND agent = ? ORDER BY id DESC LIMIT ?"},
        {&purge_, "DELETE FROM turns WHERE at_ms < ?"}};
    for (const auto& [statement, sql] : statements) {
        Result<SqliteStatement> prepared = opened->prepare(sql);
        if (!prepared) return tl::unexpected(prepared.error());
        *statement = std::move(*prepared);
    }
    database_ = std::move(*opened);
    return {};
}

Result<void> TurnTable::add(const std::vector<Addition>& additions, const Patience& patience) {
    if (auto begun = database_->begin(patience); !begun) return begun;
    for (const Addition& addition : additions) {
        if (auto added = add_one(addition); !added) {
            database_->rollback();
            return added;
        }
    }
    return database_->commit();
}

Result<void> TurnTable::add_one(const Addition& addition) {
    for (const Turn& turn : addition.turns) {
        insert_->bind(1, addition.user_id);
        insert_->bind(2, addition.agent);
        insert_->bind(3, addition.at_ms);
        insert_->bind(4, turn.role);
        insert_->bind(5, turn.text);
        if (auto added = insert_->run(); !added) return added;
    }
    trim_->bind(1, addition.user_id);
    trim_->bind(2, addition.agent);
    trim_->bind(3, static_cast<std::int64_t>(options_.max_turns));
    return trim_->run();
}

Result<std::vector<Turn>> TurnTable::last(const Question& question) {
    std::vector<Turn> turns;
    select_->bind(1, question.user_id);
    select_->bind(2, question.agent);
    select_->bind(3, static_cast<std::int64_t>(std::min(question.count, options_.max_turns)));
    while (true) {
        const Result<bool> row = select_->step();
        if (!row) return tl::unexpected(row.error());
        if (!*row) break;
        turns.push_back({select_->text(0), select_->text(1)});
    }
    std::reverse(turns.begin(), turns.end());
    return turns;
}

Result<void> TurnTable::purge(std::int64_t before_ms, const Patience& patience) {
    if (auto begun = database_->begin(patience); !begun) return begun;
    purge_->bind(1, before_ms);
    if (auto done = purge_->run(); !done) {
        database_->rollback();
        return done;
    }
    return database_->commit();
}

class SqliteHistory final : public History {
  public:
    SqliteHistory(TurnTable table, std::string path, SqliteHistoryOptions options);
    ~SqliteHistory() override { close(Nanos::zero()); }

    [[nodiscard]] asio::awaitable<std::vector<Turn>> last(std::string user_id, std::string agent,
                                                          std::size_t turns,
                                                          MonoTime deadline) override;
    void append(std::string user_id, std::string agent, std::vector<Turn> turns,
                WallTime at) override;
    [[nodiscard]] HistoryCounters counters() const override;
    [[nodiscard]] StoreHealth health() const override;
    void close(Nanos within) override;

  private:
    void run();
    // False: the end.
    bool next(std::vector<std::shared_ptr<Question>>& questions, std::vector<Addition>& additions);
    bool make_open();
    void answer(std::shared_ptr<Question> question);
    void store(const std::vector<Addition>& additions);
    void purge_old();
    void failed(const std::string& why);
    [[nodiscard]] Patience patience() const {
        return Patience{mono_now() + options_.busy_timeout, &closing_};
    }

    std::string path_;
    SqliteHistoryOptions options_;
    ClosingTime closing_;
    TurnTable table_;                   // of the thread
    MonoTime next_purge_ = mono_now();  // likewise

    mutable std::mutex mutex_;  // for what follows
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Question>> questions_;
    std::deque<Addition> additions_;
    std::size_t queued_turns_ = 0;
    std::size_t queued_bytes_ = 0;
    bool closed_ = false;
    HistoryCounters counters_;
    HealthTracker health_;
    std::thread thread_;
};

SqliteHistory::SqliteHistory(TurnTable table, std::string path, SqliteHistoryOptions options)
    : path_(std::move(path)),
      options_(options),
      table_(std::move(table)),
      health_("sqlite", mono_now()) {
    health_.up(path_, mono_now());
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "history");
        run();
    });
}

asio::awaitable<std::vector<Turn>> SqliteHistory::last(std::string user_id, std::string agent,
                                                       std::size_t turns, MonoTime deadline) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto question =
        std::make_shared<Question>(std::move(user_id), std::move(agent), turns, executor);
    bool asked = false;
    {
        const std::lock_guard lock(mutex_);
        asked = !closed_ && questions_.size() < options_.max_queued;
        if (asked) questions_.push_back(question);
    }
    if (asked) wake_.notify_one();
    bool answered = false;
    if (asked) answered = co_await question->answered.wait(deadline);
    if (answered && question->turns) co_return std::move(*question->turns);
    const std::lock_guard lock(mutex_);
    ++counters_.failed_reads;
    co_return std::vector<Turn>{};
}

void SqliteHistory::append(std::string user_id, std::string agent, std::vector<Turn> turns,
                           WallTime at) {
    const auto at_ms = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch());
    Addition addition{std::move(user_id), std::move(agent), std::move(turns), at_ms.count()};
    const std::size_t bytes = bytes_of(addition);
    {
        const std::lock_guard lock(mutex_);
        counters_.appended += addition.turns.size();
        if (closed_ || queued_turns_ + addition.turns.size() > options_.max_queued ||
            queued_bytes_ + bytes > options_.max_bytes) {
            counters_.dropped += addition.turns.size();
            return;
        }
        queued_turns_ += addition.turns.size();
        queued_bytes_ += bytes;
        additions_.push_back(std::move(addition));
    }
    wake_.notify_one();
}

HistoryCounters SqliteHistory::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

StoreHealth SqliteHistory::health() const {
    const std::lock_guard lock(mutex_);
    return health_.health();
}

void SqliteHistory::close(Nanos within) {
    if (!thread_.joinable()) return;
    const MonoTime now = mono_now();
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    closing_.set(within >= MonoTime::max() - now ? MonoTime::max() - Nanos{1} : now + within);
    wake_.notify_one();
    thread_.join();
    const std::lock_guard lock(mutex_);
    for (const Addition& addition : additions_) counters_.dropped += addition.turns.size();
    additions_.clear();
}

// --- the thread

void SqliteHistory::run() {
    std::vector<std::shared_ptr<Question>> questions;
    std::vector<Addition> additions;
    while (next(questions, additions)) {
        // Reading first: somebody waits for it.
        for (auto& question : questions) answer(std::move(question));
        if (!additions.empty()) store(additions);
        if (table_.is_open() && mono_now() >= next_purge_) purge_old();
    }
    table_.close();
}

bool SqliteHistory::next(std::vector<std::shared_ptr<Question>>& questions,
                         std::vector<Addition>& additions) {
    questions.clear();
    additions.clear();
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closed_ || !questions_.empty() || !additions_.empty(); });
    if (closed_ && (mono_now() >= closing_.get() || additions_.empty())) {
        for (auto& question : questions_) give(std::move(question));
        questions_.clear();
        return false;
    }
    questions.assign(questions_.begin(), questions_.end());
    questions_.clear();
    while (!additions_.empty() && additions.size() < kBatch) {
        additions.push_back(std::move(additions_.front()));
        additions_.pop_front();
    }
    return true;
}

bool SqliteHistory::make_open() {
    if (table_.is_open()) return true;
    if (auto opened = table_.open(patience()); !opened) {
        failed(opened.error().message);
        return false;
    }
    const std::lock_guard lock(mutex_);
    health_.up(path_, mono_now());
    return true;
}

void SqliteHistory::answer(std::shared_ptr<Question> question) {
    if (make_open()) {
        Result<std::vector<Turn>> turns = table_.last(*question);
        if (turns) {
            question->turns = std::move(*turns);
        } else {
            failed(turns.error().message);
        }
    }
    give(std::move(question));
}

void SqliteHistory::store(const std::vector<Addition>& additions) {
    Result<void> stored = fail(ErrorKind::io, "");
    if (make_open()) {
        stored = table_.add(additions, patience());
        if (!stored) failed(stored.error().message);
    }
    std::size_t bytes = 0;
    for (const Addition& addition : additions) bytes += bytes_of(addition);
    const std::lock_guard lock(mutex_);
    queued_turns_ -= turns_of(additions);
    queued_bytes_ -= bytes;
    if (!stored) counters_.dropped += turns_of(additions);
}

void SqliteHistory::purge_old() {
    next_purge_ = mono_now() + kPurgeEvery;
    const auto before = std::chrono::floor<std::chrono::milliseconds>(
        wall_now().time_since_epoch() - options_.keep_for);
    if (auto purged = table_.purge(before.count(), patience()); !purged) {
        failed(purged.error().message);
    }
}

void SqliteHistory::failed(const std::string& why) {
    table_.close();
    bool news = false;
    {
        const std::lock_guard lock(mutex_);
        news = health_.health().detail != why;
        health_.down(why, mono_now());
    }
    if (news) log::warning("history (sqlite): " + why);
}

}  // namespace

Result<std::unique_ptr<History>> open_sqlite_history(const std::string& path,
                                                     const SqliteHistoryOptions& options) {
    TurnTable table(path, options);
    Patience patience;
    patience.deadline = mono_now() + options.busy_timeout;
    if (auto opened = table.open(patience); !opened) {
        return tl::unexpected(Error{ErrorKind::config, opened.error().message, std::nullopt});
    }
    return std::make_unique<SqliteHistory>(std::move(table), path, options);
}

}  // namespace squadload::squad_api
