"""The providers' side of a run: the suite against its acceptance criteria, the witness, audit, events, and 429s honoured."""

import json
import re
import subprocess
import sys
import urllib.request
from collections import Counter

import jsonschema
import pytest
import yaml
from conftest import PATIENCE, PROGRAM, ROOT, wait_until

SHIPPED = ROOT / "config/load_testing.yaml"
SCHEMA = json.loads((ROOT / "docs/metrics.schema.json").read_text())


def get(url):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
        return answer.read().decode()


def witness_of(scenario):
    """{(check, provider): answer}"""
    return {(w["check"], w["provider"]): w["answer"] for w in scenario["witness"]}


def load_file(folder, scenario, **more):
    file = folder / "load.yaml"
    document = yaml.safe_load(SHIPPED.read_text())
    file.write_text(yaml.safe_dump({key: document[key] for key in ("users", "endpoints", "data") if key in document} |
                                   {"attribution": "squad", "scenarios": {"s": scenario}} | more))
    return file


@pytest.fixture
def services(tmp_path):
    """(URL of a squad-api, URL of the squad-providers behind it), as processes of their own."""
    processes = []

    def start(name, *arguments):
        log = tmp_path / f"{name}.log"
        with log.open("wb") as out:
            processes.append(subprocess.Popen([PROGRAM.parent / name, "--port", "0", *arguments], stdout=out, stderr=out, cwd=ROOT,
                                              stdin=subprocess.DEVNULL))
        found = wait_until(lambda: re.search(r"^(http://\S+)", log.read_text(), re.M))
        return found[1]

    providers = start("squad-providers")
    yield start("squad-api", "--config", ROOT / "config/squad_api.yaml", "--providers-url", providers, "--sqlite", tmp_path / "audit.db"), providers
    for process in reversed(processes):
        process.terminate()
        process.wait(20)


def test_the_shipped_suite_in_an_eighth_of_its_time_meets_every_criterion(squadload):
    run = squadload("run", "all", "--config", SHIPPED, "--time-scale", "8", "--save-arrivals", env=PATIENCE, timeout=180)
    assert run.code == 0, run.out + run.err
    jsonschema.Draft202012Validator(SCHEMA).validate(run.metrics)
    criteria = run.metrics["suite"]["criteria"]
    assert {c["id"] for c in criteria} == {"AC-2", "AC-3", "AC-4", "AC-5", "AC-6"}
    assert {c["answer"] for c in criteria} <= {"met", "left out"}, run.out
    left_out = [c for c in criteria if c["answer"] == "left out"]
    assert len(left_out) <= 3
    assert all("second" in c["sentence"] or "scale" in c["sentence"] for c in left_out)
    warm_up, sustained, spike = run.metrics["scenarios"]
    assert sum(p["served_as_fallback"] for p in sustained["providers"].values()) == 0
    assert spike["providers"]["groq"]["responses_429"] > 0
    assert sum(p["served_as_fallback"] for p in spike["providers"].values()) > 0
    assert [e["provider"] for e in spike["events"]] == ["groq"]
    for scenario in run.metrics["scenarios"]:
        assert scenario["time_scale"] == 8
        assert "broken" not in witness_of(scenario).values()
    # What the metrics file says of providers, counted from the log by other code. It begins with the scenario before.
    log = [json.loads(line) for line in next(run.reports.glob("load_test_arrivals_*_spike.ndjson")).read_text().splitlines() if '"provider"' in line]
    for name, provider in spike["providers"].items():
        before = sustained["providers"][name]
        its = [a for a in log if a["provider"] == name]
        assert len(its) == before["calls"] + provider["calls"]
        assert sum(a["status"] == 429 for a in its) == before["responses_429"] + provider["responses_429"]
        fallbacks = 0 if name == "groq" else sum(a["status"] == 200 for a in its)
        assert fallbacks == before["served_as_fallback"] + provider["served_as_fallback"]
        assert abs(most_within(its, 60e9 / 8) - provider["peak_per_minute"] / 8) <= 1  # told per minute


