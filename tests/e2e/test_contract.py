"""The outside contract of `squadload run`: exit codes, files, output, signals."""

import json
import os
import pty
import re
import select
import signal
import time

import jsonschema
import pytest
from conftest import PROGRAM, ROOT, clean_environment, free_port, wait_until

SCHEMA = json.loads((ROOT / "docs/metrics.schema.json").read_text())


def scenario_file(folder, host, body, tasks="page: {method: GET, path: /}"):
    file = folder / "load.yaml"
    file.write_text(f'target: {{host: "{host}"}}\nusers:\n  Visitor:\n    tasks:\n      {tasks}\n{body}')
    return file


# --- verdicts and exit codes ---

def test_a_good_run_passes_and_its_metrics_file_keeps_the_schema(squadload, nginx):
    run = squadload("run", nginx.url + "/health", "-r", 50, "-t", "2s")
    assert run.code == 0, run.err
    assert run.out.lstrip().startswith("PASS")
    jsonschema.Draft202012Validator(SCHEMA).validate(run.metrics)
    assert run.metrics["verdict"] == "PASS"
    assert run.metrics["exit_code"] == 0
    assert run.totals["scheduled"] == run.totals["ok"] == 100
    assert str(run.metrics_files[0].name) in run.out
    assert "squadload run" in run.metrics["command"]


def test_a_broken_bound_fails(squadload, nginx, tmp_path):
    file = scenario_file(tmp_path, nginx.url, "scenarios: {s: {rate: 50, duration: 1}}\nthresholds: ['requests < 10']\n")
    run = squadload("run", "--config", file)
    assert run.code == 1, run.err
    assert run.out.lstrip().startswith("FAIL")
    assert [t["pass"] for t in run.scenario["thresholds"]] == [False]
    jsonschema.Draft202012Validator(SCHEMA).validate(run.metrics)


def test_a_run_in_which_every_request_failed_cannot_pass(squadload, scripted):
    run = squadload("run", scripted.url + "/status/500", "-r", 20, "-t", "1s")
    assert run.code == 1
    assert run.totals["outcomes"]["server_error"] == 20
    assert run.totals["ok"] == 0


def test_rate_limited_is_neither_success_nor_failure(squadload, scripted):
    run = squadload("run", scripted.url + "/status/429", "-r", 20, "-t", "1s")
    assert run.code == 1
    assert run.totals["rate_limited"] == run.totals["responses_429"] == 20
    assert run.totals["failed"] == 0


def test_nothing_listening_is_one_sentence_and_exit_3(squadload):
    url = f"http://127.0.0.1:{free_port()}"
    run = squadload("run", url, "-r", 10, "-t", "1s")
    assert run.code == 3
    assert run.metrics_files == []
    assert "refused" in run.err
    assert "Traceback" not in run.err and len(run.err.strip().splitlines()) <= 3


def test_a_name_that_does_not_resolve_is_one_sentence_and_exit_3(squadload):
    run = squadload("run", "http://no-such-host.invalid/", "-r", 10, "-t", "1s")
    assert run.code == 3
    assert "no-such-host.invalid" in run.err
    assert run.metrics_files == []


@pytest.mark.parametrize("arguments, hint", [
    (["run", "--durration", "3s"], "--duration"),
    (["rnu"], "run"),
    ([], "squadload"),
    (["run", "http://127.0.0.1:1/", "-r", "fast", "-t", "1s"], "fast"),
    (["run", "http://127.0.0.1:1/", "-r", "5", "-t", "1 parsec"], "parsec"),
    (["run", "ftp://127.0.0.1/", "-r", "5", "-t", "1s"], "ftp"),
])
def test_a_wrong_command_line_is_exit_2(squadload, arguments, hint):
    run = squadload(*arguments) if arguments else squadload("--no-such-option")
    assert run.code == 2
    assert hint in run.err


def test_help_and_version(squadload):
    assert squadload("--help").code == 0
    assert re.match(r"squadload \d+\.\d+", squadload("--version").out)
    text = squadload("run", "--help").out
    for option in ("--rate", "--users", "--duration", "--fail-fast", "--output-dir"):
        assert option in text


def test_a_generator_held_up_is_void(start, nginx):
    """Stopping the program itself for a while is the plainest way of not keeping up."""
    running = start("run", nginx.url + "/health", "-r", 200, "-t", "3s", env={"SQUADLOAD_LAG_BUDGET": ""})
    time.sleep(1.2)
    running.signal(signal.SIGSTOP)
    time.sleep(0.7)
    running.signal(signal.SIGCONT)
    run = running.finish()
    assert run.code == 4, run.out
    assert run.out.lstrip().startswith("VOID")
    assert run.scenario["verdict"] == "VOID"
    assert run.scenario["audit"]["void_reasons"]
    assert run.totals["scheduled"] == 600
    assert sum(run.totals["outcomes"].values()) == 600


