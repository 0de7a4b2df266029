// Numbered slots with stable places: a SocketId is an index, and an index is used again after
// release. The generation tells an old use of an index from a new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/check.h"

namespace squadload::transport {

template <class T>
class SlotTable {
  public:
    // A slot holding T{}. References to other slots stay valid.
    std::uint32_t acquire() {
        if (free_.empty()) {
            SQUADLOAD_CHECK(slots_.size() < UINT32_MAX);
            free_.push_back(static_cast<std::uint32_t>(slots_.size()));
            slots_.emplace_back();
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        slots_[index].used = true;
        return index;
    }

    void release(std::uint32_t index) {
        (*this)[index] = T{};
        slots_[index].used = false;
        ++slots_[index].generation;
        free_.push_back(index);
    }

    // The index must be in use.
    T& operator[](std::uint32_t index) {
        SQUADLOAD_CHECK(used(index));
        return slots_[index].value;
    }

    [[nodiscard]] bool used(std::uint32_t index) const {
        return index < slots_.size() && slots_[index].used;
    }

    [[nodiscard]] std::uint32_t generation(std::uint32_t index) const {
        return slots_[index].generation;
    }

    // nullptr when the slot was released since that generation.
    T* find(std::uint32_t index, std::uint32_t generation) {
        if (!used(index)) return nullptr;
        return slots_[index].generation == generation ? &slots_[index].value : nullptr;
    }

    template <class Visit>
    void for_each(Visit&& visit) {
        for (Slot& slot : slots_) {
            if (slot.used) visit(slot.value);
        }
    }

  private:
    struct Slot {
        T value{};
        std::uint32_t generation = 0;
        bool used = false;
    };
    std::deque<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace squadload::transport
