#!/usr/bin/python3
"""What squad-api adds to a call: through the gateway against the simulated provider directly, both measured by squadload.

    bench/gateway_overhead.py [--rates 1000,3000] [--seconds 5] [--pairs 5]

Direct and through the gateway alternate; the simulated groq answers at once, and no limit binds. Client, gateway and provider share the
machine's cores; the scheduler places them. Open model, constant arrivals, the same body. Reported: the median over the pairs of each
percentile, and of the difference within each pair. Aimed at: below 0.3 ms added at p50, below 1 ms at p99.
Prints a table, writes bench/results/gateway_overhead.json.
"""

import argparse
import functools
import json
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

import common

BIN = common.PROGRAM.parent
AIM_MS = {"p50": 0.3, "p99": 1.0}
ALL_CORES = ",".join(map(str, sorted(os.sched_getaffinity(0))))
SCENARIO = """version: 1
users:
  Client:
    tasks:
      chat:
        method: POST
        path: {path}
        headers: {{authorization: Bearer bench}}
        json: {{model: "{model}", max_tokens: 64, messages: [{{role: user, content: "What's the best investment strategy?"}}]}}
scenarios:
  load: {{rate: {rate}, duration: {seconds}s}}
thresholds: {{success_rate_min: 0.9999}}
"""
MODEL = "llama-3.3-70b-versatile"


def profile(folder):
    text = (common.ROOT / "config/providers/groq.yaml").read_text()
    text = re.sub(r"^quota:.*$", "quota: {algorithm: token_bucket, requests: 100000000, burst: 100000000, requests_day: 1000000000, "
                                 "tokens: 1000000000000, tokens_accounting: reserve}", text, flags=re.M)
    (folder / "groq.yaml").write_text(text)
    return folder / "groq.yaml"


def configuration(folder):
    text = (common.ROOT / "config/squad_api.yaml").read_text()
    text = text.replace("limits: {rpm: 1560, burst: 52}", "limits: {rpm: 10000000, burst: 10000000, tpm: 1000000000000}")
    text = text.replace("  max_tokens: 1024", "  max_tokens: 64")
    (folder / "squad_api.yaml").write_text(text)
    return folder / "squad_api.yaml"


def measure(folder, url, path, model, rate, seconds, gateway):
    file = folder / "load.yaml"
    file.write_text(SCENARIO.format(path=path, model=model, rate=rate, seconds=seconds))
    before = common.cpu_seconds(gateway)
    _, scenario = common.squadload(["--config", str(file), "--host", url], ALL_CORES)
    cpu = common.cpu_seconds(gateway) - before
    totals = scenario["totals"]
    if totals["ok"] != totals["requests"]:
        sys.exit(f"bench: not every answer was good: {json.dumps(totals['outcomes'])}")
    return {f"{q}_ms": totals["response_time_ms"][q] for q in ("p50", "p99")} | {"gateway_core": cpu / seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", default="1000,3000", help="requests per second (default 1000,3000)")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=5)
    o = parser.parse_args()
    common.need(common.PROGRAM, BIN / "squad-api", BIN / "squad-providers")
    rows, results = [], {}
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as name:
        folder = Path(name)
        with common.service(folder, "squad-providers", "--profiles", profile(folder), "--latency-scale", "0", "--log-capacity", "1000") as (providers, _), \
             common.service(folder, "squad-api", "--config", configuration(folder), "--providers-url", providers, "--sqlite", folder / "audit.db") as (api, gateway):
            for rate in map(int, o.rates.split(",")):
                common.say(f"{rate}/s")
                runs = common.alternate({
                    "direct": functools.partial(measure, folder, providers, "/groq/openai/v1/chat/completions", MODEL, rate, o.seconds, gateway),
                    "gateway": functools.partial(measure, folder, api, "/v1/chat/completions", f"groq/{MODEL}", rate, o.seconds, gateway),
                }, o.pairs, common.say)
                added = {q: [b[f"{q}_ms"] - a[f"{q}_ms"] for a, b in zip(runs["direct"], runs["gateway"], strict=True)] for q in AIM_MS}
                for q, aim in AIM_MS.items():
                    rows.append([f"{rate}/s {q}", *(f"{common.median(runs[way], f'{q}_ms'):.3f}" for way in ("direct", "gateway")),
                                 f"{statistics.median(added[q]):.3f}", f"{min(added[q]):.3f} … {max(added[q]):.3f}", f"{aim:.1f}"])
                core = common.median(runs["gateway"], "gateway_core")
                results[rate] = {"runs": runs, "added_ms": added, "gateway_cpu_us_per_request": core / rate * 1e6}
                rows.append([f"{rate}/s gateway CPU", "", f"{core / rate * 1e6:.0f} µs", "", "", ""])
    print(f"squad-api's overhead, {o.pairs} pairs of {o.seconds} s, audit log in SQLite; response times in ms")
    print(common.table(["", "direct", "gateway", "added", "low … high", "aim"], rows))
    common.write_results("gateway_overhead", {"what": f"{o.pairs} pairs of {o.seconds} s", "rates": results})


if __name__ == "__main__":
    main()
