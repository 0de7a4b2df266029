#include "target/service/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "target/service/headers.h"

namespace squadload::service {
namespace {

constexpr std::uint16_t default_port(bool tls) {
    return tls ? 443 : 80;
}

tl::unexpected<Error> bad(std::string_view url, const char* why) {
    return fail(ErrorKind::config, "the URL \"" + std::string(url) + "\" " + why);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || rest != end || port == 0) return std::nullopt;
    return port;
}

bool is_host(std::string_view host) {
    return !host.empty() && std::ranges::all_of(host, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_' || c == ':';
    });
}

}  // namespace

std::string Origin::authority() const {
    auto text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != default_port(tls)) text += ":" + std::to_string(port);
    return text;
}

std::string Origin::text() const {
    return (tls ? "https://" : "http://") + authority();
}

Result<Url> parse_url(std::string_view text) {
    if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; }))
        return bad(text, "has a character that must be percent-encoded");
    Url url;
    const auto colon = std::min(text.find("://"), text.size());
    const auto scheme = text.substr(0, colon);
    url.origin.tls = equal_ignoring_case(scheme, "https");
    if (!url.origin.tls && !equal_ignoring_case(scheme, "http"))
        return bad(text, "does not start with http:// or https://");
    const auto rest = text.substr(std::min(colon + 3, text.size()));
    const auto slash = std::min(rest.find_first_of("/?#"), rest.size());
    auto authority = rest.substr(0, slash);
    if (authority.find('@') != std::string_view::npos)
        return fail(ErrorKind::config, "a URL holds credentials: keys come from the environment");

    url.origin.port = default_port(url.origin.tls);
    auto host = authority;
    auto port = std::string_view{};
    if (authority.starts_with('[')) {
        const auto bracket = authority.find(']');
        if (bracket == std::string_view::npos) return bad(text, "has no ] after its address");
        host = authority.substr(1, bracket - 1);
        port = authority.substr(bracket + 1);
    } else if (const auto at = authority.find(':'); at != std::string_view::npos) {
        host = authority.substr(0, at);
        port = authority.substr(at);
    }
    if (!port.empty()) {
        const auto number = parse_port(port.substr(1));
        if (port[0] != ':' || !number) return bad(text, "has a port that is not 1 to 65535");
        url.origin.port = *number;
    }
    url.origin.host = host;
    for (auto& c : url.origin.host)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_host(url.origin.host)) return bad(text, "has no valid host");

    const auto target = rest.substr(slash, rest.find('#') - slash);
    url.target = target.starts_with('/') ? target : "/" + std::string(target);
    return url;
}

}  // namespace squadload::service
