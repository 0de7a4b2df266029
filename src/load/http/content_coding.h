// Content codings of a response (RFC 9110 §8.4): gzip (RFC 1952), deflate (RFC 1950, and the bare
// RFC 1951 some servers send), br (RFC 7932), identity, and lists of them. Pure; contexts are kept
// per thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace squadload::http {

// What Content-Encoding says about one response.
class ContentCodings {
  public:
    static constexpr std::size_t kMax = 4;  // more in one response are an attack, not a use

    void clear() { *this = {}; }
    // One field's value; fields in the order received. Views stay into it: see unknown().
    void add(std::string_view field);

    // Nothing is to be undone; what the body says is what was sent.
    [[nodiscard]] bool none() const { return count_ == 0 && unknown_.empty(); }
    // The first coding that is not known here, as written; "" when all are.
    [[nodiscard]] std::string_view unknown() const { return unknown_; }

    // Undoes them, the last first, into `out` (replaced). Requires unknown() to be "". Returns "",
    // or why it cannot, the same sentence for the same cause: malformed, truncated, or longer than
    // max_bytes, in between too. Memory is bounded by max_bytes twice, and 16 MiB for br.
    [[nodiscard]] std::string_view decode(std::string_view body, std::uint64_t max_bytes,
                                          std::string& out) const;

  private:
    enum class Coding : std::uint8_t { gzip, deflate, br };
    [[nodiscard]] static std::string_view undo(Coding coding, std::string_view in,
                                               std::uint64_t max_bytes, std::string& out);

    std::array<Coding, kMax> codings_{};
    std::size_t count_ = 0;  // beyond kMax: too many
    std::string_view unknown_;
};

}  // namespace squadload::http
