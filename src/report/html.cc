#include "report/html.h"

#include <nlohmann/json.hpp>

#include "report/sentences.h"

// The built page, put into the program by the assembler (SQUADLOAD_PAGE: its path).
asm(R"(
.pushsection .rodata
.global squadload_page_begin
.global squadload_page_end
squadload_page_begin:
.incbin ")" SQUADLOAD_PAGE R"("
squadload_page_end:
.byte 0
.popsection
)");
// NOLINTBEGIN(readability-identifier-naming): names of the linker
extern "C" const char squadload_page_begin[];
extern "C" const char squadload_page_end[];
// NOLINTEND(readability-identifier-naming)

namespace squadload::report {
namespace {

constexpr std::string_view kPlaceholder = "<!--squadload-data-->";

// HTML ends a script element at the first "</script", whatever it stands in. JSON has "<" in
// strings only, and there it may be written as an escape.
void add_data(std::string& page, std::string_view id, std::string_view json) {
    page += "<script type=\"application/json\" id=\"";
    page += id;
    page += "\">";
    for (std::size_t at = 0; at < json.size();) {
        const auto next = std::min(json.find('<', at), json.size());
        page += json.substr(at, next - at);
        if (next < json.size()) page += "\\u003c";
        at = next + 1;
    }
    page += "</script>\n";
}

}  // namespace

std::string_view empty_page() {
    return {squadload_page_begin,
            static_cast<std::size_t>(squadload_page_end - squadload_page_begin)};
}

std::string html(const result::RunResult& run) {
    // The sentences that the console says, too.
    auto words = nlohmann::json{{"headlines", nlohmann::json::array()},
                                {"delivered", nlohmann::json::array()}};
    for (const auto& scenario : run.scenarios) {
        words["headlines"].push_back(headline(scenario));
        words["delivered"].push_back(delivered_text(scenario));
    }
    return page_with(
        {{"metrics", result::to_json(run)},
         {"words", words.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)}});
}

std::string page_with(const std::vector<PageData>& data) {
    const auto page = empty_page();
    const auto at = page.find(kPlaceholder);
    std::string text(page.substr(0, at));
    for (const auto& one : data) add_data(text, one.id, one.json);
    return text += page.substr(at + kPlaceholder.size());
}

}  // namespace squadload::report
