#include "load/scenario/environment.h"

#include <cstdlib>

namespace squadload::scenario {

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

std::string masked_url(const std::string& url) {
    const std::size_t scheme = url.find("://");
    const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t at = url.rfind('@');  // a password may hold what ends an authority
    const std::size_t colon = url.find(':', start);
    if (at == std::string::npos || at < start) return url;
    if (colon > at) return url.substr(0, start) + "***" + url.substr(at);  // a token, perhaps
    return url.substr(0, colon + 1) + "***" + url.substr(at);
}

}  // namespace squadload::scenario
