#include "judge/witness/figures.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace squadload::witness {
namespace {

// One provider's figures while its calls pass by.
class Tally {
  public:
    Tally(std::string name, const DeclaredProvider* declared, const FigureSettings& settings)
        : settings_(settings),
          window_(
              (declared != nullptr ? declared->window : Nanos{std::chrono::seconds{60}}).count()),
          gap_(static_cast<std::int64_t>(static_cast<double>(kSpikeGap.count()) /
                                         settings.time_scale)) {
        out_.name = std::move(name);
        if (declared != nullptr) out_.limit_per_minute = per_minute(declared->requests);
        out_.series.resize(settings.seconds);
        for (std::uint32_t s = 0; s < settings.seconds; ++s) out_.series[s].second = s;
    }

    void add(const Row& row, bool fallback) {
        recent_.push_back(row.at);
        while (recent_.front() <= row.at - window_) recent_.pop_front();
        if (row.at < settings_.from.count()) return;
        const auto in_window = per_minute(static_cast<std::int64_t>(recent_.size()));
        out_.peak_per_minute = std::max(out_.peak_per_minute, in_window);
        result::ProviderPoint* point = second_of(row.at);
        if (point != nullptr) ++point->calls;
        if (row.ok()) {
            ++out_.ok;
            out_.time.record(Nanos{row.done - row.at});
            out_.served_as_fallback += fallback ? 1 : 0;
            if (point != nullptr) {
                ++point->ok;
                point->served_as_fallback += fallback ? 1 : 0;
            }
        } else if (row.is_429()) {
            ++out_.responses_429;
            if (point != nullptr) ++point->responses_429;
            refused_.push_back(row.ended() ? row.done : row.at);
        } else {
            ++out_.failed;
        }
    }

    result::ProviderResult finish() {
        std::sort(refused_.begin(), refused_.end());
        if (!refused_.empty())
            out_.last_429_at_s = to_seconds(Nanos{refused_.back()} - settings_.from);
        add_spikes();
        fill_windows();
        return std::move(out_);
    }

  private:
    [[nodiscard]] std::uint64_t per_minute(std::int64_t n) const {
        return static_cast<std::uint64_t>(
            std::llround(static_cast<double>(n) * 60e9 / static_cast<double>(window_)));
    }
    result::ProviderPoint* second_of(std::int64_t at) {
        if (out_.series.empty()) return nullptr;
        const auto s = static_cast<std::size_t>((at - settings_.from.count()) / 1'000'000'000);
        return &out_.series[std::min(s, out_.series.size() - 1)];
    }

    void add_spikes() {
        for (std::size_t first = 0; first < refused_.size();) {
            std::size_t last = first;
            while (last + 1 < refused_.size() && refused_[last + 1] - refused_[last] <= gap_)
                ++last;
            if (const std::uint64_t n = last - first + 1; n >= kSpikeCount)
                out_.spikes.push_back({to_seconds(Nanos{refused_[first]} - settings_.from),
                                       to_seconds(Nanos{refused_[last] - refused_[first]}), n});
            first = last + 1;
        }
    }

    // Calls of the window that ends with each second: whole seconds, so that it can be recomputed.
    void fill_windows() {
        const auto length = std::max<std::size_t>(
            1, static_cast<std::size_t>(std::llround(static_cast<double>(window_) / 1e9)));
        std::uint64_t sum = 0;
        for (std::size_t s = 0; s < out_.series.size(); ++s) {
            sum += out_.series[s].calls;
            if (s >= length) sum -= out_.series[s - length].calls;
            out_.series[s].per_minute = static_cast<double>(sum) * 60 / static_cast<double>(length);
        }
    }

    const FigureSettings& settings_;
    std::int64_t window_, gap_;
    result::ProviderResult out_;
    std::deque<std::int64_t> recent_;
    std::vector<std::int64_t> refused_;  // ends of 429s
};

}  // namespace

std::vector<result::ProviderResult> figures(const ArrivalTable& table, const Declared& declared,
                                            const FigureSettings& settings) {
    std::vector<Tally> tallies;
    for (const auto& p : declared.providers) tallies.emplace_back(p.name, &p, settings);
    // By number of the name: where its tally is.
    std::vector<std::size_t> place(table.names().size(), SIZE_MAX);
    for (std::size_t i = 0; i < declared.providers.size(); ++i)
        if (const auto n = table.names().find(declared.providers[i].name)) place[*n] = i;
    // By number of the agent: the number of its chain's first provider, if the log knows it.
    std::vector<std::uint32_t> first(table.names().size(), UINT32_MAX);
    std::vector<bool> chained(table.names().size(), false);
    for (const auto& [agent, chain] : declared.chains) {
        const auto a = table.names().find(agent);
        if (!a || chain.empty()) continue;
        chained[*a] = true;
        if (const auto p = table.names().find(chain.front())) first[*a] = *p;
    }
    for (const Row& row : table.rows()) {
        if (place[row.provider] == SIZE_MAX) {
            place[row.provider] = tallies.size();
            tallies.emplace_back(table.provider(row), nullptr, settings);
        }
        tallies[place[row.provider]].add(row,
                                         chained[row.agent] && first[row.agent] != row.provider);
    }
    std::vector<result::ProviderResult> out;
    out.reserve(tallies.size());
    for (auto& tally : tallies) out.push_back(tally.finish());
    return out;
}

}  // namespace squadload::witness