def most_within(arrivals, window):
    most, first = 0, 0
    for last, arrival in enumerate(arrivals):
        while arrivals[first]["at_ns"] <= arrival["at_ns"] - window:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_a_gateway_and_providers_of_their_own_are_judged_with_witness(squadload, services, tmp_path):
    api, providers = services
    file = load_file(tmp_path, {"rate": 40, "duration": 4})
    run = squadload("run", "s", "--config", file, "--host", api, "--witness", providers, "--save-arrivals", env=PATIENCE)
    assert run.code == 0, run.out + run.err
    jsonschema.Draft202012Validator(SCHEMA).validate(run.metrics)
    # Counts are those of the log, to the call.
    arrivals = [json.loads(line) for line in get(f"{providers}/arrivals?since=0&limit=10000").splitlines() if '"provider"' in line]
    calls = Counter(a["provider"] for a in arrivals)
    assert {name: p["calls"] for name, p in run.scenario["providers"].items() if p["calls"]} == dict(calls)
    assert sum(calls.values()) == run.scenario["tasks"]["chat"]["requests"]
    answers = witness_of(run.scenario)
    assert answers["window", "groq"] == answers["truth", ""] == answers["attempts", ""] == "kept", answers
    assert "broken" not in answers.values()
    # The same log, judged again; and against limits that were never declared.
    log = next(run.reports.glob("load_test_arrivals_*"))
    declared = next(run.reports.glob("load_test_declared_*"))
    again = squadload("audit", log, "--declared", declared)
    assert again.code == 0, again.out + again.err
    assert "window" in again.out
    lower = tmp_path / "lower.json"
    lower.write_text(declared.read_text().replace('"requests": 1560', '"requests": 30'))
    assert lower.read_text() != declared.read_text()
    broken = squadload("audit", log, "--declared", lower)
    assert broken.code == 1, broken.out + broken.err
    assert f"✘ window of groq: {calls['groq']} calls within 1m" in broken.out


def test_a_witness_that_is_not_there_is_told_before_the_load(squadload, services, tmp_path):
    api, _ = services
    run = squadload("run", "s", "--config", load_file(tmp_path, {"rate": 1, "duration": 1}), "--host", api, "--witness", "http://127.0.0.1:9")
    assert run.code == 3, run.out + run.err
    assert "127.0.0.1:9" in run.err
    assert run.metrics_files == []


def test_without_asking_the_target_it_is_still_known_who_served(squadload, services, tmp_path):
    api, _ = services
    file = load_file(tmp_path, {"rate": 20, "duration": 2}, observe="none")
    run = squadload("run", "s", "--config", file, "--host", api, env=PATIENCE)
    assert run.code == 0, run.out + run.err
    assert run.scenario["providers"]["groq"]["responses"]["responses"] > 0
    assert "not reported" in run.out


def test_events_come_to_pass_and_mark_the_run(squadload, tmp_path):
    file = load_file(tmp_path, {"rate": 20, "duration": 4, "events": [{"at": 1, "provider": "groq", "fault": "outage", "for": 2}]})
    run = squadload("run", "s", "--config", file, env=PATIENCE)
    assert run.code == 0, run.out + run.err
    event, = run.scenario["events"]
    assert (event["provider"], event["at_s"], event["until_s"], event["error"]) == ("groq", pytest.approx(1, abs=0.5), pytest.approx(3, abs=0.5), "")
    assert run.scenario["providers"]["cerebras"]["served_as_fallback"] > 0
    assert "groq: outage" in run.out


@pytest.mark.parametrize("event, sentence", [
    ({"at": 1, "provider": "grok", "fault": "outage"}, "grok"),
    ({"at": 1, "provider": "groq", "fault": "earthquake"}, "earthquake"),
    ({"provider": "groq", "fault": "outage"}, "at"),
])
def test_events_that_cannot_be(squadload, tmp_path, event, sentence):
    run = squadload("run", "s", "--config", load_file(tmp_path, {"rate": 1, "duration": 2, "events": [event]}))
    assert run.code == 2, run.out + run.err
    assert sentence in run.err
    assert run.metrics_files == []


def test_requests_that_are_retried_come_through(squadload, tmp_path):
    """Twice what the server takes, for a second: what it refuses is sent again, and has one outcome."""
    server = subprocess.Popen([sys.executable, ROOT / "tests/support/saturating_server.py", "50", "refuse"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        file = tmp_path / "retry.yaml"
        file.write_text(f"""
target: {{host: "http://127.0.0.1:{server.stdout.readline().strip()}"}}
users: {{U: {{tasks: {{t: {{path: /}}}}}}}}
on_429: {{do: retry, max_retries: 20, default_wait: 500ms, jitter: 0.5}}
scenarios: {{s: {{rate: 100, duration: 1}}}}
""")
        run = squadload("run", "s", "--config", file, env=PATIENCE)
    finally:
        server.stdin.close()
        server.wait(10)
    assert run.code == 0, run.out + run.err
    task = run.scenario["tasks"]["t"]
    assert task["requests"] == task["ok"] == 100
    assert task["responses_429"] == task["retries"] == task["retry_wait_ms"]["count"] > 20
    assert task["retry_wait_ms"]["min"] >= 499
    assert task["response_time_ms"]["max"] >= task["service_time_ms"]["max"] + 499
    assert "sent again" in run.out


def test_waiting_is_for_the_closed_model(squadload, tmp_path):
    run = squadload("run", "s", "--config", load_file(tmp_path, {"rate": 1, "duration": 1, "on_429": "wait"}))
    assert run.code == 2
    assert "on_429: wait needs the closed model" in run.err
