"""The layer and style checks: this tree passes, and a planted violation is found."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layers = load("check_layers")
style = load("check_style")


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


HOUSE = {
    "src/base/error.h": "#pragma once\n",
    "src/load/pacing/schedule.h": '#pragma once\n#include "base/error.h"\n',
    "src/load/engine/engine.h": '#pragma once\n#include "load/pacing/schedule.h"\n',
    "src/load/transport/loop.h": '#pragma once\n#include <tl/expected.hpp>\n',
    "src/target/stack/stack.h": '#pragma once\n#include "base/error.h"\n',
    "src/yaml/reader.cc": "#include <yaml-cpp/yaml.h>\n",
    "apps/squadload/main.cc": '#include "load/engine/engine.h"\n',
}


def test_this_tree_keeps_the_layers():
    assert layers.check(ROOT) == []


def test_a_sound_house_has_no_layer_problem(tmp_path):
    plant(tmp_path, HOUSE)
    assert layers.check(tmp_path) == []


@pytest.mark.parametrize("name, text, expected", [
    ("src/base/bad.cc", '#include "load/engine/engine.h"\n', "src/base/bad.cc:1: base includes the higher room load/engine"),
    ("src/load/transport/bad.h", '\n#include "load/pacing/schedule.h"\n', ":2: load/transport must not know load/pacing"),
    ("src/load/engine/bad.cc", '#include "target/stack/stack.h"\n', "load/engine must not know target/stack"),
    ("src/target/squad_api/bad.cc", "#include <boost/beast/http.hpp>\n", "belongs in target/service only"),
    ("src/base/bad.cc", "#include <yaml-cpp/yaml.h>\n", "belongs in yaml only"),
    ("src/load/engine/bad.cc", "#  include <CLI/CLI.hpp>\n", "belongs in apps, cli, target/program only"),
    ("apps/squadload/bad.cc", "#include <llhttp.h>\n", "belongs in load/http only"),
    ("src/report/bad.h", "#include <nlohmann/json.hpp>\n", "belongs in a .cc file"),
    ("src/yaml/bad.h", "#include <yaml-cpp/yaml.h>\n", "belongs in a .cc file"),
    ("src/kitchen/bad.cc", "\n", "lies in no known room"),
    ("src/base/bad.cc", '#include "error.h"\n', "not a path below src/"),
])
def test_a_planted_layer_violation_is_found(tmp_path, name, text, expected):
    plant(tmp_path, HOUSE | {name: text})
    problems = layers.check(tmp_path)
    assert len(problems) == 1
    assert expected in problems[0]


def test_every_room_is_listed_and_listed_rooms_exist():
    assert [r for r in layers.ROOMS if not (ROOT / "src" / r).is_dir()] == []
    for room, others in layers.NOT_BELOW.items():
        assert all(layers.ROOMS.index(o) < layers.ROOMS.index(room) for o in others)


def test_this_tree_keeps_the_style():
    assert style.check(ROOT, style.files_of(ROOT)) == []


@pytest.mark.parametrize("name, text, expected", [
    ("src/base/a.h", "int a;\n", "no #pragma once"),
    ("src/base/a.cc", "int a = 0;  // " + "x" * 100 + "\n", "columns, at most 100"),
    ("src/base/a.cc", "int a;\n" * 601, "601 lines"),
    ("src/base/a.cc", "int a;", "no newline"),
    ("src/base/a_test.cc", "void f() { std::this_thread::sleep_for(1s); }\n", "tests do not sleep"),
    ("src/report/a.cc", 'void f() { std::cout << "x"; }\n', "only apps and cli print"),
    ("src/base/a.cc", "int f() { return rand(); }\n", "seeded"),
    ("src/load/engine/a.cc", "auto t = std::chrono::steady_clock::now();\n", "clocks are read"),
    ("src/load/engine/a.cc", "auto t = time(nullptr);\n", "clocks are read"),
    ("docs/a.md", "FIX" + "ME later\n", "unfinished"),
])
def test_a_planted_style_violation_is_found(tmp_path, name, text, expected):
    plant(tmp_path, {"src/base/README.md": "", "src/report/README.md": "", "src/load/engine/README.md": "", name: text})
    problems = style.check(tmp_path, [name])
    assert len(problems) == 1
    assert expected in problems[0]


@pytest.mark.parametrize("name, text", [
    ("src/base/a.cc", '// rand() in a comment\nconst char* s = "std::cout rand() \\" time(0)";\nint operand(int);\n'),
    ("src/base/a.cc", 'auto s = R"(std::cout << "x")"; auto c = \'"\'; auto n = 1\'000; auto t = "a";\n'),
    ("src/load/transport/loop.cc", "auto t = std::chrono::steady_clock::now();\n"),
    ("src/base/a.cc", "auto t = response_time(0);\n"),
    ("apps/squadload/main.cc", 'int main() { std::cout << "hello\\n"; }\n'),
])
def test_innocent_lines_pass(tmp_path, name, text):
    plant(tmp_path, {"src/base/README.md": "", "src/load/transport/README.md": "", name: text})
    assert style.check(tmp_path, [name]) == []


def test_a_room_without_a_readme_is_found(tmp_path):
    plant(tmp_path, {"src/base/a.cc": "int a;\n"})
    assert style.check(tmp_path, ["src/base/a.cc"]) == ["src/base:1: the room has no README.md"]
