#include "run/proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "load/http/url.h"

namespace squadload::run {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// An address as 16 bytes, IPv4 as IPv4-mapped IPv6.
using Ip = std::array<std::uint8_t, 16>;
constexpr int kMappedBits = 96;

std::optional<Ip> parse_ip(const std::string& text) {
    Ip ip{};
    if (inet_pton(AF_INET6, text.c_str(), ip.data()) == 1) return ip;
    ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, text.c_str(), ip.data() + kMappedBits / 8) == 1) return ip;
    return std::nullopt;
}

bool same_prefix(const Ip& a, const Ip& b, int bits) {
    for (int bit = 0; bit < bits; ++bit) {
        const auto byte = static_cast<std::size_t>(bit / 8);
        if (((a[byte] ^ b[byte]) & (0x80 >> bit % 8)) != 0) return false;
    }
    return true;
}

bool is_loopback(std::string host) {
    if (host.size() > 1 && host.back() == '.') host.pop_back();
    if (host == "localhost" || host.ends_with(".localhost")) return true;  // RFC 6761 §6.3
    in_addr short_form{};  // 127.1, which the resolver takes, too
    if (inet_aton(host.c_str(), &short_form) == 1) return (ntohl(short_form.s_addr) >> 24) == 127;
    const auto ip = parse_ip(host);
    return ip &&
           (same_prefix(*ip, *parse_ip("127.0.0.0"), kMappedBits + 8) || *ip == *parse_ip("::1"));
}

bool in_block(const std::string& entry, std::size_t slash, const Ip& ip) {
    const std::string base = entry.substr(0, slash);
    const auto network = parse_ip(base);
    int bits = -1;
    const char* end = entry.data() + entry.size();
    const auto [stop, error] = std::from_chars(entry.data() + slash + 1, end, bits);
    const bool v4 = base.find(':') == std::string::npos;
    if (!network || error != std::errc{} || stop != end || bits < 0 || bits > (v4 ? 32 : 128))
        return false;
    return same_prefix(*network, ip, v4 ? kMappedBits + bits : bits);
}

struct NamedPort {
    std::string host;
    std::string port;  // "": any
};

NamedPort split_port(const std::string& entry) {
    if (entry.starts_with('[')) {
        const auto close = entry.find(']');
        if (close == std::string::npos) return {entry, ""};
        const bool port = entry.size() > close + 1 && entry[close + 1] == ':';
        return {entry.substr(1, close - 1), port ? entry.substr(close + 2) : ""};
    }
    const auto colon = entry.find(':');
    if (colon == std::string::npos || entry.find(':', colon + 1) != std::string::npos)
        return {entry, ""};
    return {entry.substr(0, colon), entry.substr(colon + 1)};
}

bool names(const std::string& entry, const std::string& host, const std::optional<Ip>& ip,
           const std::string& port) {
    if (const auto slash = entry.find('/'); slash != std::string::npos)
        return ip && in_block(entry, slash, *ip);
    auto [name, only_port] = split_port(entry);
    if (name.empty() || (!only_port.empty() && only_port != port)) return false;
    if (const auto address = parse_ip(name)) return ip && *ip == *address;
    if (name.starts_with("*.")) name.erase(0, 1);
    if (name.front() == '.') return host.ends_with(name);
    return host == name || host.ends_with("." + name);
}

std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        const char* hex = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(hex, hex + 2, value, 16).ptr == hex + 2) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string base64(std::string_view bytes) {
    static constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8 | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            out += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return out;
}

Result<Proxy> parse_proxy(const std::string& text, const SourceMark& source) {
    std::string url = text;
    std::string user;
    const std::size_t scheme = url.find("://");
    const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t end = std::min(url.find_first_of("/?#", start), url.size());
    if (url.find('@', end) != std::string::npos) {
        return fail_at(source, fmt::format("{}: in a user name or password, / is written %2F, ? is "
                                           "%3F and # is %23",
                                           scenario::masked_url(text)));
    }
    const std::size_t at = url.substr(0, end).rfind('@');
    if (at != std::string::npos && at >= start) {
        user = url.substr(start, at - start);
        url.erase(start, at + 1 - start);
    }
    const std::string shown = scenario::masked_url(text);
    const std::string kind = scheme == std::string::npos ? "http" : lower(url.substr(0, scheme));
    if (kind != "http") {
        return fail_at(source, fmt::format("{}: a proxy is reached by http://; {}:// proxies are "
                                           "not supported",
                                           shown, kind));
    }
    const auto parsed = http::parse_url(url);
    if (!parsed) return fail_at(source, parsed.error().message);
    Proxy proxy{parsed->host, parsed->port, shown,
                source.line > 0 ? std::string("target.proxy") : source.file, ""};
    if (scheme == std::string::npos) proxy.shown.insert(0, "http://");
    if (!user.empty()) {
        const auto colon = std::min(user.find(':'), user.size());
        const std::string_view password =
            colon < user.size() ? std::string_view(user).substr(colon + 1) : "";
        proxy.authorization = "Basic " + base64(decoded(std::string_view(user).substr(0, colon)) +
                                                ":" + decoded(password));
    }
    return proxy;
}

}  // namespace

bool in_no_proxy(const std::string& list, const std::string& host, std::uint16_t port) {
    std::string name = lower(host);
    if (name.size() > 1 && name.back() == '.') name.pop_back();
    const auto ip = parse_ip(name);
    const std::string port_text = std::to_string(port);
    for (std::string_view rest = list; !rest.empty();) {
        const std::size_t end = std::min(rest.find(','), rest.size());
        const std::string entry = lower(trimmed(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (entry == "*" || (!entry.empty() && names(entry, name, ip, port_text))) return true;
    }
    return false;
}

Result<std::optional<Proxy>> choose_proxy(const scenario::Target& target, bool tls,
                                          const std::string& host, std::uint16_t port,
                                          const scenario::Environment& environment) {
    if (target.proxy == "none") return std::optional<Proxy>{};
    if (!target.proxy.empty()) {
        auto proxy = parse_proxy(target.proxy, target.proxy_mark);
        if (!proxy) return tl::unexpected(proxy.error());
        return std::optional<Proxy>(std::move(*proxy));
    }
    if (!environment || is_loopback(lower(host))) return std::optional<Proxy>{};
    const auto variable = [&](const char* name) { return environment(name).value_or(""); };
    for (const char* name : {"NO_PROXY", "no_proxy"}) {
        const auto list = variable(name);
        if (in_no_proxy(list, host, port)) return std::optional<Proxy>{};
        if (!list.empty()) break;
    }
    const std::array<const char*, 4> sources{tls ? "HTTPS_PROXY" : "HTTP_PROXY",
                                             tls ? "https_proxy" : "http_proxy", "ALL_PROXY",
                                             "all_proxy"};
    for (const char* name : sources) {
        const auto value = variable(name);
        if (value.empty()) continue;
        auto proxy = parse_proxy(value, SourceMark{name, 0, 0});
        if (!proxy) return tl::unexpected(proxy.error());
        return std::optional<Proxy>(std::move(*proxy));
    }
    return std::optional<Proxy>{};
}

}  // namespace squadload::run
