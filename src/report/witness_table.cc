#include <fmt/format.h>

#include <algorithm>

#include "judge/result/figures.h"
#include "report/provider_table.h"
#include "report/text.h"

namespace squadload::report {
namespace {

using result::Criterion;
using result::CriterionAnswer;
using result::WitnessAnswer;
using result::WitnessCheck;

std::string words(std::string name) {
    std::replace(name.begin(), name.end(), '_', ' ');
    return name;
}

// All rows of one check that are not broken, in one.
struct Group {
    std::string check;
    WitnessAnswer answer = WitnessAnswer::not_exercised;
    std::string actual;
};

Group& group_of(std::vector<Group>& groups, const std::string& check) {
    for (auto& one : groups)
        if (one.check == check) return one;
    groups.push_back({check, WitnessAnswer::not_exercised, ""});
    return groups.back();
}

std::vector<Group> grouped(const std::vector<WitnessCheck>& checks) {
    std::vector<Group> groups;
    for (const auto& c : checks) {
        Group& group = group_of(groups, c.check);
        if (c.answer == WitnessAnswer::not_exercised || c.answer == WitnessAnswer::broken) continue;
        group.answer = group.answer == WitnessAnswer::within_jitter ? group.answer : c.answer;
        const std::string who = c.provider.empty() ? "" : c.provider + " ";
        group.actual += (group.actual.empty() ? "" : " · ") + who + c.actual;
    }
    return groups;
}

void add_broken(std::string& out, const std::vector<WitnessCheck>& checks, const Style& style) {
    for (const auto& c : checks) {
        if (c.answer != WitnessAnswer::broken) continue;
        const std::string text = fmt::format(
            "{}{}: {}", words(c.check), c.provider.empty() ? "" : " of " + c.provider, c.sentence);
        std::string lead = style.unicode ? " ✘ " : " x ";
        for (const auto& part : wrapped(printable(text, style), columns(style) - 3)) {
            out += painted(lead + part, Tone::failed, style) + "\n";
            lead = "   ";
        }
    }
}

Tone tone_of(CriterionAnswer answer) {
    switch (answer) {
        case CriterionAnswer::met:
            return Tone::ok;
        case CriterionAnswer::not_met:
            return Tone::failed;
        default:
            return Tone::rate_limited;
    }
}

const char* mark_of(CriterionAnswer answer) {
    switch (answer) {
        case CriterionAnswer::met:
            return "✔";
        case CriterionAnswer::not_met:
            return "✘";
        case CriterionAnswer::not_exercised:
            return "?";
        case CriterionAnswer::left_out:
            break;
    }
    return "–";
}

}  // namespace

std::string witness_table(const std::vector<WitnessCheck>& checks, const Style& style) {
    if (checks.empty()) return {};
    std::string out = "\n";
    add_broken(out, checks, style);
    Table table({{"", false}, {"witness", false}, {"", false}, {"", false}});
    table.wrap_last();
    std::string idle;
    bool any = false;
    for (const auto& group : grouped(checks)) {
        if (group.answer == WitnessAnswer::not_exercised) {
            const bool broken = std::any_of(checks.begin(), checks.end(), [&](const auto& c) {
                return c.check == group.check && c.answer == WitnessAnswer::broken;
            });
            if (!broken) idle += (idle.empty() ? "" : ", ") + words(group.check);
            continue;
        }
        any = true;
        const bool kept = group.answer == WitnessAnswer::kept;
        table.add({{kept ? "✔" : "~", kept ? Tone::ok : Tone::rate_limited},
                   {words(group.check)},
                   {std::string(result::name(group.answer)), Tone::muted},
                   {group.actual}});
    }
    if (any)
        for (const auto& text : table.lines(style)) out += text + "\n";
    if (!idle.empty()) {
        std::string lead = " not exercised: ";
        for (const auto& part : wrapped(printable(idle, style), columns(style) - 16)) {
            out += painted(lead + part, Tone::muted, style) + "\n";
            lead = std::string(16, ' ');
        }
    }
    return out;
}

std::string criteria_table(const std::vector<Criterion>& criteria, const Style& style) {
    if (criteria.empty()) return {};
    std::vector<const Criterion*> ordered;
    for (const bool met : {false, true})
        for (const auto& c : criteria)
            if ((c.answer == CriterionAnswer::met) == met) ordered.push_back(&c);
    Table table({{"", false},
                 {"", false},
                 {"acceptance criterion", false},
                 {"in", false, 2},
                 {"bound", true, 1},
                 {"actual", false}});
    table.wrap_last();
    for (const auto* c : ordered) {
        std::string actual = c->actual;
        if (c->answer != CriterionAnswer::met) {
            const std::string why =
                c->sentence.empty() ? "" : (actual.empty() ? "" : "; ") + c->sentence;
            actual = c->answer == CriterionAnswer::not_met
                         ? actual + why
                         : std::string(result::name(c->answer)) +
                               (c->sentence.empty() ? "" : ": " + c->sentence);
        }
        const Tone tone = tone_of(c->answer);
        table.add({{mark_of(c->answer), tone},
                   {c->id, Tone::muted},
                   {c->text},
                   {c->scenario, Tone::muted},
                   {c->bound, Tone::muted},
                   {actual, tone == Tone::ok ? Tone::plain : tone}});
    }
    std::string out;
    for (const auto& text : table.lines(style)) out += text + "\n";
    return out;
}

}  // namespace squadload::report
