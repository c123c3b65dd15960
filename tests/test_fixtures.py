"""Fixtures of a plugin are everybody's: of two with one name the last loaded would serve the tests of both."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent


def plugins() -> set[Path]:
    """The modules that tests name in `pytest_plugins`."""
    found: set[Path] = set()
    for path in HERE.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytest_plugins":
                for name in ast.literal_eval(node.value):
                    found.add(HERE.parent / f"{name.replace('.', '/')}.py")
    return found


def fixtures(path: Path) -> list[str]:
    """The names of a module's fixtures."""
    return [
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any("fixture" in ast.unparse(mark) for mark in node.decorator_list)
    ]


def test_no_two_plugins_have_a_fixture_of_one_name() -> None:
    names = Counter(name for path in plugins() for name in fixtures(path))
    assert len(names) >= 8
    assert [name for name, count in names.items() if count > 1] == []
