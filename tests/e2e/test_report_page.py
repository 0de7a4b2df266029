"""The report page in a real Chromium: what a reader sees, against the metrics file to the digit."""

import json
import math
import signal
import time
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from conftest import ROOT, metrics_from_requests


# How figures are written, said once more and in another language than the page's.

def number(value, decimals):
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    return f"{rounded:,.{decimals}f}"


def ms(value):
    return number(value, 0 if value >= 99.95 else 1 if value >= 9.995 else 2)


def percent(share, decimals=2):
    return number(share * 100, decimals) + " %"


def clock(seconds):
    whole = math.floor(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02}:{whole % 60:02}"


def table(seen, section, caption=""):
    found = [t for t in seen["tables"] if t["section"] == section and caption in t["caption"]]
    assert len(found) == 1, [(t["section"], t["caption"]) for t in seen["tables"]]
    return found[0]


def named_row(rows, name):
    found = [r for r in rows if r[0]["value"] == name]
    assert len(found) == 1, name
    return found[0]


QUANTILES = ("p50", "p75", "p90", "p95", "p99", "p99_9", "max")


def expect_cells(row, expected):
    """`expected`: (text, value) of each cell; value None: there is none."""
    assert [c["text"] for c in row] == [text for text, _ in expected]
    assert [None if c["value"] is None else float(c["value"]) for c in row] == [v for _, v in expected]


def stats_cells(s):
    count, times = s["requests"], s["response_time_ms"]

    def share(value):
        return (percent(value), value) if count else ("–", None)

    def time_of(key):
        return (ms(times[key]), times[key]) if times["count"] else ("–", None)

    return [(f"{s[key]:,}", s[key]) for key in ("requests", "ok", "rate_limited", "failed")] + [
        share(s["success_rate"]), (number(s["throughput_per_s"], 1), s["throughput_per_s"]), time_of("mean"),
        *[time_of(q) for q in QUANTILES]]


def expect_tasks(seen, scenario, prefix=""):
    rows = table(seen, prefix + "tasks", "requests by task")["rows"]
    assert len(rows) == len(scenario["tasks"]) + 1
    for name, stats in [*scenario["tasks"].items(), ("all", scenario["totals"])]:
        expect_cells(named_row(rows, name)[1:-1], stats_cells(stats))


def expect_thresholds(seen, thresholds, section):
    if not thresholds:
        return
    rows = table(seen, section)["rows"]
    shown = {tuple(c["text"] for c in row[:4]) for row in rows}
    for t in thresholds:
        texts = [" ".join(cells) for cells in shown]
        assert any(t["criterion"] in text and t["bound_text"] in text and t["actual_text"] in text for text in texts), t


def expect_providers(seen, scenario, prefix=""):
    if not scenario["providers"]:
        return
    shown = table(seen, prefix + "providers")
    head = {name: i for i, name in enumerate(shown["heads"])}
    for name, p in scenario["providers"].items():
        row = named_row(shown["rows"], name)
        figures = {"calls": p["calls"], "ok": p["ok"], "failed": p["failed"]}
        if scenario["provider_columns"]["responses_429"]:
            figures["429"] = p["responses_429"]
        if scenario["provider_columns"]["rpm"]:
            figures["rpm peak"] = p["peak_per_minute"]
        for title, value in figures.items():
            assert (row[head[title]]["text"], float(row[head[title]]["value"])) == (f"{value:,}", value), (name, title)
        assert float(row[head["share"]]["value"]) == p["share"]
        for title, key in (("mean ms", "mean"), ("p95 ms", "p95"), ("max ms", "max")):
            expected = ms(p["time_ms"][key]) if p["time_ms"]["count"] else "–"
            assert row[head[title]]["text"] == expected, (name, title)


