"""Targets behind an HTTP proxy: absolute-form for http://, a CONNECT tunnel for https://."""

import subprocess
import sys

import pytest
from conftest import ROOT, free_port


class Proxy:
    def __init__(self, log, secret=None):
        self.log = log
        log.touch()
        command = [sys.executable, ROOT / "tests/support/proxy_server.py", log, *([secret] if secret else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        word, number = self.process.stdout.readline().split()
        assert word == "PORT"
        self.port = int(number)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def lines(self):
        return self.log.read_text().splitlines()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def proxy(tmp_path):
    proxies = []

    def run(secret=None):
        proxies.append(Proxy(tmp_path / f"proxy{len(proxies)}.log", secret))
        return proxies[-1]

    yield run
    for one in proxies:
        one.stop()


def test_http_goes_through_it_in_absolute_form(squadload, nginx, proxy):
    way = proxy()
    run = squadload("run", f"{nginx.url}/health", "--proxy", way.url, "--rate", 20, "--requests", 10)
    assert run.code == 0, run.out + run.err
    assert run.totals["ok"] == 10
    assert run.scenario["proxy"] == way.url
    assert f"requests go through the proxy {way.url}" in run.scenario["notes"]
    assert set(way.lines()) == {f"GET {nginx.url}/health HTTP/1.1"}
    assert len(way.lines()) == 10, "the preflight sends no request"


def test_https_goes_through_a_tunnel(squadload, nginx_tls, certificates, proxy):
    server, way = nginx_tls(certificates.server), proxy("alice:s3cret")
    url = way.url.replace("//", "//alice:s3cret@")
    run = squadload("run", f"https://localhost:{server.port}/health", "--ca-file", certificates.authority,
                    "--proxy", url, "--rate", 20, "--requests", 10)
    assert run.code == 0, run.out + run.err
    assert run.totals["ok"] == 10
    assert run.scenario["tls"].startswith("TLSv1.3")
    assert run.scenario["proxy"] == way.url.replace("//", "//alice:***@")
    assert way.lines()[0] == f"CONNECT localhost:{server.port} HTTP/1.1 [Basic YWxpY2U6czNjcmV0]"
    assert "s3cret" not in run.metrics_files[0].read_text() + run.out + run.err


def test_a_refused_tunnel_is_named(squadload, nginx_tls, certificates, proxy):
    server, way = nginx_tls(certificates.server), proxy("alice:s3cret")
    run = squadload("run", f"https://localhost:{server.port}", "--ca-file", certificates.authority, "--proxy", way.url,
                    "--rate", 5, "--requests", 5)
    assert run.code == 3
    assert f"the proxy {way.url} refused the tunnel: 407 Proxy Authentication Required" in run.err


def test_a_proxy_that_is_not_there(squadload):
    port = free_port()
    run = squadload("run", "http://api.test", "--proxy", f"http://127.0.0.1:{port}", "--rate", 5, "--requests", 5)
    assert run.code == 3
    assert f"the proxy http://127.0.0.1:{port}: " in run.err


def test_the_environment_names_it(squadload, nginx, proxy):
    way = proxy()
    run = squadload("run", f"http://api.test:{nginx.port}/health", "--requests", 3, "--rate", 10,
                    env={"http_proxy": way.url})
    assert run.code == 0, run.out + run.err
    assert run.scenario["proxy"] == way.url
    assert len(way.lines()) == 3


def test_the_environment_does_not_name_it_for_loopback(squadload, nginx, proxy):
    way = proxy()
    run = squadload("run", f"{nginx.url}/health", "--requests", 3, "--rate", 10, env={"http_proxy": way.url})
    assert run.code == 0 and run.scenario["proxy"] == ""
    assert way.lines() == []


def test_what_is_set_for_squadload_always_applies(squadload, nginx, proxy):
    way = proxy()
    run = squadload("run", f"{nginx.url}/health", "--requests", 3, "--rate", 10,
                    env={"NO_PROXY": "*", "SQUADLOAD_PROXY": way.url})
    assert run.code == 0, run.out + run.err
    assert len(way.lines()) == 3
