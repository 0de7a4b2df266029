#include "target/service/name_cache.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace squadload::service {

using boost::system::error_code;

namespace {

// More names than a gateway has providers; then those that are not believed any more go.
constexpr std::size_t kMostNames = 1024;

}  // namespace

NameCache::NameCache(asio::io_context& io, Nanos believe_for)
    : io_(io), believe_for_(believe_for), resolver_(io) {}

Addresses NameCache::known(const std::string& host, MonoTime now) const {
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (!error) return {address};
    const auto found = entries_.find(host);
    if (found == entries_.end() || found->second.valid_until < now) return {};
    return found->second.addresses;
}

void NameCache::forget(const std::string& host) {
    const auto found = entries_.find(host);
    if (found != entries_.end()) found->second.valid_until = MonoTime{};
}

asio::awaitable<Resolution> NameCache::resolve(std::shared_ptr<NameCache> cache, std::string host,
                                               MonoTime deadline) {
    Resolution result;
    result.addresses = cache->known(host, mono_now());
    if (!result.addresses.empty()) co_return result;
    cache->look_up(host);
    auto& entry = cache->entries_[host];  // stays while it is pending or waited for
    Timer timer(cache->io_);
    const Waiting waiting(entry.waiting, &timer);
    while (entry.pending && mono_now() < deadline) {
        error_code error;
        timer.expires_at(deadline);
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    if (entry.pending) {
        result.why = "looking up " + host + " took too long";
        result.timed_out = true;
    } else {
        result.addresses = entry.addresses;
        result.why = entry.why;
    }
    co_return result;
}

void NameCache::look_up(const std::string& host) {
    if (entries_.size() >= kMostNames)
        std::erase_if(entries_, [](const auto& item) {
            return !item.second.pending && item.second.waiting.empty();
        });
    auto& entry = entries_[host];
    if (entry.pending) return;
    entry.pending = true;
    resolver_.async_resolve(
        host, "", [self = shared_from_this(), host](const error_code& error, const auto& results) {
            self->found(host, error, results);
        });
}

void NameCache::found(const std::string& host, const error_code& error,
                      const asio::ip::tcp::resolver::results_type& results) {
    auto& entry = entries_[host];
    entry.pending = false;
    entry.addresses.clear();
    entry.why.clear();
    entry.valid_until = mono_now() + believe_for_;
    if (!error)
        for (const auto& result : results) entry.addresses.push_back(result.endpoint().address());
    if (entry.addresses.empty()) {
        entry.valid_until = MonoTime{};
        entry.why = "looking up " + host + " failed" + (error ? ": " + error.message() : "");
    }
    for (auto* timer : entry.waiting) timer->cancel();
}

}  // namespace squadload::service
