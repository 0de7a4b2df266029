#include "load/measure/failures.h"

#include <algorithm>

#include "base/utf8.h"

namespace squadload::measure {
namespace {

constexpr std::string_view kOtherFailures = "other failures";

// C0, DEL, and C1 (U+0080 to U+009F): terminals act on them.
bool is_control(std::string_view sequence) {
    const auto lead = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) return lead < 0x20 || lead == 0x7f;
    return lead == 0xc2 && static_cast<unsigned char>(sequence[1]) <= 0x9f;
}

// What a target sent, safe for terminals and for JSON.
std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
        const bool shown = length != 0 && !is_control(sequence);
        if (out.size() + (shown ? length : 1) > limit) break;
        shown ? out.append(sequence) : out.append(1, '.');
        text.remove_prefix(sequence.size());
    }
    return out;
}

}  // namespace

FailureGroup& FailureTable::group(std::uint16_t task, Outcome outcome, std::string_view message) {
    const auto find = [&](std::string_view text) {
        return std::find_if(groups_.begin(), groups_.end(), [&](const FailureGroup& g) {
            return g.task == task && g.outcome == outcome && g.message == text;
        });
    };
    auto found = find(message);
    if (found == groups_.end() && groups_.size() >= kMaxGroups) {
        message = kOtherFailures;
        found = find(message);
    }
    if (found != groups_.end()) return *found;
    FailureGroup& fresh = groups_.emplace_back();
    fresh.task = task;
    fresh.outcome = outcome;
    fresh.message = message;
    return fresh;
}

void FailureTable::add(std::uint16_t task, Outcome outcome, std::string_view message, Nanos at,
                       int status, std::string_view example) {
    FailureGroup& g = group(task, outcome, message);
    if (g.count == 0) {
        g.first = g.last = at;
        g.status = status;
        g.example = printable(example, kMaxExample);
    }
    ++g.count;
    g.first = std::min(g.first, at);
    g.last = std::max(g.last, at);
}

void FailureTable::merge(const FailureTable& other) {
    for (const FailureGroup& theirs : other.groups_) {
        FailureGroup& mine = group(theirs.task, theirs.outcome, theirs.message);
        if (mine.count == 0 || theirs.first < mine.first) {
            mine.first = theirs.first;
            mine.status = theirs.status;
            mine.example = theirs.example;
        }
        mine.last = mine.count == 0 ? theirs.last : std::max(mine.last, theirs.last);
        mine.count += theirs.count;
    }
}

}  // namespace squadload::measure
