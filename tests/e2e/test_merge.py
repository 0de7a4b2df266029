"""squadload merge: the metrics files of several processes that made parts of one load, as one."""

import json
import random

import pytest
from conftest import metrics_from_requests

START = "2026-11-23T09:15:00.000Z"


def requests(seed, count=2000, failing=0.0, task_share=0.2):
    rng = random.Random(seed)
    for end in sorted(rng.randrange(0, 10_000_000_000) for _ in range(count)):
        outcome = "server_error" if rng.random() < failing else "ok"
        yield f"{int(rng.random() < task_share)} {outcome} {int(rng.lognormvariate(4, 1) * 1e6)} 100 {end}"


def metrics(folder, name, lines, start=START, tasks=("task chat POST /agents/chat", "task health GET /health"), change=None):
    text = metrics_from_requests("\n".join([*tasks, *lines])).decode().replace(START, start)
    if change:
        run = json.loads(text)
        change(run)
        text = json.dumps(run)
    file = folder / name
    file.write_text(text)
    return file


def merged(squadload, folder, *arguments):
    run = squadload("merge", *arguments, "--output-dir", folder / "out")
    files = sorted((folder / "out").glob("load_test_metrics_*.json"))
    return run, json.loads(files[-1].read_text()) if files else None


def test_the_parts_are_the_whole(squadload, tmp_path):
    parts = [list(requests(seed)) for seed in (1, 2, 3)]
    files = [metrics(tmp_path, f"{i}.json", part) for i, part in enumerate(parts)]
    whole = json.loads(metrics_from_requests("\n".join(
        ["task chat POST /agents/chat", "task health GET /health", *sorted(sum(parts, []), key=lambda line: int(line.split()[-1]))])))
    run, found = merged(squadload, tmp_path, *files)
    assert run.code == 0, run.err
    one, other = found["scenarios"][0], whole["scenarios"][0]
    for ours, theirs in ((one["totals"], other["totals"]), (one["tasks"]["chat"], other["tasks"]["chat"])):
        for key in ("outcomes", "response_time_ms", "service_time_ms", "rounded_times", "histograms", "body_bytes"):
            assert ours[key] == theirs[key], key
    assert [p["outcomes"] for p in one["series"]] == [p["outcomes"] for p in other["series"]]
    assert run.out.startswith("PASS  sample — 6,000 requests")
    assert "locust_report_" in run.out
    again, same = merged(squadload, tmp_path, *reversed(files))
    assert again.code == 0
    assert same["scenarios"] == found["scenarios"]


def test_runs_of_the_program_itself(squadload, nginx, tmp_path):
    files = []
    for i in range(2):
        run = squadload("run", nginx.url + "/health", "-r", 100, "-t", "1s", "--output-dir", tmp_path / str(i))
        assert run.code == 0, run.err
        files.append(next((tmp_path / str(i)).glob("*.json")))
    # One after the other here; their clocks are set to one another.
    start = json.loads(files[0].read_text())["scenarios"][0]["started_at"]
    other = json.loads(files[1].read_text())
    other["scenarios"][0]["started_at"] = start
    files[1].write_text(json.dumps(other))
    junit = tmp_path / "junit.xml"
    run, found = merged(squadload, tmp_path, *files, "--junit", junit, "--csv", tmp_path / "csv", "--markdown", tmp_path / "m.md")
    assert run.code == 0, run.err
    assert found["scenarios"][0]["totals"]["requests"] == 200
    assert [t["name"] for t in found["scenarios"][0]["thresholds"]] == ["success_rate_min"]
    assert "success rate" in junit.read_text()
    assert squadload("report", next((tmp_path / "out").glob("*.json"))).code == 0


def bound(value, name="p95_latency_max_ms"):
    def change(run):
        run["scenarios"][0]["thresholds"] = [{
            "name": name, "criterion": "p95 response", "comparison": "<", "bound": value, "actual": 1.0, "unit": "ms", "pass": True,
            "bound_text": f"< {value} ms", "actual_text": "1 ms", "note": "", "first_broken_at_s": None}]
    return change


