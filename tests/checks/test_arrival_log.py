"""The judge of the fault tests is tested, too: it must see what is broken."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

import arrival_log  # noqa: E402

LIMITS = arrival_log.Limits(requests=10, burst=4, tokens=1000, window=2.0)


def calls(*seconds, tokens=10):
    return [{"provider": "groq", "at_ns": int(s * 1e9), "reserved_tokens": tokens} for s in seconds]


def broken(log):
    return arrival_log.broken_limits(log, {"groq": LIMITS})


def test_what_keeps_every_limit_is_not_reported():
    assert broken(calls(0, 0, 0, 0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 2.0, 2.0, 2.2)) == []


def test_one_call_too_many_in_any_window_is():
    log = calls(*(0.15 * i for i in range(11)))
    assert [s for s in broken(log) if "11 calls within" in s]
    assert not [s for s in broken(calls(*(0.2 * i for i in range(30)))) if "calls within" in s]


def test_a_call_a_whole_window_later_is_of_another_window():
    assert arrival_log.most_in_a_window(calls(0, 2.0), 2.0) == 1
    assert arrival_log.most_in_a_window(calls(0, 1.999999), 2.0) == 2


def test_one_call_beyond_the_bucket_is():
    assert broken(calls(0, 0, 0, 0)) == []
    assert ["beyond the bucket" in s for s in broken(calls(0, 0, 0, 0, 0))] == [True]
    assert broken(calls(0, 0, 0, 0, 0.2)) == []


def test_tokens_are_summed_over_the_window():
    assert broken(calls(0, 0.5, tokens=500)) == []
    assert ["1002 tokens" in s for s in broken(calls(0, 0.5, tokens=501))] == [True]


def test_the_share_that_was_used():
    log = calls(*(0.2 * i for i in range(10)))
    assert arrival_log.used_share(log, 10, 2.0, 0, 2e9) == 1
    assert arrival_log.used_share(log, 10, 2.0, 0, 4e9) == 0.5
