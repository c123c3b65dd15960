"""Which characters of a text a finding has told of already, so that nothing is told twice."""

from __future__ import annotations


class Told:
    """Spans of one text; a look costs the span's length, however many there are."""

    def __init__(self, text: str) -> None:
        self._told = bytearray(len(text))

    def take(self, span: tuple[int, int]) -> bool:
        """Mark the span; False where a part of it was marked before."""
        start, end = span
        if any(self._told[start:end]):
            return False
        self._told[start:end] = b"\1" * (end - start)
        return True
