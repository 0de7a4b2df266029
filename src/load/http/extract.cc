#include "load/http/extract.h"

#include <fmt/core.h>

#include <optional>

#include "base/check.h"
#include "load/http/expectation.h"
#include "load/http/json_body.h"

namespace squadload::http {
namespace {

using scenario::Extraction;

// A thread that once read a huge value does not hold on to the memory.
constexpr std::size_t kRetainedBytes = 1024 * 1024;

// What is read once per response. One per thread.
struct Scratch {
    std::string undecoded;       // why nothing can be found in the body, or ""
    std::vector<JsonText> json;  // of the JSON extractions, in order
    std::size_t next_json = 0;
    std::string json_text;
    std::string_view json_error;
    std::vector<std::string_view> values;  // of every extraction, before any is taken over
};

void read_json_values(std::span<const Extraction> extractions, std::string_view body,
                      Scratch& scratch) {
    scratch.json.clear();
    scratch.next_json = 0;
    if (scratch.json_text.capacity() > kRetainedBytes) scratch.json_text = {};
    scratch.json_text.clear();
    for (const Extraction& one : extractions) {
        if (one.from == Extraction::From::json) scratch.json.push_back({.pointer = one.what});
    }
    scratch.json_error = read_json(scratch.json, body, kMaxExtractedBytes, scratch.json_text);
}

// A value, or why there is none; `refused` cannot be helped by a fallback.
struct Found {
    std::optional<std::string_view> value;
    std::string why = {};
    bool refused = false;
};

// The fallback, or why there is nothing: a sentence is made only where somebody reads it.
Found missing(const char* kind, const Extraction& extraction) {
    if (extraction.fallback) return {std::string_view(*extraction.fallback)};
    return {std::nullopt, fmt::format("{} {} missing", kind, extraction.what)};
}

std::string too_long(const Extraction& extraction) {
    return fmt::format("the value of {} is longer than 64 KiB", extraction.what);
}

Found find_json(const Extraction& extraction, Scratch& scratch) {
    const JsonText& text = scratch.json[scratch.next_json++];
    if (!scratch.json_error.empty()) return {std::nullopt, std::string(scratch.json_error)};
    switch (text.state) {
        case JsonText::State::found:
            return {std::string_view(scratch.json_text).substr(text.begin, text.end - text.begin)};
        case JsonText::State::inexact:
            return {std::nullopt,
                    fmt::format("json {} has a number beyond 64 bits", extraction.what), true};
        case JsonText::State::too_long:
            return {std::nullopt, too_long(extraction), true};
        case JsonText::State::missing:
            break;
    }
    return missing("json", extraction);
}

Found find_header(const Extraction& extraction, const ResponseParser& response) {
    if (response.has_header(extraction.what)) return {response.header(extraction.what)};
    return missing("header", extraction);
}

Found find_regex(const Extraction& extraction, std::string_view body) {
    if (const auto value = extraction.regex->find(body)) return {value};
    return missing("regex", extraction);
}

Found find(const Extraction& extraction, const ResponseParser& response, Scratch& scratch) {
    if (extraction.from == Extraction::From::header) return find_header(extraction, response);
    if (!scratch.undecoded.empty()) return {std::nullopt, scratch.undecoded};
    return extraction.from == Extraction::From::json ? find_json(extraction, scratch)
                                                     : find_regex(extraction, response.body());
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

std::string Extractor::extract(const ResponseParser& response,
                               std::span<scenario::Variable> into) const {
    if (empty()) return "";
    thread_local Scratch scratch;
    scratch.undecoded = needs_body_ ? undecoded_body(response) : "";
    if (needs_json_) read_json_values(extractions_, response.body(), scratch);
    scratch.values.clear();
    for (std::size_t i = 0; i < extractions_.size(); ++i) {
        const Extraction& one = extractions_[i];
        Found found = find(one, response, scratch);
        if (!found.value && !found.refused && one.fallback) found.value = *one.fallback;
        if (found.value && found.value->size() > kMaxExtractedBytes) {
            found = {std::nullopt, too_long(one)};
        }
        if (!found.value) return fmt::format("extract {}: {}", names_[i], found.why);
        scratch.values.push_back(*found.value);
    }
    for (std::size_t i = 0; i < extractions_.size(); ++i) {
        scenario::Variable& variable = into[extractions_[i].variable];
        variable.text.assign(scratch.values[i]);
        variable.set = true;
    }
    return "";
}

}  // namespace squadload::http
