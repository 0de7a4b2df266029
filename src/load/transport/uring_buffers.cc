#include "load/transport/uring_buffers.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace squadload::transport {

namespace {

void* map(std::size_t bytes) {
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? nullptr : at;
}

}  // namespace

UringBuffers::~UringBuffers() {
    if (data_ != nullptr) ::munmap(data_, most_ * kStride);
    if (ring_ != nullptr) ::munmap(ring_, most_ * sizeof(io_uring_buf));
}

int UringBuffers::open(io_uring& ring, unsigned first, unsigned most) {
    most_ = most;
    ring_ = static_cast<io_uring_buf_ring*>(map(most * sizeof(io_uring_buf)));
    data_ = static_cast<char*>(map(most * kStride));
    if (ring_ == nullptr || data_ == nullptr) return ENOMEM;
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(ring_);
    registration.ring_entries = most;
    registration.bgid = kGroup;
    const int result = io_uring_register_buf_ring(&ring, &registration, 0);
    if (result < 0) return -result;
    io_uring_buf_ring_init(ring_);
    while (provided_ < first) give_back(provided_++);
    return 0;
}

void UringBuffers::give_back(unsigned id) {
    io_uring_buf_ring_add(ring_, data_ + id * kStride, static_cast<unsigned>(kBytes),
                          static_cast<unsigned short>(id), io_uring_buf_ring_mask(most_), 0);
    io_uring_buf_ring_advance(ring_, 1);
}

void UringBuffers::grow() {
    const unsigned wanted = std::min(most_, provided_ * 2);
    while (provided_ < wanted) give_back(provided_++);
}

}  // namespace squadload::transport
