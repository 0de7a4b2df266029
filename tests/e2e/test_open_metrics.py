"""--prometheus-port: the figures of a run under way, read by the parser of Prometheus' own client."""

import re
import socket
import time
import urllib.request

from conftest import free_port, wait_until
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def page(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        return answer.read().decode()


def samples(text):
    return {(s.name, *sorted(s.labels.items())): s.value for family in text_string_to_metric_families(text) for s in family.samples}


def test_a_run_can_be_watched(start, nginx):
    port = free_port()
    run = start("run", nginx.url + "/health", "-r", 50, "-t", "4s", "--prometheus-port", port)

    def after_a_second():
        try:
            text = page(port)
        except OSError:
            return None
        return text if "squadload_requests_total" in text else None

    first = samples(wait_until(after_a_second))
    time.sleep(1.5)
    later = samples(page(port))
    labels = (("outcome", "ok"), ("scenario", "run"), ("task", "get"))
    assert 40 <= first[("squadload_requests_total", *labels)] < later[("squadload_requests_total", *labels)] <= 200
    where = (("scenario", "run"), ("task", "get"))
    assert later[("squadload_response_time_seconds_count", *where)] == later[("squadload_requests_total", *labels)]
    assert later[("squadload_elapsed_seconds", ("scenario", "run"))] >= 2
    assert run.finish().code == 0


def test_a_port_that_is_taken_is_said_before_the_run(squadload, nginx):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = squadload("run", nginx.url + "/health", "-r", 50, "-t", "30s", "--prometheus-port", taken.getsockname()[1])
    assert run.code == 2
    assert re.search(r"--prometheus-port: .*in use", run.err)


def test_a_port_that_is_none(squadload):
    for port in ("x", "-1", "70000"):
        run = squadload("run", "http://127.0.0.1:1/", "--prometheus-port", port)
        assert run.code == 2
        assert "--prometheus-port" in run.err
