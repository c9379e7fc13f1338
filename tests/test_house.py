"""The rules of the house: who imports whom, how long a file may be, one name for one thing."""

import ast
import collections
import functools
import sys

import pytest

from compare.layers.source import HOUSE, path_of, read, torch_path
from compare.layers.table import LAYERS

MAY_IMPORT = {"reference": {"numpy", "reference"}, "torch_impl": {"torch", "torch_impl"},
              "compare": {"numpy", "torch", "reference", "torch_impl", "compare"}}
FLOORS = [  # of compare/: a room imports from the floors below it, and of its own floor itself alone
    {"layers", "text", "words", "progress", "svg"}, {"files", "apart"}, {"checks", "mutants"},
    {"training", "grading"}, {"bench", "labs"}, {"book"}, {"__main__"}]
ROOMS = sorted(path.name for path in (HOUSE / "compare").iterdir() if (path / "__init__.py").exists())


@functools.cache
def imports(path):
    """Return (dotted module, its line) of each import in a file of the house, whole names."""
    package, found = path.relative_to(HOUSE).parent.parts, []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else ()
            base = ".".join([*base, *filter(None, [node.module])])
            found += [(f"{base}.{alias.name}", node.lineno) for alias in node.names]
    return found


def files(folder):
    return sorted((HOUSE / folder).rglob("*.py"))


def room_of(path):
    """Return the room of compare/ that a file is in, or the stem of a file beside the rooms."""
    parts = path.relative_to(HOUSE / "compare").with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_one_way(folder):
    for path in files(folder):
        roots = {name.split(".")[0] for name, _ in imports(path)} - set(sys.stdlib_module_names)
        assert roots <= MAY_IMPORT[folder], path


def test_layers_are_the_plain_maths():
    for path in (HOUSE / "reference").glob("*.py"):
        for name, line in imports(path):
            assert not name.startswith(("reference.fast", "reference.labs")), f"{path}:{line}"
    for path in files("reference/tools"):
        for name, line in imports(path):
            assert not name.startswith("reference.") or name.startswith("reference.tools."), \
                f"{path}:{line}"


def test_a_room_imports_only_from_the_floors_below():
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    assert {*ROOMS, "words", "progress", "svg", "apart", "__main__"} == set(floor) and len(FLOORS) <= 7
    for path in files("compare"):
        for name, line in imports(path):
            if name.startswith("compare.") and (room := name.split(".")[1]) != room_of(path):
                assert floor[room] < floor[room_of(path)], f"{path}:{line} imports {name}"


def test_only_what_runs_imports_torch_on_the_way_to_the_command_line():
    for path in [HOUSE / "compare" / "__main__.py", *(HOUSE / "compare").glob("*/command.py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                assert "torch" not in [alias.name for alias in node.names], path


def test_each_layer_is_three_files_and_a_row():
    for stem in LAYERS:
        for path in path_of(stem), path_of(stem, ".md"), torch_path(stem):
            assert (HOUSE / path).is_file(), path


@pytest.mark.parametrize("stem", LAYERS)
def test_a_layer_stays_short(stem):
    # both attentions and the models have many parts; flash_attention has a loop in a loop, twice
    limit = {"attention": 100, "flash_attention": 90, "gpt": 150, "llama": 165,
             "attention_only": 80, "grouped_attention": 105, "megabyte": 143}.get(stem, 60)
    assert len(read(path_of(stem)).splitlines()) <= limit


def test_files_and_functions_of_compare_stay_short():
    for path in files("compare"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 50, f"{path}: {node.name}"


def test_one_name_is_one_thing():
    owners = collections.defaultdict(list)
    helpers = [path for path in (HOUSE / "tests").glob("*.py") if not path.stem.startswith("test_")]
    for path in [*files("compare"), *helpers]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                owners[node.name].append(path.name)
    shared = {name for name, paths in owners.items() if len(paths) > 1}
    # of each room's commands; of each process; of each picture; of each lab (three); of a source and
    # of a GGUF file
    assert shared <= {"declare", "main", "draw", "experiment", "plot", "own", "read"}


@pytest.mark.parametrize("room", ["reference", "reference/tools", "reference/fast",
                                  "reference/labs", "tests",
                                  *(path.parent.relative_to(HOUSE).as_posix()
                                    for path in (HOUSE / "compare").rglob("__init__.py"))])
def test_each_room_says_why_it_is_there(room):
    assert (HOUSE / room / "README.md").read_text(encoding="utf-8").startswith("# ")


def test_the_tests_mirror_the_rooms():
    for path in (HOUSE / "tests").rglob("test_*.py"):
        room = path.parent.relative_to(HOUSE / "tests")
        assert (HOUSE / room).is_dir(), path


def test_the_front_door_is_a_front_door():
    assert len((HOUSE / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_code_is_ascii_so_that_every_console_can_show_it():
    for folder in MAY_IMPORT:
        for path in files(folder):
            assert path.read_text(encoding="utf-8").isascii(), path.name


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_line_of_code_is_no_longer_than_a_hundred_characters(folder):
    for path in files(folder):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert len(line) <= 100, f"{path}:{number}"
