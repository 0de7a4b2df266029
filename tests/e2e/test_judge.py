"""squadload judge: what a Locust run left in files, by the bounds of a scenario file."""

import csv
import io
import json
import random
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from conftest import ROOT, metrics_from_requests

LOCUST_PYTHON = "/usr/bin/python3"  # Debian's, with Debian's Locust
STOCK = ROOT / "tests/support/stock_locust_csv.py"
TASKS = ["task chat POST /agents/chat", "task health GET /health"]
FILE = """version: 1
target: {host: "http://target.test"}
users:
  U:
    tasks:
      talk: {method: POST, path: /agents/chat}
      health: {path: /health}
scenarios:
  mine: {users: 10, duration: 10s}
  rush: {users: 10, duration: 10s, kind: spike}
thresholds:
  p95_latency_max_ms: 2000
"""


def times(count, seed):
    rng = random.Random(seed)
    return sorted((rng.randrange(0, 80) * 125_000_000, int(rng.random() < 0.3), int(rng.lognormvariate(5, 1.2) * 4) * 250_000) for _ in range(count))


def stock(folder, count=2000, seed=1, limited=0.03):
    """The files of a stock Locust that was told of these requests; their prefix."""
    rng = random.Random(seed)
    lines = [f"{task} {'rate_limited' if rng.random() < limited else 'ok'} {ns} 100 {end}" for end, task, ns in times(count, seed)]
    text = "\n".join([*TASKS, *lines]) + "\n"
    subprocess.run([LOCUST_PYTHON, STOCK, folder], input=text.encode(), capture_output=True, check=True)
    return folder / "stock", text


@pytest.fixture
def config(tmp_path):
    def write(*bounds):
        file = tmp_path / "mine.yaml"
        file.write_text(FILE + (f"  expressions: {json.dumps(bounds)}\n" if bounds else ""))
        return file
    return write


def judged(squadload, folder, *arguments):
    run = squadload("judge", *arguments, "--output-dir", folder / "out")
    files = sorted((folder / "out").glob("load_test_metrics_*.json"), key=lambda f: f.stat().st_mtime_ns)
    return run, json.loads(files[-1].read_text())["scenarios"][0] if files else None


def rows(path):
    return {row["Name"]: row for row in csv.DictReader(io.StringIO(path.read_text(), newline=""))}


def test_the_figures_are_those_of_the_columns(squadload, tmp_path, config):
    prefix, _ = stock(tmp_path)
    run, s = judged(squadload, tmp_path, "--locust-csv", prefix, "--config", config(), "--csv", tmp_path / "again")
    assert run.code == 0, run.out + run.err
    theirs = rows(tmp_path / "stock_stats.csv")
    assert list(s["tasks"]) == ["talk", "health"]
    for name, task in (("/agents/chat", s["tasks"]["talk"]), ("/health", s["tasks"]["health"]), ("Aggregated", s["totals"])):
        row, times_ms = theirs[name], task["response_time_ms"]
        assert task["requests"] == int(row["Request Count"])
        assert task["requests"] - task["ok"] == int(row["Failure Count"]) == task["rate_limited"]
        for key, column in (("min", "Min Response Time"), ("max", "Max Response Time"), ("mean", "Average Response Time")):
            assert times_ms[key] == pytest.approx(float(row[column]), rel=1e-6), (name, key)
        for key, column in (("p50", "50%"), ("p75", "75%"), ("p90", "90%"), ("p95", "95%"), ("p99", "99%")):
            assert times_ms[key] == pytest.approx(float(row[column]), rel=1 / 1024), (name, key)
        again = rows(tmp_path / "again_stats.csv")[name]
        for column in ("50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%", "Request Count", "Failure Count"):
            assert again[column] == row[column], (name, column)
    assert sum(sum(p["outcomes"].values()) for p in s["series"]) == s["totals"]["requests"]
    assert "as Locust rounds them" in " ".join(run.out.split())
    assert "generator lag" not in run.out


def test_a_bound_is_judged_to_the_millisecond(squadload, tmp_path, config):
    prefix, _ = stock(tmp_path)
    p95 = rows(tmp_path / "stock_stats.csv")["Aggregated"]["95%"]
    for comparison, code in (("<=", 0), ("<", 1), ("==", 0), (">", 1)):
        run, _ = judged(squadload, tmp_path, "--locust-csv", prefix, "--config", config(f"p95 {comparison} {p95}ms"))
        assert run.code == code, run.out
    run, s = judged(squadload, tmp_path, "--locust-csv", prefix, "--config", config("p95(talk) < 1ms"), "--junit", tmp_path / "j.xml")
    assert run.code == 1
    assert s["verdict_reason"].startswith("1 of 2 criteria broken: p95 response of talk")
    assert ET.parse(tmp_path / "j.xml").getroot().get("failures") == "1"
    other, s = judged(squadload, tmp_path, "--locust-csv", prefix, "--config", config(), "--scenario", "rush")
    assert (other.code, s["name"], s["kind"]) == (0, "rush", "spike")


def test_what_locust_does_not_know_is_no_silent_pass(squadload, tmp_path, config):
    prefix, _ = stock(tmp_path)
    bounds = "count(unsent) == 0", "provider(groq).rpm < 10000", "witness(all) == kept"
    run, s = judged(squadload, tmp_path, "--locust-csv", prefix, "--config", config(*bounds))
    assert run.code == 1
    unknown = [t for t in s["thresholds"] if t["actual_text"] == "cannot be judged"]
    assert [t["name"] for t in unknown] == list(bounds)
    assert not any(t["pass"] for t in unknown)
    assert "Locust's figures know no providers" in " ".join(run.out.split())


