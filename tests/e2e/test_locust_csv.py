"""--csv against a stock Locust fed the same latencies: header, rows and figures."""

import csv
import random
import subprocess

import pytest
from conftest import ROOT, metrics_from_requests

LOCUST_PYTHON = "/usr/bin/python3"  # Debian's, with Debian's Locust
STOCK = ROOT / "tests/support/stock_locust_csv.py"

TASKS = ["task chat POST /agents/chat", "task health GET /health", "task again GET /health", "task x GET /x,\"y\""]


def requests(count, seconds, seed, spread):
    """`count` requests over `seconds`; times in quarters of a millisecond, so that sums of floats are exact."""
    rng = random.Random(seed)
    ends = sorted(rng.randrange(0, seconds * 8) * 125_000_000 for _ in range(count))
    lines = []
    for end in ends:
        response = max(0, int(rng.lognormvariate(*spread) * 4)) * 250_000
        outcome = rng.choices(["ok", "rate_limited"], [97, 3])[0]
        lines.append(f"{rng.randrange(len(TASKS))} {outcome} {response} {rng.randrange(5000)} {end}")
    return lines


def both(folder, squadload, lines):
    text = "\n".join([*TASKS, *lines]) + "\n"
    metrics = folder / "metrics.json"
    metrics.write_bytes(metrics_from_requests(text))
    subprocess.run([LOCUST_PYTHON, STOCK, folder], input=text.encode(), capture_output=True, check=True)
    run = squadload("report", metrics, "--csv", folder / "ours")
    assert run.code == 0, run.err
    return lambda name: [(folder / f"{who}_{name}.csv").read_bytes() for who in ("ours", "stock")]


@pytest.mark.parametrize("count, seconds, spread", [
    (1, 1, (3, 1)),
    (2, 3, (0, 1)),
    (10, 4, (4, 1)),
    (999, 30, (5, 1.5)),
    (5000, 65, (6.5, 2)),
    (3000, 20, (-1, 1)),
])
def test_the_files_are_those_of_a_stock_locust(squadload, tmp_path, count, seconds, spread):
    files = both(tmp_path, squadload, requests(count, seconds, count, spread))
    for name in ("stats", "stats_history", "exceptions"):
        ours, stock = files(name)
        assert ours == stock, name


def test_failures_are_those_of_a_stock_locust(squadload, tmp_path):
    """Newer Locusts add when each was seen and quote no text; the order of all is that of a hash."""
    ours, stock = both(tmp_path, squadload, requests(2000, 20, 7, (4, 1)))("failures")
    ours, stock = (list(csv.reader(text.decode().splitlines())) for text in (ours, stock))
    assert [row[:4] for row in ours[:1]] == stock[:1]
    assert ours[0][4:] == ["First Seen", "Last Seen"]
    unquoted = [[method, name, error.strip("'"), count] for method, name, error, count in stock[1:]]
    assert sorted(row[:4] for row in ours[1:]) == sorted(unquoted)


def test_rounding_at_every_half(squadload, tmp_path):
    halves = [0.5, 1.5, 2.5, 98.5, 99.5, 105, 115, 145, 985, 995, 1050, 1150, 9850, 9950, 10500, 11500, 61500]
    lines = [f"0 ok {int(ms * 1e6)} 10 {500_000_000}" for ms in halves]
    ours, stock = both(tmp_path, squadload, lines)("stats")
    assert ours == stock
