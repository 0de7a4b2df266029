#include "base/suggest.h"

#include <algorithm>
#include <vector>

namespace squadload {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
        }
    }
    return row.back();
}

template <class Names>
std::string nearest(std::string_view word, const Names& candidates) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const auto& name : candidates) {
        const std::size_t longer = std::max(word.size(), name.size());
        if (longer - std::min(word.size(), name.size()) >= best_distance) continue;  // too far
        const std::size_t d = edit_distance(word, name);
        if (d < best_distance) {
            best_distance = d;
            best = std::string(name);
        }
    }
    return best;
}

}  // namespace

std::string nearest_name(std::string_view word, std::span<const std::string_view> candidates) {
    return nearest(word, candidates);
}
std::string nearest_name(std::string_view word, std::span<const std::string> candidates) {
    return nearest(word, candidates);
}

}  // namespace squadload
