// Whatever a response says of who served it, it is read without a crash, by every preset.
#include <cstdint>
#include <span>
#include <string>

#include "base/check.h"
#include "load/attribution/attributor.h"
#include "load/http/retry_after.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace squadload;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)attribution::read_fallback(text);
    (void)attribution::read_calls(text);
    if (const auto wait = http::parse_retry_after(text, WallTime{}))
        SQUADLOAD_CHECK(*wait >= Nanos{0} && *wait <= std::chrono::hours{24});
    const auto body_at = text.find("\r\n\r\n");
    for (const auto& name : scenario::attribution_presets()) {
        const attribution::Attributor attributor(*scenario::attribution_preset(name));
        http::ResponseParser parser;
        parser.start(false, attributor.needs_headers(), attributor.needs_body(),
                     {64 * 1024, 1024 * 1024, 64 * 1024});
        const std::string head = "HTTP/1.1 200 OK\r\n";
        (void)parser.feed(std::span<const char>(head.data(), head.size()));
        if (parser.feed(std::span<const char>(text.data(), text.size())) !=
                http::ResponseParser::Status::complete ||
            body_at == text.npos)
            continue;
        attribution::Attributor::Scratch scratch;
        measure::Claim claim;
        if (attributor.read(parser, scratch, claim))
            SQUADLOAD_CHECK(!claim.provider.empty() || !claim.attempts.empty());
    }
    return 0;
}
