#include "target/squad_api/request_id.h"

#include <fmt/core.h>

#include <algorithm>

namespace squadload::squad_api {

bool is_sane_request_id(std::string_view id) {
    return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == ':' || c == '-';
    });
}

std::string RequestIds::next() {
    return fmt::format("req-{:012x}-{:08x}", seed_, ++count_);
}

}  // namespace squadload::squad_api
