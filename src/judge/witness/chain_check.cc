// chain_order: from the calls of each request, in the order they came, and what its response says
// of those passed over. One sweep over all calls keeps each quota's state, so that a reason can be
// held against the log.
#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "judge/result/figures.h"
#include "judge/witness/scene.h"

namespace squadload::witness {
namespace {

using result::WitnessAnswer;
using result::WitnessCheck;

// What a gateway may know of one provider at a time: only what is plain contradicts a reason.
struct Standing {
    std::deque<std::int64_t> recent;  // calls in the window
    std::deque<std::pair<std::int64_t, std::int64_t>> tokens;
    std::int64_t reserved = 0;
    bool trouble = false;  // any 429, failure or call without an end so far
    // The most calls in flight that a recent arrival saw: {at, seen}, falling.
    std::deque<std::pair<std::int64_t, std::uint32_t>> in_flight;
    std::vector<std::uint32_t> rows;  // its calls
    std::size_t passed = 0;           // of them
};

// A gateway decides before the log shows it: a call that it counts may arrive after the one it
// made instead.
constexpr Nanos kWay = std::chrono::milliseconds{20};

// The first thing wrong with a request's way, or "".
struct Fault {
    std::uint32_t row = 0;
    std::string sentence;
};

class Sweep {
  public:
    explicit Sweep(const Scene& scene)
        : scene_(scene), standing_(scene.evidence.arrivals.names().size()) {
        seen_.assign(scene.requests.size(), 0);
        const auto& rows = scene.evidence.arrivals.rows();
        for (std::uint32_t i = 0; i < rows.size(); ++i)
            standing_[rows[i].provider].rows.push_back(i);
    }

    void run() {
        const auto& rows = scene_.evidence.arrivals.rows();
        for (std::uint32_t i = 0; i < rows.size(); ++i) {
            if (scene_.request_of[i] != Scene::kNoRequest) look(i);
            pass(rows[i]);
        }
    }

    [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }
    [[nodiscard]] std::uint64_t judged() const { return judged_; }
    [[nodiscard]] std::uint64_t passed_over() const { return passed_over_; }

  private:
    void look(std::uint32_t i) {
        const auto r = scene_.request_of[i];
        const std::uint32_t position = seen_[r]++;
        const Row& row = scene_.row(i);
        const auto* chain = chain_of(row.agent);
        if (chain == nullptr) return;
        if (position == 0) ++judged_;
        const std::size_t place = place_in(*chain, row);
        if (place == chain->size())
            return accuse(i, fmt::format("{} is not in the chain of {}", scene_.name(row.provider),
                                         scene_.evidence.arrivals.agent(row)));
        // Who was asked before in this request, or is passed over for a reason, is accounted for. A
        // later round, after the whole chain or the queue, may begin anywhere.
        if (position > 0) return;
        check_first(i, r, *chain, place);
    }

    const std::vector<std::string>* chain_of(std::uint32_t agent) {
        const auto [it, added] = chains_.try_emplace(agent, nullptr);
        if (added) it->second = scene_.evidence.declared.chain(scene_.name(agent));
        return it->second;
    }

    // The chain's length: it is not in it.
    std::size_t place_in(const std::vector<std::string>& chain, const Row& row) {
        const auto key = std::uint64_t{row.agent} << 32 | row.provider;
        const auto [it, added] = places_.try_emplace(key, 0);
        if (added)
            it->second = static_cast<std::size_t>(
                std::find(chain.begin(), chain.end(), scene_.name(row.provider)) - chain.begin());
        return it->second;
    }

    // The first call of a request: everybody before it in the chain has to be accounted for.
    void check_first(std::uint32_t i, std::uint32_t r, const std::vector<std::string>& chain,
                     std::size_t place) {
        if (place == 0 || scene_.claim_of[r] == Scene::kNoClaim) return;
        const auto claim = (*scene_.evidence.claims)[scene_.claim_of[r]];
        if (claim.attempts.empty()) return;
        const auto attempts = attempts_of(claim.attempts);
        for (std::size_t p = 0; p < place; ++p) {
            const auto told = std::find_if(attempts.begin(), attempts.end(),
                                           [&](const auto& a) { return a.provider == chain[p]; });
            if (told == attempts.end())
                return accuse(i, fmt::format("{} was passed over for {} without a word", chain[p],
                                             chain[place]));
            ++passed_over_;
            if (!told->skipped) continue;  // it was tried and never arrived
            if (auto lie = contradiction(chain[p], told->outcome, scene_.row(i)); !lie.empty())
                return accuse(i, std::move(lie));
        }
    }

    // Why the log contradicts that `provider` had to be passed over, or "".
    std::string contradiction(const std::string& provider, std::string_view reason,
                              const Row& now) {
        const auto* d = scene_.evidence.declared.provider(provider);
        if (d == nullptr) return {};
        const auto number = scene_.evidence.arrivals.names().find(provider);
        Standing none;
        Standing& s = number ? standing_[*number] : none;
        if (reason == "quota") {
            settle(s, *d, now.at);
            const auto soon = arriving(s, now.at);
            const auto busy =
                std::max(s.in_flight.empty() ? 0U : s.in_flight.front().second, soon.in_flight);
            const bool room = has_room(s, *d, now.at, soon.calls) &&
                              (d->tokens == 0 || (s.reserved + soon.tokens) * 2 < d->tokens) &&
                              (d->concurrency == 0 || std::int64_t{busy} * 2 < d->concurrency);
            // After trouble the throttle and the queue may hold it back: not plain.
            if (room && !s.trouble)
                return fmt::format(
                    "{} was passed over for its quota, but only {} of {} calls were in its window",
                    provider, s.recent.size(),
                    result::thousands(static_cast<std::uint64_t>(d->requests)));
        } else if ((reason == "throttle" || reason == "breaker") && !s.trouble) {
            return fmt::format("{} was passed over for its {}, but had refused or failed no call",
                               provider, reason);
        }
        return {};
    }

