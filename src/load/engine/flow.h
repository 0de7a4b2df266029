// Which request a virtual user sends next, given what happened: on_start until it succeeded, then
// iterations, then on_stop; inside each of them its steps. Pure: no I/O, no clock, no randomness.
#pragma once

#include <cstdint>
#include <span>

#include "load/engine/entry_table.h"

namespace squadload::engine {

// Owned by a virtual user.
class Flow {
  public:
    struct Next {
        enum class Kind {
            send,     // `entry`, once `think` is over
            over,     // the sequence has ended well: every request it sent was ok
            failed,   // it ended with the last request
            missing,  // it ended before `entry`, which needs `variable`, and that is not set
        };
        Kind kind = Kind::over;
        std::uint16_t entry = 0;
        std::uint16_t variable = 0;
        const pacing::WaitTime* think = nullptr;  // null before the first request of a sequence
    };
    using Variables = std::span<const scenario::Variable>;

    Flow(const EntryTable& entries, std::uint16_t user_class)
        : entries_(entries), class_(entries.of_class(user_class)) {}

    // on_start has to succeed before an iteration may begin.
    [[nodiscard]] bool needs_on_start() const { return !ready_ && has(class_.on_start); }
    // on_stop is due when the user leaves: its class has one, and the user was there.
    [[nodiscard]] bool needs_on_stop() const { return ready_ && !stopped_ && has(class_.on_stop); }

    // Each begins a sequence; none is under way then, or it is given up.
    [[nodiscard]] Next begin_on_start(Variables variables);
    [[nodiscard]] Next begin_iteration(std::uint16_t sequence, Variables variables);
    [[nodiscard]] Next begin_on_stop(Variables variables);
    // The request told last has ended, ok or not.
    [[nodiscard]] Next answered(bool ok, Variables variables);
    void give_up() { under_way_ = false; }

    [[nodiscard]] bool under_way() const { return under_way_; }
    // Of the sequence under way, or the last.
    [[nodiscard]] scenario::Part part() const { return entries_.sequence(sequence_).ref.part; }
    [[nodiscard]] std::uint16_t sequence() const { return sequence_; }

  private:
    [[nodiscard]] bool has(std::uint16_t sequence) const {
        return !entries_.sequence(sequence).steps.empty();
    }
    [[nodiscard]] Next begin(std::uint16_t sequence, Variables variables);
    [[nodiscard]] Next seek(Variables variables);  // the next step whose condition is met
    [[nodiscard]] Next send(Variables variables);
    [[nodiscard]] Next end(Next next);

    const EntryTable& entries_;
    const ClassSequences& class_;
    bool ready_ = false;    // on_start succeeded, or there is none and the user was asked to act
    bool stopped_ = false;  // on_stop has begun
    bool under_way_ = false;
    std::uint16_t sequence_ = 0;
    std::uint16_t step_ = 0;
    std::uint32_t times_ = 0;  // the step was sent
    const pacing::WaitTime* think_ = nullptr;
};

// `variables` may be shorter than the class has names: then the rest is unset.
[[nodiscard]] bool is_met(const scenario::Condition& condition, Flow::Variables variables);

}  // namespace squadload::engine
