"""The contract of a format: how the object of one row becomes an Example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ftkit.data.example import Example
from ftkit.errors import Fault


class Layout(Protocol):
    """How stored rows are read. Frozen, and picklable."""

    @property
    def name(self) -> str:
        """The word for `format=`, and for messages."""

    @property
    def identity(self) -> str:
        """Everything about this reading that changes what is learned; part of the data set's hash."""

    @property
    def mapped(self) -> tuple[str, ...]:
        """Columns that became messages: not extra columns, but still there to group by."""

    def example(self, values: Mapping[str, Any]) -> Example:
        """The row as an Example; the row has passed `faults`."""

    def columns(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row's columns by name: the mapped ones and the extra ones."""


class Format(Layout, Protocol):
    """A layout that files come in."""

    @property
    def wants(self) -> tuple[str, ...]:
        """The fields by which a row of this format is known; `faults` finds fault with a row that lacks one."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields that become the Example; all others are extra columns."""

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row, as faults without a place."""


def empty(value: Any) -> bool:
    """True where a field says nothing: null, [] or {}, as table formats fill in for a missing field."""
    return value is None or value == [] or value == {}
