// Seeded random numbers by key: Random(seed, stream, index) always yields the same sequence, so
// that request number k draws the same values whatever the number of threads. Not for cryptography.
#pragma once

#include <cstdint>

namespace squadload {

// What a sequence is used for; keeps draws of different purposes independent.
enum class RandomStream : std::uint64_t {
    arrivals = 1,
    iteration = 2,
    wait = 3,
    test = 4,
    user = 5,
    provider_latency = 6,
    provider_fault = 7,
    backoff = 8
};

// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators") started
// from a mixed key.
class Random {
  public:
    Random(std::uint64_t seed, RandomStream stream, std::uint64_t index);

    std::uint64_t next();
    double unit();                                              // [0, 1), 53 bits
    std::uint64_t below(std::uint64_t n);                       // 0 … n-1, unbiased; n > 0
    std::int64_t between(std::int64_t low, std::int64_t high);  // both ends included; low <= high
    double exponential();                                       // mean 1, > 0

  private:
    std::uint64_t state_;
};

}  // namespace squadload
