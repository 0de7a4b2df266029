#include "target/providers/arrival_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace squadload::providers {
namespace {

using arrivals::Arrival;

constexpr std::int64_t kNone = -1;  // no time

void cut(std::string& text) {
    if (text.size() > kMaxLoggedText) text.resize(kMaxLoggedText);
}

template <class Small>
Small narrowed(std::int64_t value) {
    return static_cast<Small>(std::clamp<std::int64_t>(
        value, 0, static_cast<std::int64_t>(std::numeric_limits<Small>::max())));
}

}  // namespace

// Texts stand in the chunk's `texts`, one after the other: provider, key, model, correlation id,
// agent, reason. The reason is known for sure at the end only, so it has a place of its own.
struct ArrivalLog::Record {
    std::int64_t at = 0;
    std::int64_t done = kNone;
    std::int64_t retry_after = kNone;
    std::int64_t prompt_tokens = 0;
    std::int64_t max_tokens = 0;
    std::int64_t reserved_tokens = 0;
    std::int64_t completion_tokens = 0;
    std::uint32_t text = 0;
    std::uint32_t reason = 0;
    std::uint32_t in_flight = 0;
    std::uint32_t attempt = 0;
    std::uint16_t status = 0;
    std::array<std::uint8_t, 5> lengths{};
    std::uint8_t reason_length = 0;
    bool admitted = false;
};

struct ArrivalLog::Chunk {
    std::array<Record, kChunk> records;
    std::string texts;
};
static_assert(kMaxLoggedText <= std::numeric_limits<std::uint8_t>::max());

void to_line(const LogCounts& counts, std::uint64_t next_since, Nanos now, std::string& out) {
    fmt::format_to(std::back_inserter(out),
                   R"({{"log":{{"recorded":{},"open":{},"kept":{},"first_kept":{},"overflow":{},)"
                   R"("capacity":{},"next_since":{},"now_ns":{}}}}})"
                   "\n",
                   counts.recorded, counts.open, counts.kept, counts.first_kept, counts.overflow,
                   counts.capacity, next_since, now.count());
}

ArrivalLog::ArrivalLog(std::size_t capacity) : capacity_(capacity) {}
ArrivalLog::~ArrivalLog() = default;

void ArrivalLog::open(Arrival& arrival) {
    for (std::string* text : {&arrival.provider, &arrival.key, &arrival.model,
                              &arrival.correlation_id, &arrival.agent}) {
        cut(*text);
    }
    const std::lock_guard lock(mutex_);
    arrival.seq = ++recorded_;
    ++open_;
    keep(arrival);
}

void ArrivalLog::keep(const Arrival& arrival) {
    if (kept_ == capacity_) {
        ++overflow_;
        return;
    }
    if (kept_ == 0) first_ = arrival.seq;
    const std::size_t index = arrival.seq - first_;
    // After an overflow only clear() makes room, and that starts afresh: there are no holes here.
    if (index / kChunk == chunks_.size()) chunks_.push_back(std::make_unique<Chunk>());
    Chunk& chunk = *chunks_[index / kChunk];
    Record& record = chunk.records[index % kChunk];
    record.at = arrival.at.count();
    record.prompt_tokens = arrival.prompt_tokens;
    record.max_tokens = arrival.max_tokens;
    record.reserved_tokens = arrival.reserved_tokens;
    record.in_flight = narrowed<std::uint32_t>(arrival.in_flight);
    record.attempt = narrowed<std::uint32_t>(arrival.attempt);
    record.admitted = arrival.admitted;
    record.text = static_cast<std::uint32_t>(chunk.texts.size());
    const std::array<const std::string*, 5> texts = {
        &arrival.provider, &arrival.key, &arrival.model, &arrival.correlation_id, &arrival.agent};
    for (std::size_t i = 0; i < texts.size(); ++i) {
        chunk.texts += *texts[i];
        record.lengths[i] = static_cast<std::uint8_t>(texts[i]->size());
    }
    ++kept_;
}

