// Presets: where gateways say who served. Sources: docs/stack.md for squad; the gateways' own
// documentation and code, read 2026-11-23, for the others.
#include <algorithm>
#include <utility>

#include "load/scenario/scenario.h"

namespace squadload::scenario {
namespace {

using Field = Attribution::Field;
using From = AttributionSource::From;

struct Said {
    Field field;
    From from;
    const char* what;
};

Attribution preset(const char* name, std::initializer_list<Said> all) {
    Attribution out;
    out.preset = name;
    for (const Said& one : all) out.sources[one.field] = {one.from, one.what};
    return out;
}

const std::vector<Attribution>& presets() {
    static const std::vector<Attribution> table{
        preset("none", {}),
        preset("squad", {{Field::provider, From::header, "x-squad-provider"},
                         {Field::model, From::header, "x-squad-model"},
                         {Field::fallback, From::header, "x-squad-fallback"},
                         {Field::fallback_reason, From::header, "x-squad-fallback-reason"},
                         {Field::attempts, From::header, "x-squad-attempts"},
                         {Field::request_id, From::header, "x-request-id"},
                         {Field::agent, From::header, "x-squad-agent"},
                         {Field::tokens, From::header, "x-squad-tokens"}}),
        preset("squad_original", {{Field::provider, From::json, "/provider"},
                                  {Field::model, From::json, "/model"},
                                  {Field::fallback, From::json, "/metadata/fallback_used"},
                                  {Field::request_id, From::header, "x-request-id"}}),
        preset("litellm", {{Field::provider, From::header, "x-litellm-model-id"},
                           {Field::model, From::json, "/model"},
                           {Field::fallback, From::header, "x-litellm-attempted-fallbacks"},
                           {Field::attempts, From::header, "x-litellm-attempted-retries"},
                           {Field::request_id, From::header, "x-litellm-call-id"},
                           {Field::prompt_tokens, From::json, "/usage/prompt_tokens"},
                           {Field::completion_tokens, From::json, "/usage/completion_tokens"}}),
        preset("portkey", {{Field::provider, From::header, "x-portkey-provider"},
                           {Field::model, From::json, "/model"},
                           {Field::fallback, From::header, "x-portkey-last-used-option-index"},
                           {Field::attempts, From::header, "x-portkey-retry-attempt-count"},
                           {Field::request_id, From::header, "x-portkey-trace-id"},
                           {Field::prompt_tokens, From::json, "/usage/prompt_tokens"},
                           {Field::completion_tokens, From::json, "/usage/completion_tokens"}}),
        preset("bifrost", {{Field::provider, From::json, "/extra_fields/provider"},
                           {Field::model, From::json, "/model"},
                           {Field::prompt_tokens, From::json, "/usage/prompt_tokens"},
                           {Field::completion_tokens, From::json, "/usage/completion_tokens"}}),
        // A plain OpenAI-compatible endpoint names the model that answered, and nothing else.
        preset("openai", {{Field::provider, From::json, "/model"},
                          {Field::model, From::json, "/model"},
                          {Field::request_id, From::header, "x-request-id"},
                          {Field::prompt_tokens, From::json, "/usage/prompt_tokens"},
                          {Field::completion_tokens, From::json, "/usage/completion_tokens"}})};
    return table;
}

}  // namespace

bool Attribution::any() const {
    return std::any_of(sources.begin(), sources.end(),
                       [](const auto& s) { return s.from != From::none; });
}

std::string_view name_of(Attribution::Field field) {
    static constexpr std::array<std::string_view, Attribution::kFields> kNames{
        "provider",   "model", "fallback", "fallback_reason", "attempts",
        "request_id", "agent", "tokens",   "prompt_tokens",   "completion_tokens"};
    return kNames[field];
}

std::optional<Attribution> attribution_preset(std::string_view name) {
    for (const auto& one : presets())
        if (one.preset == name) return one;
    return std::nullopt;
}

const std::vector<std::string>& attribution_presets() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const auto& one : presets()) out.push_back(one.preset);
        return out;
    }();
    return names;
}

}  // namespace squadload::scenario
