#!/usr/bin/python3
"""How long the report page of a long run takes to open in Chromium, and how large it is.

    bench/report_page.py [--minutes 30] [--rate 60] [--runs 5]

The run is made up: three tasks, latencies as an LLM's, one point a second. Needs the test programs and the packages of the browser tests (make
test has both). Wanted: open in under a second, under 300 KB without data. Prints the figures, writes bench/results/report_page.json; ends
with 1 otherwise.
"""

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import common

MAKER = common.ROOT / "build/release/bin/metrics_from_requests"
READER = common.ROOT / "build/browser/read_page.mjs"


def requests(minutes, rate):
    rng = random.Random(1)
    yield from ("task chat POST /agents/chat", "task health GET /health", "task metrics GET /metrics")
    for i in range(minutes * 60 * rate):
        task = rng.choices((0, 1, 2), (80, 15, 5))[0]
        ms = (400 if task == 0 else 1) * math.exp(0.4 * rng.gauss(0, 1))
        yield f"{task} {'ok' if rng.random() > 0.002 else 'rate_limited'} {int(ms * 1e6)} 400 {int((i / rate) * 1e9)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--rate", type=int, default=60)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    common.need(MAKER, READER, "node")
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as name:
        metrics, page = Path(name, "metrics.json"), Path(name, "page.html")
        text = "\n".join(requests(options.minutes, options.rate)) + "\n"
        metrics.write_bytes(subprocess.run([MAKER], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout)
        subprocess.run([common.PROGRAM, "report", metrics, "--html", page], stdout=subprocess.DEVNULL, check=True)
        opened = []
        for _ in range(options.runs):
            seen = json.loads(subprocess.run(["node", READER, page], stdout=subprocess.PIPE, check=True).stdout)
            if seen["errors"]:
                sys.exit(f"bench: the page has errors: {seen['errors']}")
            opened.append(seen["open_ms"])
        empty_kb = (page.stat().st_size - metrics.stat().st_size) / 1000
        page_kb = page.stat().st_size / 1000
    median = statistics.median(opened)
    print(f"report page, {options.minutes} min at one point a second: opens in {median:,.0f} ms ({min(opened):,.0f} to {max(opened):,.0f}, {options.runs} times); "
          f"{page_kb:,.0f} KB, {empty_kb:,.0f} KB without data")
    common.write_results("report_page", {"minutes": options.minutes, "open_ms": opened, "page_kb": page_kb, "empty_kb": empty_kb})
    sys.exit(1 if median >= 1000 or empty_kb >= 300 else 0)


if __name__ == "__main__":
    main()
