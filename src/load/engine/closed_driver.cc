// The closed model: each virtual user runs a task, waits for its response, thinks, and goes on.
// Users of a class with a flow have steps, on_start and on_stop around that; when the schedule ends
// they are closed: each is cut off once its request has ended, says on_stop, and is gone.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "load/engine/connection_pool.h"
#include "load/engine/driver.h"
#include "load/engine/virtual_user.h"
#include "load/pacing/active_share.h"

namespace squadload::engine {
namespace {

constexpr std::size_t kMaxLeavingPerTurn = 64;

class ClosedDriver;

// Its timer is its next intended start.
class User final : public transport::Timer {
  public:
    User(ClosedDriver& driver, std::uint32_t global_index, std::uint16_t class_number)
        : driver_(driver), index(global_index), user_class(class_number) {}

    void on_timer() override;

  private:
    ClosedDriver& driver_;

  public:
    const std::uint32_t index;  // over all workers
    const std::uint16_t user_class;
    std::uint64_t iteration = 0;
    MonoTime intended{};
    MonoTime not_before{};  // on_429: wait
    bool spawned = false;
    bool parked = false;                     // adaptive: not among the active users
    std::unique_ptr<Connection> connection;  // per_user mode, made at the first request
    User* next_waiting = nullptr;            // shared mode

    // Of a class with a flow.
    std::unique_ptr<VirtualUser> flow;
    std::optional<Flow::Next> next;  // what it sends at `intended`; none: it begins a sequence then
    bool busy = false;               // a request of it is in flight, or waits for a connection
    bool gone = false;

    // Of a steered run.
    std::uint64_t number = 0;  // of its iteration
    bool retired = false;      // goes once its request has ended
};

class ClosedDriver final : public Driver, private ExchangeOwner {
  public:
    explicit ClosedDriver(const DriverContext& context)
        : c_(context),
          scenario_(context.plan.scenario),
          shared_(scenario_.target.connections.mode == scenario::ConnectionMode::shared),
          pool_(context.channels, context.plan, context.entries, *this,
                std::max<std::uint64_t>(1, context.share.of(scenario_.target.connections.max))),
          steered_(context.plan.steering != nullptr),
          bounded_by_requests_(scenario_.requests.has_value() && !steered_),
          budget_(context.share.of(scenario_.requests.value_or(0))) {
        if (scenario_.on_429.adaptive) active_.emplace(scenario_.time_scale);
        if (steered_) {
            population_.resize(scenario_.classes.size());
            return;
        }
        const auto classes = context.entries.classes_of_users(scenario_.users);
        for (std::uint32_t u = context.share.index; u < scenario_.users; u += context.share.count) {
            User& user = *users_.emplace_back(std::make_unique<User>(*this, u, classes[u]));
            if (!context.entries.of_class(classes[u]).has_flow) continue;
            user.flow = std::make_unique<VirtualUser>(c_, classes[u], u);
            ++flow_users_;
        }
    }

    void begin(MonoTime start) override {
        start_ = start;
        pool_.begin(start);
        end_ = start + (steered_ ? kLongestRun : std::min(scenario_.duration, kLongestRun));
        for (const auto& user : users_) {
            if (!user->flow) ++live_;
            plan_next(*user, start_ + pacing::spawn_offset(user->index, scenario_.spawn_rate));
        }
    }

    void turn(MonoTime now) override {
        if (flow_users_ > 0 && ended(now)) close(kMaxLeavingPerTurn);
        while (first_waiting_ != nullptr && pool_.has_free()) {
            User& user = *first_waiting_;
            first_waiting_ = user.next_waiting;
            --waiting_;
            run_pooled(user);
        }
    }

    // Users come at once; who is too many goes, the last that came first.
    void steer(const LoadTarget& target, MonoTime now) override {
        now = std::max(now, start_);  // the loop turns before the run begins
        for (std::size_t c = 0; c < population_.size(); ++c) {
            auto& present = population_[c].present;
            const auto wanted =
                c < target.users.size() ? c_.share.of(target.users[c], c) : std::uint64_t{0};
            while (present.size() < wanted) come(static_cast<std::uint16_t>(c), now);
            while (present.size() > wanted) {
                User& user = *present.back();
                present.pop_back();
                retire(user, now);
            }
        }
    }

    MonoTime next_wake() const override {
        // The users' timers wake the loop.
        if (flow_users_ == 0) return MonoTime::max();
        if (!closing_) return end_;
        return next_to_leave_ < users_.size() ? start_ : MonoTime::max();
    }
    void count_due(MonoTime) override {}  // counted when the user's timer strikes

