#include "judge/witness/arrival_table.h"

#include <algorithm>
#include <limits>

namespace squadload::witness {
namespace {

template <class T>
T bounded(std::int64_t value) {
    return static_cast<T>(std::clamp<std::int64_t>(
        value, 0, static_cast<std::int64_t>(std::numeric_limits<T>::max())));
}

}  // namespace

std::uint32_t Names::number(std::string_view text, std::uint32_t last) {
    if (last < texts_.size() && texts_[last] == text) return last;
    if (const auto known = find(text)) return *known;
    texts_.emplace_back(text);
    numbers_.emplace(text, static_cast<std::uint32_t>(texts_.size() - 1));
    return static_cast<std::uint32_t>(texts_.size() - 1);
}

std::optional<std::uint32_t> Names::find(std::string_view text) const {
    const auto it = numbers_.find(text);
    if (it == numbers_.end()) return std::nullopt;
    return it->second;
}

void ArrivalTable::add(const arrivals::Arrival& a, Nanos shift) {
    Row row;
    const Row last = rows_.empty() ? Row{} : rows_.back();
    row.at = (a.at + shift).count();
    if (a.done) row.done = (*a.done + shift).count();
    if (a.retry_after) row.retry_after = a.retry_after->count();
    row.id_at = ids_.size();
    row.id_size = static_cast<std::uint32_t>(a.correlation_id.size());
    ids_ += a.correlation_id;
    row.provider = names_.number(a.provider, last.provider);
    row.key = names_.number(a.key, last.key);
    row.model = names_.number(a.model, last.model);
    row.agent = names_.number(a.agent, last.agent);
    row.reason = names_.number(a.reason, last.reason);
    row.reserved_tokens = bounded<std::uint32_t>(a.reserved_tokens);
    row.in_flight = bounded<std::uint32_t>(a.in_flight);
    row.status = bounded<std::int16_t>(a.status);
    row.attempt = bounded<std::uint16_t>(a.attempt);
    rows_.push_back(row);
}

}  // namespace squadload::witness
