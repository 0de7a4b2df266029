// YAML structures as JSON: request bodies and wanted values. Internal to load/scenario.
//
// Plain scalars that are JSON numbers, true, false or null stay what they are; every other scalar,
// and everything quoted, is a string. So 010 and yes are strings; True is an error, for it is meant
// as a boolean somewhere else.
#pragma once

#include <string>

#include "load/scenario/parsed_file.h"

namespace squadload::scenario {

// Compact JSON text. Expressions in {{ }} stay as they are written.
[[nodiscard]] std::string json_text(const yaml::Value& value);

// The same as a template: expressions in strings are evaluated, each string escaped; a string that
// is one expression with
// `| number` becomes a number. source() is json_text(value).
[[nodiscard]] Template json_template(const yaml::Value& value, const ReadContext& context);

}  // namespace squadload::scenario
