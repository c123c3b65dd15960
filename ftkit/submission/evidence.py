"""What shows that a job lives: its newest event, its status, its steps. The ledger keeps it as one text, "EVENT STATUS STEPS"."""

from __future__ import annotations

from dataclasses import dataclass

from ftkit.backend import Remote


@dataclass(frozen=True, slots=True)
class Evidence:
    """The id of the newest event that was seen, and what the provider said of status and steps."""

    event: int
    words: str

    @classmethod
    def parsed(cls, text: str) -> Evidence:
        """What the ledger holds; one of an earlier version has no event in front, and then none was seen."""
        event, _, words = text.partition(" ")
        return cls(int(event), words) if event.isdecimal() else cls(0, text)

    def __str__(self) -> str:
        return f"{self.event} {self.words}"


def words_of(remote: Remote) -> str:
    """Status and steps in one text, to be compared and not read."""
    return f"{remote.raw_status} {remote.progress}"
