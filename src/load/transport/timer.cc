#include "load/transport/timer.h"

#include <algorithm>

#include "base/check.h"

namespace squadload::transport {

namespace {
constexpr std::size_t kArity = 4;
}

Timer::~Timer() {
    SQUADLOAD_CHECK(!armed());
}

TimerHeap::~TimerHeap() {
    for (const Entry& entry : heap_) entry.timer->slot_ = Timer::kIdle;
    for (Timer* timer : due_) {
        if (timer != nullptr) timer->slot_ = Timer::kIdle;
    }
}

void TimerHeap::set(Timer& timer, MonoTime deadline) {
    if (timer.armed() && timer.slot_ < Timer::kDue) {
        const bool later = deadline > timer.deadline_;
        timer.deadline_ = deadline;
        if (later) {
            sift_down(timer.slot_, {deadline, &timer});
        } else {
            sift_up(timer.slot_, {deadline, &timer});
        }
        return;
    }
    cancel(timer);
    timer.deadline_ = deadline;
    heap_.emplace_back();
    if (due_.capacity() < heap_.size())
        due_.reserve(heap_.capacity());  // so that fire() needs none
    sift_up(heap_.size() - 1, {deadline, &timer});
}

void TimerHeap::cancel(Timer& timer) {
    if (!timer.armed()) return;
    if (timer.slot_ >= Timer::kDue) {
        due_[timer.slot_ - Timer::kDue] = nullptr;
    } else {
        remove(timer.slot_);
    }
    timer.slot_ = Timer::kIdle;
}

void TimerHeap::fire(MonoTime now) {
    SQUADLOAD_CHECK(due_.empty());  // not from within on_timer
    while (!heap_.empty() && heap_.front().deadline <= now) {
        Timer* timer = heap_.front().timer;
        remove(0);
        timer->slot_ = Timer::kDue + due_.size();
        due_.push_back(timer);
    }
    // By index: what is called may cancel others of the batch, but adds none.
    for (std::size_t i = 0; i < due_.size(); ++i) {
        Timer* timer = due_[i];
        if (timer == nullptr) continue;
        due_[i] = nullptr;
        timer->slot_ = Timer::kIdle;
        timer->on_timer();
    }
    due_.clear();
}

void TimerHeap::remove(std::size_t slot) {
    const Entry last = heap_.back();
    heap_.pop_back();
    if (slot == heap_.size()) return;
    if (slot > 0 && last.deadline < heap_[(slot - 1) / kArity].deadline) {
        sift_up(slot, last);
    } else {
        sift_down(slot, last);
    }
}

void TimerHeap::place(std::size_t slot, Entry entry) {
    heap_[slot] = entry;
    entry.timer->slot_ = slot;
}

// `slot` is a hole; finds where `entry` belongs at or above it.
void TimerHeap::sift_up(std::size_t slot, Entry entry) {
    while (slot > 0) {
        const std::size_t parent = (slot - 1) / kArity;
        if (heap_[parent].deadline <= entry.deadline) break;
        place(slot, heap_[parent]);
        slot = parent;
    }
    place(slot, entry);
}

// `slot` is a hole; finds where `entry` belongs at or below it.
void TimerHeap::sift_down(std::size_t slot, Entry entry) {
    for (;;) {
        const std::size_t first = slot * kArity + 1;
        if (first >= heap_.size()) break;
        const std::size_t end = std::min(first + kArity, heap_.size());
        std::size_t least = first;
        for (std::size_t child = first + 1; child < end; ++child) {
            if (heap_[child].deadline < heap_[least].deadline) least = child;
        }
        if (entry.deadline <= heap_[least].deadline) break;
        place(slot, heap_[least]);
        slot = least;
    }
    place(slot, entry);
}

}  // namespace squadload::transport
