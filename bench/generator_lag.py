#!/usr/bin/python3
"""How late the generator starts requests that the schedule wants, beside hey and wrk2, against nginx on loopback.

    bench/generator_lag.py [--rates 1000,10000] [--seconds 10] [--pairs 3] [--backends io_uring,epoll] [--wrk2 PATH]

Open model, constant arrivals. The lag is squadload's own account: actual minus intended start while a slot was free. Wanted:
p99 below 0.1 ms. hey and wrk2 do not tell theirs; shown is what they deliver of the rate asked for and the latency they report
(wrk2's counts from its schedule, hey's from its send). Medians over the runs, the highest of the maxima.
Prints tables, writes bench/results/generator_lag.json.
"""

import argparse
import functools
import re

import common

HEY_WORKERS = 50  # hey's -q is a rate per worker
WRK2_CONNECTIONS = 100
UNITS_MS = {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}


def ours(backend, rate, seconds, target, core):
    ran, scenario = common.squadload([target.url + "/health", "--rate", str(rate), "--duration", f"{seconds}s", "--backend", backend], core)
    audit = scenario["audit"]
    service = scenario["totals"]["service_time_ms"]
    return {"lag_p50_ms": audit["generator_lag_p50_ms"], "lag_p99_ms": audit["generator_lag_p99_ms"], "lag_max_ms": audit["generator_lag_max_ms"],
            "delivered_per_s": audit["sent"] / seconds, "latency_p50_ms": service["p50"], "latency_p99_ms": service["p99"],
            "cpu_share": (ran.user_s + ran.system_s) / seconds}


def hey(rate, seconds, target, core):
    ran = common.run_measured(["hey", "-cpus", "1", "-z", f"{seconds}s", "-c", HEY_WORKERS, "-q", rate / HEY_WORKERS, target.url + "/health"], core)
    responses = sum(int(n) for n in re.findall(r"\[200\]\s+(\d+) responses", ran.output))
    p50, p99 = (float(re.search(rf"{q}% in ([\d.]+) secs", ran.output)[1]) * 1e3 for q in (50, 99))
    return {"delivered_per_s": responses / seconds, "latency_p50_ms": p50, "latency_p99_ms": p99, "cpu_share": (ran.user_s + ran.system_s) / seconds}


def wrk2(program, rate, seconds, target, core):
    ran = common.run_measured([program, "-t1", f"-c{WRK2_CONNECTIONS}", f"-d{seconds}s", f"-R{rate}", "--latency", target.url + "/health"], core)

    def percentile(q):
        number, unit = re.search(rf"{q}\.000%\s+([\d.]+)(us|ms|s|m)", ran.output).groups()
        return float(number) * UNITS_MS[unit]
    requests = int(re.search(r"(\d+) requests in", ran.output)[1])
    return {"delivered_per_s": requests / seconds, "latency_p50_ms": percentile(50), "latency_p99_ms": percentile(99),
            "cpu_share": (ran.user_s + ran.system_s) / seconds}


def shown(runs):
    def cell(r, key, digits=3):
        if key not in r[0]:
            return "-"
        value = max(x[key] for x in r) if key.endswith("max_ms") else common.median(r, key)
        return f"{value:,.{digits}f}"
    keys = ["lag_p50_ms", "lag_p99_ms", "lag_max_ms"]
    return common.table(["", "lag p50 ms", "p99", "max", "delivered/s", "latency p50 ms", "p99", "CPU share"],
                        [[name, *(cell(r, k) for k in keys), cell(r, "delivered_per_s", 1), cell(r, "latency_p50_ms"), cell(r, "latency_p99_ms"),
                          cell(r, "cpu_share", 2)] for name, r in runs.items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", default="1000,10000", help="requests per second (default 1000,10000)")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--backends", default="io_uring,epoll")
    parser.add_argument("--wrk2", metavar="PATH", help="github.com/giltene/wrk2, which Debian does not package")
    o = parser.parse_args()
    common.need(common.PROGRAM, "hey", *([o.wrk2] if o.wrk2 else []))
    common.raise_descriptors()
    cores = common.cores()
    all_runs = {}
    with common.nginx(cores.target) as target:
        for rate in map(int, o.rates.split(",")):
            tools = {f"squadload {b}": functools.partial(ours, b, rate, o.seconds, target, cores.generator) for b in o.backends.split(",")}
            tools["hey"] = functools.partial(hey, rate, o.seconds, target, cores.generator)
            if o.wrk2:
                tools["wrk2"] = functools.partial(wrk2, o.wrk2, rate, o.seconds, target, cores.generator)
            common.say(f"{rate}/s")
            all_runs[rate] = common.alternate(tools, o.pairs, common.say)
    for rate, runs in all_runs.items():
        print(f"Generator lag at {rate:,}/s, {o.pairs} runs of {o.seconds} s\n{shown(runs)}")
    common.write_results("generator_lag", {"seconds": o.seconds, "rates": all_runs})


if __name__ == "__main__":
    main()