    void stop(MonoTime now) override {
        turn(now);
        end_ = std::min(end_, std::max(now, start_));
        stopped_ = true;
        for (const auto& user : users_) {
            if (!user->armed() || user->flow) continue;
            c_.loop.cancel_timer(*user);
            --live_;
        }
        drop_waiting(now);
        next_to_leave_ = 0;  // who was late and still due is not any more
        if (flow_users_ > 0) close(gave_up_ ? users_.size() : kMaxLeavingPerTurn);
    }

    void give_up(MonoTime now) override {
        gave_up_ = true;
        stop(now);
        pool_.abandon_all();
        for (const auto& user : users_) {
            if (user->connection) user->connection->abandon();
        }
    }

    MonoTime schedule_end() const override {
        return spent() ? std::min(end_, last_scheduled_) : end_;
    }

    bool finished(MonoTime now) const override {
        if (running_ > 0 || waiting_ > 0 || flow_users_ > 0) return false;
        return stopped_ || spent() || (live_ == 0 && now >= end_);
    }

    std::uint32_t in_flight() const override { return running_; }
    std::uint32_t backlog() const override { return waiting_; }
    std::uint32_t users() const override { return spawned_ - parked_; }

    std::uint64_t connections_opened() const override {
        std::uint64_t sum = pool_.opened();
        for (const auto& user : users_) sum += user->connection ? user->connection->opened() : 0;
        return sum;
    }

    bool shut() override {
        bool any_open = !pool_.shut();
        for (const auto& user : users_) {
            if (user->armed()) c_.loop.cancel_timer(*user);
            if (!user->connection) continue;
            user->connection->shut();
            any_open = any_open || user->connection->open();
        }
        return !any_open;
    }

    void due(User& user) {
        if (!user.spawned) {
            user.spawned = true;
            ++spawned_;
        }
        if (active_ && !user.next && parks(user)) return;
        if (user.flow) {
            user.next ? request(user) : begin_sequence(user);
            return;
        }
        if (stopped_ || spent()) {
            --live_;
            return;
        }
        schedule(user);
    }

  private:
    ExchangeOwner& owner() { return *this; }

    bool spent() const { return bounded_by_requests_ && budget_ == 0; }
    // Nothing is to start any more that was intended at `t`.
    bool ended(MonoTime t) const { return stopped_ || spent() || t >= end_; }

    // The intended start of a request has come.
    void schedule(User& user) {
        if (steered_ && !user.flow) user.number = next_number();
        c_.recorder.scheduled();
        if (!leaving(user)) {
            if (bounded_by_requests_) --budget_;
            last_scheduled_ = std::max(last_scheduled_, user.intended);
        }
        if (!shared_) {
            if (!user.connection)
                user.connection =
                    std::make_unique<Connection>(c_.channels, c_.plan, c_.entries, owner());
            Connection::Job job;
            job.intended = job.free_since = user.intended;
            run(user, job, *user.connection);
        } else if (first_waiting_ == nullptr && pool_.has_free()) {
            run_pooled(user);
        } else {
            wait_for_connection(user);
        }
    }

    // Adaptive -----------------------------------------------------------------------------------

    void note_429(MonoTime now) {
        if (active_) active_->rate_limited(now);
    }

    // Whether a user that would begin an iteration, or on_start, sits it out: then it asks again
    // when the share grows. Time spent so is nobody's delay.
    bool parks(User& user) {
        const MonoTime now = c_.loop.now();
        active_->advance(now);
        const std::size_t place = user.index / c_.share.count;
        const auto growth = active_->next_growth();
        const bool parks = growth && !ended(user.intended) &&
                           place >= active_->of(static_cast<std::uint32_t>(users_.size()));
        if (parks != user.parked) parks ? ++parked_ : --parked_;
        user.parked = parks;
        if (!parks) return false;
        if (user.flow)
            go_on_at(user, std::max(*growth, now + Nanos{1}));
        else
            plan_next(user, std::max(*growth, now + Nanos{1}));
        return true;
    }

    // Arms the user for its next iteration, or retires it when that would be after the end.
    void plan_next(User& user, MonoTime intended) {
        user.intended = intended;
        if (!stopped_ && intended < end_) {
            c_.loop.set_timer(user, intended);
        } else if (!user.flow) {
            --live_;
        }
    }

    std::uint64_t number_of(const User& user) const {
        if (steered_) return user.number;
        return user.iteration * scenario_.users + user.index;
    }

    void run_pooled(User& user) {
        Connection::Job job;
        job.intended = user.intended;
        Connection& connection = pool_.take(job);
        run(user, job, connection);
    }

    void run(User& user, Connection::Job job, Connection& connection) {
        ++running_;
        if (user.flow) {
            user.flow->fill(job, *user.next);
            user.next.reset();
            connection.start(job, user.flow->random(), body_scratch_);
            return;
        }
        job.number = number_of(user);
        job.user = user.index;
        Random random(scenario_.seed, RandomStream::iteration, job.number);
        job.entry = first_entry(user, random);
        connection.start(job, random, body_scratch_);
    }