def test_the_bounds_are_judged_on_the_whole(squadload, tmp_path):
    """Neither part has so slow a p95 as the bound asks, but what both claim to have passed counts no more."""
    files = [metrics(tmp_path, f"{i}.json", requests(i), change=bound(100)) for i in range(2)]
    run, found = merged(squadload, tmp_path, *files)
    assert run.code == 1
    assert found["scenarios"][0]["thresholds"][0]["pass"] is False
    files[1] = metrics(tmp_path, "1.json", requests(1), change=bound(200))
    other = squadload("merge", *files)
    assert other.code == 2
    assert "the bound p95_latency_max_ms is < 100 ms in" in other.err
    assert all(str(f) in other.err for f in files)
    config = tmp_path / "bounds.yaml"
    config.write_text("version: 1\ntarget: {host: 'http://h'}\nusers: {U: {tasks: {chat: {method: POST, path: /agents/chat}}}}\n"
                      "scenarios: {sample: {users: 1, duration: 1s}}\nthresholds: {p95_latency_max_ms: 5000, expressions: ['p99(chat) < 9s']}\n")
    given, found = merged(squadload, tmp_path, *files, "--config", config)
    assert given.code == 0, given.out + given.err
    assert [t["name"] for t in found["scenarios"][0]["thresholds"]] == ["p95_latency_max_ms", "p99(chat) < 9s"]
    assert f"judged by the bounds of {config}" in given.out.replace("\n       ", " ")
    config.write_text(config.read_text().replace("sample:", "another:"))
    assert squadload("merge", *files, "--config", config).code == 2


@pytest.mark.parametrize("verdict, code", [("VOID", 4), ("INTERRUPTED", 130)])
def test_one_part_that_does_not_count_is_all_of_them(squadload, tmp_path, verdict, code):
    def change(run):
        s = run["scenarios"][0]
        s["verdict"], s["verdict_reason"] = verdict, "it was late"
        s["stop_reason"] = "interrupted" if verdict == "INTERRUPTED" else "schedule_ended"
    files = [metrics(tmp_path, "a.json", requests(1)), metrics(tmp_path, "b.json", requests(2), change=change)]
    run, found = merged(squadload, tmp_path, *files)
    assert run.code == code
    assert found["verdict"] == verdict
    assert found["scenarios"][0]["verdict_reason"] == f"{files[1]}: it was late"


def test_what_cannot_be_merged_is_said(squadload, tmp_path):
    a, b = metrics(tmp_path, "a.json", requests(1)), metrics(tmp_path, "b.json", requests(2))
    (tmp_path / "copy.json").write_text(a.read_text())
    (tmp_path / "schema.json").write_text(a.read_text().replace('"schema": 1', '"schema": 9', 1))
    (tmp_path / "cut.json").write_text(a.read_text()[:5000])

    def emptied(run):
        run["scenarios"], run["configuration"] = [], []
        run["tool"]["backend"], run["tool"]["workers"] = "", 0

    def renamed(run):
        run["scenarios"][0]["name"] = run["configuration"][0]["scenario"] = "other"

    cases = [
        ([a, a], "are the same file"),
        ([a, tmp_path / "copy.json"], "are the same metrics"),
        ([a, tmp_path / "schema.json"], "has schema version 9"),
        ([a, tmp_path / "cut.json"], "is not a metrics file"),
        ([a, tmp_path / "absent.json"], "No such file"),
        ([a, metrics(tmp_path, "empty.json", requests(3), change=emptied)], "has no scenarios"),
        ([a, metrics(tmp_path, "other.json", requests(3), change=renamed)], "has a scenario sample and"),
        ([a, metrics(tmp_path, "late.json", requests(3), start="2026-11-23T10:15:00.000Z")], "not parts of one load"),
        ([a, metrics(tmp_path, "tasks.json", requests(3), tasks=("task chat GET /agents/chat", "task health GET /health"))],
         "task chat of scenario sample is POST /agents/chat in"),
        ([], "needs"),
    ]
    for files, sentence in cases:
        run = squadload("merge", *files)
        assert run.code == 2, files
        assert sentence in run.err.replace("required", "needs"), run.err
    assert squadload("merge", a, b, "--output-dir", tmp_path / "fine").code == 0
    one, _ = merged(squadload, tmp_path, a)
    assert one.code == 0
