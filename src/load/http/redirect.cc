#include "load/http/redirect.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "load/http/kept_headers.h"
#include "load/scenario/escape.h"
#include "load/scenario/secret.h"

namespace squadload::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kProxyAuthorization = "Proxy-Authorization";

// Fields that mean nothing without the body (RFC 9110 §15.4).
constexpr std::array<std::string_view, 7> kOfTheBody = {
    "Content-Length",    "Content-Type", "Content-Encoding", "Content-Language", "Content-Location",
    "Transfer-Encoding", "Expect"};

template <class Names>
bool is_one_of(std::string_view name, const Names& names) {
    return std::ranges::any_of(names,
                               [&](std::string_view n) { return equal_ignoring_case(n, name); });
}

// The scheme `reference` begins with, or "" (RFC 3986 §3.1).
std::string_view scheme_of(std::string_view reference) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto may_follow = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    };
    const std::size_t colon = reference.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_letter(reference[0])) return {};
    const std::string_view scheme = reference.substr(0, colon);
    return std::ranges::all_of(scheme, may_follow) ? scheme : std::string_view{};
}

// RFC 3986 §5.2.4, for a path that begins with "/".
std::string without_dot_segments(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const std::size_t size = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, size);  // with its "/"
        path.remove_prefix(size);
        if (segment == "/." || segment == "/..") {
            if (segment == "/..") out.resize(out.empty() ? 0 : out.rfind('/'));
            if (path.empty()) out += '/';
        } else {
            out += segment;
        }
    }
    return out;
}

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

// The request target of `reference`, which has neither scheme nor authority.
std::string resolve_target(std::string_view base, std::string_view reference) {
    const std::string_view base_path = path_of(base);
    if (reference.empty()) return std::string(base);
    if (reference.starts_with('?')) return std::string(base_path) + std::string(reference);
    const std::string_view path = path_of(reference);
    std::string whole;
    if (!path.starts_with('/')) whole = base_path.substr(0, base_path.rfind('/') + 1);
    whole += path;
    return without_dot_segments(whole) + std::string(reference.substr(path.size()));
}

Result<Url> absolute(std::string_view scheme, std::string_view behind_scheme) {
    if (!behind_scheme.starts_with("//"))
        return fail(ErrorKind::config, "it names a scheme, but no host");
    auto url = parse_url(std::string(scheme) + ":" + std::string(behind_scheme));
    if (!url) return url;
    if (!url->path.starts_with('/')) url->path.insert(0, "/");
    url->path =
        without_dot_segments(path_of(url->path)) + url->path.substr(path_of(url->path).size());
    return url;
}

}  // namespace

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view method_after(int status, std::string_view method) {
    const bool becomes_get = (status == 303 && method != "HEAD") ||
                             ((status == 301 || status == 302) && method == "POST");
    return becomes_get ? "GET" : method;
}

Result<Url> resolve_reference(const Url& base, std::string_view reference) {
    const std::string written =
        scenario::encode_written_path(reference.substr(0, reference.find('#')));
    const std::string_view text = written;
    const std::string_view scheme = scheme_of(text);
    if (!scheme.empty()) return absolute(scheme, text.substr(scheme.size() + 1));
    if (text.starts_with("//")) return absolute(base.scheme, text);
    Url url{base.scheme, base.host, base.port, {}};
    url.path = resolve_target(base.path.starts_with('/') ? base.path : "/" + base.path, text);
    return url;
}

void rewrite_request(std::string_view first, const NextRequest& next, std::string& out) {
    out.assign(next.method);
    out += ' ';
    out += next.absolute_form;
    out += next.url.path;
    out += " HTTP/1.1\r\n";
    const std::string_view first_target = first.substr(first.find(' ') + 1);
    const bool from_proxy = first_target.starts_with("http://");
    if (!next.absolute_form.empty() && !from_proxy && !next.proxy_authorization.empty()) {
        out += kProxyAuthorization;
        out += ": ";
        out += next.proxy_authorization;
        out += kLineEnd;
    }
    first.remove_prefix(first.find(kLineEnd) + kLineEnd.size());
    while (!first.starts_with(kLineEnd)) {
        const std::string_view line = first.substr(0, first.find(kLineEnd));
        first.remove_prefix(line.size() + kLineEnd.size());
        const std::string_view name = line.substr(0, line.find(':'));
        if (!next.keeps_body && is_one_of(name, kOfTheBody)) continue;
        if (equal_ignoring_case(name, kProxyAuthorization)) {
            // One of the file's own, that no proxy of ours asked for, is a secret like another.
            if (from_proxy ? next.absolute_form.empty() : !next.keeps_credentials) continue;
        } else if (!next.keeps_credentials && scenario::names_secret(name))
            continue;
        if (next.cookie && equal_ignoring_case(name, "Cookie")) continue;
        if (!next.same_origin && equal_ignoring_case(name, "Host")) {
            out += "Host: ";
            out += next.url.authority();
        } else {
            out += line;
        }
        out += kLineEnd;
    }
    if (next.cookie && !next.cookie->empty()) {
        out += "Cookie: ";
        out += *next.cookie;
        out += kLineEnd;
    }
    if (next.keeps_body) {
        out += first;  // the blank line and the body
    } else {
        out += kLineEnd;
    }
}

}  // namespace squadload::http
