"""squadload capacity against a server that is good for so many requests a second and no more."""

import json
import subprocess
import sys

import jsonschema
import pytest
from conftest import PATIENCE, ROOT

SERVER = ROOT / "tests/support/saturating_server.py"
SCHEMA = json.loads((ROOT / "docs/metrics.schema.json").read_text())
LIMIT = 200


@pytest.fixture
def server():
    """server(what, rate=LIMIT) → its URL."""
    processes = []

    def run(what, rate=LIMIT):
        processes.append(subprocess.Popen([sys.executable, SERVER, str(rate), what], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, text=True))
        return f"http://127.0.0.1:{processes[-1].stdout.readline().strip()}/work"

    yield run
    for process in processes:
        process.stdin.close()
        process.wait(10)


CAUSES = [
    ("slow", "latency", ["p95 < 60ms"]),
    ("fail", "errors", ["p95 < 1s", "rate(ok) >= 0.99"]),
    ("refuse", "rate limiting", ["p95 < 1s", "rate(ok) >= 0.99"]),
]


def test_it_finds_the_limit_within_5_percent_and_says_what_it_is(start, server, tmp_path):
    """All three at once: they mostly wait."""
    def begin(what, bounds):
        thresholds = [word for bound in bounds for word in ("--threshold", bound)]
        return start("capacity", server(what), *thresholds, "--from", "60", "--to", "960", "--step", "2s",
                     "--output-dir", tmp_path / what, env=PATIENCE)

    started = [begin(what, bounds) for what, _, bounds in CAUSES]
    for (what, cause, bounds), run in zip(CAUSES, started):
        run = run.finish(120)
        assert run.code == 0, run.out + run.err
        metrics = json.loads(next((tmp_path / what).glob("*.json")).read_text())
        jsonschema.Draft202012Validator(SCHEMA).validate(metrics)
        capacity = metrics["capacity"]
        assert abs(capacity["limit_per_s"] / LIMIT - 1) < 0.05, run.out
        assert capacity["cause"] == cause, run.out
        assert capacity["bounds"] == bounds
        assert capacity["broken_per_s"] <= capacity["limit_per_s"] * 1.03
        assert f"ended by {cause}" in run.out
        # The curve is there, and the scenario is the best rate's.
        assert len(capacity["steps"]) >= 5
        best = next(step for step in capacity["steps"] if step["rate_per_s"] == capacity["limit_per_s"])
        assert best["requests"] == metrics["scenarios"][0]["totals"]["requests"]
        assert run.err.count("/s  p95") == len(capacity["steps"]), run.err


def test_a_generator_that_cannot_keep_up_is_not_taken_for_the_target(squadload, server):
    run = squadload("capacity", server("slow", 1_000_000), "--threshold", "p95 < 1s", "--from", "50", "--to", "100",
                    "--step", "2s", "--lag-budget", "1us")
    assert run.code == 4, run.out + run.err
    assert run.metrics["capacity"]["cause"] == "generator"
    assert run.metrics["verdict"] == "VOID"


def test_a_target_that_takes_everything_has_at_least_that_capacity(squadload, server):
    run = squadload("capacity", server("slow", 1_000_000), "--threshold", "p95 < 1s", "--from", "50", "--to", "100", "--step", "2s")
    assert run.code == 0, run.out + run.err
    assert run.metrics["capacity"]["broken_per_s"] is None
    assert "capacity is at least 100/s" in run.out


def test_a_first_rate_that_fails_is_a_fail(squadload, server):
    run = squadload("capacity", server("refuse", 10), "--threshold", "rate(ok) >= 0.99", "--from", "100", "--to", "200", "--step", "2s")
    assert run.code == 1, run.out + run.err
    assert run.metrics["capacity"]["limit_per_s"] is None
    assert "not even 100/s holds: success rate" in run.out


@pytest.mark.parametrize("arguments, sentence", [
    (["--from", "0"], "--from: expected a rate above 0"),
    (["--from", "fast"], "--from: "),
    (["--from", "500", "--to", "50"], "--from 500 is above --to 50"),
    (["--step", "100ms"], "--step: expected 2s to 1h"),
    (["--precision", "0.01%"], "--precision: expected 0.5% to 100%"),
    (["--threshold", "p95 <"], "--threshold: "),
    (["--threshold", "provider(groq).rpm <= 10"], "is about providers, which a search does not watch"),
    (["--treshold", "p95 < 1s"], "did you mean --threshold?"),
])
def test_mistakes_are_told_before_anything_is_sent(squadload, arguments, sentence):
    run = squadload("capacity", "http://127.0.0.1:9/x", *arguments)
    assert run.code == 2, run.err
    assert sentence in run.err
    assert run.metrics_files == []


def test_without_a_bound_there_is_nothing_to_search_with(squadload, tmp_path):
    file = tmp_path / "bare.yaml"
    file.write_text("target: {host: 'http://127.0.0.1:9'}\nusers: {U: {tasks: {t: {path: /}}}}\nscenarios: {s: {rate: 1, duration: 1}}\n")
    run = squadload("capacity", "--config", file)
    assert run.code == 2
    assert "--threshold 'p95 < 500ms'" in run.err


def test_nobody_there_is_unreachable(squadload):
    run = squadload("capacity", "http://127.0.0.1:9/x", "--threshold", "p95 < 1s")
    assert run.code == 3, run.err