def expect_rest(seen, scenario, prefix=""):
    if scenario["failures"]:
        rows = table(seen, prefix + "failures")["rows"]
        assert [[c["text"] for c in row[:7]] for row in rows] == [
            [f"{f['count']:,}", f["task"], f["outcome"], f["message"].strip(), clock(f["first_at_s"]), clock(f["last_at_s"]),
             str(f["status"] or "–")] for f in scenario["failures"]]
    audit = scenario["audit"]
    rows = {r[0]["text"]: r[1] for r in table(seen, prefix + "delivered")["rows"]}
    for title, key in (("scheduled", "scheduled"), ("sent", "sent"), ("never sent", "unsent")):
        assert rows[title] == {"text": f"{audit[key]:,}", "value": str(audit[key])}
    assert float(rows["delivered rate"]["value"]) == audit["delivered_rate_per_s"]
    assert float(rows["generator lag p50, p99, max"]["value"]) == audit["generator_lag_p99_ms"]
    for check in scenario["witness"]:
        assert any(check["sentence"] in " ".join(c["text"] for c in row) or check["actual_text"] in [c["text"] for c in row]
                   for t in seen["tables"] if t["section"] == prefix + "witness" for row in t["rows"]), check["sentence"]


def expect_page(seen, run):
    """Everything that holds for every page."""
    assert seen["errors"] == []
    assert seen["requests"] == []
    assert run["verdict"] in seen["badge"]
    assert seen["title"].startswith(run["verdict"])
    assert seen["overflow"] <= 0
    assert seen["did"]["narrow_overflow"] <= 0
    assert seen["dead_links"] == 0
    assert seen["markup"] == 0
    assert seen["unnamed"] == 0
    assert all(c["colours"] > 2 for c in seen["charts"] if c["canvas"]), seen["charts"]
    assert all(colours > 2 for colours, c in zip(seen["did"]["redrawn"], seen["charts"], strict=True) if c["canvas"])
    first, second = seen["did"]["background"]
    assert first != second
    several = len(run["scenarios"]) > 1
    for i, scenario in enumerate(run["scenarios"]):
        prefix = f"s{i}-" if several else ""
        expect_tasks(seen, scenario, prefix)
        expect_thresholds(seen, scenario["thresholds"], prefix + "criteria")
        expect_providers(seen, scenario, prefix)
        expect_rest(seen, scenario, prefix)
        # A chart for each thing that has figures.
        charts = [c["title"] for c in seen["charts"]]
        if scenario["series"]:
            for title in ("Rate and outcomes", "Response time", "In flight and users"):
                assert any(c.startswith(title) for c in charts)
            for name, p in scenario["providers"].items():
                assert any(c.startswith(name) for c in charts) == (p["calls"] > 0), name
    assert json.loads(seen["did"]["download"]["text"]) == run


def page_of(run):
    pages = sorted(run.reports.glob("locust_report_*.html"))
    assert len(pages) == 1, run.err
    return pages[0]


def test_a_passed_run_with_providers(squadload, read_page):
    run = squadload("run", "warm_up", "--config", ROOT / "config/load_testing.yaml", "--time-scale", 12)
    assert run.code == 0, run.out + run.err
    for theme in ("light", "dark"):
        seen = read_page(page_of(run), theme)
        expect_page(seen, run.metrics)
    assert seen["did"]["descending"] == sorted(seen["did"]["descending"][:-1], reverse=True) + seen["did"]["descending"][-1:]
    assert seen["did"]["ascending"] == sorted(seen["did"]["ascending"][:-1]) + seen["did"]["ascending"][-1:]
    assert all(seen["did"]["zoomed"])
    assert seen["did"]["download"]["name"] == run.metrics_files[0].name


def test_a_failed_run(squadload, scripted, read_page):
    run = squadload("run", scripted.url + "/status/500", "-r", 40, "-t", "2s")
    assert run.code == 1
    seen = read_page(page_of(run))
    expect_page(seen, run.metrics)
    assert run.scenario["verdict_reason"] in seen["headlines"][0]


def test_a_void_run(squadload, nginx, read_page):
    run = squadload("run", nginx.url + "/health", "-r", 50, "-t", "1s", "--lag-budget", "1ns")
    assert run.code == 4
    seen = read_page(page_of(run))
    expect_page(seen, run.metrics)
    assert run.scenario["verdict_reason"] in seen["headlines"][0]


