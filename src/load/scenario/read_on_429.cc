#include <fmt/core.h>

#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

constexpr std::int64_t kMostRetries = 100;
constexpr Nanos kLongestWait = std::chrono::hours{1};

On429::Action read_action(const yaml::Value& value) {
    switch (value.one_of({"record", "wait", "retry"})) {
        case 1:
            return On429::Action::wait;
        case 2:
            return On429::Action::retry;
        default:
            return On429::Action::record;
    }
}

Nanos read_wait(const yaml::Value& value) {
    const Nanos wait = value.duration(std::chrono::milliseconds{1});
    if (wait > kLongestWait) value.fail("expected at most 1h");
    return wait;
}

}  // namespace

std::string_view name_of(On429::Action action) {
    switch (action) {
        case On429::Action::wait:
            return "wait";
        case On429::Action::retry:
            return "retry";
        case On429::Action::record:
            break;
    }
    return "record";
}

On429 read_on_429(const yaml::Value& value) {
    On429 out;
    out.mark = value.mark();
    if (value.is_scalar()) {
        out.action = read_action(value);
        return out;
    }
    const yaml::Map map =
        value.map({"do", "max_retries", "default_wait", "max_wait", "jitter", "adaptive"});
    if (const auto v = map.get("do")) out.action = read_action(*v);
    if (const auto v = map.get("max_retries")) {
        out.max_retries = static_cast<std::uint32_t>(v->integer(1, kMostRetries));
        if (out.action != On429::Action::retry) v->fail("max_retries goes with do: retry");
    }
    for (const char* key : {"default_wait", "max_wait", "jitter"}) {
        const auto v = map.get(key);
        if (v && out.action == On429::Action::record)
            v->fail(fmt::format("{} goes with do: wait or do: retry", key));
    }
    if (const auto v = map.get("default_wait")) out.default_wait = read_wait(*v);
    if (const auto v = map.get("max_wait")) out.max_wait = read_wait(*v);
    if (const auto v = map.get("jitter")) out.jitter = v->number(0, 1);
    if (const auto v = map.get("adaptive")) out.adaptive = v->boolean();
    return out;
}

}  // namespace squadload::scenario