void ArrivalLog::close(const Arrival& arrival) {
    const std::lock_guard lock(mutex_);
    --open_;
    if (arrival.seq < first_ || arrival.seq - first_ >= kept_) return;
    const std::size_t index = arrival.seq - first_;
    Chunk& chunk = *chunks_[index / kChunk];
    Record& record = chunk.records[index % kChunk];
    record.admitted = arrival.admitted;
    record.status = narrowed<std::uint16_t>(arrival.status);
    record.completion_tokens = arrival.completion_tokens;
    if (arrival.retry_after) record.retry_after = arrival.retry_after->count();
    if (arrival.done) record.done = arrival.done->count();
    record.reason = static_cast<std::uint32_t>(chunk.texts.size());
    record.reason_length =
        static_cast<std::uint8_t>(std::min(arrival.reason.size(), kMaxLoggedText));
    chunk.texts.append(arrival.reason, 0, record.reason_length);
}

LogCounts ArrivalLog::counts_locked() const {
    return {recorded_, open_, kept_, kept_ > 0 ? first_ : 0, overflow_, capacity_};
}

LogCounts ArrivalLog::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_locked();
}

Arrival ArrivalLog::restored(const Chunk& chunk, std::size_t index, std::uint64_t seq) {
    const Record& record = chunk.records[index];
    Arrival arrival;
    arrival.seq = seq;
    arrival.at = Nanos(record.at);
    std::size_t at = record.text;
    const std::array<std::string*, 5> texts = {&arrival.provider, &arrival.key, &arrival.model,
                                               &arrival.correlation_id, &arrival.agent};
    for (std::size_t i = 0; i < texts.size(); ++i) {
        texts[i]->assign(chunk.texts, at, record.lengths[i]);
        at += record.lengths[i];
    }
    arrival.reason.assign(chunk.texts, record.reason, record.reason_length);
    arrival.prompt_tokens = record.prompt_tokens;
    arrival.max_tokens = record.max_tokens;
    arrival.reserved_tokens = record.reserved_tokens;
    arrival.admitted = record.admitted;
    arrival.status = record.status;
    arrival.in_flight = record.in_flight;
    arrival.attempt = record.attempt;
    arrival.completion_tokens = record.completion_tokens;
    if (record.retry_after != kNone) arrival.retry_after = Nanos(record.retry_after);
    if (record.done != kNone) arrival.done = Nanos(record.done);
    return arrival;
}

ArrivalPage ArrivalLog::page(std::uint64_t since, std::size_t limit) const {
    const std::lock_guard lock(mutex_);
    ArrivalPage page;
    page.counts = counts_locked();
    const std::uint64_t end = first_ + kept_;  // one beyond the last kept
    const std::uint64_t begin = std::clamp(std::min(since, end) + 1, first_, end);
    const std::uint64_t stop = begin + std::min<std::uint64_t>(limit, end - begin);
    page.arrivals.reserve(stop - begin);
    for (std::uint64_t seq = begin; seq < stop; ++seq) {
        const std::size_t index = seq - first_;
        page.arrivals.push_back(restored(*chunks_[index / kChunk], index % kChunk, seq));
    }
    page.next_since = page.arrivals.empty() ? std::min(since, recorded_) : stop - 1;
    page.more = stop < end;
    return page;
}

std::vector<Arrival> ArrivalLog::take() {
    std::vector<std::unique_ptr<Chunk>> chunks;
    std::uint64_t first = 0;
    std::size_t kept = 0;
    {
        const std::lock_guard lock(mutex_);
        chunks.swap(chunks_);
        first = first_;
        kept = std::exchange(kept_, 0);
        first_ = recorded_ + 1;
    }
    std::vector<Arrival> all;
    all.reserve(kept);
    for (std::size_t index = 0; index < kept; ++index) {
        all.push_back(restored(*chunks[index / kChunk], index % kChunk, first + index));
    }
    return all;
}

void ArrivalLog::clear() {
    std::vector<std::unique_ptr<Chunk>> chunks;  // freed outside the lock
    const std::lock_guard lock(mutex_);
    chunks.swap(chunks_);
    kept_ = 0;
    first_ = recorded_ + 1;
}

}  // namespace squadload::providers
