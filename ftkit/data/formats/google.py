"""Rows in the shape of Gemini tuning: {"systemInstruction": {"parts": [...]}, "contents": [{"role", "parts"}], "tools": [...]}."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftkit.data.example import Example
from ftkit.data.formats.google_parts import CARRIES, FIELDS, Contents, row
from ftkit.data.formats.layout import OfTurns
from ftkit.data.formats.row_settings import setting_faults
from ftkit.errors import Fault


@dataclass(frozen=True, slots=True)
class Google(OfTurns):
    """Conversations; `system` is added to rows that have no system instruction of their own."""

    system: str | None = None

    name = "google"
    wants = ("contents",)
    reads = FIELDS
    mapped = ()
    carries = CARRIES - {"rejected"}
    by_values = True

    def example(self, values: Mapping[str, Any]) -> Example:
        """The conversation with its tools; every other column goes to `fields`."""
        contents = Contents()
        contents.row(values, self.system)
        return contents.said.example(self.columns(values))

    def faults(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with one row."""
        yield from setting_faults(self.name, values)
        contents = Contents()
        contents.row(values, self.system)
        yield from contents.said.faults

    def sniff(self, values: Mapping[str, Any]) -> tuple[int, str]:
        """By a list under `contents`; `completions` beside it make the row a preference."""
        if not isinstance(values.get("contents"), list) or "completions" in values:
            return 0, "no list 'contents', or 'completions' beside it"
        return 1, "has 'contents'"

    def write(self, example: Example) -> dict[str, Any]:
        """The system instruction, the turns, the tools, and the further columns."""
        return {**row(example, example.messages), **example.fields}
