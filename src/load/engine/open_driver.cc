// The open model: arrivals by schedule, whatever the target does. Iterations that are due and find
// no free slot wait in order; the backlog needs no memory, because the schedule is a function: it
// is what lies between two cursors.
//
// A slot is a connection and, of each class with a flow, one virtual user. It is taken by an
// iteration from its first request to its last, thinking included. A user that has not been there
// runs on_start first, while the iteration that was due waits for it: that is blocked time.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "load/engine/connection_pool.h"
#include "load/engine/driver.h"
#include "load/engine/virtual_user.h"
#include "load/pacing/part_cursor.h"

namespace squadload::engine {
namespace {

// Starts per turn before the loop is asked again, so that catching up does not starve the
// responses.
constexpr int kMaxStartsPerTurn = 64;

class OpenDriver;

// What a slot has beside its connection, from its first iteration with a flow on. Its timer is the
// next intended start.
class Slot final : public transport::Timer {
  public:
    Slot(OpenDriver& driver, Connection& its_connection, std::uint32_t its_number)
        : driver_(driver), connection(its_connection), number(its_number) {}

    void on_timer() override;

  private:
    OpenDriver& driver_;

  public:
    Connection& connection;
    const std::uint32_t number;                       // in the pool
    std::vector<std::unique_ptr<VirtualUser>> users;  // by class, made when first wanted
    VirtualUser* user = nullptr;                      // whose sequence is under way
    MonoTime intended{};
    std::optional<Flow::Next> next;  // sent at `intended`; none: on_start begins then
    // The iteration that is due, while on_start is under way.
    struct Due {
        Connection::Job job;
        std::uint16_t sequence;
        Random random;
        Nanos lag{};  // the generator's, in on_start
    };
    std::optional<Due> due;
    bool left = false;  // its users are leaving or have left
};

// A walk along the schedule: along this worker's share of it, or, in a steered run, along a part of
// it that changes.
class Cursor {
  public:
    Cursor(const pacing::Schedule& schedule, const std::vector<pacing::SchedulePart>& parts,
           const DriverContext& context)
        : whole_(schedule, context.share.index, context.share.count) {
        if (context.plan.steering == nullptr) return;
        // Processes that share a load differ in their seed: they do not start in step.
        Random random(schedule.seed(), RandomStream::arrivals,
                      std::numeric_limits<std::uint64_t>::max());
        const double place =
            random.unit() + static_cast<double>(context.share.index) / context.share.count;
        part_.emplace(schedule, parts, context.share.index, context.share.count,
                      place - std::floor(place));
    }

    bool done() const { return !part_ && whole_.done(); }
    std::uint64_t index() const { return part_ ? part_->index() : whole_.index(); }
    Nanos offset() const { return part_ ? part_->offset() : whole_.offset(); }
    void advance() { part_ ? part_->advance() : whole_.advance(); }
    void part_added() { part_->part_added(); }

  private:
    pacing::ScheduleCursor whole_;
    std::optional<pacing::PartCursor> part_;
};

class OpenDriver final : public Driver, private ExchangeOwner {
  public:
    OpenDriver(const DriverContext& context, const pacing::Schedule& schedule)
        : c_(context),
          to_start_(schedule, parts_, context),
          to_count_(schedule, parts_, context),
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
        if (has_flows() && !cut_ && now >= end_) cut_off_thinkers();
        for (int i = 0; i < kMaxStartsPerTurn && is_due(now) && pool_.has_free(); ++i) {
            start_one();
        }
        if (has_flows()) close(now);
    }

    void steer(const LoadTarget& target, MonoTime now) override {
        count_due(now + Nanos{1});
        const Nanos from = std::max(now - start_, Nanos{0}) + Nanos{1};
        parts_.push_back({from, target.share / c_.share.count, target.ahead});
        to_start_.part_added();
        to_count_.part_added();
    }

    MonoTime next_wake() const override {
        if (closing_ && !closed()) return start_;
        const MonoTime wake = stopped_ || to_start_.done() || !pool_.has_free()
                                  ? MonoTime::max()
                                  : start_ + to_start_.offset();
        return has_flows() && !cut_ ? std::min(wake, end_) : wake;
    }

