#include "target/providers/answer_text.h"

#include <algorithm>
#include <string_view>

namespace squadload::providers {
namespace {

constexpr std::string_view kText =
    "Here is a plan that works for most people. Start with what you already have, write down the "
    "goal and the date, and check the numbers once a month. Spread what you own over many things "
    "instead of one, keep the costs low, and do not react to every headline. If the connection "
    "drops, restart the router first, then look at the cable, then call the provider. For the "
    "trip, book the train early, leave one day without plans, and ask the people who live there "
    "where they eat. Small steps that are repeated matter more than one large step. When two "
    "choices look the same, take the one that is easier to undo. ";

}  // namespace

std::string answer_text(std::int64_t tokens, std::uint64_t number) {
    const auto size = static_cast<std::size_t>(std::max<std::int64_t>(tokens, 1)) * 4;
    std::string text;
    text.reserve(size);
    // From a word's beginning.
    const std::size_t space = kText.find(' ', (number * 37) % (kText.size() - 20));
    std::size_t at = space + 1 == kText.size() ? 0 : space + 1;
    while (text.size() < size) {
        text += kText.substr(at, size - text.size());
        at = 0;
    }
    text.back() = '.';
    return text;
}

}  // namespace squadload::providers
