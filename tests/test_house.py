"""The rules of the house: who imports whom, and how long a layer may be."""

import ast
import sys
from pathlib import Path

import pytest

from compare.layers.table import LAYERS

HOUSE = Path(__file__).parent.parent
MAY_IMPORT = {"reference": {"numpy", "reference"}, "torch_impl": {"torch", "torch_impl"},
              "compare": {"numpy", "torch", "reference", "torch_impl", "compare"}}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_one_way(folder):
    for path in (HOUSE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else (
                [node.module] if isinstance(node, ast.ImportFrom) and not node.level else [])
            roots = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
            assert roots <= MAY_IMPORT[folder], path.name


def test_each_layer_is_three_files_and_a_row():
    for stem in LAYERS:
        for path in f"reference/{stem}.py", f"reference/{stem}.md", f"torch_impl/{stem}.py":
            assert (HOUSE / path).is_file(), path


@pytest.mark.parametrize("stem", LAYERS)
def test_a_layer_stays_short(stem):
    # attention and gpt are made of many parts; flash_attention has a loop in a loop, twice
    limit = {"attention": 100, "flash_attention": 90, "gpt": 150}.get(stem, 60)
    lines = (HOUSE / "reference" / f"{stem}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < limit


def test_the_code_is_ascii_so_that_every_console_can_show_it():
    for folder in MAY_IMPORT:
        for path in (HOUSE / folder).rglob("*.py"):
            assert path.read_text(encoding="utf-8").isascii(), path.name
