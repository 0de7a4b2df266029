"""The formats of a run beside its metrics file, and `squadload report`, which makes them from one."""

import xml.etree.ElementTree as ElementTree

import pytest


def cases(path):
    root = ElementTree.parse(path).getroot()
    failed = [c for c in root.iter("testcase") if c.find("failure") is not None or c.find("error") is not None]
    assert int(root.get("failures")) + int(root.get("errors")) == len(failed)
    assert int(root.get("tests")) == len(list(root.iter("testcase")))
    return root, failed


def test_junit_and_markdown_tell_the_run(squadload, nginx, tmp_path):
    junit, markdown = tmp_path / "out/junit.xml", tmp_path / "out/summary.md"
    run = squadload("run", nginx.url + "/health", "-r", 20, "-t", "1s", "--junit", junit, "--markdown", markdown)
    assert run.code == 0, run.err
    assert run.out.rstrip().endswith(f"{junit}\n{markdown}")
    root, failed = cases(junit)
    assert not failed
    assert root.find("testsuite").get("name") == run.scenario["name"]
    assert markdown.read_text().startswith("## ✅ PASS")


def test_a_broken_bound_is_a_failure_in_both(squadload, scripted, tmp_path):
    junit, summary = tmp_path / "junit.xml", tmp_path / "step"
    summary.write_text("from another step\n")
    run = squadload("run", scripted.url + "/status/500", "-r", 20, "-t", "1s",
                    env={"SQUADLOAD_JUNIT": str(junit), "GITHUB_STEP_SUMMARY": str(summary)})
    assert run.code == 1
    assert cases(junit)[1]
    assert summary.read_text().startswith("from another step\n## ❌ FAIL")


def test_a_metrics_file_is_rendered_again_as_it_was(squadload, nginx, tmp_path):
    first, again = tmp_path / "first.xml", tmp_path / "again.xml"
    run = squadload("run", nginx.url + "/health", "-r", 20, "-t", "1s", "--junit", first)
    shown = squadload("report", run.metrics_files[0], "--junit", again)
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[:-1] == run.out.splitlines()[:-3]
    assert again.read_text() == first.read_text()


def test_the_report_of_a_failed_run_is_no_failure(squadload, scripted):
    run = squadload("run", scripted.url + "/status/500", "-r", 20, "-t", "1s")
    shown = squadload("report", run.metrics_files[0])
    assert (run.code, shown.code) == (1, 0)
    assert shown.out.lstrip().startswith("FAIL")


@pytest.mark.parametrize("text, sentence", [
    (None, "No such file or directory"),
    ("", "not valid JSON"),
    ("[1, 2]", "schema is missing"),
    ('{"schema": 99}', "schema version 99"),
    ('{"schema": 1}', "is missing"),
])
def test_what_is_no_metrics_file_is_named(squadload, tmp_path, text, sentence):
    file = tmp_path / "m.json"
    if text is not None:
        file.write_text(text)
    run = squadload("report", file)
    assert run.code == 2
    assert sentence in run.err
    assert str(file) in run.err


def test_where_nothing_can_be_written_nothing_is_sent(squadload, scripted, tmp_path):
    run = squadload("run", scripted.url + "/", "-r", 20, "-t", "1s", "--junit", tmp_path)
    assert run.code == 2
    assert "it is a folder" in run.err
    assert not run.metrics_files
