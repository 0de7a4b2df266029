#include "load/transport/address.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>

#include "load/transport/socket.h"

namespace squadload::transport {
namespace {

TEST(Address, ReadsNumericAddresses) {
    const struct {
        const char* ip;
        int family;
        const char* text;
    } cases[] = {
        {"127.0.0.1", AF_INET, "127.0.0.1:80"},
        {"0.0.0.0", AF_INET, "0.0.0.0:80"},
        {"255.255.255.255", AF_INET, "255.255.255.255:80"},
        {"::1", AF_INET6, "[::1]:80"},
        {"2001:DB8:0:0:0:0:0:1", AF_INET6, "[2001:db8::1]:80"},
        {"::ffff:127.0.0.1", AF_INET6, "[::ffff:127.0.0.1]:80"},
        {"fe80::1%lo", AF_INET6, "[fe80::1%lo]:80"},
    };
    for (const auto& c : cases) {
        const auto address = Address::parse(c.ip, 80);
        ASSERT_TRUE(address) << c.ip;
        EXPECT_EQ(address->family(), c.family);
        EXPECT_EQ(address->port(), 80);
        EXPECT_EQ(address->text(), c.text);
        EXPECT_EQ(address->size(),
                  c.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    }
    EXPECT_EQ(Address::parse("127.0.0.1", 65535)->text(), "127.0.0.1:65535");
}

TEST(Address, RefusesEverythingElse) {
    for (const char* bad :
         {"", " ", "localhost", "127.1", "0x7f.0.0.1", "127.0.0.1:80", "256.0.0.1", "127.0.0.1 ",
          "[::1]", ":", ":::", "::1::", "1:2:3:4:5:6:7:8:9", "::g"}) {
        const auto address = Address::parse(bad, 80);
        ASSERT_FALSE(address) << bad;
        EXPECT_EQ(address.error().kind, ErrorKind::config);
        EXPECT_THAT(address.error().message, testing::HasSubstr(std::string("'") + bad + "'"));
    }
}

TEST(Address, ComparesWhatItNames) {
    const Address a = Address::parse("127.0.0.1", 80).value();
    EXPECT_EQ(a, Address::parse("127.0.0.1", 80).value());
    EXPECT_FALSE(a == Address::parse("127.0.0.1", 81).value());
    EXPECT_FALSE(a == Address::parse("127.0.0.2", 80).value());
    EXPECT_FALSE(a == Address::parse("::ffff:127.0.0.1", 80).value());
    EXPECT_FALSE(Address::parse("::1", 80).value() == Address::parse("::2", 80).value());
    EXPECT_EQ(Address{}.text(), "none");
    EXPECT_EQ(Address{}, Address{});
}

TEST(Address, ResolvesLocalNamesAndNumbers) {
    const auto local = resolve("localhost", 8080);
    ASSERT_TRUE(local) << local.error().message;
    ASSERT_FALSE(local->empty());
    for (const Address& address : *local) {
        EXPECT_THAT(address.text(), testing::AnyOf("127.0.0.1:8080", "[::1]:8080"));
    }
    EXPECT_EQ(resolve("127.0.0.1", 1).value(),
              (std::vector{Address::parse("127.0.0.1", 1).value()}));
    EXPECT_EQ(resolve("::1", 1).value(), (std::vector{Address::parse("::1", 1).value()}));
}

// Names that no resolver asks the network about.
TEST(Address, SaysWhichHostCannotBeResolved) {
    for (const std::string& bad : {std::string("no..such"), std::string(300, 'a'), std::string()}) {
        const auto found = resolve(bad, 80);
        ASSERT_FALSE(found) << bad;
        EXPECT_EQ(found.error().kind, ErrorKind::unreachable);
        EXPECT_THAT(found.error().message, testing::HasSubstr("'" + bad + "'"));
    }
}

struct Listener {
    explicit Listener(int backlog = 8, bool listening = true) {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const Address any = Address::parse("127.0.0.1", 0).value();
        EXPECT_EQ(::bind(fd, any.get(), any.size()), 0);
        if (listening) {
            EXPECT_EQ(::listen(fd, backlog), 0);
        }
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size), 0);
        address = Address(reinterpret_cast<const sockaddr*>(&bound), size);
    }
    ~Listener() { ::close(fd); }
    int fd;
    Address address;
};

TEST(Probe, ReturnsTheFirstAddressThatAccepts) {
    const Listener refusing(0, false);  // bound, so nobody else gets the port; not listening
    const Listener first;
    const Listener second;
    EXPECT_EQ(probe({refusing.address, first.address, second.address}, 5000).value(),
              first.address);
}

TEST(Probe, NamesEveryAddressAndReason) {
    const Listener a(0, false);
    const Listener b(0, false);
    const auto found = probe({a.address, b.address}, 5000);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::unreachable);
    EXPECT_EQ(found.error().message, "cannot connect to " + a.address.text() +
                                         " (connection refused), " + b.address.text() +
                                         " (connection refused)");
    EXPECT_EQ(probe({}, 5000).error().kind, ErrorKind::unreachable);
}

// A full accept queue drops the handshake silently, as an unresponsive host does.
TEST(Probe, GivesUpAfterTheTimeout) {
    const Listener full(0);
    std::vector<int> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.push_back(open_stream_socket(AF_INET));
        static_cast<void>(::connect(waiting.back(), full.address.get(), full.address.size()));
    }
    const auto found = probe({full.address}, 30);
    for (const int fd : waiting) ::close(fd);
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message, testing::HasSubstr("(no answer within 30 ms)"));
}

TEST(Socket, IsNonBlockingCloseOnExecAndWithoutDelay) {
    const int fd = open_stream_socket(AF_INET6);
    ASSERT_GE(fd, 0);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    int on = 0;
    socklen_t size = sizeof on;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    EXPECT_NE(on, 0);
    ::close(fd);
    EXPECT_EQ(open_stream_socket(12345), -1);
}

TEST(Socket, KnowsASelfConnection) {
    const Listener self(0, false);
    ASSERT_EQ(::connect(self.fd, self.address.get(), self.address.size()), 0);
    EXPECT_TRUE(connected_to_itself(self.fd));

    const Listener listener;
    const Listener client(0, false);
    EXPECT_FALSE(connected_to_itself(client.fd));
    ASSERT_EQ(::connect(client.fd, listener.address.get(), listener.address.size()), 0);
    EXPECT_FALSE(connected_to_itself(client.fd));
}

TEST(Socket, WordsFitIntoASentence) {
    EXPECT_EQ(error_words(ECONNREFUSED), "connection refused");
    EXPECT_EQ(error_words(EMFILE), "too many open files");
    EXPECT_EQ(error_words(EIO), "input/output error");
}

}  // namespace
}  // namespace squadload::transport
