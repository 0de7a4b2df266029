"""A flood of five times the quota for three windows: no declared limit is broken at the providers, and what it allows is used.

Counted from the log of the simulated providers, which refuse nothing that a limit of the gateway would let through.
"""

import time

import pytest
from arrival_log import Limits, broken_limits, of, reserved, used_share
from stack_processes import WINDOW, Gateway, Load, Providers, Redis, replaced, stack  # noqa: F401

RATES = {"groq": 26, "cerebras": 15, "gemini": 13, "openrouter": 8}  # calls a second: those of the shipped files
FLOOD = 5 * sum(RATES.values())
WINDOWS = 3
SECONDS = WINDOWS * WINDOW
UNBOUND = 10_000_000
# Of cerebras three quarters of what its requests would need, so that tokens bind it. A call reserves MAX_TOKENS and some 60 for the prompt.
MAX_TOKENS = 4
LIMITS = {name: Limits(requests=int(rate * WINDOW), burst=2 * rate, tokens=int(rate * WINDOW) * 48 if name == "cerebras" else UNBOUND,
                       window=WINDOW) for name, rate in RATES.items()}
AT_LEAST = 0.95  # of the binding limit, while demand waits


def limited(gateways=1):
    """The shipped configuration with LIMITS, and a queue that is never empty for long."""
    def edit(text):
        for name, its in LIMITS.items():
            text = replaced((rf"^    limits: {{rpm: {RATES[name] * 60}, burst: \d+}}", f"    limits: {{rpm: {its.requests}, burst: {its.burst}, tpm: {its.tokens}}}"))(text)
        return replaced((r"^    window: 60s", f"    window: {WINDOW}s"), (r"^  max_wait: 5s", "  max_wait: 1s"),
                        (r"^  gateways: 1 ", f"  gateways: {gateways} "), (r"^  sqlite: .*", '  sqlite: ""'),
                        (r"(licensed professional\.\n    max_tokens): 256", rf"\1: {MAX_TOKENS}"))(text)
    return edit


@pytest.fixture
def providers(stack):
    return stack(Providers, "providers", LIMITS, WINDOW)


def flood(stack, gateways, seconds=SECONDS):
    return [stack(Load, f"load-{i}", g.url, FLOOD / len(gateways), seconds) for i, g in enumerate(gateways)]


def check(log, begin, end, least=AT_LEAST):
    assert broken_limits(log, LIMITS) == []
    assert {a["provider"]: a["reason"] for a in log if not a["admitted"]} == {}
    shares = {}
    for name, its in LIMITS.items():
        calls = of(log, name)
        weight, limit = (reserved, its.tokens) if its.tokens < UNBOUND else (lambda _: 1, its.requests)
        shares[name] = used_share(calls, limit, WINDOW, begin, end, weight)
    print("used:", {name: round(share, 4) for name, share in shares.items()})
    assert {name: share for name, share in shares.items() if share < least} == {}


# From the second window on: the first begins with a burst that would count as use beyond the limit.
def judged(first, seconds=SECONDS):
    return first + WINDOW * 1e9, first + seconds * 1e9


def finished(loads):
    for load in loads:
        totals = load.finish()
        assert totals["failed"] == 0, totals["outcomes"]
        assert totals["responses_429"] > totals["requests"] // 2  # the flood was one


def test_embedded_limits(stack, providers):
    gateway = stack(Gateway, "gateway", providers, edit=limited())
    finished(flood(stack, [gateway]))
    log = providers.arrivals()
    check(log, *judged(log[0]["at_ns"]))


@pytest.fixture
def redis(stack):
    return stack(Redis, "redis")


def two_gateways(stack, providers, redis):
    return [stack(Gateway, name, providers, ["--redis-url", redis.url], edit=limited(2)) for name in ("one", "two")]


def test_two_gateways_share_one_redis(stack, providers, redis):
    gateways = two_gateways(stack, providers, redis)
    finished(flood(stack, gateways))
    log = providers.arrivals()
    check(log, *judged(log[0]["at_ns"]))


def test_redis_killed_and_restarted_empty_in_between(stack, providers, redis):
    """Guaranteed then (stores/README.md): every limit in every window, over both gateways; less is used until they have joined again."""
    gateways = two_gateways(stack, providers, redis)
    seconds = SECONDS + 2 * WINDOW
    loads = flood(stack, gateways, seconds)
    time.sleep(1.5 * WINDOW)
    redis.kill()
    time.sleep(WINDOW / 2)
    assert all(g.health()["status"] == "degraded" for g in gateways)
    redis.start()
    finished(loads)
    assert all(g.health()["status"] == "healthy" and g.health()["redis"]["losses"] == 1 for g in gateways)
    log = providers.arrivals()
    begin, end = judged(log[0]["at_ns"], seconds)
    check(log, begin, end, 0.5)
    check(log, begin + 3 * WINDOW * 1e9, end)  # as before, once the last window without Redis is over
