#include "target/squad_api/counters.h"

#include <algorithm>

namespace squadload::squad_api {

void LatencyHistogram::add(Nanos latency) {
    const double seconds = to_seconds(latency);
    const auto bucket = std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), seconds);
    ++counts[static_cast<std::size_t>(bucket - kLatencyBounds.begin())];
    ++count;
    sum_seconds += seconds;
}

}  // namespace squadload::squad_api
