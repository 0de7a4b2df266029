// Bytes that were read and not used yet, in one piece. Its memory is kept from message to message.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace squadload::service {

class ByteBuffer {
  public:
    [[nodiscard]] std::string_view bytes() const { return {memory_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }

    // Room for `least` bytes or more after the others; what is there may move.
    [[nodiscard]] std::span<char> room(std::size_t least) {
        if (capacity_ - end_ < least) make_room(least);
        return {memory_.get() + end_, capacity_ - end_};
    }
    // The first n bytes of the room beginning at `filled` are to be kept. Between room() and this
    // consume() may have been called, shrink() not.
    void commit(const char* filled, std::size_t n) {
        if (filled != memory_.get() + end_) std::memmove(memory_.get() + end_, filled, n);
        end_ += n;
    }
    void consume(std::size_t n) {  // n <= size()
        begin_ += n;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    // Gives large memory back when it is empty.
    void shrink() {
        if (!empty() || capacity_ <= kKept) return;
        memory_.reset();
        capacity_ = 0;
    }

  private:
    static constexpr std::size_t kKept = 64 * 1024;

    void make_room(std::size_t least) {
        const auto used = size();
        if (capacity_ >= used + least) {
            std::memmove(memory_.get(), memory_.get() + begin_, used);
        } else {
            auto capacity = capacity_ == 0 ? least : capacity_;
            while (capacity < used + least) capacity *= 2;
            auto memory = std::make_unique_for_overwrite<char[]>(capacity);
            if (used > 0) std::memcpy(memory.get(), memory_.get() + begin_, used);
            memory_ = std::move(memory);
            capacity_ = capacity;
        }
        begin_ = 0;
        end_ = used;
    }

    std::unique_ptr<char[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace squadload::service
