#include "run/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "run/display.h"
#include "run/signals.h"
#include "run/test_support.h"

namespace squadload::run {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TerminalStyle, Colour) {
    const TerminalFacts tty{true, 120};
    EXPECT_TRUE(style_for(tty, environment_of({{"TERM", "xterm"}})).colour);
    EXPECT_FALSE(style_for(tty, environment_of({{"TERM", "dumb"}})).colour);
    EXPECT_FALSE(style_for(tty, environment_of({})).colour) << "no TERM: nothing is known";
    EXPECT_FALSE(style_for(tty, environment_of({{"TERM", "xterm"}, {"NO_COLOR", "1"}})).colour);
    EXPECT_TRUE(style_for(tty, environment_of({{"TERM", "xterm"}, {"NO_COLOR", ""}})).colour)
        << "empty means unset";
    EXPECT_FALSE(style_for({false, 0}, environment_of({{"TERM", "xterm"}})).colour) << "a pipe";
}

TEST(TerminalStyle, Width) {
    EXPECT_EQ(style_for({true, 132}, environment_of({})).width, 132);
    EXPECT_EQ(style_for({true, 132}, environment_of({{"COLUMNS", "90"}})).width, 90);
    EXPECT_EQ(style_for({true, 132}, environment_of({{"COLUMNS", "wide"}})).width, 132);
    EXPECT_EQ(style_for({true, 132}, environment_of({{"COLUMNS", "-5"}})).width, 132);
    EXPECT_EQ(style_for({true, 0}, environment_of({})).width, 80);
    EXPECT_EQ(style_for({true, 12}, environment_of({})).width, 40) << "at least 40";
    EXPECT_EQ(style_for({false, 0}, environment_of({})).width, 100);
}

TEST(TerminalStyle, Unicode) {
    EXPECT_TRUE(style_for({}, environment_of({})).unicode);
    EXPECT_TRUE(style_for({}, environment_of({{"LANG", "en_US.UTF-8"}})).unicode);
    EXPECT_TRUE(style_for({}, environment_of({{"LANG", "C.utf8"}})).unicode);
    EXPECT_FALSE(style_for({}, environment_of({{"LANG", "C"}})).unicode);
    EXPECT_FALSE(
        style_for({}, environment_of({{"LC_ALL", "POSIX"}, {"LANG", "en_US.UTF-8"}})).unicode)
        << "LC_ALL wins";
    EXPECT_TRUE(style_for({}, environment_of({{"LC_ALL", ""}, {"LANG", "pt_BR.UTF-8"}})).unicode);
}

TEST(TerminalStyle, RedrawsOnlyWhereItIsSeen) {
    EXPECT_TRUE(can_redraw({true, 80}, environment_of({{"TERM", "xterm"}})));
    EXPECT_FALSE(can_redraw({false, 0}, environment_of({{"TERM", "xterm"}})));
    EXPECT_FALSE(can_redraw({true, 80}, environment_of({{"TERM", "dumb"}})));
    EXPECT_FALSE(can_redraw({true, 80}, environment_of({{"TERM", "xterm"}, {"CI", "true"}})));
    EXPECT_TRUE(can_redraw({true, 80}, environment_of({{"TERM", "xterm"}, {"CI", "false"}})));
}

void show_seconds(Display& display, int seconds, int stopping_from,
                  Stopping why = Stopping::by_signal) {
    const auto s = closed(3);
    const report::LiveContext context{s, {}, "epoll"};
    const measure::Interval nothing(1);
    for (int i = 1; i <= seconds; ++i) {
        measure::SeriesPoint point;
        point.in_flight = 7;
        const engine::Progress progress{point, nothing, nothing, std::chrono::seconds{i}};
        display.update(context, progress, {}, i >= stopping_from ? why : Stopping::no);
    }
}

TEST(DisplayInAPipe, OneLineEveryFiveSeconds) {
    const Capture out;
    const Capture err;
    const Terminal terminal(out.fd(), err.fd(), environment_of({{"TERM", "xterm"}}));
    {
        Display display(terminal, false);
        show_seconds(display, 12, 100);
        display.finish();
        show_seconds(display, 5, 100);  // the next scenario counts anew
    }
    const auto text = err.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_THAT(out.text(), IsEmpty());
}