def test_fail_fast_ends_a_run_early_and_names_the_criterion(squadload, scripted, tmp_path):
    file = scenario_file(tmp_path, scripted.url, "scenarios: {s: {rate: 50, duration: 60}}\n"
                         "fail_fast: {success_rate_min: 0.99, window: 2s, min_samples: 20}\n",
                         "page: {method: GET, path: /status/503}")
    started = time.monotonic()
    run = squadload("run", "--config", file, "--fail-fast")
    assert time.monotonic() - started < 20
    assert run.code == 1
    assert run.scenario["stop_reason"] == "fail_fast"
    assert "success" in run.scenario["verdict_reason"]
    assert sum(run.totals["outcomes"].values()) == run.totals["scheduled"]


# --- files ---

def test_files_are_never_overwritten(start, nginx):
    runs = [start("run", nginx.url + "/health", "-r", 20, "-t", "1s") for _ in range(3)]
    finished = [run.finish() for run in runs]
    assert [run.code for run in finished] == [0, 0, 0]
    files = finished[0].metrics_files
    assert len(files) == 3
    names = {re.search(r"\S*load_test_metrics_\S+\.json", run.out)[0].rsplit("/", 1)[1] for run in finished}
    assert names == {f.name for f in files}
    pages = [f.with_name(f.name.replace("load_test_metrics", "locust_report")).with_suffix(".html") for f in files]
    assert sorted(finished[0].reports.iterdir()) == sorted([*files, *pages])  # nothing half-written stays


def test_an_output_folder_that_cannot_be_is_said_before_the_run(squadload, nginx, tmp_path):
    (tmp_path / "file").write_text("")
    started = time.monotonic()
    run = squadload("run", nginx.url + "/health", "-r", 10, "-t", "30s", "--output-dir", tmp_path / "file" / "reports")
    assert run.code not in (0, 1)
    assert time.monotonic() - started < 10
    assert "reports" in run.err


# --- output ---

def test_a_pipe_gets_plain_text_and_results_on_stdout_alone(squadload, nginx):
    run = squadload("run", nginx.url + "/health", "-r", 20, "-t", "6s")
    assert run.code == 0
    assert "\x1b" not in run.out + run.err
    assert "\r" not in run.out + run.err
    assert run.out.lstrip().startswith("PASS")
    assert len(run.err.strip().splitlines()) >= 2  # a sign of life every few seconds


def test_quiet_is_quiet(squadload, nginx):
    run = squadload("run", nginx.url + "/health", "-r", 20, "-t", "1s", "--quiet")
    assert run.code == 0
    assert run.err == ""
    assert "PASS" in run.out


def test_a_terminal_gets_a_live_view(nginx, tmp_path):
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(PROGRAM, ["squadload", "run", nginx.url + "/health", "-r", "20", "-t", "2s"],
                  clean_environment({"TERM": "xterm-256color"}))
    text = b""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                break
            if not chunk:
                break
            text += chunk
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    assert os.waitstatus_to_exitcode(status) == 0, text.decode()
    assert b"\x1b[" in text
    assert b"PASS" in text


# --- interruption ---

@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_reports_what_it_has(start, nginx, number, code):
    running = start("run", nginx.url + "/health", "-r", 50, "-t", "60s")
    time.sleep(1.5)
    running.signal(number)
    run = running.finish(15)
    assert run.code == code
    assert "INTERRUPTED" in run.out
    jsonschema.Draft202012Validator(SCHEMA).validate(run.metrics)
    assert run.metrics["verdict"] == run.scenario["verdict"] == "INTERRUPTED"
    assert run.metrics["exit_code"] == code
    assert 0 < run.totals["scheduled"] < 1000
    assert sum(run.totals["outcomes"].values()) == run.totals["scheduled"]


def test_a_second_ctrl_c_quits_at_once(start, scripted):
    """The first one waits for requests in flight, here for half a minute."""
    running = start("run", scripted.url + "/delay/30000", "-r", 5, "-t", "60s")
    time.sleep(1.0)
    running.signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.process.poll() is None
    running.signal(signal.SIGINT)
    started = time.monotonic()
    assert running.finish(10).code == 130
    assert time.monotonic() - started < 5


def test_a_killed_run_leaves_its_seconds(start, nginx):
    running = start("run", nginx.url + "/health", "-r", 50, "-t", "60s")
    wait_until(lambda: any(len(f.read_text().splitlines()) >= 2 for f in running.reports.glob("*.ndjson")), 15)
    running.signal(signal.SIGKILL)
    running.process.wait(10)
    lines = next(running.reports.glob("*.ndjson")).read_text().splitlines()
    assert json.loads(lines[0])["scheduled"] >= 49
