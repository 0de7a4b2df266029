#include <algorithm>
#include <nlohmann/json.hpp>

#include "judge/result/json_internal.h"

namespace squadload::result::internal {
namespace {

// Levels of containers, counted up to `limit`.
int depth(const Json& value, int limit) {
    if (!value.is_structured()) return 0;
    if (limit == 0) return 1;
    int deepest = 0;
    for (const auto& child : value) {
        deepest = std::max(deepest, depth(child, limit - 1));
        if (deepest >= limit) break;
    }
    return deepest + 1;
}

// Bytes that are not UTF-8 (a target may send any) become U+FFFD.
std::string compact(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write(const Json& value, std::size_t indent, std::string& out) {
    if (value.empty() || depth(value, 3) <= 2) {
        out += compact(value);
        return;
    }
    const bool object = value.is_object();
    out += object ? "{" : "[";
    const char* separator = "\n";
    for (auto it = value.begin(); it != value.end(); ++it) {
        out += separator;
        separator = ",\n";
        out.append(indent + 2, ' ');
        if (object) out += compact(Json(it.key())) + ": ";
        write(*it, indent + 2, out);
    }
    out += '\n';
    out.append(indent, ' ');
    out += object ? "}" : "]";
}

}  // namespace

std::string layout(const Json& document) {
    std::string out;
    write(document, 0, out);
    out += '\n';
    return out;
}

}  // namespace squadload::result::internal
