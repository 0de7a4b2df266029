#!/usr/bin/python3
"""Calls per second of squad-providers on one core, and how many calls it holds in flight.

    bench/providers_rate.py [--runs 5] [--seconds 5] [--connections 64] [--in-flight 10000] [--program build/release/bin/squad-providers]

One core for the simulator, another for wrk. First without latency: every call is parsed, admitted by a quota, answered and logged. Then
with answers that take 2 s and as many connections as calls shall be in flight. The simulator must never be the bottleneck of a load test:
below 15,000 calls per second, or with fewer in flight than asked for, or with an answer other than 200, the bench fails. Prints a table, writes bench/results/providers_rate.json.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import urllib.request
from pathlib import Path

import common

PATH = "/groq/openai/v1/chat/completions"
PROFILE = """provider: groq
dialect: groq
dated: 2026-11-23
quota: {{algorithm: token_bucket, requests: 1000000000, burst: 1000000000, requests_day: 1000000000, tokens: 1000000000000}}
latency: {{ttft: {{p50: {ttft}, p99: {ttft}}}, tokens_per_s: 1000000, completion_tokens: {{min: 60, max: 100}}}}
models: {{llama-3.3-70b-versatile: {{}}}}
"""
# Each call has a correlation id of its own, as a gateway's calls have.
LUA = """local id = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer bench"
wrk.headers["x-squad-agent"] = "financial_advisor"
wrk.headers["x-squad-attempt"] = "1"
local body = '{"model":"llama-3.3-70b-versatile","messages":[{"role":"system","content":"You are a careful financial advisor."},' ..
  '{"role":"user","content":"What is the best investment strategy?"}],"max_completion_tokens":256}'
request = function()
  id = id + 1
  wrk.headers["x-correlation-id"] = string.format("5f0c9d1e-%012d", id)
  return wrk.format(nil, nil, nil, body)
end
"""


def simulator(program, core, folder, ttft, scale):
    profile = folder / f"{ttft}.yaml"
    profile.write_text(PROFILE.format(ttft=ttft))
    return common.service(folder, "squad-providers", "--profiles", profile, "--latency-scale", scale, before=["taskset", "-c", core],
                          program=program.resolve())


def rss_mb(process):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024


def summary(url):
    with urllib.request.urlopen(url + "/arrivals/summary", timeout=10) as answer:
        return json.load(answer)


def wrk(url, core, folder, connections, seconds, timeout):
    script = folder / "wrk.lua"
    script.write_text(LUA)
    ran = common.run_measured(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{timeout}s", "-s", script, url + PATH], core)
    if "Non-2xx" in ran.output or "Socket errors" in ran.output:
        sys.exit(f"bench: not every call was answered with 200:\n{ran.output}")
    return int(re.search(r"(\d+) requests in", ran.output)[1])


def rate(o, cores, folder):
    with simulator(o.program, cores.target, folder, "1ms", "0") as (url, process):
        wrk(url, cores.generator, folder, o.connections, 1, 2)
        before = common.cpu_seconds(process)
        calls = wrk(url, cores.generator, folder, o.connections, o.seconds, 2)
        cpu = common.cpu_seconds(process) - before
        log = summary(url)["log"]
    if log["recorded"] != log["kept"] + log["overflow"]:
        sys.exit(f"bench: the log does not add up: {log}")
    return {"calls_per_s": calls / o.seconds, "cpu_us_per_call": cpu / calls * 1e6, "core_used": cpu / o.seconds}


def in_flight(o, cores, folder):
    with simulator(o.program, cores.target, folder, "2s", "1") as (url, process):
        calls = wrk(url, cores.generator, folder, o.in_flight, 8, 10)
        return {"in_flight_peak": summary(url)["providers"][0]["in_flight_peak"], "calls_per_s": calls / 8, "rss_mb": rss_mb(process)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--in-flight", type=int, default=10_000, help="0: leave that part out")
    parser.add_argument("--program", type=Path, default=common.ROOT / "build/release/bin/squad-providers")
    parser.add_argument("--min-rate", type=float, default=15_000, help="exit 1 when the median of calls per second is below this (default 15000)")
    o = parser.parse_args()
    common.need(o.program, "wrk")
    common.raise_descriptors()
    cores = common.cores()
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as name:
        folder = Path(name)
        runs = common.alternate({"rate": lambda: rate(o, cores, folder)}, o.runs, common.say)["rate"]
        held = in_flight(o, cores, folder) if o.in_flight else None
    median = {key: common.median(runs, key) for key in runs[0]}
    print(f"squad-providers on one core, {o.connections} connections, {o.runs} runs of {o.seconds} s")
    print(common.table(["", "calls/s", "CPU µs/call", "share of the core"],
                       [["median", f"{median['calls_per_s']:,.0f}", f"{median['cpu_us_per_call']:.1f}", f"{median['core_used']:.0%}"]]))
    if held:
        print(f"in flight: {held['in_flight_peak']:,} at once, {held['calls_per_s']:,.0f} calls/s, {held['rss_mb']:,.0f} MB")
    common.write_results("providers_rate", {"what": f"{o.connections} connections, {o.runs} runs of {o.seconds} s", "median": median,
                                            "runs": runs, "in_flight": held})
    if median["calls_per_s"] < o.min_rate:
        sys.exit(f"below {o.min_rate:,.0f} calls/s")
    if held and held["in_flight_peak"] < o.in_flight:
        sys.exit(f"fewer than {o.in_flight:,} calls in flight")


if __name__ == "__main__":
    main()
