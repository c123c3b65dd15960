"""The face of the package: light to import, and no room overwrites a verb."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import ftkit

HEAVY = ("torch", "transformers", "openai", "anthropic", "google", "rich", "typer", "pydantic")
VERBS = [name for name in ftkit.__all__ if name != "errors"]


def test_import_loads_nothing_heavy() -> None:
    code = f"import ftkit, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verbs_are_still_functions_after_every_module_was_imported() -> None:
    for module in pkgutil.walk_packages(ftkit.__path__, "ftkit."):
        importlib.import_module(module.name)
    for verb in VERBS:
        assert inspect.isfunction(getattr(ftkit, verb)), verb


def test_no_module_of_the_package_bears_a_verbs_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(ftkit.__path__)}
    assert modules.isdisjoint(VERBS)


def test_every_verb_is_documented_and_typed() -> None:
    for verb in VERBS:
        function = getattr(ftkit, verb)
        assert inspect.getdoc(function), verb
        hints = inspect.signature(function)
        assert hints.return_annotation is not inspect.Signature.empty, verb
        assert all(p.annotation is not inspect.Parameter.empty for p in hints.parameters.values())


@pytest.mark.parametrize("name", __import__("ftkit.types", fromlist=["x"]).__all__)
def test_types_are_re_exported_not_defined(name: str) -> None:
    types = importlib.import_module("ftkit.types")
    assert getattr(types, name).__module__ != "ftkit.types"
