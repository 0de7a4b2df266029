// The redirects of one exchange, followed one after the other: where the next request goes and what
// it says.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "load/engine/engine.h"
#include "load/http/cookie_jar.h"
#include "load/http/response_parser.h"
#include "load/http/url.h"

namespace squadload::engine {

// Owned by a connection, single thread; reused from exchange to exchange.
class RedirectChain {
  public:
    explicit RedirectChain(const Plan& plan) : plan_(plan) {}  // `plan` outlives this

    // `first` is the exchange's first request, sent to the plan's origin; valid through the
    // exchange.
    void begin(std::span<const char> first);

    // Decides where `response`, a redirect with its headers kept, leads. "": the next request is
    // there; render() it. Else why it is not followed: the same sentence for the same cause.
    [[nodiscard]] std::string follow(const http::ResponseParser& response);
    // Writes the next request. `cookie`: what its Cookie field is to be, if not the first one's.
    void render(std::optional<std::string_view> cookie);

    // Where the next request goes: the same object exactly as long as the origin is the same. The
    // one before stays valid through one follow(), so that a connection to it can be closed.
    [[nodiscard]] const Origin& origin() const { return *origin_; }
    [[nodiscard]] http::CookieUrl cookie_url() const;
    // It is the target, or the target's host by https instead of http: credentials may go there.
    [[nodiscard]] bool is_trusted() const;
    [[nodiscard]] std::span<const char> request() const { return requests_[turn_]; }
    [[nodiscard]] bool head_request() const { return method_ == "HEAD"; }

  private:
    [[nodiscard]] const Origin* origin_of(const http::Url& url);
    [[nodiscard]] bool is_downgrade(const http::Url& url) const;

    const Plan& plan_;
    std::string_view first_;
    std::string_view method_;
    bool keeps_body_ = true;
    http::Url target_;   // of the first request
    http::Url current_;  // of the last one
    const Origin* origin_ = nullptr;
    // In turns: what is in use by a connection that is being closed stays.
    std::array<Origin, 2> own_origins_;  // the target's host by another scheme or port
    std::array<std::string, 2> requests_;
    std::size_t turn_ = 0;  // of requests_
};

}  // namespace squadload::engine
