#include "load/engine/redirect_chain.h"

#include <fmt/format.h>

#include "base/check.h"
#include "load/http/kept_headers.h"
#include "load/http/redirect.h"

namespace squadload::engine {
namespace {

using http::Url;

std::string origin_text(const Url& url) {
    return fmt::format("{}://{}", url.scheme, url.authority());
}

bool same_origin(const Url& a, const Url& b) {
    return a.scheme == b.scheme && a.port == b.port && http::equal_ignoring_case(a.host, b.host);
}

bool is_origin(const Origin& origin, const Url& url) {
    return origin.tls == (url.scheme == "https") &&
           http::equal_ignoring_case(origin.authority, url.authority());
}

}  // namespace

void RedirectChain::begin(std::span<const char> first) {
    first_ = {first.data(), first.size()};
    method_ = first_.substr(0, first_.find(' '));
    keeps_body_ = true;
    const std::string_view behind = first_.substr(method_.size() + 1);
    std::string_view path = behind.substr(0, behind.find(' '));
    path.remove_prefix(plan_.origin.absolute_form.size());
    const auto url = http::parse_url(
        fmt::format("{}://{}", plan_.origin.tls ? "https" : "http", plan_.origin.authority));
    SQUADLOAD_CHECK(url);
    target_ = *url;
    target_.path = path;
    current_ = target_;
    origin_ = &plan_.origin;
}

bool RedirectChain::is_downgrade(const Url& url) const {
    return current_.scheme == "https" && url.scheme == "http";
}

// nullptr: not allowed.
const Origin* RedirectChain::origin_of(const Url& url) {
    if (same_origin(url, current_)) return origin_;
    if (same_origin(url, target_)) return &plan_.origin;
    for (const Origin& origin : plan_.redirect_origins) {
        if (is_origin(origin, url)) return &origin;
    }
    if (!http::equal_ignoring_case(url.host, target_.host) || is_downgrade(url)) return nullptr;
    Origin& own = origin_ == own_origins_.data() ? own_origins_[1] : own_origins_[0];
    own = plan_.origin;
    own.tls = url.scheme == "https";
    own.authority = url.authority();
    if (own.proxy.empty()) own.address = plan_.origin.address.with_port(url.port);
    set_proxy_forms(own, url.port);
    return &own;
}

std::string RedirectChain::follow(const http::ResponseParser& response) {
    if (!response.has_header("Location")) return "redirected without a Location";
    auto url = http::resolve_reference(current_, response.header("Location"));
    if (!url) return "redirected to where nothing can be: " + url.error().message;
    turn_ = 1 - turn_;
    const Origin* origin = origin_of(*url);
    if (origin == nullptr) {
        return fmt::format(
            "redirected {}to {}, which is not allowed; list it in target.redirects.hosts",
            is_downgrade(*url) ? "from https " : "", origin_text(*url));
    }
    origin_ = origin;
    current_ = *std::move(url);
    const auto method = http::method_after(response.status_code(), method_);
    keeps_body_ = keeps_body_ && method == method_;
    method_ = method;
    return "";
}

http::CookieUrl RedirectChain::cookie_url() const {
    return {current_.host, current_.path, current_.scheme == "https"};
}

// As curl does, but for the usual step from http to https, each at its own port.
bool RedirectChain::is_trusted() const {
    if (same_origin(current_, target_)) return true;
    return http::equal_ignoring_case(current_.host, target_.host) && target_.scheme == "http" &&
           target_.port == 80 && current_.scheme == "https" && current_.port == 443;
}

void RedirectChain::render(std::optional<std::string_view> cookie) {
    const http::NextRequest next{.method = method_,
                                 .url = current_,
                                 .same_origin = origin_ == &plan_.origin,
                                 .keeps_body = keeps_body_,
                                 .keeps_credentials = is_trusted(),
                                 .cookie = cookie,
                                 .absolute_form = origin_->absolute_form,
                                 .proxy_authorization = origin_->proxy_authorization};
    http::rewrite_request(first_, next, requests_[turn_]);
}

}  // namespace squadload::engine
