#include "load/scenario/secret.h"

#include <algorithm>
#include <span>
#include <string>

namespace squadload::scenario {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

bool holds_any(const std::string& text, std::span<const std::string_view> words) {
    return std::ranges::any_of(
        words, [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

}  // namespace

bool names_secret(std::string_view header) {
    constexpr std::string_view kWords[] = {"auth", "cookie", "key", "secret", "token", "password"};
    return holds_any(lower(header), kWords);
}

bool names_secret_field(std::string_view name) {
    constexpr std::string_view kWords[] = {"password", "passwd",     "passphrase",
                                           "secret",   "credential", "api_key",
                                           "api-key",  "apikey",     "private_key"};
    const std::string text = lower(name);
    return holds_any(text, kWords) || text.ends_with("token") || text == "authorization";
}

}  // namespace squadload::scenario
