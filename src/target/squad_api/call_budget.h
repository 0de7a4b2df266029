// Bounds what failures add: calls to providers <= amplification × requests + reserve, always.
// Each request brings an allowance of amplification - 1 calls beyond its first. What it does not
// need goes into a bank that holds `reserve` at most and is full at the start; a request that needs
// more than its allowance takes from there.
// Owner: the gateway; one thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace squadload::squad_api {

class CallBudget {
  public:
    // amplification >= 1, reserve >= 0
    CallBudget(double amplification, std::int64_t reserve)
        : allowance_(std::max(0.0, amplification - 1)),
          most_(static_cast<double>(reserve)),
          bank_(most_) {}

    // One request's part, given back at its end.
    class Share {
      public:
        explicit Share(CallBudget& budget) : budget_(&budget), own_(budget.allowance_) {}
        ~Share() { budget_->bank_ = std::min(budget_->most_, budget_->bank_ + own_); }
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;

        // Leave for one more call beyond the first.
        [[nodiscard]] bool spend() {
            if (own_ + budget_->bank_ < 1) return false;
            const double from_bank = std::max(0.0, 1 - own_);
            own_ -= 1 - from_bank;
            budget_->bank_ -= from_bank;
            return true;
        }
        void unspend() { own_ += 1; }  // that call was not made

      private:
        CallBudget* budget_;
        double own_;
    };

    [[nodiscard]] double bank() const { return bank_; }

  private:
    double allowance_;
    double most_;
    double bank_;
};

}  // namespace squadload::squad_api
