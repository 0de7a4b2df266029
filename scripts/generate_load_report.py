#!/usr/bin/env python3
"""A summary of a load test as JSON: summary_<scenario>_<timestamp>.json. Only the standard library.

    scripts/generate_load_report.py reports/load_test_metrics_20261126_115930.json
    scripts/generate_load_report.py --csv reports/locust_sustained_20261126_115930 --scenario sustained

From a metrics file of squadload (a summary for each scenario), or from the CSV files of a Locust run. `--output-dir DIR`: default beside the
input. Ends with 0 when it was written, whatever the verdict; 2 for what cannot be read.
"""

import argparse
import csv
import datetime
import json
import os
import re
import sys
from pathlib import Path

# Bounds, unless the metrics file or the environment (SQUADLOAD_P95_LATENCY_MAX_MS …) has others.
BOUNDS = {"success_rate_min": 0.99, "rate_limited_max": 0.01, "failure_rate_max": 0.007, "p95_latency_max_ms": 2000, "p99_latency_max_ms": 3000,
          "p95_latency_spike_max_ms": 3000, "p99_latency_spike_max_ms": 5000, "max_latency_spike_ms": 5000}
# The bound of a metrics file → its name in the summary.
NAMES = {"success_rate_min": "success_rate", "rate_limited_max": "rate_limited", "failure_rate_max": "failure_rate", "error_rate_max": "error_rate",
         "p50_latency_max_ms": "p50_latency", "p95_latency_max_ms": "p95_latency", "p99_latency_max_ms": "p99_latency",
         "max_latency_max_ms": "max_latency", "p95_latency_spike_max_ms": "p95_latency", "p99_latency_spike_max_ms": "p99_latency",
         "max_latency_spike_ms": "max_latency", "spike_p99_latency_max_ms": "p99_latency"}


# "status 429", "CatchResponseError('status 429')", "429 Client Error: …", "HTTPError('429 Client Error …')".
IS_429 = re.compile(r"^(?:\w+\(['\"])?(?:status )?429\b")


class Unreadable(Exception):
    """A sentence about an input."""


def bound(name):
    return float(os.environ.get("SQUADLOAD_" + name.upper()) or BOUNDS[name])


