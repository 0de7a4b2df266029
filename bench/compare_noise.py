#!/usr/bin/python3
"""Does `squadload compare` tell noise from a change? Runs of the same build against runs with a little latency added.

    bench/compare_noise.py [--pairs 20] [--seconds 8] [--rate 3000] [--added 0.05]

The target is squad-providers with groq's shipped answer times (about 380 ms, p95 860) and quotas that are never reached; each run gets its own
seed on both sides. Of every pair of equal runs none may be called a regression; of every run with the latency added each must be. Prints
a table, writes bench/results/compare_noise.json; ends with 1 otherwise.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import common

PROFILE = """provider: groq
dialect: groq
dated: 2026-11-23
quota: {algorithm: token_bucket, requests: 1000000000, burst: 1000000000, requests_day: 1000000000, tokens: 1000000000000}
latency: {ttft: {p50: 100ms, p99: 500ms}, tokens_per_s: 280, completion_tokens: {min: 60, max: 100}}
serving: {concurrency: 100000, queue: 100000}
models: {llama-3.3-70b-versatile: {}}
"""
SCENARIO = """version: 1
users:
  Client:
    tasks:
      chat:
        method: POST
        path: /groq/openai/v1/chat/completions
        headers: {Authorization: Bearer bench}
        json:
          model: llama-3.3-70b-versatile
          messages: [{role: user, content: "How do I fix my WiFi?"}]
scenarios:
  direct: {rate: %d, duration: %ds}
"""


def metrics_of(folder, name, cores, scale, seed):
    """One run against a simulator of its own; the path of its metrics file."""
    with common.service(folder, "squad-providers", "--profiles", folder / "groq.yaml", "--latency-scale", str(scale), "--seed", str(seed),
                        before=["taskset", "-c", cores.target]) as (url, _):
        reports = folder / name
        ran = subprocess.run(["taskset", "-c", cores.generator, common.PROGRAM, "run", "direct", "--config", folder / "direct.yaml", "--host", url,
                              "--seed", str(seed), "--output-dir", reports, "--lag-budget", "1s", "-q"], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            sys.exit(f"bench: a run ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return next(reports.glob("*.json"))


def compared(a, b):
    """The exit code, and how much larger the mean is in percent."""
    ran = subprocess.run([common.PROGRAM, "compare", a, b], capture_output=True, text=True, check=False)
    mean_a, mean_b = (json.loads(f.read_text())["scenarios"][0]["totals"]["response_time_ms"]["mean"] for f in (a, b))
    return ran.returncode, 100 * (mean_b / mean_a - 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rate", type=int, default=3000)
    parser.add_argument("--added", type=float, default=0.05)
    options = parser.parse_args()
    cores = common.cores()
    rows = []
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as name:
        folder = Path(name)
        (folder / "groq.yaml").write_text(PROFILE)
        (folder / "direct.yaml").write_text(SCENARIO % (options.rate, options.seconds))
        for i in range(options.pairs):
            a = metrics_of(folder, f"a{i}", cores, 1, 3 * i + 1)
            b = metrics_of(folder, f"b{i}", cores, 1, 3 * i + 2)
            c = metrics_of(folder, f"c{i}", cores, 1 + options.added, 3 * i + 3)
            (same, drift), (slower, added) = compared(a, b), compared(b, c)
            rows.append({"same": same, "same_mean_percent": drift, "slower": slower, "slower_mean_percent": added})
            common.say(f"{i + 1}: same {same} ({drift:+.2f} %), slower {slower} ({added:+.2f} %)")
    false, found = sum(r["same"] != 0 for r in rows), sum(r["slower"] == 1 for r in rows)
    drifts = sorted(abs(r["same_mean_percent"]) for r in rows)
    requests = options.rate * options.seconds
    print(f"compare, {requests:,} requests a run: {len(rows) - false} of {len(rows)} pairs of the same build without a regression (means apart by "
          f"{drifts[len(drifts) // 2]:.2f} % in the middle, at most {drifts[-1]:.2f} %); {options.added:.0%} of latency added: found in {found} of {len(rows)}")
    common.write_results("compare_noise", {"requests": requests, "added": options.added, "pairs": rows})
    sys.exit(1 if false or found < len(rows) else 0)


if __name__ == "__main__":
    main()
