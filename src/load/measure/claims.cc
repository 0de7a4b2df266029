#include "load/measure/claims.h"

#include <algorithm>
#include <limits>

namespace squadload::measure {
namespace {

constexpr std::size_t kLongest = std::numeric_limits<std::uint16_t>::max();

std::uint16_t put(std::string& into, std::string_view text) {
    text = text.substr(0, kLongest);
    into += text;
    return static_cast<std::uint16_t>(text.size());
}

}  // namespace

void ClaimLog::add(const Claim& claim) {
    if (records_.size() >= most_) {
        ++lost_;
        return;
    }
    Record r;
    r.end = claim.end;
    r.task = claim.task;
    r.status = static_cast<std::int16_t>(claim.status);
    r.fallback = claim.fallback;
    r.ok = claim.ok;
    r.text = text_.size();
    r.id_size = put(text_, claim.request_id);
    r.provider_size = put(text_, claim.provider);
    r.agent_size = put(text_, claim.agent);
    r.attempts_size = put(text_, claim.attempts);
    r.reason_size = put(text_, claim.fallback_reason);
    records_.push_back(r);
}

Claim ClaimLog::operator[](std::size_t i) const {
    const Record& r = records_[i];
    std::string_view rest = std::string_view(text_).substr(r.text);
    const auto take = [&rest](std::size_t size) {
        const std::string_view text = rest.substr(0, size);
        rest.remove_prefix(size);
        return text;
    };
    Claim c;
    c.end = r.end;
    c.task = r.task;
    c.status = r.status;
    c.fallback = r.fallback;
    c.ok = r.ok;
    c.request_id = take(r.id_size);
    c.provider = take(r.provider_size);
    c.agent = take(r.agent_size);
    c.attempts = take(r.attempts_size);
    c.fallback_reason = take(r.reason_size);
    return c;
}

void ClaimLog::merge(const ClaimLog& other) {
    most_ = std::max(most_, other.most_);
    lost_ += other.lost_;
    const std::size_t room = most_ - std::min(most_, records_.size());
    const std::size_t taken = std::min(room, other.records_.size());
    lost_ += other.records_.size() - taken;
    if (taken == 0) return;
    const std::uint64_t base = text_.size();
    const std::size_t end =
        taken < other.records_.size() ? other.records_[taken].text : other.text_.size();
    text_.append(other.text_, 0, end);
    for (std::size_t i = 0; i < taken; ++i) {
        records_.push_back(other.records_[i]);
        records_.back().text += base;
    }
}

void ClaimLog::clear() {
    records_.clear();
    text_.clear();
    lost_ = 0;
}

}  // namespace squadload::measure
