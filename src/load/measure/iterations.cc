#include "load/measure/iterations.h"

#include <algorithm>

namespace squadload::measure {

void IterationStats::add(IterationEnd end) {
    switch (end) {
        case IterationEnd::ok:
            ++ok;
            break;
        case IterationEnd::failed:
            ++failed;
            break;
        case IterationEnd::cut_off:
            ++cut_off;
            break;
    }
}

double IterationStats::rate(IterationEnd end) const {
    if (rate_base(end) == 0) return 0;
    const std::uint64_t n = end == IterationEnd::ok       ? ok
                            : end == IterationEnd::failed ? failed
                                                          : cut_off;
    return static_cast<double>(n) / static_cast<double>(rate_base(end));
}

void IterationStats::add_reason(std::string_view text, std::uint64_t count) {
    const auto find = [&] {
        return std::find_if(reasons.begin(), reasons.end(),
                            [&](const Reason& r) { return r.text == text; });
    };
    auto found = find();
    if (found == reasons.end() && reasons.size() >= kMaxReasons) {
        text = "other reasons";
        found = find();
    }
    if (found == reasons.end()) found = reasons.insert(found, {std::string(text), 0});
    found->count += count;
}

void IterationStats::merge(const IterationStats& other) {
    ok += other.ok;
    failed += other.failed;
    cut_off += other.cut_off;
    time.merge(other.time);
    for (const Reason& reason : other.reasons) add_reason(reason.text, reason.count);
}

void IterationStats::clear() {
    ok = failed = cut_off = 0;
    time.clear();
    reasons.clear();
}

}  // namespace squadload::measure
