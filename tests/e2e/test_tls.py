"""https:// targets, against nginx: what is verified, what is said when it does not hold, and what is measured."""

import pytest


def local(server):
    return f"https://localhost:{server.port}"


def test_a_verified_target_is_measured(squadload, nginx_tls, certificates):
    server = nginx_tls(certificates.server)
    run = squadload("run", local(server) + "/health", "--ca-file", certificates.authority, "--rate", 50,
                    "--requests", 50)
    assert run.code == 0, run.out + run.err
    assert run.totals["ok"] == 50
    assert run.scenario["tls"] == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert run.scenario["proxy"] == ""
    assert run.totals["handshake_ms"]["count"] == run.scenario["connections_opened"] >= 1
    assert run.totals["connect_ms"]["count"] == run.scenario["connections_opened"]
    assert run.totals["handshakes_resumed"] == 0
    assert sum(bucket[1] for bucket in run.totals["histograms"]["handshake"]["buckets"]) == \
        run.totals["handshake_ms"]["count"]


@pytest.mark.parametrize("kind, sentence", [
    ("expired", "the certificate expired on 20"),
    ("wrong_name", "the certificate is for elsewhere.example, not localhost"),
    ("self_signed", "the certificate is self-signed"),
    ("unknown_authority", "the certificate's authority is unknown: "),
])
def test_a_bad_certificate_is_unreachable_and_named(squadload, nginx_tls, certificates, kind, sentence):
    server = nginx_tls(getattr(certificates, kind))
    run = squadload("run", local(server), "--ca-file", certificates.authority, "--rate", 5, "--requests", 5)
    assert run.code == 3
    assert sentence in run.err
    assert "--insecure" in run.err
    assert server.access_log() == [], "no request is sent"
    insecure = squadload("run", local(server), "--insecure", "--rate", 5, "--requests", 5)
    assert insecure.code == 0, insecure.err
    assert insecure.totals["ok"] == 5


def test_a_client_certificate(squadload, nginx_tls, certificates, tmp_path):
    server = nginx_tls(certificates.server, certificates.authority)
    file = tmp_path / "load.yaml"
    file.write_text(f"""
target:
  host: {local(server)}
  tls: {{ca_file: {certificates.authority}, certificate_file: {certificates.client},
        key_file: {certificates.key(certificates.client)}, max_version: 1.2}}
users: {{Visitor: {{tasks: {{page: {{path: /health}}}}}}}}
scenarios: {{s: {{rate: 20, requests: 5}}}}
""")
    run = squadload("run", "--config", file)
    assert run.code == 0, run.out + run.err
    assert run.scenario["tls"].startswith("TLSv1.2 ")


def test_without_a_client_certificate_nginx_answers_400(squadload, nginx_tls, certificates):
    server = nginx_tls(certificates.server, certificates.authority)
    run = squadload("run", local(server), "--ca-file", certificates.authority, "--rate", 20, "--requests", 5)
    assert run.totals["outcomes"]["client_error"] == 5


def test_sessions_are_resumed_when_asked_for(squadload, nginx_tls, certificates, tmp_path):
    server = nginx_tls(certificates.server)
    file = tmp_path / "load.yaml"
    file.write_text(f"""
target:
  host: {local(server)}
  headers: {{Connection: close}}
  tls: {{ca_file: {certificates.authority}, session_reuse: true}}
users: {{Visitor: {{tasks: {{page: {{path: /health}}}}}}}}
scenarios: {{s: {{users: 1, requests: 10}}}}
""")
    run = squadload("run", "--config", file)
    assert run.code == 0, run.out + run.err
    assert run.totals["handshake_ms"]["count"] == 10
    assert run.totals["handshakes_resumed"] == 9


@pytest.mark.parametrize("backend", ["epoll", "io_uring"])
def test_try_shows_plaintext(squadload, nginx_tls, certificates, tmp_path, backend):
    server = nginx_tls(certificates.server)
    file = tmp_path / "load.yaml"
    file.write_text(f"target: {{host: '{local(server)}', tls: {{ca_file: {certificates.authority}}}}}\n"
                    "users: {Visitor: {tasks: {page: {path: /health}}}}\nscenarios: {s: {rate: 1, requests: 1}}\n")
    run = squadload("try", "--config", file, "--backend", backend)
    if run.code == 2 and "io_uring" in run.err:
        pytest.skip(run.err)
    assert run.code == 0, run.out + run.err
    assert "> GET /health HTTP/1.1" in run.out
    assert "< HTTP/1.1 200 OK" in run.out
    assert '{"status":"healthy"}' in run.out
    assert ", TLS " in run.out and "TLSv1.3 TLS_AES_256_GCM_SHA384" in run.out


def test_files_and_settings_that_cannot_be_used(squadload, tmp_path):
    url = "https://localhost:1"
    missing = squadload("run", url, "--ca-file", tmp_path / "none.pem")
    assert missing.code == 2
    assert f"--ca-file: cannot read {tmp_path}/none.pem" in missing.err
    file = tmp_path / "load.yaml"
    file.write_text(f"target:\n  host: {url}\n  tls: {{min_version: 1.1}}\n"
                    "users: {V: {tasks: {p: {path: /}}}}\nscenarios: {s: {rate: 1, requests: 1}}\n")
    version = squadload("run", "--config", file)
    assert version.code == 2
    assert "load.yaml:3:" in version.err and "1.2" in version.err


def test_a_plain_server_is_said_to_be_one(squadload, nginx):
    run = squadload("run", f"https://localhost:{nginx.port}", "--rate", 5, "--requests", 5)
    assert run.code == 3
    assert "the server does not speak TLS on this port; is it an http:// target?" in run.err
