#include "load/measure/failures.h"

#include <algorithm>

namespace squadload::measure {
namespace {

constexpr std::string_view kOtherFailures = "other failures";

// Length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the start of `text`; 0: none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto within = [&](std::size_t i, unsigned low, unsigned high) {
        return byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (within(0, 0xc2, 0xdf)) return within(1, 0x80, 0xbf) ? 2 : 0;
    if (within(0, 0xe0, 0xef)) {
        const bool second = within(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
        return second && within(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (within(0, 0xf0, 0xf4)) {
        const bool second = within(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
        return second && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

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
        const std::size_t length = sequence_length(text);
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
