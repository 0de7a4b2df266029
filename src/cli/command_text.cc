#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include "cli/options.h"

namespace squadload::cli {
namespace {

constexpr std::string_view kMask = "***";

bool secret_name(std::string_view name) {
    static constexpr std::array<std::string_view, 8> kParts{
        "key", "token", "secret", "password", "passwd", "auth", "sig", "credential"};
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::any_of(kParts.begin(), kParts.end(),
                       [&](auto part) { return lower.find(part) != std::string::npos; });
}

// "http://user:pass@host" → "http://***@host".
std::string without_user_info(const std::string& text) {
    const auto scheme = text.find("://");
    if (scheme == std::string::npos) return text;
    const auto start = scheme + 3;
    const auto end = std::min(text.find_first_of("/?#", start), text.size());
    const auto at = text.rfind('@', end == 0 ? 0 : end - 1);
    if (at == std::string::npos || at < start || at >= end) return text;
    return text.substr(0, start).append(kMask).append(text.substr(at));
}

// As above, but a proxy's URL needs no scheme, and whatever stands before an "@" may be a password.
std::string without_proxy_user(const std::string& url) {
    const auto at = url.rfind('@');
    if (at == std::string::npos) return url;
    const auto scheme = url.find("://");
    const auto start = scheme == std::string::npos ? 0 : scheme + 3;
    if (start > at) return std::string(kMask) + url.substr(at);
    return url.substr(0, start).append(kMask).append(url.substr(at));
}

// "?api_key=abc&x=1" → "?api_key=***&x=1".
std::string without_secret_values(const std::string& text) {
    const auto query = text.find('?');
    if (query == std::string::npos || text.find("://") == std::string::npos) return text;
    std::string out = text.substr(0, query + 1);
    std::size_t at = query + 1;
    while (at <= text.size()) {
        const auto end = std::min(text.find('&', at), text.size());
        const auto pair = text.substr(at, end - at);
        const auto equals = pair.find('=');
        const bool hide = equals != std::string::npos && secret_name(pair.substr(0, equals));
        out += hide ? pair.substr(0, equals + 1).append(kMask) : pair;
        if (end < text.size()) out += '&';
        at = end + 1;
    }
    return out;
}

std::string quoted(const std::string& word) {
    static constexpr std::string_view kPlain = "@%+=:,./-_";
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               kPlain.find(c) != std::string_view::npos;
    });
    if (plain) return word;
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

}  // namespace

std::string command_text(const std::vector<std::string>& arguments) {
    constexpr std::string_view kProxy = "--proxy";
    constexpr std::string_view kProxyIs = "--proxy=";
    std::string text = "squadload";
    bool is_proxy = false;  // the value of --proxy
    for (const auto& argument : arguments) {
        std::string shown;
        if (is_proxy) {
            shown = without_proxy_user(argument);
        } else if (argument.starts_with(kProxyIs)) {
            shown = std::string(kProxyIs) + without_proxy_user(argument.substr(kProxyIs.size()));
        } else {
            shown = without_user_info(argument);
        }
        is_proxy = argument == kProxy;
        text += " " + quoted(without_secret_values(shown));
    }
    return text;
}

}  // namespace squadload::cli
