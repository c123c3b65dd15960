"""What a row is asked: the words of the user, without the system's."""

from __future__ import annotations

from ftkit.data.example import Example


def asked(example: Example) -> str:
    """All that the user said before the answer; the whole prompt where no user speaks."""
    said = [turn.content for turn in example.prompt if turn.role == "user"]
    return "\n".join(said or [turn.content for turn in example.prompt])


def last_asked(example: Example) -> str:
    """The last thing the user said before the answer, or ""."""
    return next((t.content for t in reversed(example.prompt) if t.role == "user"), "")
