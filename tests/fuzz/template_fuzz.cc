// No text crashes the template compiler; what compiles renders the same bytes for the same request.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "load/scenario/data_sets.h"
#include "load/scenario/template.h"

namespace {

using squadload::Random;
using squadload::RandomStream;
using squadload::scenario::DataSets;
using squadload::scenario::Escape;
using squadload::scenario::RenderContext;
using squadload::scenario::Template;
using squadload::scenario::TemplateScope;
using squadload::scenario::Variable;

const std::vector<std::string> kNames{"token", "count"};
const std::vector<Variable> kVariables{{"a\"\n\xff", true}, {"-1.5e9", true}};

std::string render(const Template& t, std::uint64_t k) {
    Random random(1, RandomStream::iteration, k);
    RenderContext context{k, random, k / 2, kVariables};
    std::string out;
    t.render(context, out);
    return out;
}

const DataSets& data_sets() {
    static const DataSets sets = [] {
        DataSets made;
        SQUADLOAD_CHECK(made.add_list("prompts", {"one", "\"two\"\n"}, {}).has_value());
        SQUADLOAD_CHECK(made.add_csv("rows", "id,name\n1,a\n2,b\n", "rows.csv").has_value());
        return made;
    }();
    return sets;
}

const TemplateScope& scope() {
    static const squadload::scenario::Environment environment =
        squadload::scenario::process_environment();
    static const TemplateScope all{data_sets(), environment, kNames};
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    static constexpr std::array kEscapes{Escape::none,     Escape::json_string,
                                         Escape::url_path, Escape::url_query,
                                         Escape::header,   Escape::json_value};
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto compiled =
        Template::compile(text, kEscapes[data[0] % kEscapes.size()], scope(), {"f", 1, 1});
    if (!compiled) {
        SQUADLOAD_CHECK(!compiled.error().message.empty());
        return 0;
    }
    const auto first = render(*compiled, 7);
    if (text.find("now") == std::string_view::npos) {
        SQUADLOAD_CHECK(first == render(*compiled, 7));
    }
    if (compiled->is_constant()) SQUADLOAD_CHECK(first == render(*compiled, 8));
    return 0;
}