def as_json(text):
    """What locust --json would have written of the requests."""
    entries = {}
    for line in text.splitlines()[len(TASKS):]:
        task, outcome, ns, size, _ = line.split()
        name, method = (("/agents/chat", "POST"), ("/health", "GET"))[int(task)]
        ms = int(ns) / 1e6
        e = entries.setdefault(task, {"name": name, "method": method, "last_request_timestamp": 1795781390.0, "start_time": 1795781380.0,
                                      "num_requests": 0, "num_none_requests": 0, "num_failures": 0, "total_response_time": 0.0,
                                      "max_response_time": 0.0, "min_response_time": ms, "total_content_length": 0, "response_times": {},
                                      "num_reqs_per_sec": {}, "num_fail_per_sec": {}})
        bucket = round(ms) if ms < 100 else round(ms, -1) if ms < 1000 else round(ms, -2) if ms < 10000 else round(ms, -3)
        key = str(int(bucket))
        e["num_requests"] += 1
        e["num_failures"] += outcome != "ok"
        e["total_response_time"] += ms
        e["max_response_time"], e["min_response_time"] = max(e["max_response_time"], ms), min(e["min_response_time"], ms)
        e["total_content_length"] += int(size)
        e["response_times"][key] = e["response_times"].get(key, 0) + 1
    return list(entries.values())


def test_json_has_the_times_and_csv_the_reasons(squadload, tmp_path, config):
    prefix, text = stock(tmp_path)
    file = tmp_path / "stats.json"
    file.write_text(json.dumps(as_json(text)))
    exact = json.loads(metrics_from_requests(text))["scenarios"][0]["totals"]["response_time_ms"]
    arguments = "--locust-csv", prefix, "--locust-json", file
    run, s = judged(squadload, tmp_path, *arguments, "--config", config("rate(rate_limited) < 20%"))
    assert run.code == 0, run.out + run.err
    assert s["totals"]["rate_limited"] > 0
    for key in ("p50", "p90", "p99", "p99_9"):
        assert s["totals"]["response_time_ms"][key] == pytest.approx(exact[key], rel=0.06, abs=1)
    # Alone it does not say which failures were 429: what depends on that cannot be judged, the rest can.
    limit = s["totals"]["rate_limited"] / s["totals"]["requests"]
    alone, s = judged(squadload, tmp_path, "--locust-json", file, "--config", config(f"rate(rate_limited) < {limit / 2:.4f}", "rate(ok) > 90%"))
    assert alone.code == 1
    by_name = {t["name"]: t for t in s["thresholds"]}
    assert by_name[f"rate(rate_limited) < {limit / 2:.4f}"]["actual_text"] == "cannot be judged"
    assert by_name["rate(ok) > 90%"]["pass"] is True


def test_squadloads_own_files_are_read(squadload, tmp_path, config):
    rng = random.Random(5)
    outcomes = ["ok"] * 90 + ["rate_limited"] * 5 + ["server_error"] * 5
    lines = [f"0 {rng.choice(outcomes)} {rng.randrange(1, 3000) * 1_000_000} 10 {i * 5_000_000}" for i in range(1000)]
    metrics = tmp_path / "m.json"
    metrics.write_bytes(metrics_from_requests("\n".join([TASKS[0], *lines])))
    assert squadload("report", metrics, "--csv", tmp_path / "own").code == 0
    run, s = judged(squadload, tmp_path, "--locust-csv", tmp_path / "own", "--config", config("requests > 1"))
    assert run.code in (0, 1), run.err
    assert s["totals"]["rate_limited"] == json.loads(metrics.read_text())["scenarios"][0]["totals"]["rate_limited"]


def test_what_is_wrong_is_said_with_its_place(squadload, tmp_path, config):
    prefix, _ = stock(tmp_path)
    file = config()

    def broken(name, change):
        folder = tmp_path / "broken"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for part in ("stats", "failures", "exceptions", "stats_history"):
            shutil.copy(f"{prefix}_{part}.csv", folder / f"b_{part}.csv")
        path = folder / f"b_{name}.csv"
        path.write_text(change(path.read_text())) if change else path.unlink()
        return squadload("judge", "--locust-csv", folder / "b", "--config", file)

    for name, change, sentence in (
            ("stats", None, "b_stats.csv: No such file"),
            ("failures", None, "b_failures.csv: No such file"),
            ("stats", lambda t: "", "b_stats.csv is empty"),
            ("stats", lambda t: t[:len(t) // 2], "b_stats.csv"),
            ("stats", lambda t: t.replace("Request Count", "Requests"), "b_stats.csv:1:1: the header has no column 'Request Count'"),
            ("stats", lambda t: t.replace("GET,/health,", "GET,/health,x"), "b_stats.csv:3:1: Request Count is 'x"),
            ("stats", lambda t: t.replace(",Aggregated,", ",Aggregated,1"), "contradict each other"),
            ("failures", lambda t: t.replace("status 429'", "status 429',9"), "b_failures.csv:2:1: "),
            ("stats_history", lambda t: t.replace("Aggregated", "Aggregated,3", 1), "b_stats_history.csv:2:1: the row has")):
        run = broken(name, change)
        assert run.code == 2, (name, run.out)
        assert sentence in run.err, (name, run.err)
    assert "nothing to judge" in squadload("judge", "--config", file).err
    assert squadload("judge", "--locust-csv", prefix, "--config", file, "--scenario", "absent").code == 2
    for text, sentence in (("", "the file is empty"), ("[{", "no valid JSON"), ("{}", "not the array")):
        (tmp_path / "bad.json").write_text(text)
        run = squadload("judge", "--locust-json", tmp_path / "bad.json", "--config", file)
        assert run.code == 2
        assert sentence in run.err
