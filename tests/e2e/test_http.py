"""HTTP as servers speak it: compressed bodies, redirects."""

import json

import pytest
from conftest import Nginx

BODY = '{"text":"' + "hello " * 50 + '","n":1}'


class Compressing(Nginx):
    CONF = Nginx.CONF.replace("default_type application/json;",
                              "default_type application/json; gzip on; gzip_types *; gzip_min_length 1;").replace(
        "location = /health", "location = /long {{ return 200 '" + BODY.replace("{", "{{").replace("}", "}}") + "'; }}\n"
        "location = /liar {{ add_header Content-Encoding br; return 200 '{{\"plain\": 1, \"or\": 2}}'; }}\n"
        "location = /zstd {{ add_header Content-Encoding zstd; return 200 plain; }}\n"
        "        location = /health")


@pytest.fixture(scope="module")
def compressing(tmp_path_factory):
    server = Compressing(tmp_path_factory.mktemp("nginx") / "prefix")
    yield server
    server.stop()


def task_file(folder, server, path, expect):
    file = folder / "load.yaml"
    file.write_text(f"""
target: {{host: "{server.url}", headers: {{Accept-Encoding: gzip}}}}
users: {{Visitor: {{tasks: {{page: {{path: {path}, expect: {expect}}}}}}}}}
scenarios: {{s: {{rate: 50, requests: 20}}}}
""")
    return file


def test_expectations_read_what_was_compressed(squadload, compressing, tmp_path):
    expect = "{headers: {Content-Encoding: gzip}, json: {/n: 1}, body_contains: [hello hello]}"
    file = task_file(tmp_path, compressing, "/long", expect)
    run = squadload("run", "--config", file)
    assert run.totals["outcomes"]["ok"] == 20, run.scenario["failures"]
    assert run.totals["bytes_received"] < 20 * len(BODY), "bytes are those of the network"


def test_try_shows_the_decoded_body(squadload, compressing, tmp_path):
    run = squadload("try", "--config", task_file(tmp_path, compressing, "/long", "{json: {/n: 1}}"))
    assert run.code == 0
    assert "< Content-Encoding: gzip" in run.out
    assert BODY in run.out


@pytest.mark.parametrize("path, outcome, sentence", [
    ("/liar", "protocol_error", "the body is not valid br"),
    ("/zstd", "check_failed", 'content coding "zstd", which cannot be decoded'),
])
def test_bodies_that_cannot_be_read(squadload, compressing, tmp_path, path, outcome, sentence):
    run = squadload("run", "--config", task_file(tmp_path, compressing, path, "{body_contains: [plain]}"))
    assert run.totals["outcomes"][outcome] == 20, run.totals["outcomes"]
    assert sentence in run.scenario["failures"][0]["message"]
    run = squadload("run", compressing.url + path, "--rate", 50, "--requests", 10, "--output-dir", tmp_path / "plain")
    assert run.code == 0, "nothing was asked of the body"


class Redirecting(Nginx):
    CONF = Nginx.CONF.replace("location = /health", """location = /start {{ return 302 /next?x=1#part; }}
        location = /next {{ return 307 $scheme://$http_host/agents/chat; }}
        location = /form {{ return 303 /agents/chat; }}
        location = /loop {{ return 301 /loop; }}
        location = /away {{ return 302 $arg_to; }}
        location = /seen {{ return 200 '{{"auth":"$http_authorization","kept":"$http_x_kept"}}'; }}
        location = /health""")

    def requests(self):
        return [line.split('"')[1].removesuffix(" HTTP/1.1") for line in self.access_log()]


@pytest.fixture
def redirecting(tmp_path):
    server = Redirecting(tmp_path / "redirecting")
    yield server
    server.stop()


def redirect_file(folder, server, task, redirects, requests=10):
    file = folder / "load.yaml"
    file.write_text(f"""
target:
  host: "{server.url}"
  redirects: {redirects}
  headers: {{Authorization: Bearer t, X-Kept: "1"}}
users: {{Visitor: {{tasks: {{page: {{{task}}}}}}}}}
scenarios: {{s: {{rate: 50, requests: {requests}}}}}
""")
    return file