def test_an_interrupted_run(start, nginx, read_page):
    run = start("run", nginx.url + "/health", "-r", 50, "-t", "30s")
    time.sleep(1.5)
    run.signal(signal.SIGINT)
    run = run.finish()
    assert run.code == 130
    expect_page(read_page(page_of(run)), run.metrics)


def test_a_suite(squadload, nginx, read_page, tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text("""
version: 1
target: {host: "%s"}
users: {User: {tasks: {health: {path: /health}}}}
scenarios:
  first: {rate: 50, duration: 2s, thresholds: {expressions: ["p95 < 1s"]}}
  second: {rate: 80, duration: 2s, thresholds: {expressions: ["p95 < 0.001ms"]}}
""" % nginx.url)
    run = squadload("run", "all", "--config", config)
    if run.code not in (0, 1):
        pytest.fail(run.err)
    seen = read_page(page_of(run))
    expect_page(seen, run.metrics)
    side_by_side = table(seen, "overview")
    assert [row[0]["text"] for row in side_by_side["rows"]] == ["first", "second"]


def test_a_search_for_capacity(squadload, nginx, read_page, tmp_path):
    run = squadload("capacity", nginx.url + "/health", "--threshold", "p95 < 10s", "--from", "20", "--to", "60", "--step", "2s",
                    "--output-dir", tmp_path / "reports")
    assert run.code == 0, run.out + run.err
    seen = read_page(page_of(run))
    expect_page(seen, run.metrics)
    capacity = run.metrics["capacity"]
    steps = table(seen, "capacity", "every rate")["rows"]
    assert [float(row[0]["value"]) for row in steps] == [s["rate_per_s"] for s in capacity["steps"]]
    assert [row[2]["text"] for row in steps] == [f"{s['requests']:,}" for s in capacity["steps"]]
    assert capacity["sentence"] in seen["headlines"]


def made(folder, squadload, lines):
    """The page of a metrics file made of `lines` (metrics_from_requests)."""
    metrics = folder / "made.json"
    text = "\n".join(lines) + "\n"
    metrics.write_bytes(metrics_from_requests(text))
    run = squadload("report", metrics, "--html", folder / "made.html")
    assert run.code == 0, run.err
    return folder / "made.html", json.loads(metrics.read_text())


def test_nothing_was_measured(squadload, start, read_page, tmp_path):
    page, run = made(tmp_path, squadload, ["task chat POST /agents/chat"])
    expect_page(read_page(page), run)


def test_no_second_at_all(squadload, read_page, tmp_path):
    page, run = made(tmp_path, squadload, ["task chat POST /agents/chat", "no series"])
    assert run["scenarios"][0]["series"] == []
    seen = read_page(page)
    expect_page(seen, run)
    assert any("there is no second to show" in text for text in seen["empty"])


def test_one_request(squadload, read_page, tmp_path):
    page, run = made(tmp_path, squadload, ["task chat POST /agents/chat", "0 ok 123456789 17 200000000"])
    seen = read_page(page)
    expect_page(seen, run)
    row = named_row(table(seen, "tasks")["rows"], "chat")
    assert {c["text"] for c in row[7:15]} == {"123"}


def test_a_thousand_tasks(squadload, read_page, tmp_path):
    lines = [f"task task_{i} GET /t/{i}" for i in range(1000)]
    lines += [f"{i} {'ok' if i % 7 else 'rate_limited'} {(i + 1) * 250_000} {i} {i * 5_000_000}" for i in range(1000)]
    page, run = made(tmp_path, squadload, lines)
    expect_page(read_page(page), run)


def test_names_are_text_whatever_they_hold(squadload, read_page, tmp_path):
    names = ["<img/src=x/onerror=alert(1)>", "</script><script>alert(2)</script>", "\"'&amp;<!--", "${x}`${y}`", "‮olleh"]
    lines = [f"task {name} GET /{name}" for name in names]
    lines += [f"{i % 5} ok {i * 1_000_000} 1 {i * 20_000_000}" for i in range(100)]
    page, run = made(tmp_path, squadload, lines)
    seen = read_page(page)
    expect_page(seen, run)
    for name in names:
        assert any(name in row[0]["text"] for row in table(seen, "tasks")["rows"])
