"""The contract of a format: how the object of one row becomes an Example."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
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
    def carries(self) -> frozenset[str]:
        """The features that its rows can hold, by their words in `features.WORDS`."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The features without which there is no row of this format."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields that become the Example; all others are extra columns."""

    @property
    def json_columns(self) -> tuple[str, ...]:
        """The columns whose cells may hold JSON where rows come from a table of texts."""

    @property
    def follows(self) -> str | None:
        """The format that has the same fields, and is meant where a row has no mark of this one."""

    @property
    def watched(self) -> tuple[str, ...]:
        """Fields under which a row may have such a mark though it has no fault in the format that is followed."""

    @property
    def by_values(self) -> bool:
        """Whether `sniff` looks at more than the names of the fields, so that each row is asked about."""

    @property
    def notes(self) -> Mapping[str, str]:
        """What is to be told of a field, where a file has it."""

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row, as faults without a place."""

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """How well a row fits, 0 for not at all, and in words why; 2 for a mark that only this format has."""

    def write(self, example: Example) -> dict[str, Any]:
        """The row that reads back as this Example, which has no feature but those that are carried. See `writing`."""


class Usual:
    """What most formats say of themselves; one that differs says it."""

    __slots__ = ()

    needs: tuple[str, ...] = ()
    json_columns: tuple[str, ...] = ()
    follows: str | None = None
    watched: tuple[str, ...] = ()
    by_values: bool = False
    notes: Mapping[str, str] = MappingProxyType({})


class OfTurns(Usual):
    """A format of whole conversations; `system` is put before those that have no system text of their own."""

    __slots__ = ()

    name: str
    reads: tuple[str, ...]
    system: str | None

    @property
    def identity(self) -> str:
        """The added system message changes what is learned."""
        return f"{self.name} {self.system!r}"

    def columns(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """All but what the model reads."""
        return {key: value for key, value in values.items() if key not in self.reads}


_FOR_THE_MODEL = ("tools", "functions", "tool_choice", "image", "images", "videos", "audios")


def beside_faults(
    name: str, values: Mapping[str, Any], read: Collection[str] = ()
) -> Iterator[Fault]:
    """Columns that are meant for the model, and not among those that are read."""
    for key in _FOR_THE_MODEL:
        # as text such a column is only data about the row
        if key not in read and isinstance(values.get(key), list | dict) and not empty(values[key]):
            yield Fault(f"{name!r} cannot carry {key!r}: use the format 'chat'", field=key)


def by_fields(wants: tuple[str, ...], values: Mapping[str, Any]) -> tuple[int, str]:
    """The `sniff` of a format that is known by the names of its fields."""
    missing = [field for field in wants if field not in values]
    if missing:
        return 0, f"no {' and no '.join(map(repr, missing))}"
    return 1, f"has {' and '.join(map(repr, wants))}"


def empty(value: Any) -> bool:
    """True where a field says nothing: null, [] or {}, as table formats fill in for a missing field."""
    return value is None or value == [] or value == {}
