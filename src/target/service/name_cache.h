// Addresses of host names: looked up on Asio's resolver thread, one look-up per name at a time,
// believed for a while. Failures are not kept.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "target/service/loop_types.h"

namespace squadload::service {

using Addresses = std::vector<asio::ip::address>;

struct Resolution {
    Addresses addresses;  // empty: failed, or not known by the deadline
    std::string why;      // then: for people
    bool timed_out = false;
};

// On the thread of the io_context.
class NameCache : public std::enable_shared_from_this<NameCache> {
  public:
    NameCache(asio::io_context& io, Nanos believe_for);

    // Addresses in text and names whose addresses are known: without waiting. Empty otherwise.
    [[nodiscard]] Addresses known(const std::string& host, MonoTime now) const;
    // A look-up that is under way at the deadline goes on for others; getaddrinfo cannot be
    // stopped.
    [[nodiscard]] static asio::awaitable<Resolution> resolve(std::shared_ptr<NameCache> cache,
                                                             std::string host, MonoTime deadline);
    void forget(const std::string& host);  // none of its addresses answered

  private:
    struct Entry {
        Addresses addresses;
        MonoTime valid_until{};
        std::string why;
        bool pending = false;
        std::vector<Timer*> waiting;
    };

    void look_up(const std::string& host);
    void found(const std::string& host, const boost::system::error_code& error,
               const asio::ip::tcp::resolver::results_type& results);

    asio::io_context& io_;
    Nanos believe_for_;
    asio::ip::tcp::resolver resolver_;
    std::unordered_map<std::string, Entry> entries_;
};

}  // namespace squadload::service