    // Plainly: a quarter of the window is used, and a third of what a bucket gives since it was
    // full. (A limiter that merely gives too little is for utilisation to accuse.)
    bool has_room(const Standing& s, const DeclaredProvider& d, std::int64_t now,
                  std::int64_t soon) const {
        if (d.requests == 0) return true;
        if ((static_cast<std::int64_t>(s.recent.size()) + soon) * 4 >= d.requests) return false;
        if (d.burst == 0) return true;
        const std::int64_t refill = d.window.count() / d.requests * d.burst;
        const auto since =
            std::lower_bound(s.recent.begin(), s.recent.end(), now - refill - before());
        return (s.recent.end() - since + soon) * 3 < d.burst;
    }

    // How long before the call was made its predecessors may have been passed over.
    std::int64_t before() const { return (scene_.evidence.declared.queue_wait + kWay).count(); }

    struct Soon {
        std::int64_t calls = 0, tokens = 0;
        std::uint32_t in_flight = 0;
    };
    Soon arriving(const Standing& s, std::int64_t now) const {
        Soon soon;
        for (std::size_t k = s.passed; k < s.rows.size(); ++k) {
            const Row& row = scene_.row(s.rows[k]);
            if (row.at > now + kWay.count()) break;
            ++soon.calls;
            soon.tokens += row.reserved_tokens;
            soon.in_flight = std::max(soon.in_flight, row.in_flight);
        }
        return soon;
    }

    void settle(Standing& s, const DeclaredProvider& d, std::int64_t now) const {
        while (s.in_flight.size() > 1 && s.in_flight[1].first <= now - before())
            s.in_flight.pop_front();
        const std::int64_t window = (d.window + d.guard).count() + before();
        while (!s.recent.empty() && s.recent.front() <= now - window) s.recent.pop_front();
        while (!s.tokens.empty() && s.tokens.front().first <= now - window) {
            s.reserved -= s.tokens.front().second;
            s.tokens.pop_front();
        }
    }

    void pass(const Row& row) {
        Standing& s = standing_[row.provider];
        s.trouble = s.trouble || !row.ok();
        ++s.passed;
        while (!s.in_flight.empty() && s.in_flight.back().second <= row.in_flight)
            s.in_flight.pop_back();
        s.in_flight.emplace_back(row.at, row.in_flight);
        const auto* d = scene_.evidence.declared.provider(scene_.name(row.provider));
        if (d == nullptr) return;
        settle(s, *d, row.at);
        s.recent.push_back(row.at);
        s.tokens.emplace_back(row.at, row.reserved_tokens);
        s.reserved += row.reserved_tokens;
    }

    void accuse(std::uint32_t i, std::string sentence) {
        faults_.push_back({i, std::move(sentence)});
    }

    const Scene& scene_;
    std::vector<Standing> standing_;  // by number of the name
    // Looked up once: agents by number, and providers in their chains.
    std::unordered_map<std::uint32_t, const std::vector<std::string>*> chains_;
    std::unordered_map<std::uint64_t, std::size_t> places_;
    std::vector<std::uint32_t> seen_;  // calls of a request so far
    std::vector<Fault> faults_;
    std::uint64_t judged_ = 0, passed_over_ = 0;
};

}  // namespace

void judge_chains(const Scene& scene, std::vector<WitnessCheck>& out) {
    WitnessCheck check = check_over_all("chain_order");
    if (scene.evidence.declared.chains.empty()) {
        out.push_back(not_exercised(std::move(check), "the gateway declares no chains"));
        return;
    }
    if (scene.requests.empty()) {
        out.push_back(not_exercised(std::move(check),
                                    "calls carry no correlation id, so they belong to no request"));
        return;
    }
    Sweep sweep(scene);
    sweep.run();
    check.judged = sweep.judged();
    check.bound = "in the chain's order";
    const auto& faults = sweep.faults();
    check.actual_value = static_cast<double>(faults.size());
    if (sweep.judged() == 0) {
        check = not_exercised(std::move(check), "no call names an agent with a declared chain");
    } else if (faults.empty()) {
        check.answer = WitnessAnswer::kept;
        check.actual = fmt::format("{} kept, {} passed over with reason",
                                   result::plural(sweep.judged(), "request"),
                                   result::thousands(sweep.passed_over()));
        check.sentence = fmt::format(
            "{} went along their chains; {} were passed over, each for a "
            "reason the log does not contradict",
            result::plural(sweep.judged(), "request"),
            result::plural(sweep.passed_over(), "provider"));
    } else {
        check.answer = WitnessAnswer::broken;
        std::vector<std::uint32_t> rows;
        for (const Fault& f : faults) rows.push_back(f.row);
        check.from = Nanos{scene.row(rows.front()).at};
        check.to = Nanos{scene.row(rows.back()).at};
        add_ids(scene, check, rows);
        check.actual = fmt::format("{} broken", result::plural(faults.size(), "request"));
        check.sentence =
            fmt::format("{} of {} left their chain, the first at {}: {}",
                        result::thousands(faults.size()), result::plural(sweep.judged(), "request"),
                        at_text(check.from->count()), faults.front().sentence);
    }
    out.push_back(std::move(check));
}

}  // namespace squadload::witness
