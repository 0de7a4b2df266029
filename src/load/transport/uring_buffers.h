// Receive buffers that the kernel picks from when bytes are there: idle sockets cost no memory.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace squadload::transport {

class UringBuffers {
  public:
    static constexpr std::size_t kBytes = std::size_t{16} * 1024;  // of one buffer
    static constexpr int kGroup = 0;

    UringBuffers() = default;
    UringBuffers(const UringBuffers&) = delete;
    UringBuffers& operator=(const UringBuffers&) = delete;
    ~UringBuffers();  // the ring must be gone, or have nothing under way

    // Powers of two, `first` <= `most` <= 32768. 0 or errno. Memory is taken up as it is used.
    [[nodiscard]] int open(io_uring& ring, unsigned first, unsigned most);

    [[nodiscard]] std::span<const char> bytes(unsigned id, std::size_t size) const {
        return {data_ + id * kStride, size};
    }
    void give_back(unsigned id);
    void grow();  // twice as many from now on, up to the most
    [[nodiscard]] unsigned provided() const { return provided_; }

  private:
    // Not a power of two, or the beginnings of all buffers would share a few sets of the cache.
    static constexpr std::size_t kStride = kBytes + 1088;

    io_uring_buf_ring* ring_ = nullptr;
    char* data_ = nullptr;
    unsigned provided_ = 0;
    unsigned most_ = 0;
};

}  // namespace squadload::transport
