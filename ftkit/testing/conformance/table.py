"""The capability table: what the tests of each method came to, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ftkit.testing.conformance.capabilities import capabilities


@dataclass(frozen=True, slots=True)
class Line:
    """One capability. `has` is yes, no, FAILS or not judged; `why` says why not, or which tests failed."""

    part: str
    name: str
    has: str
    why: str = ""


@dataclass(slots=True)
class Table:
    """Filled while the suite runs: `lacks` once the backend is open, an outcome for each test."""

    lacks: dict[str, str] = field(default_factory=dict)
    passed: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def add(self, outcome: str, names: Sequence[str], test: str, why: str) -> None:
        """Count one test for every capability that it judges."""
        into: Mapping[str, dict[str, list[str]]] = {
            "passed": self.passed,
            "failed": self.failed,
            "skipped": self.skipped,
        }
        for name in names:
            into[outcome].setdefault(name, []).append(why if outcome == "skipped" else test)

    def lines(self) -> list[Line]:
        """One line a capability, in the contract's order; a part is there where anything of it works."""
        lines = [self._line(part, name) for part, name in capabilities()]
        working = {line.part for line in lines if line.has == "yes"}
        return [
            Line(line.part, line.name, "yes")
            if line.has == "not judged" and line.name == line.part and line.part in working
            else line
            for line in lines
        ]

    def _line(self, part: str, name: str) -> Line:
        if name in self.failed:
            return Line(part, name, "FAILS", ", ".join(self.failed[name]))
        if name in self.lacks:
            return Line(part, name, "no", self.lacks[name])
        if name in self.passed:
            return Line(part, name, "yes")
        return Line(part, name, "not judged", ", ".join(dict.fromkeys(self.skipped.get(name, []))))

    def markdown(self, backend: str) -> str:
        """The table for a documentation page."""
        rows = [
            f"| {line.part} | {line.name} | {line.has} | {line.why.replace('|', '/')} |"
            for line in self.lines()
        ]
        head = [
            f"# What {backend} can do",
            "",
            "| part | what | has it | why |",
            "|---|---|---|---|",
        ]
        return "\n".join([*head, *rows]) + "\n"

    def text(self) -> list[str]:
        """The table for a terminal."""
        return [
            f"{line.part:<10} {line.name:<13} {line.has:<10} {line.why}".rstrip()
            for line in self.lines()
        ]