class LoadTestReporter:
    """Summaries of what stands in one folder."""

    def __init__(self, output_dir):
        self.output_dir = Path(output_dir)

    @staticmethod
    def from_metrics(path):
        """The summaries of a metrics file, one for each scenario."""
        try:
            run = json.loads(Path(path).read_text(encoding="utf-8"))
            return [LoadTestReporter.of_scenario(s) for s in run["scenarios"]]
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"{path} is no metrics file of squadload") from error

    @staticmethod
    def of_scenario(s):
        totals, times = s["totals"], s["totals"]["response_time_ms"]
        met = {NAMES.get(t["name"], t["name"]): t["pass"] for t in s["thresholds"]}
        spike = "_spike" if s["kind"] == "spike" else ""
        for name, holds in (("success_rate", totals["success_rate"] > bound("success_rate_min")),
                            ("p95_latency", times["count"] > 0 and times["p95"] < bound(f"p95_latency{spike}_max_ms")),
                            ("p99_latency", times["count"] > 0 and times["p99"] < bound(f"p99_latency{spike}_max_ms"))):
            met.setdefault(name, holds)
        return {
            "scenario": s["name"], "timestamp": s["started_at"], "verdict": s["verdict"],
            "total_requests": totals["requests"], "total_failures": totals["failed"], "total_rate_limited": totals["rate_limited"],
            "success_rate": totals["success_rate"], "failure_rate": totals["failure_rate"], "rate_limited_rate": totals["rate_limited_rate"],
            "p95_latency_ms": times["p95"], "p99_latency_ms": times["p99"], "max_latency_ms": times["max"],
            "thresholds_met": met,
        }

    @staticmethod
    def parse_locust_stats(prefix):
        """The Aggregated row of PREFIX_stats.csv. It is the whole run: rows of tasks, or of seconds, must not be added to it."""
        path = Path(f"{prefix}_stats.csv")
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if row.get("Name") == "Aggregated"]
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}") from error
        except (csv.Error, ValueError) as error:
            raise Unreadable(f"{path} is no CSV") from error
        if len(rows) != 1:
            raise Unreadable(f"{path} has no row Aggregated: it is not of a finished Locust run")
        return rows[0]

    @staticmethod
    def rate_limited(prefix):
        """Failures that are 429s, by PREFIX_failures.csv."""
        path = Path(f"{prefix}_failures.csv")
        if not path.is_file():
            return 0
        try:
            file = path.open(newline="", encoding="utf-8")
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}") from error
        with file:
            return sum(int(row["Occurrences"]) for row in csv.DictReader(file) if IS_429.search(row.get("Error") or ""))

    @staticmethod
    def from_csv(prefix, scenario):
        """The summary of the CSV files that `locust --csv PREFIX` or `squadload run --csv PREFIX` wrote."""
        row = LoadTestReporter.parse_locust_stats(prefix)
        try:
            requests, not_ok = int(row["Request Count"]), int(row["Failure Count"])
            limited = LoadTestReporter.rate_limited(prefix)
            # "N/A" stands where nothing was measured.
            p95, p99, most = (float(row[k]) if row[k] not in ("N/A", "") else 0.0 for k in ("95%", "99%", "Max Response Time"))
        except (KeyError, ValueError, TypeError, csv.Error) as error:
            raise Unreadable(f"{prefix}_stats.csv and _failures.csv have not Locust's columns") from error
        failed = not_ok - limited
        spike = scenario == "spike"

        def share(n):
            return n / requests if requests else 0.0

        def below(value, name):
            return requests > 0 and value < bound(name)

        met = {"success_rate": requests > 0 and share(requests - not_ok) > bound("success_rate_min"),
               "rate_limited": requests > 0 and share(limited) < bound("rate_limited_max"),
               "failure_rate": requests > 0 and share(failed) <= bound("failure_rate_max"),
               "p95_latency": below(p95, "p95_latency_spike_max_ms" if spike else "p95_latency_max_ms"),
               "p99_latency": below(p99, "p99_latency_spike_max_ms" if spike else "p99_latency_max_ms")}
        if spike:
            met["max_latency"] = below(most, "max_latency_spike_ms")
        return {
            "scenario": scenario, "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "verdict": "PASS" if all(met.values()) else "FAIL",
            "total_requests": requests, "total_failures": failed, "total_rate_limited": limited,
            "success_rate": share(requests - not_ok), "failure_rate": share(failed), "rate_limited_rate": share(limited),
            "p95_latency_ms": p95, "p99_latency_ms": p99, "max_latency_ms": most,
            "thresholds_met": met,
        }

    def export_json(self, summary):
        """summary_<scenario>_<timestamp>.json; a second one in the same second gets _2. The path."""
        self.output_dir.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[/\\\x00-\x1f]", "_", summary["scenario"])
        stem = f"summary_{name}_{datetime.datetime.now(datetime.timezone.utc):%Y%m%d_%H%M%S}"
        for n in range(1, 10_000):
            path = self.output_dir / (f"{stem}.json" if n == 1 else f"{stem}_{n}.json")
            try:
                with path.open("x", encoding="utf-8") as out:
                    json.dump(summary, out, indent=2)
                    out.write("\n")
                return path
            except FileExistsError:
                continue
        raise Unreadable(f"{self.output_dir} is full of summaries of this second")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", nargs="?", type=Path, help="metrics file of squadload")
    parser.add_argument("--csv", metavar="PREFIX", help="of Locust's CSV files")
    parser.add_argument("--scenario", help="name of the scenario (with --csv), or the only one wanted")
    parser.add_argument("--output-dir", type=Path, metavar="DIR")
    options = parser.parse_args(arguments)
    if (options.metrics is None) == (options.csv is None):
        parser.error("name a metrics file or --csv PREFIX")
    try:
        if options.csv is not None:
            scenario = options.scenario or re.sub(r"^locust_|_\d{8}_\d{6}$", "", Path(options.csv).name)
            summaries = [LoadTestReporter.from_csv(options.csv, scenario)]
        else:
            summaries = [s for s in LoadTestReporter.from_metrics(options.metrics) if options.scenario in (None, s["scenario"])]
            if not summaries:
                raise Unreadable(f"{options.metrics} has no scenario {options.scenario}" if options.scenario else f"{options.metrics} has no scenario")
        reporter = LoadTestReporter(options.output_dir or (options.metrics or Path(options.csv)).parent)
        for summary in summaries:
            print(reporter.export_json(summary))
    except Unreadable as error:
        print(f"generate_load_report: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"generate_load_report: error: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
