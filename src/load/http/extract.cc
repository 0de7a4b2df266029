#include "load/http/extract.h"

#include <fmt/core.h>

#include <optional>

#include "base/check.h"
#include "load/http/json_body.h"

namespace squadload::http {
namespace {

using scenario::Extraction;

// A thread that once read a huge value does not hold on to the memory.
constexpr std::size_t kRetainedBytes = 1024 * 1024;

// What was found, before any of it is taken over. One per thread.
struct Scratch {
    std::vector<JsonText> json;  // of the JSON extractions, in order
    std::string json_text;
    std::string_view json_error;
    std::vector<std::string_view> values;  // of every extraction
};

void read_json_values(std::span<const Extraction> extractions, std::string_view body,
                      Scratch& scratch) {
    scratch.json.clear();
    if (scratch.json_text.capacity() > kRetainedBytes) scratch.json_text = {};
    scratch.json_text.clear();
    for (const Extraction& one : extractions) {
        if (one.from == Extraction::From::json) scratch.json.push_back({.pointer = one.what});
    }
    scratch.json_error = read_json(scratch.json, body, scratch.json_text);
}

std::string_view kind(const Extraction& extraction) {
    switch (extraction.from) {
        case Extraction::From::header:
            return "header";
        case Extraction::From::regex:
            return "regex";
        default:
            return "json";
    }
}

std::optional<std::string_view> find_outside_json(const Extraction& extraction,
                                                  const ResponseParser& response) {
    if (extraction.from == Extraction::From::regex) return extraction.regex->find(response.body());
    if (!response.has_header(extraction.what)) return std::nullopt;
    return response.header(extraction.what);
}

}  // namespace

Extractor::Extractor(std::span<const Extraction> extractions, std::span<const std::string> names)
    : extractions_(extractions) {
    for (const Extraction& one : extractions) {
        names_.push_back(names[one.variable]);
        needs_headers_ = needs_headers_ || one.from == Extraction::From::header;
        needs_body_ = needs_body_ || one.from != Extraction::From::header;
        needs_json_ = needs_json_ || one.from == Extraction::From::json;
        SQUADLOAD_CHECK(one.from != Extraction::From::regex || one.regex != nullptr);
    }
}

std::string Extractor::sentence(std::size_t extraction, std::string_view why) const {
    return fmt::format("extract {}: {}", names_[extraction], why);
}

std::string Extractor::extract(const ResponseParser& response,
                               std::span<scenario::Variable> into) const {
    if (empty()) return "";
    thread_local Scratch scratch;
    if (needs_json_) read_json_values(extractions_, response.body(), scratch);
    scratch.values.clear();
    std::size_t next_json = 0;
    for (std::size_t i = 0; i < extractions_.size(); ++i) {
        const Extraction& one = extractions_[i];
        std::optional<std::string_view> value;
        if (one.from == Extraction::From::json) {
            const JsonText& text = scratch.json[next_json++];
            if (text.state == JsonText::State::inexact)
                return sentence(i, fmt::format("json {} has a number beyond 64 bits", one.what));
            if (text.state == JsonText::State::found)
                value =
                    std::string_view(scratch.json_text).substr(text.begin, text.end - text.begin);
        } else {
            value = find_outside_json(one, response);
        }
        if (!value && one.fallback) value = *one.fallback;
        if (!value && one.from == Extraction::From::json && !scratch.json_error.empty())
            return sentence(i, scratch.json_error);
        if (!value) return sentence(i, fmt::format("{} {} missing", kind(one), one.what));
        if (value->size() > kMaxExtractedBytes)
            return sentence(i, fmt::format("{} {} is longer than 64 KiB", kind(one), one.what));
        scratch.values.push_back(*value);
    }
    for (std::size_t i = 0; i < extractions_.size(); ++i) {
        scenario::Variable& variable = into[extractions_[i].variable];
        variable.text.assign(scratch.values[i]);
        variable.set = true;
    }
    return "";
}

}  // namespace squadload::http
