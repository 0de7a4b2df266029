// The search for the highest rate that holds: doubles until one does not, then halves the gap (as a
// ratio). Pure; assumes that what holds at a rate holds below it.
#pragma once

#include <optional>

namespace squadload::verdict {

class RateSearch {
  public:
    // 0 < from <= to; precision > 0: ends when the lowest broken rate is at most so much (a share)
    // above the highest that held.
    RateSearch(double from, double to, double precision)
        : from_(from), to_(to), precision_(precision) {}

    [[nodiscard]] std::optional<double> next() const;  // to be tried; none: the search is over
    void tried(double rate, bool held);
    [[nodiscard]] std::optional<double> held() const { return held_; }      // the highest
    [[nodiscard]] std::optional<double> broken() const { return broken_; }  // the lowest

  private:
    double from_, to_, precision_;
    std::optional<double> held_, broken_;
};

}  // namespace squadload::verdict
