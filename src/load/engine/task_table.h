// Tasks by number: who runs (weighted choice by keyed random) and what goes on the wire. Built
// once, shared read-only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "load/engine/engine.h"

namespace squadload::engine {

// One numbered task, compiled for the wire.
struct CompiledTask {
    const scenario::Task* task = nullptr;  // lives in the Plan
    TaskRef ref;
    std::string before_target;  // "POST " + base path
    std::string after_target;   // " HTTP/1.1\r\nHost: …\r\n" and every constant header
    scenario::HeaderTemplates dynamic_headers;
    std::string constant_request;  // the whole request, when nothing in it varies
    bool head_request = false;
    bool sends_length =
        false;  // a Content-Length header is due even without a body (RFC 9110 §8.6)
};

class TaskTable {
  public:
    explicit TaskTable(const Plan& plan);  // `plan` outlives this

    [[nodiscard]] std::size_t size() const { return tasks_.size(); }
    [[nodiscard]] const CompiledTask& operator[](std::uint16_t task) const { return tasks_[task]; }

    // Draws from `random` in a fixed order, so that request k is the same whoever asks.
    [[nodiscard]] std::uint16_t pick(Random& random) const;  // open model: class, then task
    [[nodiscard]] std::uint16_t pick_of_class(std::uint16_t user_class, Random& random) const;
    // Closed model: the class of each of the first n users, spread in proportion to the weights.
    [[nodiscard]] std::vector<std::uint16_t> classes_of_users(std::uint32_t n) const;

    // The bytes of request `number`. Points into `out` or into the table; `body` is scratch.
    // Appends nothing else.
    [[nodiscard]] std::span<const char> render(std::uint16_t task, std::uint64_t number,
                                               Random& random, std::string& out,
                                               std::string& body) const;

  private:
    struct Weighted {
        std::vector<std::uint64_t> cumulative;
        std::vector<std::uint16_t> value;
        void add(std::uint32_t weight, std::uint16_t v);
        [[nodiscard]] std::uint16_t pick(Random& random) const;
    };

    std::vector<CompiledTask> tasks_;
    Weighted classes_;
    std::vector<Weighted> tasks_of_class_;
};

}  // namespace squadload::engine
