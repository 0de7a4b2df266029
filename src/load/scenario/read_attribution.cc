#include <fmt/core.h>

#include "base/suggest.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

Attribution read_preset(const Value& value) {
    const std::string name = value.text();
    if (auto preset = attribution_preset(name)) return *std::move(preset);
    const auto near = nearest_name(name, std::span<const std::string>(attribution_presets()));
    value.fail(fmt::format("there is no preset '{}'{}", name,
                           near.empty() ? "; there are none, squad, squad_original, litellm, "
                                          "portkey, bifrost and openai"
                                        : fmt::format("; did you mean '{}'?", near)));
    return {};
}

AttributionSource read_source(const Value& value) {
    using From = AttributionSource::From;
    const Map map = value.map({"header", "json"});
    const auto header = map.get("header");
    const auto json = map.get("json");
    if (header.has_value() == json.has_value()) {
        value.fail("expected one of header and json, such as {header: x-served-by}");
        return {};
    }
    AttributionSource source{header ? From::header : From::json,
                             header ? header->text() : json->text()};
    if (header && source.what.empty()) header->fail("expected the name of a header");
    if (json && !is_json_pointer(source.what))
        json->fail("expected a JSON pointer such as /usage/prompt_tokens");
    return source;
}

}  // namespace

Attribution read_attribution(const Value& value) {
    if (value.is_scalar()) return read_preset(value);
    std::vector<std::string_view> known{"preset"};
    for (std::size_t i = 0; i < Attribution::kFields; ++i)
        known.push_back(name_of(static_cast<Attribution::Field>(i)));
    const Map map = value.map(std::move(known));
    Attribution out;
    out.preset = "none";
    if (const auto v = map.get("preset")) out = read_preset(*v);
    for (std::size_t i = 0; i < Attribution::kFields; ++i) {
        const auto field = static_cast<Attribution::Field>(i);
        if (const auto v = map.get(name_of(field))) out.sources[field] = read_source(*v);
    }
    return out;
}

ObserveSettings read_observe(const Value& value) {
    ObserveSettings out;
    if (value.is_scalar()) {
        (void)value.one_of({"none"});
        out.enabled = false;
        return out;
    }
    const Map map = value.map({"interval", "health", "metrics"});
    if (const auto v = map.get("interval"))
        out.interval = v->duration(std::chrono::milliseconds{50});
    const auto path = [](const Value& v) {
        std::string text = v.text();
        if (text == "none") return std::string();
        if (!text.starts_with('/')) v.fail("expected a path such as /health, or none");
        return text;
    };
    if (const auto v = map.get("health")) out.health = path(*v);
    if (const auto v = map.get("metrics")) out.metrics = path(*v);
    return out;
}

}  // namespace squadload::scenario
