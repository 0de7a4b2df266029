"""What the log of the simulated providers says about a gateway. Shares nothing with the code that it judges."""

import bisect
from dataclasses import dataclass

NS = 1e9


@dataclass(frozen=True)
class Limits:
    """What a gateway declares for one provider, per `window` seconds."""
    requests: int
    burst: int
    tokens: int
    window: float


def of(log, provider):
    return sorted((a for a in log if a["provider"] == provider), key=lambda a: a["at_ns"])


def reserved(arrival):
    return arrival["reserved_tokens"]


def most_in_a_window(calls, window, weight=lambda _: 1):
    """The largest sum of weights over calls that arrived less than `window` seconds apart. Refused ones count, too."""
    most = total = first = 0
    for call in calls:
        total += weight(call)
        while call["at_ns"] - calls[first]["at_ns"] >= window * NS:
            total -= weight(calls[first])
            first += 1
        most = max(most, total)
    return most


def most_beyond_bucket(calls, limits):
    """How far the fullest stretch of calls is above burst + rate × its length; at most 0 is within."""
    rate = limits.requests / limits.window
    worst = level = 0.0
    last = None
    for call in calls:  # the level of a bucket that leaks: what would have to be in it
        if last is not None:
            level = max(0.0, level - rate * (call["at_ns"] - last) / NS)
        last = call["at_ns"]
        level += 1
        worst = max(worst, level)
    return worst - limits.burst


def used_share(calls, limit, window, begin, end, weight=lambda _: 1):
    """Of what `limit` per `window` allows between two times (ns), the share that was used."""
    times = [c["at_ns"] for c in calls]
    inside = calls[bisect.bisect_left(times, begin):bisect.bisect_left(times, end)]
    return sum(map(weight, inside)) / (limit * (end - begin) / NS / window)


def broken_limits(log, limits):
    """Sentences, one for each declared limit that the calls in the log did not keep."""
    sentences = []
    for provider, its in limits.items():
        calls = of(log, provider)
        if (n := most_in_a_window(calls, its.window)) > its.requests:
            sentences.append(f"{provider}: {n} calls within a window of {its.window} s, declared {its.requests}")
        if (over := most_beyond_bucket(calls, its)) > 0:
            sentences.append(f"{provider}: {over:.2f} calls beyond the bucket of {its.burst}")
        if (n := most_in_a_window(calls, its.window, reserved)) > its.tokens:
            sentences.append(f"{provider}: {n} tokens within a window of {its.window} s, declared {its.tokens}")
    return sentences
