#include "load/scenario/entries.h"

#include <algorithm>
#include <map>

namespace squadload::scenario {
namespace {

std::string sequence_name(const Scenario& scenario, SequenceRef ref) {
    switch (ref.part) {
        case Part::on_start:
            return "on_start";
        case Part::on_stop:
            return "on_stop";
        case Part::task:
            break;
    }
    return scenario.classes[ref.user_class].tasks[ref.task].name;
}

// Puts the class in front of those that occur several times.
void tell_apart(std::vector<std::string>& names, const std::vector<std::string>& classes) {
    std::map<std::string, int> uses;
    for (const auto& name : names) ++uses[name];
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (uses[names[i]] > 1) names[i] = classes[i] + "." + names[i];
    }
}

std::uint16_t number(std::size_t i) {
    return static_cast<std::uint16_t>(i);
}

}  // namespace

std::vector<SequenceRef> number_sequences(const Scenario& scenario) {
    std::vector<SequenceRef> refs;
    for (std::size_t c = 0; c < scenario.classes.size(); ++c) {
        refs.push_back({number(c), Part::on_start, 0});
        for (std::size_t t = 0; t < scenario.classes[c].tasks.size(); ++t) {
            refs.push_back({number(c), Part::task, number(t)});
        }
        refs.push_back({number(c), Part::on_stop, 0});
    }
    return refs;
}

std::vector<EntryRef> number_entries(const Scenario& scenario) {
    const auto sequences = number_sequences(scenario);
    std::vector<EntryRef> refs;
    for (std::size_t s = 0; s < sequences.size(); ++s) {
        const auto& steps = steps_of(scenario, sequences[s]);
        const bool own_request = sequences[s].part == Part::task && steps.empty();
        const std::size_t count = own_request ? 1 : steps.size();
        for (std::size_t i = 0; i < count; ++i) refs.push_back({number(s), number(i)});
    }
    return refs;
}

const std::vector<Step>& steps_of(const Scenario& scenario, SequenceRef sequence) {
    const auto& user = scenario.classes[sequence.user_class];
    switch (sequence.part) {
        case Part::on_start:
            return user.on_start;
        case Part::on_stop:
            return user.on_stop;
        case Part::task:
            break;
    }
    return user.tasks[sequence.task].steps;
}

const Request& request_of(const Scenario& scenario, SequenceRef sequence, std::uint16_t step) {
    const auto& steps = steps_of(scenario, sequence);
    if (!steps.empty()) return steps[step];
    return scenario.classes[sequence.user_class].tasks[sequence.task];
}

bool has_iterations(const Scenario& scenario, SequenceRef sequence) {
    return sequence.part == Part::task && !steps_of(scenario, sequence).empty();
}

bool has_iterations(const Scenario& scenario) {
    return std::any_of(scenario.classes.begin(), scenario.classes.end(), [](const UserClass& user) {
        return std::any_of(user.tasks.begin(), user.tasks.end(),
                           [](const Task& task) { return !task.steps.empty(); });
    });
}

bool has_flow(const UserClass& user) {
    return !user.on_start.empty() || !user.on_stop.empty() || !user.variables.empty() ||
           user.cookies || std::any_of(user.tasks.begin(), user.tasks.end(), [](const Task& task) {
               return !task.steps.empty();
           });
}

std::vector<std::string> entry_labels(const Scenario& scenario) {
    const auto sequences = number_sequences(scenario);
    std::vector<std::string> labels, classes;
    for (const EntryRef ref : number_entries(scenario)) {
        const SequenceRef sequence = sequences[ref.sequence];
        std::string label = sequence_name(scenario, sequence);
        if (!steps_of(scenario, sequence).empty()) {
            label += "." + request_of(scenario, sequence, ref.step).name;
        }
        labels.push_back(std::move(label));
        classes.push_back(scenario.classes[sequence.user_class].name);
    }
    tell_apart(labels, classes);
    return labels;
}

std::vector<std::string> sequence_labels(const Scenario& scenario) {
    std::vector<std::string> labels, classes;
    for (const SequenceRef ref : number_sequences(scenario)) {
        const auto& user = scenario.classes[ref.user_class];
        // What is not there shares no name.
        const bool empty = ref.part != Part::task && steps_of(scenario, ref).empty();
        labels.push_back(empty ? user.name + "." + sequence_name(scenario, ref)
                               : sequence_name(scenario, ref));
        classes.push_back(user.name);
    }
    tell_apart(labels, classes);
    return labels;
}

std::string full_sequence_name(const Scenario& scenario, SequenceRef sequence) {
    return scenario.classes[sequence.user_class].name + "." + sequence_name(scenario, sequence);
}

}  // namespace squadload::scenario
