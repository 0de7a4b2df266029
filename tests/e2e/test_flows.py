"""Flows through the program: login, a conversation of ten with the token, logout, against a service that trusts nobody."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest
from conftest import ROOT, wait_until

USERS = """
  Member:
    wait_time: WAIT
    on_start:
      - name: login
        method: POST
        path: /login
        json: {user: "{{ user() }}"}
        extract: {token: {json: /token}}
    tasks:
      conversation:
        steps:
          - name: ask
            path: /chat
            headers: {Authorization: "Bearer {{ var(token) }}", X-User: "{{ user() }}"}
            repeat: 10
    on_stop:
      - name: logout
        method: POST
        path: /logout
        headers: {Authorization: "Bearer {{ var(token) }}", X-User: "{{ user() }}"}
"""


class TokenServer:
    def __init__(self, seconds=0.0):
        self.process = subprocess.Popen([sys.executable, ROOT / "tests/support/token_server.py", str(seconds)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.url = "http://127.0.0.1:" + self.process.stdout.readline().split()[1]

    def stats(self):
        with urllib.request.urlopen(self.url + "/stats", timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def service():
    servers = []

    def make(seconds=0.0):
        servers.append(TokenServer(seconds))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def flow_file(folder, server, load, wait="100ms", more=""):
    file = folder / "load.yaml"
    file.write_text(f"target: {{host: '{server.url}'}}\nscenarios: {{s: {{{load}}}}}\n{more}\nusers:"
                    + USERS.replace("WAIT", wait))
    return file


def agrees(run, stats):
    """Nothing was wrong, and the server counted what the program says."""
    assert stats["wrong"] == 0, stats
    assert stats["open"] == 0, stats
    tasks = run.scenario["tasks"]
    assert {name: task["ok"] for name, task in tasks.items()} == {
        "on_start.login": stats["logins"], "conversation.ask": stats["chats"], "on_stop.logout": stats["logouts"]}
    assert run.totals["ok"] == run.totals["requests"], run.scenario["failures"]


@pytest.mark.parametrize("backend", ["epoll", "io_uring"])
def test_a_thousand_users(squadload, service, tmp_path, backend):
    server = service()
    file = flow_file(tmp_path, server, "users: 1000, requests: 11000", wait="1h", more="""
thresholds: ["iteration_p95(conversation) < 60s", "iterations(conversation) == 1000",
             "iteration_rate(failed, conversation) < 1%", "p95(conversation.ask) < 60s", "requests(conversation) == 10000"]
""")
    run = squadload("run", "--config", file, "--backend", backend, "--workers", 2, timeout=120)
    if run.code != 0 and "io_uring" in run.err and "epoll" not in run.err and not run.metrics_files:
        pytest.skip(run.err)
    agrees(run, stats := server.stats())
    assert (stats["logins"], stats["chats"], stats["logouts"]) == (1000, 10000, 1000)
    assert run.totals["scheduled"] == 12000
    iterations = run.scenario["iterations"]["conversation"]
    assert (iterations["started"], iterations["ok"], iterations["cut_off"]) == (1000, 1000, 0)
    assert [t["pass"] for t in run.scenario["thresholds"]] == [True] * 5
    assert "conversation.ask" in run.out
    assert "iterations, ms" in run.out
    assert run.code in (0, 4), run.out  # a machine busy with other things may be late


def test_the_schedule_of_the_open_model_is_of_iterations(squadload, service, tmp_path):
    server = service(0.01)
    run = squadload("run", "--config", flow_file(tmp_path, server, "users: 100, rate: 40, duration: 3"))
    agrees(run, server.stats())
    assert run.scenario["iterations"]["conversation"]["started"] == 120
    assert run.scenario["audit"]["planned_rate_per_s"] == 40
    assert run.scenario["load"] == "open 40/s constant iterations"


@pytest.mark.parametrize("load", ["users: 50, duration: 1h", "users: 50, rate: 30, duration: 1h"])
def test_an_interrupt_cuts_iterations_off_and_logs_out(start, service, tmp_path, load):
    server = service(0.05)
    run = start("run", "--config", flow_file(tmp_path, server, load))
    wait_until(lambda: server.stats()["chats"] > 200, 30)
    run.signal(signal.SIGINT)
    run = run.finish()
    assert run.code == 130, run.err
    agrees(run, server.stats())
    iterations = run.scenario["iterations"]["conversation"]
    assert iterations["cut_off"] > 0
    assert iterations["failed"] == 0


def test_failing_steps_are_named(squadload, service, tmp_path):
    server = service()
    file = flow_file(tmp_path, server, "users: 2, duration: 2s", more='thresholds: ["iteration_rate(ok) > 50%"]')
    right = 'X-User: "{{ user() }}"}\n            repeat'
    assert right in file.read_text()
    file.write_text(file.read_text().replace(right, right.replace('"{{ user() }}"', "nobody")))
    run = squadload("run", "--config", file)
    assert run.code in (1, 4), run.out
    assert not run.scenario["thresholds"][0]["pass"]
    iterations = run.scenario["iterations"]["conversation"]
    assert iterations["ok"] == 0
    assert iterations["reasons"] == [{"reason": "at ask: client_error", "count": iterations["failed"]}]
    assert "of conversation ended at ask: client_error" in run.out
    assert server.stats()["logouts"] == 2


def test_bounds_on_iterations_name_what_exists(squadload, service, tmp_path):
    file = flow_file(tmp_path, service(), "users: 1, duration: 1s", more='thresholds: ["iteration_p95(chat) < 1s"]')
    run = squadload("validate", "--config", file)
    assert run.code == 2
    assert "there is no task 'chat' with steps; those that have some: conversation" in run.err


def test_try_runs_the_whole_flow_once(squadload, service, tmp_path):
    server = service()
    file = flow_file(tmp_path, server, "users: 100, duration: 1h")
    run = squadload("try", "conversation", "--config", file)
    assert run.code == 0, run.err
    titles = [line[3:] for line in run.out.splitlines() if line.startswith("── ")]
    assert titles == ["on_start.login"] + ["conversation.ask"] * 10 + ["on_stop.logout"]
    assert "> Cookie: session=s0.10" in run.out
    stats = server.stats()
    assert (stats["logins"], stats["chats"], stats["logouts"], stats["wrong"]) == (1, 10, 1, 0)


def test_try_stops_where_the_flow_does(squadload, service, tmp_path):
    server = service()
    file = flow_file(tmp_path, server, "users: 1, duration: 1h")
    file.write_text(file.read_text().replace("json: /token", "json: /nothing"))
    run = squadload("try", "conversation", "--config", file)
    assert run.code == 1
    assert "outcome check_failed: extract token: json /nothing missing" in run.out
    assert run.out.count("── ") == 1, "no task without on_start, and no on_stop"
