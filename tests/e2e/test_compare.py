"""squadload compare: what differs between two runs, and whether that is noise."""

import math
import random

import pytest
from conftest import metrics_from_requests


def metrics(folder, name, seed, factor=1.0, requests=6000, failing=0.0):
    """A run of twenty seconds whose times are spread as those of a real target."""
    rng = random.Random(seed)
    ends = sorted(rng.randrange(0, 20_000_000_000) for _ in range(requests))
    lines = ["task chat POST /agents/chat", "task health GET /health"]
    for end in ends:
        task = int(rng.random() < 0.2)
        time = factor * (2 if task else 350) * math.exp(0.35 * rng.gauss(0, 1))
        outcome = "server_error" if rng.random() < failing else "ok"
        lines.append(f"{task} {outcome} {int(time * 1e6)} 100 {end}")
    file = folder / name
    file.write_bytes(metrics_from_requests("\n".join(lines)))
    return file


def test_the_same_is_no_regression_and_five_percent_more_is_one(squadload, tmp_path):
    a, b = metrics(tmp_path, "a.json", 1), metrics(tmp_path, "b.json", 2)
    slower = metrics(tmp_path, "c.json", 3, factor=1.05)
    same = squadload("compare", a, b)
    assert same.code == 0
    assert same.out.startswith("NO REGRESSION  ")
    found = squadload("compare", b, slower)
    assert found.code == 1
    assert found.out.startswith("REGRESSION  ")
    assert squadload("compare", slower, b).code == 0


def test_the_tolerances_are_the_users(squadload, tmp_path):
    a = metrics(tmp_path, "a.json", 1)
    slower, failing = metrics(tmp_path, "c.json", 3, factor=1.05), metrics(tmp_path, "d.json", 4, failing=0.02)
    assert squadload("compare", a, slower, "--tolerance", "20%").code == 0
    assert squadload("compare", a, slower, "--time-tolerance", "1s").code == 0
    assert squadload("compare", a, failing).code == 1
    assert squadload("compare", a, failing, "--share-tolerance", "5%").code == 0
    for option, value in (("--tolerance", "x"), ("--tolerance", "-1%"), ("--share-tolerance", "200%"), ("--time-tolerance", "soon")):
        wrong = squadload("compare", a, slower, option, value)
        assert wrong.code == 2
        assert option in wrong.err


def test_what_cannot_be_compared_is_said(squadload, tmp_path):
    a = metrics(tmp_path, "a.json", 1, requests=50)
    (tmp_path / "none.json").write_text("{}")
    for second, sentence in ((tmp_path / "absent.json", "No such file"), (tmp_path / "none.json", "schema is missing")):
        run = squadload("compare", a, second)
        assert run.code == 2
        assert sentence in run.err
        assert "Traceback" not in run.err
    assert squadload("compare", a).code == 2
    few = squadload("compare", a, metrics(tmp_path, "b.json", 2, requests=3))
    assert few.code == 0
    assert "too few samples" in few.out


def test_runs_of_the_program_itself(squadload, nginx, tmp_path):
    files = []
    for name, budget in (("a", None), ("b", None), ("void", "1ns")):
        run = squadload("run", nginx.url + "/health", "-r", 200, "-t", "2s", "--output-dir", tmp_path / name,
                        *(["--lag-budget", budget] if budget else []))
        assert run.code in (0, 4), run.err
        files.append(next((tmp_path / name).glob("*.json")))
    assert squadload("compare", *files[:2]).code == 0
    void = squadload("compare", files[0], files[2])
    assert void.code == 4
    assert "run B is VOID" in void.out


def test_the_page_shows_the_same_figures(squadload, read_page, tmp_path):
    a, slower = metrics(tmp_path, "a.json", 1), metrics(tmp_path, "c.json", 3, factor=1.05)
    run = squadload("compare", a, slower, "--html", tmp_path / "page.html")
    assert run.out.rstrip().endswith("page.html")
    seen = read_page(tmp_path / "page.html")
    assert (seen["errors"], seen["requests"], seen["markup"], seen["unnamed"]) == ([], [], 0, 0)
    assert seen["overflow"] <= 0
    assert "REGRESSION" in seen["badge"]
    assert [c["title"].split("req")[0].split("ms")[0] for c in seen["charts"]] == ["Rate and outcomes", "Response time", "Percentiles"]
    assert all(c["colours"] > 2 for c in seen["charts"])
    rows = next(t for t in seen["tables"] if t["section"] == "s0-differences")["rows"]
    assert any(row[0]["text"] == "all" and row[1]["text"] == "p50 response" for row in rows)
    spaced = {" ".join(line.split()) for line in run.out.splitlines()}
    for row in rows:
        if row[0]["text"] != "all":
            continue
        task, figure, in_a, in_b, difference = (c["text"] for c in row[:5])
        assert any(f"{task} {figure} {in_a} {in_b} {difference}" in line for line in spaced), row


@pytest.mark.parametrize("word", ["comparee", "compre"])
def test_a_mistyped_command_is_named(squadload, word):
    run = squadload(word)
    assert run.code == 2
    assert "did you mean compare?" in run.err
