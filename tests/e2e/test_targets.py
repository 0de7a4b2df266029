"""Targets that misbehave: every request ends in the outcome the table says, and the run goes on."""

import resource
import subprocess
import time

import pytest
from conftest import PROGRAM, Scripted, clean_environment


@pytest.mark.parametrize("path, outcome", [
    ("/", "ok"),
    ("/chunked", "ok"),
    ("/no-length", "ok"),
    ("/status/204", "ok"),
    ("/status/404", "client_error"),
    ("/status/500", "server_error"),
    ("/status/302", "check_failed"),
    ("/close", "connection_closed"),
    ("/reset", "connection_closed"),
    ("/short", "connection_closed"),
    ("/garbage", "protocol_error"),
    ("/endless-headers", "protocol_error"),
])
def test_outcome(squadload, scripted, path, outcome):
    run = squadload("run", scripted.url + path, "--rate", 20, "--requests", 10)
    assert run.totals["outcomes"][outcome] == 10, run.totals["outcomes"]
    assert sum(run.totals["outcomes"].values()) == run.totals["scheduled"] == 10
    assert run.code == (0 if outcome == "ok" else 1)
    if outcome != "ok":
        assert sum(group["count"] for group in run.scenario["failures"]) == 10


def task_file(folder, host, task, scenario="rate: 20, requests: 10"):
    file = folder / "load.yaml"
    file.write_text(f'target: {{host: "{host}"}}\nusers: {{Visitor: {{tasks: {{page: {{{task}}}}}}}}}\n'
                    f"scenarios: {{s: {{{scenario}}}}}\n")
    return file


def test_a_stalled_response_times_out(squadload, scripted, tmp_path):
    file = task_file(tmp_path, scripted.url, "method: GET, path: /stall, timeout: 300ms")
    run = squadload("run", "--config", file)
    assert run.totals["outcomes"]["timeout"] == 10
    assert run.totals["response_time_ms"]["min"] >= 295
    assert run.totals["response_time_ms"]["p50"] < 2000


def test_a_body_without_end_stays_bounded_in_memory(start, scripted, tmp_path):
    file = task_file(tmp_path, scripted.url, "method: GET, path: /endless-body, timeout: 1s", "rate: 2, requests: 3")
    running = start("run", "--config", file)
    peak_kb = 0
    while running.process.poll() is None:
        try:
            status = open(f"/proc/{running.process.pid}/status", encoding="ascii").read()
        except OSError:
            break
        peak_kb = max([peak_kb] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
        time.sleep(0.05)
    run = running.finish()
    outcomes = run.totals["outcomes"]
    assert outcomes["timeout"] + outcomes["protocol_error"] == 3, outcomes
    assert 0 < peak_kb < 200_000


def test_a_target_that_dies_and_comes_back(start, tmp_path):
    server = Scripted(tmp_path / "server")
    try:
        running = start("run", server.url + "/", "--rate", 50, "--duration", "4s",
                        env={"SQUADLOAD_SUCCESS_RATE_MIN": "0.99"})
        time.sleep(1.2)
        server.stop()
        time.sleep(1.2)
        server = Scripted(tmp_path / "server", server.port)
        run = running.finish()
    finally:
        server.stop()
    totals = run.totals
    assert run.code == 1
    assert totals["scheduled"] == 200
    assert sum(totals["outcomes"].values()) == 200
    assert totals["outcomes"]["connect_error"] > 20
    assert totals["ok"] > 60
    assert run.scenario["series"][-2]["outcomes"].get("ok", 0) > 0  # it went on


def test_a_slow_target_is_judged_not_void(squadload, scripted):
    """All users wait; the delay before the send is blocked time, the target's doing."""
    run = squadload("run", scripted.url + "/delay/200", "--rate", 50, "--duration", "2s", "--users", 5)
    assert run.scenario["verdict"] != "VOID", run.scenario["verdict_reason"]
    assert run.totals["ok"] == 100
    assert run.totals["blocked_ms"]["max"] > 500
    assert run.totals["service_time_ms"]["p50"] == pytest.approx(200, abs=60)


def test_too_few_descriptors_is_said_with_the_remedy(nginx, tmp_path):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    done = subprocess.run([PROGRAM, "run", nginx.url + "/", "--users", "500", "--duration", "2s"], cwd=tmp_path,
                          env=clean_environment(), preexec_fn=few, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 or "ulimit" in done.stderr, done.stderr
    assert "ulimit" in done.stderr
