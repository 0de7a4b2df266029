// One piece of a compiled template, and the parser that makes pieces. Internal to load/scenario.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/scenario/template.h"

namespace squadload::scenario {

struct Template::Part {
    enum class Kind {
        literal,        // text, escaped already
        random_int,     // low … high
        choice,         // any of *values
        inline_choice,  // any of own_values
        field,          // (*values)[request number mod size]
        user_field,     // (*values)[user mod size]
        variable,
        user,
        uuid,
        seq,
        now_text,
        now_seconds,
        now_millis,
    };
    Kind kind = Kind::literal;
    Escape escape = Escape::none;
    bool as_json = false;        // filter `| json`: a quoted JSON string, before the escape
    bool as_number = false;      // filter `| number` on a value known only when it is written
    std::uint16_t variable = 0;  // index into the variables of the user class
    std::string text;
    std::int64_t low = 0;
    std::int64_t high = 0;
    const std::vector<std::string>* values = nullptr;  // in DataSets
    std::vector<std::string> own_values;
};

// Splits and compiles template text; see Template::compile.
[[nodiscard]] Result<std::vector<Template::Part>> parse_template(std::string_view text,
                                                                 Escape escape,
                                                                 const TemplateScope& scope,
                                                                 const SourceMark& mark);

// Appends `value` through the filters and escape of `part`. Allocates nothing but the output.
void append_value(const Template::Part& part, std::string_view value, std::string& out);

}  // namespace squadload::scenario
