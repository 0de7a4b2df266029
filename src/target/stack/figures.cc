#include "target/stack/figures.h"

#include <algorithm>
#include <deque>

namespace squadload::stack {
namespace {

bool is_ok(const arrivals::Arrival& call) {
    return call.done && call.status >= 200 && call.status < 300;
}

}  // namespace

std::vector<ProviderFigures> figures(const Plan& plan,
                                     const std::vector<arrivals::Arrival>& calls) {
    std::vector<ProviderFigures> out = plan.providers;
    std::vector<std::deque<Nanos>> recent(out.size());  // of the window that ends now
    for (const auto& call : calls) {
        const auto found = std::find_if(out.begin(), out.end(),
                                        [&](const auto& p) { return p.name == call.provider; });
        if (found == out.end()) continue;
        auto& window = recent[static_cast<std::size_t>(found - out.begin())];
        window.push_back(call.at);
        while (window.front() <= call.at - plan.window) window.pop_front();
        found->peak_per_minute = std::max<std::uint64_t>(found->peak_per_minute, window.size());
        ++found->calls;
        if (is_ok(call)) {
            ++found->ok;
            found->times.push_back(*call.done - call.at);
            const auto first = plan.first_of.find(call.agent);
            if (first != plan.first_of.end() && first->second != call.provider)
                ++found->served_as_fallback;
        } else {
            ++(call.status == 429 ? found->responses_429 : found->failed);
        }
    }
    return out;
}

}  // namespace squadload::stack
