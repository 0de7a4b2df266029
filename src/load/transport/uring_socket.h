// What the io_uring loop remembers of one connection, and how its operations are named.
#pragma once

#include <cstdint>
#include <span>

#include "load/transport/loop.h"
#include "load/transport/slot_table.h"

namespace squadload::transport {

struct UringSocket {
    enum class State : std::uint8_t { connecting, failed, open, closing };
    enum class Sending : std::uint8_t {
        no,
        now,    // the kernel takes all of it when submitted, or says how far it came
        later,  // the kernel waits for room
        failed  // on_sent is to come
    };

    SocketHandler* handler = nullptr;
    std::span<const char> rest = {};  // of the send under way, as far as it is known
    int fd = -1;
    State state = State::connecting;
    Sending sending = Sending::no;
    bool ended = false;          // on_end delivered
    bool send_hung = false;      // a send had to wait for room
    std::uint8_t under_way = 0;  // a bit for each UringOp whose last completion is still to come
    int send_error = 0;  // taken from the socket by a send; the read that follows sees a plain end
    std::uint64_t heard_turn = 0;  // the turn of the latest bytes
    Address address = {};          // the kernel reads it when the connect is submitted
};

enum class UringOp : std::uint8_t { connect, receive, send_now, send_later, cancel, close };

[[nodiscard]] constexpr std::uint8_t bit(UringOp op) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(op));
}

// The sockets of a loop by the user_data of their operations: operation, generation and number.
class UringSockets : public SlotTable<UringSocket> {
  public:
    [[nodiscard]] std::uint64_t key(UringOp op, SocketId socket) const {
        return std::uint64_t{static_cast<std::uint8_t>(op)} << 60 |
               std::uint64_t{generation(socket) & kGenerations} << 32 | socket;
    }
    [[nodiscard]] static UringOp op(std::uint64_t key) { return static_cast<UringOp>(key >> 60); }
    // nullptr when the socket was released since.
    [[nodiscard]] UringSocket* of(std::uint64_t key) {
        const auto socket = static_cast<SocketId>(key);
        if (!used(socket)) return nullptr;
        const auto same = ((generation(socket) ^ key >> 32) & kGenerations) == 0;
        return same ? &(*this)[socket] : nullptr;
    }

  private:
    static constexpr std::uint32_t kGenerations = 0x0fffffff;
};

}  // namespace squadload::transport