    std::uint16_t first_entry(const User& user, Random& random) const {
        return c_.entries.sequence(c_.entries.pick_of_class(user.user_class, random)).first_entry;
    }

    void wait_for_connection(User& user) {
        user.next_waiting = nullptr;
        if (first_waiting_ == nullptr) {
            first_waiting_ = &user;
        } else {
            last_waiting_->next_waiting = &user;
        }
        last_waiting_ = &user;
        ++waiting_;
    }

    void drop_waiting(MonoTime now) {
        User* waiting = std::exchange(first_waiting_, nullptr);
        waiting_ = 0;
        while (waiting != nullptr) {
            User& user = *waiting;
            waiting = user.next_waiting;  // on_stop may make it wait again
            if (user.flow) {
                c_.recorder.unsent(user.next->entry, pool_.has_free());
                user.busy = false;
                if (closing_) leave(user, now);
                continue;
            }
            Random random(scenario_.seed, RandomStream::iteration, number_of(user));
            c_.recorder.unsent(first_entry(user, random), pool_.has_free());
            --live_;
        }
    }

    // Flows ------------------------------------------------------------------------------------

    static bool leaving(const User& user) {
        return user.flow && user.flow->flow().part() == scenario::Part::on_stop;
    }

    void begin_sequence(User& user) {
        if (ended(user.intended)) {
            if (closing_) leave(user, user.intended);
        } else if (user.flow->flow().needs_on_start()) {
            follow(user, user.flow->begin_on_start(user.intended));
        } else {
            if (steered_) user.number = next_number();
            const std::uint64_t number = number_of(user);
            Random random(scenario_.seed, RandomStream::iteration, number);
            const auto sequence = c_.entries.pick_of_class(user.user_class, random);
            follow(user, user.flow->begin_iteration(sequence, number, random, user.intended));
        }
    }

    void follow(User& user, const Flow::Next& next) {
        if (next.kind != Flow::Next::Kind::send) {
            sequence_over(user, next.kind == Flow::Next::Kind::over);
            return;
        }
        user.next = next;
        go_on_at(user, user.flow->ended() + user.flow->think(next));
    }

    void sequence_over(User& user, bool ok) {
        VirtualUser& flow = *user.flow;
        switch (flow.flow().part()) {
            case scenario::Part::on_stop:
                go(user);
                return;
            case scenario::Part::on_start:
                if (ok) {
                    go_on_at(user, flow.ended());
                    return;
                }
                break;
            case scenario::Part::task:
                ++user.iteration;
                break;
        }
        if (!flow.sent_any()) spend_in_vain(flow.started());
        go_on_at(user, start_ + flow.next_begin(c_.recorder.since_start(flow.started()),
                                                c_.recorder.since_start(flow.ended())));
    }

    // What sends nothing counts as one of `requests` all the same: else a run that these end might
    // never end.
    void spend_in_vain(MonoTime intended) {
        if (!bounded_by_requests_ || budget_ == 0) return;
        --budget_;
        last_scheduled_ = std::max(last_scheduled_, intended);
    }

    // Without a wait it goes on at once, in the same turn.
    void go_on_at(User& user, MonoTime intended) {
        if (!leaving(user)) intended = std::max(intended, user.not_before);
        user.intended = intended;
        if (intended <= user.flow->ended()) {
            due(user);
        } else if (leaving(user) || !ended(intended)) {
            c_.loop.set_timer(user, intended);
        } else if (closing_) {
            leave(user, user.flow->ended());
        }
    }

    void request(User& user) {
        if (!leaving(user) && ended(user.intended)) {
            if (closing_) leave(user, user.intended);
            return;
        }
        user.busy = true;
        schedule(user);
    }

    void flow_answered(User& user, const ExchangeResult& result) {
        user.busy = false;
        const Flow::Next next = user.flow->answered(result);
        if (gave_up_ || ((closing_ || user.retired) && !leaving(user))) {
            leave(user, result.end);
        } else {
            follow(user, next);
        }
    }

    // The schedule has ended: who is idle leaves, up to `most` at a time so that responses are not
    // kept waiting. What was due before the end and is late still starts.
    void close(std::size_t most) {
        closing_ = true;
        for (; most > 0 && next_to_leave_ < users_.size(); ++next_to_leave_) {
            User& user = *users_[next_to_leave_];
            if (!user.flow || user.busy || user.gone) continue;
            if (leaving(user) && !gave_up_) continue;
            if (user.armed() && !ended(user.intended)) continue;
            leave(user, c_.loop.now());
            --most;
        }
    }

    void leave(User& user, MonoTime now) {
        if (user.armed()) c_.loop.cancel_timer(user);
        user.next.reset();
        user.flow->cut_off();
        const bool in_time = !gave_up_ && scenario_.graceful_stop > Nanos{0};
        if (in_time && user.flow->flow().needs_on_stop()) {
            follow(user, user.flow->begin_on_stop(now));
        } else {
            go(user);
        }
    }

