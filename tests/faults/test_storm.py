"""A provider answers 429 to more and more: the gateway slows down towards it, and speeds up again when it is calm."""

import json
import time

from arrival_log import NS, of
from stack_processes import THOROUGH, Gateway, Load, Providers, ask, replaced, stack  # noqa: F401

RATE = 24
BEFORE, STORM = (10, 15) if THOROUGH else (3, 4)
# Of the configuration: the share grows by RESTORE_STEP for every CALM seconds without a 429, from 0.1 at worst.
CALM, RESTORE_STEP, FLOOR = (3, 0.1, 0.1) if THOROUGH else (0.4, 0.1, 0.1)
RECOVERY = CALM * (1 - FLOOR) / RESTORE_STEP
AFTER = RECOVERY + (8 if THOROUGH else 3)


def per_second(calls, begin, end):
    return sum(begin <= c["at_ns"] < end for c in calls) / ((end - begin) / NS)


def mean_in_flight(calls, begin, end):
    inside = [c["in_flight"] for c in calls if begin <= c["at_ns"] < end]
    return sum(inside) / max(1, len(inside))


def test_a_storm_of_429s_slows_down_and_passes(stack):
    providers = stack(Providers, "providers")
    gateway = stack(Gateway, "gateway", providers, edit=replaced((r"^    calm: 3s", f"    calm: {CALM}s"), (r"^  sqlite: .*", '  sqlite: ""')))
    load = stack(Load, "load", gateway.url, RATE, BEFORE + STORM + AFTER)
    time.sleep(BEFORE)
    begin = providers.now_ns()
    # Without a Retry-After hint: with one, the pause it asks for would hide what the throttle does.
    providers.fault(provider="groq", kind="storm", share=0.5, **{"for": f"{STORM}s"})
    totals = load.finish()
    end = begin + STORM * NS
    groq = of(providers.arrivals(), "groq")

    before = per_second(groq, begin - (BEFORE - 1) * NS, begin)
    during = per_second(groq, begin + 2 * NS, end)
    after = per_second(groq, end + RECOVERY * NS, end + (RECOVERY + AFTER - RECOVERY - 1) * NS)
    flying, slowed = mean_in_flight(groq, begin - (BEFORE - 1) * NS, begin), mean_in_flight(groq, begin + 2 * NS, end)
    print(f"calls/s: before {before:.1f}, from 2 s on {during:.1f}, recovered {after:.1f}; in flight {flying:.1f} → {slowed:.1f}; "
          f"429s to clients {totals['responses_429']} of {totals['requests']}")
    assert during < before / 2
    assert slowed < flying / 2
    assert after > before * 0.9
    assert totals["responses_429"] < totals["requests"] * 0.01
    assert totals["success_rate"] > 0.99
    state = json.loads(ask(f"{gateway.url}/providers/groq"))
    assert state["throttle"]["steps_down"] >= 2
    assert state["throttle_factor"] == 1


def test_a_hint_is_waited_out(stack):
    """Every call is refused with a Retry-After of 2 s: none comes before that, and clients are served by others."""
    hint, storm = 2, 6
    providers = stack(Providers, "providers")
    gateway = stack(Gateway, "gateway", providers, edit=replaced((r"^  sqlite: .*", '  sqlite: ""')))
    load = stack(Load, "load", gateway.url, 12, storm + 4)
    time.sleep(1)
    providers.fault(provider="groq", kind="storm", retry_after=f"{hint}s", **{"for": f"{storm}s"})
    totals = load.finish()
    groq = of(providers.arrivals(), "groq")
    refused = [a for a in groq if a["status"] == 429]
    print("refusals:", len(refused))
    assert len(refused) >= 2
    for refusal in refused:
        known = refusal["done_ns"] + 0.05 * NS  # by then the gateway has read it
        assert [a["seq"] for a in groq if known < a["at_ns"] < refusal["done_ns"] + hint * NS] == []
    assert totals["ok"] == totals["requests"]
    assert groq[-1]["status"] == 200  # it is used again
