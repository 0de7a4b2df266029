"""HTTP as servers speak it: compressed bodies."""

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
