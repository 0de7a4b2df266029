// Runs the engine against a target that misbehaves to its first requests and serves the rest, and
// checks what every misbehaviour has in common: its outcome and sentence, that the run goes on,
// that the sums add up, that memory stays bounded and no descriptor is left open.
#pragma once

#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "integration/engine_run.h"
#include "support/certificates.h"
#include "support/test_server.h"

namespace squadload::integration {

inline constexpr std::uint64_t kRequests = 10;
inline constexpr std::uint64_t kMisbehaved = 6;  // the first so many requests or connections

struct Expected {
    measure::Outcome outcome = measure::Outcome::ok;
    // The whole sentence of the failures table, "" for ok; PORT stands for the server's, DAY for a
    // date, "*" for any sentence.
    std::string message{};
};

struct Misbehaviour {
    std::string name;
    std::vector<Expected> expected;  // more than one where it depends on timing
    test_support::ServerOptions server{};
    std::function<void(engine::Plan&)> change{};  // of the plan: kRequests at once, 20 s each
    bool for_all = false;  // it meets every request, not only the first kMisbehaved
};

// What is to be expected.
[[nodiscard]] std::vector<Expected> fine();
[[nodiscard]] std::vector<Expected> refused(const std::string& why);    // protocol_error
[[nodiscard]] std::vector<Expected> malformed(const std::string& why);  // the same, of llhttp

// The same reply to the first kMisbehaved requests.
[[nodiscard]] test_support::ServerOptions answering(test_support::Reply reply);
[[nodiscard]] test_support::ServerOptions answering_all(test_support::Reply reply);
// To the first kMisbehaved connections, whatever they send, after so many bytes of it.
[[nodiscard]] test_support::ServerOptions unasked(test_support::Reply reply,
                                                  std::size_t after_bytes = 0);

// With `certificates` over TLS: the server's options get a good certificate, unless they have one.
void expect_withstood(const Misbehaviour& misbehaviour, const LoopKind& loop,
                      test_support::Certificates* certificates = nullptr);

// Changes of the plan.
void one_at_a_time(engine::Plan& plan);  // on one connection while it lasts
void short_total(engine::Plan& plan);    // timeouts of 100 ms
void short_first_byte(engine::Plan& plan);
void short_connect(engine::Plan& plan);
std::function<void(engine::Plan&)> with_method(std::string method);
void with_large_body(engine::Plan& plan);  // POST of 2 MB

// Tables that are withstood on each loop, plain and over TLS.
class PlainOrTlsTest : public ::testing::TestWithParam<std::tuple<LoopKind, bool>> {
  protected:
    void SetUp() override;
    [[nodiscard]] static bool over_tls() { return std::get<1>(GetParam()); }
    void withstand(const std::vector<Misbehaviour>& cases);

  private:
    test_support::Certificates certificates_;
};
[[nodiscard]] std::vector<std::tuple<LoopKind, bool>> plain_and_tls();
[[nodiscard]] std::string plain_or_tls_name(
    const ::testing::TestParamInfo<std::tuple<LoopKind, bool>>& both);

}  // namespace squadload::integration