def test_redirects_are_followed_and_count_as_one_request(squadload, redirecting, tmp_path):
    file = redirect_file(tmp_path, redirecting, "path: /start, expect: {json: {/text: hello}}", 5)
    run = squadload("run", "--config", file)
    assert run.totals["outcomes"]["ok"] == run.totals["scheduled"] == 10, run.scenario["failures"]
    assert run.totals["redirects"] == 20
    redirecting.stop()
    assert sorted(redirecting.requests()) == ["GET /agents/chat"] * 10 + ["GET /next?x=1"] * 10 + ["GET /start"] * 10


def test_a_form_is_answered_by_a_page(squadload, redirecting, tmp_path):
    run = squadload("run", "--config", redirect_file(tmp_path, redirecting, "method: POST, path: /form, json: {a: 1}", 1))
    assert run.totals["outcomes"]["ok"] == 10
    redirecting.stop()
    assert sorted(set(redirecting.requests())) == ["GET /agents/chat", "POST /form"]


def test_redirects_that_are_not_followed(squadload, redirecting, tmp_path):
    def message(task, redirects):
        run = squadload("run", "--config", redirect_file(tmp_path, redirecting, task, redirects))
        [file] = run.metrics_files
        [scenario] = json.loads(file.read_text())["scenarios"]
        file.unlink()
        assert scenario["totals"]["outcomes"]["check_failed"] == 10
        return scenario["failures"][0]["message"]

    assert message("path: /start", 0) == "status 302"
    assert message("path: /loop", 3) == "redirected more than 3 times"
    assert message('path: "/away?to=http://localhost:9/x"', 5) == (
        "redirected to http://localhost:9, which is not allowed; list it in target.redirects.hosts")


def test_another_host_that_is_listed_gets_no_secrets(squadload, redirecting, tmp_path):
    away = f"http://localhost:{redirecting.port}"
    task = f'path: "/away?to={away}/seen", expect: {{json: {{/auth: "", /kept: "1"}}}}'
    run = squadload("run", "--config", redirect_file(tmp_path, redirecting, task, f'{{hosts: ["{away}"]}}'))
    assert run.totals["outcomes"]["ok"] == 10, run.scenario["failures"]
    # The same host gets them.
    task = 'path: "/away?to=/seen", expect: {json: {/auth: Bearer t}}'
    run = squadload("run", "--config", redirect_file(tmp_path, redirecting, task, 1), "--output-dir", tmp_path / "same")
    assert run.code == 0, run.out


def test_an_origin_that_cannot_be_reached_is_said_before_the_run(squadload, redirecting, tmp_path):
    file = redirect_file(tmp_path, redirecting, "path: /start", '{max: 5, hosts: ["http://127.0.0.1:9"]}')
    run = squadload("run", "--config", file)
    assert run.code == 3
    assert "target.redirects.hosts: " in run.err


def test_try_shows_every_request(squadload, redirecting, tmp_path):
    run = squadload("try", "--config", redirect_file(tmp_path, redirecting, "path: /start", 5))
    assert run.code == 0, run.out
    lines = [line for line in run.out.splitlines() if line.startswith(("> GET", "< HTTP"))]
    assert lines == ["> GET /start HTTP/1.1", "< HTTP/1.1 302 Moved Temporarily",
                     "> GET /next?x=1 HTTP/1.1", "< HTTP/1.1 307 Temporary Redirect",
                     "> GET /agents/chat HTTP/1.1", "< HTTP/1.1 200 OK"]


def test_what_a_response_says_cannot_add_to_a_request(squadload, scripted, tmp_path):
    file = tmp_path / "load.yaml"
    file.write_text(f"""
target: {{host: "{scripted.url}"}}
users:
  Visitor:
    cookies: true
    tasks:
      flow:
        steps:
          - name: take
            method: POST
            path: /echo
            body: "a\\r\\nX-Evil: 1\\r\\n\\r\\n"
            extract: {{token: {{json: /body}}}}
          - name: use
            path: "/echo/{{{{ var(token) }}}}"
            query: {{q: "{{{{ var(token) }}}}"}}
            headers: {{X-Token: "{{{{ var(token) }}}}", X-Last: here}}
            expect:
              json:
                /headers/x-token: "a  X-Evil: 1"
                /headers/x-last: here
                /path: "/echo/a%0D%0AX-Evil%3A%201%0D%0A%0D%0A?q=a%0D%0AX-Evil%3A%201%0D%0A%0D%0A"
scenarios: {{s: {{users: 1, requests: 10}}}}
""")
    run = squadload("run", "--config", file)
    assert run.scenario["tasks"]["flow.use"]["outcomes"]["ok"] == 5, run.scenario["failures"]
