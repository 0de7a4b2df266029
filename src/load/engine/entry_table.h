// Requests by entry number: who runs (weighted choice by keyed random) and what goes on the wire.
// Built once, shared read-only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "load/attribution/attributor.h"
#include "load/engine/engine.h"
#include "load/http/cookie_jar.h"
#include "load/http/extract.h"
#include "load/scenario/entries.h"

namespace squadload::engine {

struct UserData;

// One numbered request, compiled for the wire.
struct CompiledEntry {
    const scenario::Request* request = nullptr;  // lives in the Plan
    std::uint16_t sequence = 0;
    std::string before_target;  // "POST " + base path
    std::string after_target;   // " HTTP/1.1\r\nHost: …\r\n" and every constant header
    scenario::HeaderTemplates dynamic_headers;
    std::string constant_request;      // the whole request, when nothing in it varies
    std::vector<std::uint16_t> needs;  // variables it writes: not to be sent before they are set
    std::uint32_t max_redirects = 0;   // followed
    http::Extractor extractor;
    bool keeps_headers = false;  // of the response: something reads them
    bool keeps_body = false;
    bool attributes = false;  // looks for who served
    bool cookies = false;     // the user's are sent, and kept from the response
    // With `cookies`: the request's own, which come before the user's.
    std::vector<scenario::Template> own_cookies;
    bool head_request = false;
    bool sends_length =
        false;  // a Content-Length header is due even without a body (RFC 9110 §8.6)
};

// The requests of one part of a user's life, in their order: entries from first_entry on.
struct Sequence {
    scenario::SequenceRef ref;
    std::uint16_t first_entry = 0;
    std::span<const scenario::Step> steps;  // empty: a task's own request, or nothing
};

// The sequences of one class, by number.
struct ClassSequences {
    std::uint16_t on_start = 0;
    std::uint16_t on_stop = 0;
    bool has_flow = false;
};

class EntryTable {
  public:
    explicit EntryTable(const Plan& plan);  // `plan` outlives this

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] const CompiledEntry& operator[](std::uint16_t entry) const {
        return entries_[entry];
    }
    [[nodiscard]] std::size_t sequence_count() const { return sequences_.size(); }
    [[nodiscard]] const Sequence& sequence(std::uint16_t number) const {
        return sequences_[number];
    }
    [[nodiscard]] const ClassSequences& of_class(std::uint16_t user_class) const {
        return classes_[user_class];
    }
    [[nodiscard]] bool has_flow() const { return has_flow_; }  // any class
    [[nodiscard]] const attribution::Attributor& attributor() const { return attributor_; }

    // The sequence of a task. Draws from `random` in a fixed order, so that iteration k is the same
    // whoever asks.
    [[nodiscard]] std::uint16_t pick(Random& random) const;  // open model: class, then task
    [[nodiscard]] std::uint16_t pick_of_class(std::uint16_t user_class, Random& random) const;
    // Closed model: the class of each of the first n users, spread in proportion to the weights.
    [[nodiscard]] std::vector<std::uint16_t> classes_of_users(std::uint32_t n) const;

    // The bytes of the request. Points into `out` or into the table; `body` is scratch. `data` is
    // null in a class without flow.
    [[nodiscard]] std::span<const char> render(std::uint16_t entry,
                                               scenario::RenderContext& context, UserData* data,
                                               std::string& out, std::string& body) const;

  private:
    struct Weighted {
        std::vector<std::uint64_t> cumulative;
        std::vector<std::uint16_t> value;
        void add(std::uint32_t weight, std::uint16_t v);
        [[nodiscard]] std::uint16_t pick(Random& random) const;
    };
    void add_sequences(const scenario::Scenario& scenario);

    const Origin& origin_;
    attribution::Attributor attributor_;
    std::vector<CompiledEntry> entries_;
    std::vector<Sequence> sequences_;
    std::vector<ClassSequences> classes_;
    Weighted class_weights_;
    std::vector<Weighted> tasks_of_class_;  // values are sequences
    bool has_flow_ = false;
};

// Where a request's cookies belong: `request` begins with its request line.
[[nodiscard]] http::CookieUrl cookie_url(const Origin& origin, std::string_view request);

}  // namespace squadload::engine
