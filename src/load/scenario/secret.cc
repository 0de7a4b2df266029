#include "load/scenario/secret.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace squadload::scenario {

bool names_secret(std::string_view header) {
    std::string lower(header);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    constexpr std::string_view kWords[] = {"auth", "cookie", "key", "secret", "token", "password"};
    return std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view word) {
        return lower.find(word) != std::string::npos;
    });
}

}  // namespace squadload::scenario
