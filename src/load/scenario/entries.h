// Every request of a scenario by number, and the sequences they form. A user's life is its class's
// on_start, then its tasks, each as often as its turn comes, then on_stop: each of these is a
// sequence of requests; a task without steps is one of its own request alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/scenario/scenario.h"

namespace squadload::scenario {

enum class Part : std::uint8_t { on_start, task, on_stop };

struct SequenceRef {
    std::uint16_t user_class = 0;
    Part part = Part::task;
    std::uint16_t task = 0;  // of the class; 0 for on_start and on_stop
};

struct EntryRef {
    std::uint16_t sequence = 0;
    std::uint16_t step = 0;  // 0 for a task's own request
};

// By sequence number: for each class in file order its on_start, its tasks, its on_stop, empty ones
// too.
[[nodiscard]] std::vector<SequenceRef> number_sequences(const Scenario& scenario);
// By entry number: the requests of each sequence in turn.
[[nodiscard]] std::vector<EntryRef> number_entries(const Scenario& scenario);

// Empty for a task without steps.
[[nodiscard]] const std::vector<Step>& steps_of(const Scenario& scenario, SequenceRef sequence);
// The step, or the request of a task without steps.
[[nodiscard]] const Request& request_of(const Scenario& scenario, SequenceRef sequence,
                                        std::uint16_t step);
// It is a task, and its iterations are more than one request.
[[nodiscard]] bool has_iterations(const Scenario& scenario, SequenceRef sequence);
[[nodiscard]] bool has_iterations(const Scenario& scenario);  // any of its tasks is such

// Whether users of the class keep anything from one request to the next.
[[nodiscard]] bool has_flow(const UserClass& user_class);

// Names by entry number: "chat" for a task's own request, "conversation.ask" for a step,
// "on_start.login"; "Class.chat" and so on where several classes have the name.
[[nodiscard]] std::vector<std::string> entry_labels(const Scenario& scenario);
// Names by sequence number: "conversation", "on_start", "on_stop", likewise.
[[nodiscard]] std::vector<std::string> sequence_labels(const Scenario& scenario);
// As `labels`, always with the class in front.
[[nodiscard]] std::string full_sequence_name(const Scenario& scenario, SequenceRef sequence);

}  // namespace squadload::scenario
