#include "load/attribution/attributor.h"

#include <algorithm>
#include <charconv>

namespace squadload::attribution {
namespace {

using scenario::Attribution;
using scenario::AttributionSource;
using Fallback = measure::Claim::Fallback;

// A whole number and nothing else; -1: it is not one.
std::int64_t number(std::string_view text) {
    std::int64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc() && end == text.data() + text.size() && n >= 0 ? n : -1;
}

}  // namespace

Attributor::Attributor(const Attribution& settings) {
    for (std::size_t i = 0; i < Attribution::kFields; ++i) {
        names_.emplace_back(name_of(static_cast<Attribution::Field>(i)));
        const AttributionSource& source = settings.sources[i];
        if (source.from == AttributionSource::From::none) continue;
        scenario::Extraction one;
        one.variable = static_cast<std::uint16_t>(i);
        one.from = source.from == AttributionSource::From::header
                       ? scenario::Extraction::From::header
                       : scenario::Extraction::From::json;
        one.what = source.what;
        one.fallback = "";
        extractions_.push_back(std::move(one));
    }
    extractor_ = http::Extractor(extractions_, names_);
}

bool Attributor::read(const http::ResponseParser& response, Scratch& scratch,
                      measure::Claim& claim) const {
    if (empty() || !extractor_.extract(response, scratch.values).empty()) return false;
    const auto text = [&](Attribution::Field field) -> std::string_view {
        return scratch.values[field].text;
    };
    claim.provider = text(Attribution::provider);
    claim.attempts = text(Attribution::attempts);
    // A count of retries says nothing of a response that nobody served.
    const bool told = claim.attempts.find('=') != std::string_view::npos;
    if (claim.provider.empty() && !told) return false;
    claim.model = text(Attribution::model);
    claim.fallback = read_fallback(text(Attribution::fallback));
    claim.fallback_reason = text(Attribution::fallback_reason);
    claim.request_id = text(Attribution::request_id);
    claim.agent = text(Attribution::agent);
    claim.calls = read_calls(claim.attempts);
    const std::string_view both = text(Attribution::tokens);
    const auto plus = both.find('+');
    const auto prompt =
        plus == std::string_view::npos ? text(Attribution::prompt_tokens) : both.substr(0, plus);
    const auto completion = plus == std::string_view::npos ? text(Attribution::completion_tokens)
                                                           : both.substr(plus + 1);
    claim.prompt_tokens = std::max<std::int64_t>(0, number(prompt));
    claim.completion_tokens = std::max<std::int64_t>(0, number(completion));
    return true;
}

Fallback read_fallback(std::string_view text) {
    const auto open = text.rfind('[');
    if (open != std::string_view::npos && text.ends_with(']'))
        text = text.substr(open + 1, text.size() - open - 2);
    if (text == "true") return Fallback::yes;
    if (text == "false") return Fallback::no;
    const std::int64_t n = number(text);
    if (n < 0) return Fallback::unknown;
    return n > 0 ? Fallback::yes : Fallback::no;
}

std::uint32_t read_calls(std::string_view text) {
    constexpr std::int64_t kMost = 1'000'000;
    if (const std::int64_t n = number(text); n >= 0)
        return static_cast<std::uint32_t>(std::min(n, kMost) + 1);
    std::uint32_t calls = 0;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        const std::string_view one = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        const auto equals = one.find('=');
        if (equals != std::string_view::npos && !one.substr(equals + 1).starts_with("skipped"))
            ++calls;
    }
    return calls;
}

}  // namespace squadload::attribution