    void go(User& user) {
        user.gone = true;
        --flow_users_;
        if (user.retired) set_aside(user);
    }

    // Steered ----------------------------------------------------------------------------------

    struct Population {
        std::vector<User*> present;  // in the order in which they came
        std::vector<User*> away;     // may come again
    };

    std::uint64_t next_number() { return iterations_++ * c_.share.count + c_.share.index; }

    void come(std::uint16_t user_class, MonoTime now) {
        auto& [present, away] = population_[user_class];
        if (away.empty()) {
            const auto index =
                c_.share.index + static_cast<std::uint32_t>(users_.size()) * c_.share.count;
            away.push_back(
                users_.emplace_back(std::make_unique<User>(*this, index, user_class)).get());
        }
        User& user = *away.back();
        away.pop_back();
        present.push_back(&user);
        user.gone = user.retired = false;
        if (c_.entries.of_class(user_class).has_flow) {
            user.flow = std::make_unique<VirtualUser>(c_, user_class, user.index);
            ++flow_users_;
        } else {
            ++live_;
        }
        plan_next(user, now);
    }

    // What is in flight, or waits for a connection, still gets its outcome.
    void retire(User& user, MonoTime now) {
        user.retired = true;
        if (user.flow) {
            if (!user.busy && !leaving(user)) leave(user, now);
        } else if (user.armed()) {
            c_.loop.cancel_timer(user);
            retired_without_flow(user);
        }
    }

    void retired_without_flow(User& user) {
        --live_;
        set_aside(user);
    }

    void set_aside(User& user) {
        if (std::exchange(user.spawned, false)) --spawned_;
        if (std::exchange(user.parked, false)) --parked_;
        population_[user.user_class].away.push_back(&user);
    }

    void exchange_started(Connection& connection, MonoTime actual_start) override {
        c_.recorder.started(connection.job(), actual_start);
    }

    void exchange_refused(Connection& connection, const ExchangeResult& so_far,
                          Nanos wait) override {
        c_.recorder.refused(connection.job(), so_far, wait);
        note_429(so_far.end);
    }

    void exchange_done(Connection& connection, const ExchangeResult& result) override {
        const Connection::Job job = connection.job();
        c_.recorder.finished(job, result);
        --running_;
        if (shared_) pool_.put_back(job.slot);
        User& user = *users_[job.user / c_.share.count];
        if (result.outcome == measure::Outcome::rate_limited) note_429(result.end);
        if (result.user_waits) user.not_before = result.end + *result.user_waits;
        if (user.flow) {
            flow_answered(user, result);
            return;
        }
        Random random(scenario_.seed, RandomStream::wait, job.number);
        const auto& wait = scenario_.classes[user.user_class].wait;
        const Nanos next = pacing::next_start(wait, c_.recorder.since_start(job.intended),
                                              c_.recorder.since_start(result.end), random);
        ++user.iteration;
        if (user.retired) {
            retired_without_flow(user);
            return;
        }
        user.intended = std::max(start_ + next, user.not_before);
        // Without a wait the next request goes out at once, in the same turn.
        if (user.intended <= result.end && user.intended < end_) {
            due(user);
        } else {
            plan_next(user, user.intended);
        }
    }

    DriverContext c_;
    const scenario::Scenario& scenario_;
    bool shared_;
    std::optional<pacing::ActiveShare> active_;
    ConnectionPool pool_;
    bool steered_;
    bool bounded_by_requests_;
    std::uint64_t budget_;
    std::vector<std::unique_ptr<User>> users_;
    std::vector<Population> population_;  // by class; of a steered run
    std::uint64_t iterations_ = 0;        // begun, of a steered run
    std::string body_scratch_;
    User* first_waiting_ = nullptr;
    User* last_waiting_ = nullptr;
    MonoTime start_{};
    MonoTime end_{};
    MonoTime last_scheduled_{};
    bool stopped_ = false;
    bool closing_ = false;  // users with a flow are leaving
    std::size_t next_to_leave_ = 0;
    bool gave_up_ = false;
    std::uint32_t live_ = 0;        // without a flow: will run again, or are running or waiting
    std::uint32_t flow_users_ = 0;  // with one, not gone
    std::uint32_t spawned_ = 0;
    std::uint32_t parked_ = 0;
    std::uint32_t running_ = 0;
    std::uint32_t waiting_ = 0;  // for a connection of the pool
};

void User::on_timer() {
    driver_.due(*this);
}

}  // namespace

std::unique_ptr<Driver> make_closed_driver(const DriverContext& context) {
    return std::make_unique<ClosedDriver>(context);
}

}  // namespace squadload::engine
