#!/usr/bin/python3
"""A provider log of a million calls through `squadload audit`: time and memory, against the bounds of one second and 200 MB.

    bench/audit_log.py [--calls N] [--runs N]     exits 1 when the median of the runs is beyond a bound

The log is an honest gateway's: four providers within their limits for some hours, fallbacks, 429s with hints that are kept.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common

PROVIDERS = {"groq": 1560, "cerebras": 900, "gemini": 780, "openrouter": 480}  # calls a minute
MOST_SECONDS = 1.0
MOST_BYTES = 200e6


def declared():
    """What such a gateway answers to GET /providers and /v1/agents."""
    chain = list(PROVIDERS)
    providers = [{"name": name, "limits": {"requests": rpm, "burst": rpm // 15, "tokens": rpm * 600, "concurrency": 256, "window_s": 60.0, "guard_ms": 50.0}}
                 for name, rpm in PROVIDERS.items()]
    return {"providers": {"providers": providers}, "agents": {"agents": [{"id": "travel_planner", "chain": chain}]}}


def calls(n):
    """Arrivals in order. Each provider gets one every 60 / (its limit × 0.95) seconds, with some jitter."""
    rng = random.Random(7)
    next_at = {name: rng.random() for name in PROVIDERS}
    closed = dict.fromkeys(PROVIDERS, 0.0)
    seq = 0
    while seq < n:
        name = min(next_at, key=next_at.get)
        at = next_at[name]
        next_at[name] = max(at + 60 / (PROVIDERS[name] * 0.95) * (0.98 + 0.04 * rng.random()), closed[name])
        seq += 1
        refused = rng.random() < 0.0005
        if refused:
            closed[name] = at + 2.1
            next_at[name] = max(next_at[name], closed[name])
        status, reason = (429, "storm") if refused else (200, "")
        done = at + (0.002 if refused else 0.05 + rng.expovariate(4))
        yield (f'{{"seq":{seq},"at_ns":{int(at * 1e9)},"provider":"{name}","key":"daeb30e06dcf","model":"llama-3.3-70b-versatile",'
               f'"prompt_tokens":60,"max_tokens":256,"reserved_tokens":316,"admitted":{"false" if refused else "true"},"reason":"{reason}",'
               f'"status":{status},"in_flight":{rng.randrange(20)},"correlation_id":"{seq:032x}","agent":"travel_planner","attempt":1,'
               f'"completion_tokens":{0 if refused else 80},"retry_after_ms":{2000 if refused else "null"},"done_ns":{int(done * 1e9)}}}\n')


def measured(log, limits):
    before = time.monotonic()
    process = subprocess.Popen([common.PROGRAM, "audit", log, "--declared", limits], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"squadload audit ended with {os.waitstatus_to_exitcode(status)}: an honest log was accused")
    return time.monotonic() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, limits = Path(folder, "arrivals.ndjson"), Path(folder, "declared.json")
        with log.open("w") as out:
            out.writelines(calls(options.calls))
        limits.write_text(json.dumps(declared()))
        runs = [measured(log, limits) for _ in range(options.runs)]
        size = log.stat().st_size
    wall, cpu, memory = (statistics.median(column) for column in zip(*runs))
    print(f"{options.calls:,} calls, {size / 1e6:.0f} MB of log, {options.runs} runs: median (least to most)")
    for label, index, scale, unit in (("elapsed", 0, 1, "s"), ("CPU", 1, 1, "s"), ("memory", 2, 1e6, "MB")):
        column = [run[index] / scale for run in runs]
        print(f"  {label:<8} {statistics.median(column):8.2f} {unit:<3} ({min(column):.2f} to {max(column):.2f})")
    beyond = [text for text, over in (("a second", cpu > MOST_SECONDS), ("200 MB", memory > MOST_BYTES)) if over]
    print(f"beyond {' and '.join(beyond)}" if beyond else "within a second of CPU and 200 MB")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
