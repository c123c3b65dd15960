"""Rows that a program made from Examples, as `Dataset.map` does. No file comes in this shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example, as_dicts
from ftkit.data.formats.layout import empty
from ftkit.data.formats.turns import row_faults, rows_tools, turn_faults, turns
from ftkit.data.in_memory import to_bytes
from ftkit.data.strict_json import kind_of
from ftkit.errors import DataError, Fault


@dataclass(frozen=True, slots=True)
class Materialised:
    """`mapped` names the columns of the first file that became messages: they stay there to group by."""

    mapped: tuple[str, ...] = ()

    name = "examples"
    identity = "examples"

    def example(self, values: Mapping[str, Any]) -> Example:
        """The Example as it was made."""
        return Example(
            turns(values["messages"]),
            values["fields"],
            tools=rows_tools(values),
            parallel_tool_calls=values.get("parallel_tool_calls"),
            rejected=turns(values.get("rejected") or ()),
        )

    def columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of the first file, under the fields that the row has now."""
        return {**values["columns"], **values["fields"]}


def store(example: Any, columns: Mapping[str, Any]) -> bytes:
    """The bytes of one row; raises DataError with one Fault where it is no Example, or cannot be written."""
    if not isinstance(example, Example):
        raise _bad(f"the function must return an Example, it returned {kind_of(example)}", None)
    if not example.messages:
        raise _bad("an Example needs at least one message", "messages")
    given: dict[str, Any] = {
        "messages": as_dicts(example.messages),
        "tools": list(example.tools),
        "parallel_tool_calls": example.parallel_tool_calls,
        "rejected": as_dicts(example.rejected),
    }
    faults = [*row_faults(given), *turn_faults(given["messages"], "messages")]
    if example.rejected:
        faults += turn_faults(given["rejected"], "rejected")
    if faults:
        raise DataError(faults[0].reason, faults[:1])
    carried = {name: value for name, value in given.items() if not empty(value)}
    return to_bytes({**carried, "fields": example.fields, "columns": columns})


def _bad(reason: str, field: str | None) -> DataError:
    return DataError(reason, [Fault(reason, field=field)])
