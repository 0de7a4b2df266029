"""A provider goes away under load and comes back: clients hardly notice, and every account of it agrees."""

import sqlite3
import time

from arrival_log import of
from stack_processes import THOROUGH, Gateway, Load, Providers, replaced, stack  # noqa: F401

RATE = 20  # below what each provider but openrouter may take alone for a while
BEFORE, OUTAGE, AFTER = (10, 20, 25) if THOROUGH else (2, 3, 4)
# Stated in the configuration: how long the breaker stays open at most.
OPEN_MAX = 15 if THOROUGH else 2


def test_groq_is_away_and_comes_back(stack, tmp_path):
    providers = stack(Providers, "providers")
    database = tmp_path / "audit.db"
    gateway = stack(Gateway, "gateway", providers, ["--sqlite", database], edit=replaced((r"^    open_max: 15s", f"    open_max: {OPEN_MAX}s")))
    load = stack(Load, "load", gateway.url, RATE, BEFORE + OUTAGE + AFTER)
    time.sleep(BEFORE)
    begin = providers.now_ns()
    providers.fault(provider="groq", kind="outage", **{"for": f"{OUTAGE}s"})
    totals = load.finish()
    print("success:", totals["success_rate"])
    assert totals["success_rate"] > 0.99

    # Who served, by the providers' log, by the gateway's metrics, and by its audit log.
    log = providers.arrivals()
    served_elsewhere = sum(a["status"] == 200 for a in log if a["provider"] != "groq")
    fallbacks = gateway.sum("squad_fallbacks_total")
    assert gateway.stop() == 0
    with sqlite3.connect(database) as db:
        rows, audited, ok = db.execute("select count(*), sum(fallback), sum(outcome = 'ok') from audit").fetchone()
    print("fallbacks:", served_elsewhere, "calls of groq:", len(of(log, "groq")))
    assert served_elsewhere == fallbacks == audited > OUTAGE * RATE * 0.5
    assert rows == totals["requests"]
    assert ok == totals["ok"] == sum(a["status"] == 200 for a in log)

    # Left alone but for a few probes while it was away; back within the stated time, and for everybody.
    end = begin + OUTAGE * 1e9
    groq = of(log, "groq")
    assert len([a for a in groq if begin + 1e9 < a["at_ns"] < end]) <= OUTAGE  # a probe at most every second
    first_good = min(a["at_ns"] for a in groq if a["status"] == 200 and a["at_ns"] > end)
    print("back after:", (first_good - end) / 1e9, "s")
    assert (first_good - end) / 1e9 <= OPEN_MAX + 0.5
    late = [a for a in log if a["at_ns"] > first_good + 0.5e9]
    assert late
    assert {a["provider"] for a in late} == {"groq"}
