// Whatever a server sends, the client's session stays within its bounds and its state makes sense;
// how the bytes are cut decides nothing but when. Input: one byte of settings (bit 0: TLS 1.2 only,
// bit 1: not verified, rest: the pieces), the bytes.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "base/check.h"
#include "load/http/tls_session.h"

namespace {

using squadload::http::TlsContext;
using squadload::http::TlsSession;
using State = TlsSession::State;

std::unique_ptr<TlsContext> make_context(bool old, bool verify) {
    squadload::scenario::TlsSettings settings;
    settings.max_version = old ? "1.2" : "1.3";
    settings.verify = verify;
    auto context = TlsContext::make(settings);
    SQUADLOAD_CHECK(context);
    return std::move(*context);
}

// Feeds the bytes in pieces of that size.
State feed(TlsContext& context, std::span<const char> bytes, std::size_t piece) {
    TlsSession session(context);
    SQUADLOAD_CHECK(session.start("localhost"));
    SQUADLOAD_CHECK(session.state() == State::handshaking && !session.output().empty());
    while (!bytes.empty()) {
        const auto part = bytes.first(std::min(piece, bytes.size()));
        bytes = bytes.subspan(part.size());
        session.feed(part);
        while (!session.read().empty()) SQUADLOAD_CHECK(session.state() == State::open);
        SQUADLOAD_CHECK(session.output().size() <= TlsSession::kMaxAnswers);
    }
    const State state = session.state();
    SQUADLOAD_CHECK((state == State::failed) == (session.failure() != TlsSession::Failure::none));
    SQUADLOAD_CHECK((state == State::failed) == !session.message().empty());
    session.feed_end();
    SQUADLOAD_CHECK(session.state() == State::failed || session.state() == State::ended);
    return state;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::unique_ptr<TlsContext> contexts[] = {
        make_context(false, true), make_context(true, true), make_context(false, false),
        make_context(true, false)};
    if (size == 0) return 0;
    TlsContext& context = *contexts[data[0] & 3];
    const std::span<const char> bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const State whole = feed(context, bytes, std::max<std::size_t>(1, bytes.size()));
    const State pieces = feed(context, bytes, 1 + (data[0] >> 2));
    SQUADLOAD_CHECK(whole == pieces);
    return 0;
}
