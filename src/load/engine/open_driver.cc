// The open model: arrivals by schedule, whatever the target does. Requests that are due and find no
// free slot wait in order; the backlog needs no memory, because the schedule is a function: it is
// what lies between two cursors.
#include <algorithm>

#include "load/engine/connection_pool.h"
#include "load/engine/driver.h"

namespace squadload::engine {
namespace {

// Starts per turn before the loop is asked again, so that catching up does not starve the
// responses.
constexpr int kMaxStartsPerTurn = 64;

class OpenDriver final : public Driver, private ExchangeOwner {
  public:
    OpenDriver(const DriverContext& context, const pacing::Schedule& schedule)
        : c_(context),
          to_start_(schedule, context.share.index, context.share.count),
          to_count_(schedule, context.share.index, context.share.count),
          pool_(context.channels, context.plan, context.entries, *this,
                std::max<std::uint64_t>(1, context.share.of(slots(context.plan.scenario)))),
          schedule_(schedule),
          bounded_by_requests_(schedule.max_requests().has_value()),
          duration_(std::min(schedule.profile().duration(), kLongestRun)) {}

    void begin(MonoTime start) override {
        start_ = start;
        pool_.begin(start);
        end_ = start + duration_;
    }

    void turn(MonoTime now) override {
        count_due(now + Nanos{1});
        for (int i = 0; i < kMaxStartsPerTurn && is_due(now) && pool_.has_free(); ++i) {
            start_one();
        }
    }

    MonoTime next_wake() const override {
        if (stopped_ || to_start_.done() || !pool_.has_free()) return MonoTime::max();
        return start_ + to_start_.offset();
    }

    void count_due(MonoTime until) override {
        while (!to_count_.done() && start_ + to_count_.offset() < std::min(until, end_)) {
            c_.recorder.scheduled();
            ++counted_;
            last_counted_ = start_ + to_count_.offset();
            to_count_.advance();
        }
    }

    void stop(MonoTime now) override {
        while (is_due(now) && pool_.has_free()) start_one();
        // A request due at this very moment may have started: it lies before the end.
        end_ = std::min(end_, now < start_ ? start_ : now + Nanos{1});
        count_due(end_);
        stopped_ = true;
        drop_backlog();
    }

    void give_up(MonoTime now) override {
        count_due(now);
        drop_backlog();
        stopped_ = true;
        pool_.abandon_all();
    }

    MonoTime schedule_end() const override {
        return bounded_by_requests_ && to_count_.done() ? std::min(end_, last_counted_) : end_;
    }

    MonoTime planned_end() const override {
        if (!bounded_by_requests_ || !to_count_.done()) return end_;
        // When the next one would have started: n requests at r per second take n / r.
        const Nanos next = schedule_.profile().time_of(
            static_cast<long double>(schedule_.max_requests().value_or(0)));
        if (next >= duration_) return end_;
        return std::min(end_, std::max(last_counted_, start_ + next));
    }

    bool finished(MonoTime now) const override {
        if (pool_.in_use() > 0) return false;
        if (stopped_) return true;
        return to_start_.done() && (bounded_by_requests_ || now >= end_);
    }

    std::uint32_t in_flight() const override { return pool_.in_use(); }
    std::uint32_t backlog() const override {
        return static_cast<std::uint32_t>(counted_ > taken_ ? counted_ - taken_ : 0);
    }
    std::uint32_t users() const override { return pool_.in_use(); }
    std::uint64_t connections_opened() const override { return pool_.opened(); }
    bool shut() override { return pool_.shut(); }

  private:
    bool is_due(MonoTime now) const {
        if (stopped_ || to_start_.done()) return false;
        const MonoTime intended = start_ + to_start_.offset();
        return intended <= now && intended < end_;
    }

    void start_one() {
        Connection::Job job;
        job.number = to_start_.index();
        job.intended = start_ + to_start_.offset();
        Connection& connection = pool_.take(job);
        to_start_.advance();
        ++taken_;
        Random random(c_.plan.scenario.seed, RandomStream::iteration, job.number);
        job.entry = first_entry(random);
        job.user = std::uint64_t{job.slot} * c_.share.count + c_.share.index;
        connection.start(job, random, body_scratch_);
    }

    std::uint16_t first_entry(Random& random) const {
        return c_.entries.sequence(c_.entries.pick(random)).first_entry;
    }

    // What is due and not started gets its outcome now.
    void drop_backlog() {
        const bool free = pool_.has_free();
        while (!to_start_.done() && start_ + to_start_.offset() < end_) {
            Random random(c_.plan.scenario.seed, RandomStream::iteration, to_start_.index());
            c_.recorder.unsent(first_entry(random), free);
            to_start_.advance();
            ++taken_;
        }
    }

    void exchange_started(Connection&, MonoTime actual_start) override {
        c_.recorder.started(actual_start);
    }

    void exchange_done(Connection& connection, const ExchangeResult& result) override {
        c_.recorder.finished(connection.job(), result);
        pool_.put_back(connection);
    }

    DriverContext c_;
    pacing::ScheduleCursor to_start_;
    pacing::ScheduleCursor to_count_;
    ConnectionPool pool_;
    std::string body_scratch_;
    const pacing::Schedule& schedule_;
    bool bounded_by_requests_;
    Nanos duration_;
    bool stopped_ = false;
    MonoTime start_{};
    MonoTime end_{};
    MonoTime last_counted_{};
    std::uint64_t counted_ = 0;
    std::uint64_t taken_ = 0;
};

}  // namespace

std::unique_ptr<Driver> make_open_driver(const DriverContext& context,
                                         const pacing::Schedule& schedule) {
    return std::make_unique<OpenDriver>(context, schedule);
}

}  // namespace squadload::engine