    void count_due(MonoTime until) override {
        while (!to_count_.done() && start_ + to_count_.offset() < std::min(until, end_)) {
            c_.recorder.arrived();
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
        end_iterations();
    }

    void give_up(MonoTime now) override {
        gave_up_ = true;
        count_due(now);
        drop_backlog();
        stopped_ = true;
        end_iterations();
        pool_.abandon_all();
    }

    MonoTime schedule_end() const override {
        if (!bounded_by_requests_ || !to_count_.done()) return end_;
        return std::min(end_, std::max(last_counted_, last_step_));
    }

    MonoTime planned_end() const override {
        if (!bounded_by_requests_ || !to_count_.done()) return end_;
        // When the next one would have started: n iterations at r per second take n / r.
        const Nanos next = schedule_.profile().time_of(
            static_cast<long double>(schedule_.max_requests().value_or(0)));
        if (next >= duration_) return end_;
        return std::min(end_, std::max(last_counted_, start_ + next));
    }

    bool finished(MonoTime now) const override {
        if (pool_.in_use() > 0 || leaving_ > 0) return false;
        if (has_flows() && !closed()) return false;
        return over(now);
    }

    std::uint32_t in_flight() const override { return in_flight_; }
    std::uint32_t backlog() const override {
        const std::uint64_t waiting = counted_ > taken_ ? counted_ - taken_ : 0;
        return static_cast<std::uint32_t>(waiting) + awaiting_on_start_;
    }
    std::uint32_t users() const override { return pool_.in_use() + leaving_; }
    std::uint64_t connections_opened() const override { return pool_.opened(); }
    bool shut() override { return pool_.shut(); }

    void due(Slot& slot) {
        Connection::Job job = job_at(slot.intended);
        if (slot.next) {
            send(slot, job);
        } else {
            begin(slot, slot.user->begin_on_start(slot.intended), job);
        }
    }

  private:
    bool is_due(MonoTime now) const {
        if (stopped_ || to_start_.done()) return false;
        const MonoTime intended = start_ + to_start_.offset();
        return intended <= now && intended < end_;
    }

    // Every iteration that was due has started, and none will follow.
    bool over(MonoTime now) const {
        return stopped_ || (to_start_.done() && (bounded_by_requests_ || now >= end_));
    }

    void start_one() {
        Connection::Job job = job_at(start_ + to_start_.offset());
        job.arrival = true;
        job.number = to_start_.index();
        Connection& connection = pool_.take(job);
        to_start_.advance();
        ++taken_;
        Random random(c_.plan.scenario.seed, RandomStream::iteration, job.number);
        const std::uint16_t number = c_.entries.pick(random);
        const Sequence& sequence = c_.entries.sequence(number);
        job.user = std::uint64_t{job.slot} * c_.share.count + c_.share.index;
        if (c_.entries.of_class(sequence.ref.user_class).has_flow) {
            start_flow(connection, Slot::Due{job, number, random});
            return;
        }
        job.entry = sequence.first_entry;
        ++in_flight_;
        connection.start(job, random, body_scratch_);
    }

    // What is due and not started gets its outcome now.
    void drop_backlog() {
        const bool free = pool_.has_free();
        while (!to_start_.done() && start_ + to_start_.offset() < end_) {
            Random random(c_.plan.scenario.seed, RandomStream::iteration, to_start_.index());
            c_.recorder.unsent(c_.entries.sequence(c_.entries.pick(random)).first_entry, free);
            to_start_.advance();
            ++taken_;
        }
    }

    void exchange_started(Connection& connection, MonoTime actual_start) override {
        c_.recorder.started(connection.job(), actual_start);
    }

    void exchange_refused(Connection& connection, const ExchangeResult& so_far,
                          Nanos wait) override {
        c_.recorder.refused(connection.job(), so_far, wait);
    }

    void exchange_done(Connection& connection, const ExchangeResult& result) override {
        const Connection::Job& job = connection.job();
        c_.recorder.finished(job, result);
        --in_flight_;
        if (job.data != nullptr) {
            answered(*slots_[job.slot], result);
            return;
        }
        pool_.put_back(job.slot);
        if (closing_ && job.slot < slots_.size() && slots_[job.slot]) leave(*slots_[job.slot]);
    }

    // Flows ------------------------------------------------------------------------------------

    bool has_flows() const { return !slots_.empty(); }  // some slot has run one

    static Connection::Job job_at(MonoTime intended) {
        Connection::Job job;
        job.intended = job.free_since = intended;
        return job;
    }

    Slot& slot_of(Connection& connection, std::uint32_t number) {
        if (slots_.size() <= number) slots_.resize(number + 1);
        if (!slots_[number]) slots_[number] = std::make_unique<Slot>(*this, connection, number);
        return *slots_[number];
    }

    VirtualUser& user_of(Slot& slot, std::uint16_t user_class, std::uint64_t number) {
        if (slot.users.empty()) slot.users.resize(c_.plan.scenario.classes.size());
        auto& user = slot.users[user_class];
        if (!user) user = std::make_unique<VirtualUser>(c_, user_class, number);
        return *user;
    }

    void start_flow(Connection& connection, const Slot::Due& iteration) {
        Slot& slot = slot_of(connection, iteration.job.slot);
        const auto user_class = c_.entries.sequence(iteration.sequence).ref.user_class;
        slot.user = &user_of(slot, user_class, iteration.job.user);
        slot.due = iteration;
        if (!slot.user->flow().needs_on_start()) {
            begin_iteration(slot);
            return;
        }
        ++awaiting_on_start_;
        Connection::Job job = iteration.job;
        job.arrival = false;
        begin(slot, slot.user->begin_on_start(job.intended), job);
    }

    void begin_iteration(Slot& slot) {
        const Slot::Due iteration = *slot.due;
        slot.due.reset();
        const auto next = slot.user->begin_iteration(iteration.sequence, iteration.job.number,
                                                     iteration.random, iteration.job.intended);
        if (next.kind != Flow::Next::Kind::send) c_.recorder.nothing_to_send();
        begin(slot, next, iteration.job);
    }

    void begin(Slot& slot, const Flow::Next& next, Connection::Job job) {
        if (next.kind != Flow::Next::Kind::send) {
            sequence_over(slot, next.kind == Flow::Next::Kind::over);
            return;
        }
        slot.next = next;
        send(slot, job);
    }

    // Sends slot.next.
    void send(Slot& slot, Connection::Job job) {
        if (!job.arrival) {
            if (part(slot) == scenario::Part::task && job.intended >= end_) {
                free(slot);
                return;
            }
            c_.recorder.scheduled();
        }
        job.slot = slot.number;
        slot.user->fill(job, *slot.next);
        slot.next.reset();
        ++in_flight_;
        slot.connection.start(job, slot.user->random(), body_scratch_);
    }

    void answered(Slot& slot, const ExchangeResult& result) {
        const Flow::Next next = slot.user->answered(result);
        if (slot.due) {
            // Nobody was there for the iteration until now, but for what was our own lateness.
            slot.due->lag += delay_of(slot.connection.job(), result).generator_lag;
            slot.due->job.free_before = slot.due->lag;
            slot.due->job.free_since = result.end;
        }
        const bool cut = (part(slot) == scenario::Part::task && (stopped_ || result.end >= end_)) ||
                         (part(slot) == scenario::Part::on_start && !slot.due);
        if (next.kind != Flow::Next::Kind::send) {
            sequence_over(slot, next.kind == Flow::Next::Kind::over);
        } else if (cut || gave_up_) {
            part(slot) == scenario::Part::on_stop ? leave_next(slot) : free(slot);
        } else {
            go_on(slot, next);
        }
    }

    void go_on(Slot& slot, const Flow::Next& next) {
        slot.next = next;
        wait_until(slot, slot.user->ended() + slot.user->think(next));
    }

    void wait_until(Slot& slot, MonoTime intended) {
        slot.intended = intended;
        if (part(slot) == scenario::Part::task) last_step_ = std::max(last_step_, intended);
        if (intended <= slot.user->ended()) {
            due(slot);
        } else {
            c_.loop.set_timer(slot, intended);
        }
    }

    void sequence_over(Slot& slot, bool ok) {
        switch (part(slot)) {
            case scenario::Part::on_stop:
                leave_next(slot);
                return;
            case scenario::Part::task:
                free(slot);
                return;
            case scenario::Part::on_start:
                break;
        }
        if (!slot.due) {
            free(slot);
        } else if (ok) {
            --awaiting_on_start_;
            begin_iteration(slot);
        } else {
            const VirtualUser& user = *slot.user;
            wait_until(slot, start_ + slot.user->next_begin(c_.recorder.since_start(user.started()),
                                                            c_.recorder.since_start(user.ended())));
        }
    }

    // The slot's iteration is over, or ends here.
    void free(Slot& slot) {
        if (slot.armed()) c_.loop.cancel_timer(slot);
        slot.next.reset();
        slot.user->cut_off();
        slot.user = nullptr;
        pool_.put_back(slot.number);
        if (closing_) leave(slot);
    }

    // The schedule ends: whoever thinks between two requests stops there. A request that was due
    // before the end, and is late, still starts.
    void cut_off_thinkers() {
        cut_ = true;
        for (const auto& slot : slots_) {
            if (!slot || !slot->user || !slot->armed() || slot->intended < end_) continue;
            if (part(*slot) == scenario::Part::task) free(*slot);
        }
    }

    // Stopped: nobody goes on but those who leave; iterations that wait for on_start never start.
    void end_iterations() {
        for (const auto& slot : slots_) {
            if (!slot || !slot->user) continue;
            if (slot->due) {
                c_.recorder.unsent(c_.entries.sequence(slot->due->sequence).first_entry, false);
                slot->due.reset();
                --awaiting_on_start_;
            }
            if (!slot->armed()) continue;
            if (part(*slot) != scenario::Part::on_stop) {
                free(*slot);
            } else if (gave_up_) {
                c_.loop.cancel_timer(*slot);
                leave_next(*slot);
            }
        }
    }

    // Once everything that was due has started, idle users leave, some in every turn.
    void close(MonoTime now) {
        closing_ = closing_ || over(now);
        for (int i = 0; i < kMaxStartsPerTurn && closing_ && !closed(); ++i) {
            const auto& slot = slots_[next_to_leave_++];
            if (slot && !slot->user && slot->connection.idle()) leave(*slot);
        }
    }
    bool closed() const { return closing_ && next_to_leave_ >= slots_.size(); }

    void leave(Slot& slot) {
        if (slot.left) return;
        slot.left = true;
        ++leaving_;
        leave_next(slot);
    }

    void leave_next(Slot& slot) {
        slot.next.reset();
        slot.user = nullptr;
        const bool in_time = !gave_up_ && c_.plan.scenario.graceful_stop > Nanos{0};
        for (const auto& user : slot.users) {
            if (!in_time || !user || !user->flow().needs_on_stop()) continue;
            slot.user = user.get();
            const MonoTime now = c_.loop.now();
            Connection::Job job = job_at(now);
            begin(slot, user->begin_on_stop(now), job);
            return;
        }
        --leaving_;
    }

    static scenario::Part part(const Slot& slot) { return slot.user->flow().part(); }

    DriverContext c_;
    std::vector<pacing::SchedulePart> parts_;  // of a steered run
    Cursor to_start_;
    Cursor to_count_;
    ConnectionPool pool_;
    std::string body_scratch_;
    const pacing::Schedule& schedule_;
    bool bounded_by_requests_;
    Nanos duration_;
    bool stopped_ = false;
    bool gave_up_ = false;
    MonoTime start_{};
    MonoTime end_{};
    MonoTime last_counted_{};
    std::uint64_t counted_ = 0;
    std::uint64_t taken_ = 0;
    std::uint32_t in_flight_ = 0;

    std::vector<std::unique_ptr<Slot>> slots_;  // by slot of the pool; null where none was needed
    std::uint32_t awaiting_on_start_ = 0;
    bool cut_ = false;      // the end has come, and cut_off_thinkers() with it
    bool closing_ = false;  // users leave
    std::size_t next_to_leave_ = 0;
    std::uint32_t leaving_ = 0;
    MonoTime last_step_{};  // the last intended start of a later request of an iteration
};

void Slot::on_timer() {
    driver_.due(*this);
}

}  // namespace

std::unique_ptr<Driver> make_open_driver(const DriverContext& context,
                                         const pacing::Schedule& schedule) {
    return std::make_unique<OpenDriver>(context, schedule);
}

}  // namespace squadload::engine