TEST(DisplayInAPipe, AStopIsSaidOnce) {
    const Capture out;
    const Capture err;
    const Terminal terminal(out.fd(), err.fd(), environment_of({}));
    Display display(terminal, false);
    show_seconds(display, 4, 2);
    EXPECT_THAT(err.text(),
                HasSubstr("stopping: no new requests, waiting up to 30s for 7 in flight"));
    const auto text = err.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST(DisplayInAPipe, OnlyAStopBySignalSpeaksOfAnotherOne) {
    for (const auto& [why, said] :
         {std::pair{Stopping::by_signal, true}, std::pair{Stopping::by_bound, false}}) {
        const Capture out;
        const Capture err;
        const Terminal terminal(out.fd(), err.fd(), environment_of({}));
        Display display(terminal, false);
        show_seconds(display, 2, 2, why);
        EXPECT_EQ(err.text().find("Ctrl-C again") != std::string::npos, said) << err.text();
    }
}

TEST(DisplayInAPipe, ALineIsWhatTheLocaleCanShow) {
    const Capture out;
    const Capture err;
    const Terminal terminal(out.fd(), err.fd(), environment_of({{"LANG", "C"}}));
    Display display(terminal, false);
    display.line("squadload 0.1.0 · spike");
    EXPECT_EQ(err.text(), "squadload 0.1.0 - spike\n");
}

TEST(DisplayInAPipe, QuietShowsNothing) {
    const Capture out;
    const Capture err;
    const Terminal terminal(out.fd(), err.fd(), environment_of({}));
    Display display(terminal, true);
    display.line("header");
    show_seconds(display, 20, 2);
    EXPECT_THAT(err.text(), IsEmpty());
}

TEST(Signals, TheFirstStopsTheRunThatIsWatched) {
    for (const auto& [signal, reason] :
         std::map<int, engine::StopReason>{{SIGINT, engine::StopReason::interrupted},
                                           {SIGTERM, engine::StopReason::terminated}}) {
        SignalGuard guard;
        engine::StopSwitch stop_switch;
        guard.watch(stop_switch);
        EXPECT_EQ(guard.received(), 0);
        ::raise(signal);
        EXPECT_TRUE(stop_switch.stopped());
        EXPECT_EQ(stop_switch.reason(), reason);
        EXPECT_EQ(guard.received(), signal);
    }
}

TEST(Signals, OneBetweenRunsStopsTheNext) {
    SignalGuard guard;
    engine::StopSwitch first;
    guard.watch(first);
    guard.unwatch();
    ::raise(SIGTERM);
    EXPECT_FALSE(first.stopped());
    engine::StopSwitch second;
    guard.watch(second);
    EXPECT_EQ(second.reason(), engine::StopReason::terminated);
}

TEST(SignalsDeathTest, TheSecondQuitsAtOnce) {
    const auto twice = [](int first, int second) {
        SignalGuard guard;
        engine::StopSwitch stop_switch;
        guard.watch(stop_switch);
        ::raise(first);
        ::raise(second);
    };
    EXPECT_EXIT(twice(SIGINT, SIGINT), ::testing::ExitedWithCode(130), "");
    EXPECT_EXIT(twice(SIGINT, SIGTERM), ::testing::ExitedWithCode(143), "");
}

TEST(SignalsDeathTest, BeforeAnythingWasMeasuredTheFirstQuits) {
    const auto early = [] {
        SignalGuard guard;
        ::raise(SIGTERM);
    };
    EXPECT_EXIT(early(), ::testing::ExitedWithCode(143), "");
}

TEST(SignalsDeathTest, AHiddenCursorComesBack) {
    const auto hidden = [] {
        SignalGuard guard;
        set_hidden_cursor(STDERR_FILENO);
        ::raise(SIGINT);
    };
    EXPECT_EXIT(hidden(), ::testing::ExitedWithCode(130), "\\[\\?25h");
}

}  // namespace
}  // namespace squadload::run
