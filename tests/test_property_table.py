"""The table of properties in the documentation is what the tests show, for every family."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra 'local'")

from tests.families import NAMES
from tests.property_table import PAGE, page_with, shown


def test_the_table_in_the_documentation_is_what_the_tests_show() -> None:
    text = PAGE.read_text("utf-8")
    assert page_with(text) == text, "stale: run python -m tests.property_table"


def test_every_property_is_shown_for_every_family() -> None:
    for number, tests in shown().items():
        assert {family for families in tests.values() for family in families} == set(NAMES), number
