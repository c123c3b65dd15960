"""From token ids to the text of an answer while it is written: never half a character, cut before a stop string.

A character may span tokens, and a stop string may span them too; so text that could still turn into either is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

_HALF = "\N{REPLACEMENT CHARACTER}"  # how decoders write bytes that are not a character yet


class AnswerText:
    """The text of one answer; what `push` and `finish` return adds up to `text`."""

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        stops: Sequence[str] = (),
        hidden: Callable[[int], bool] = lambda token: False,
    ) -> None:
        """`decode` maps ids to text; `stops` are non-empty strings; a `hidden` id has no text."""
        self._decode = decode
        self._stops = tuple(stops)
        self._hidden = hidden
        self._ids: list[int] = []
        # Ids up to `_read` are text already; decoding starts at the last piece before them, since some
        # tokenizers drop a space at the start of what they decode.
        self._start = self._read = 0
        self._held = ""
        self._shown: list[str] = []
        self.stopped = False

    @property
    def text(self) -> str:
        """Everything shown so far."""
        return "".join(self._shown)

    def push(self, token: int) -> str:
        """Add a token; return the text that is certain now. `stopped` turns True at a stop string."""
        if self._hidden(token):
            return ""
        self._ids.append(token)
        return self._show(self._decoded(whole=False))

    def finish(self, *, cut_short: bool) -> str:
        """Return what was held back. An answer that was `cut_short` drops the half character at its end."""
        if self.stopped:
            return ""
        rest = self._decoded(whole=True)
        piece = self._show(rest.rstrip(_HALF) if cut_short else rest)
        if not self.stopped:
            piece += self._held
            self._shown.append(self._held)
            self._held = ""
        return piece

    def _decoded(self, *, whole: bool) -> str:
        known = self._decode(self._ids[self._start : self._read])
        now = self._decode(self._ids[self._start :])
        if len(now) <= len(known) or (now.endswith(_HALF) and not whole):
            return ""
        self._start, self._read = self._read, len(self._ids)
        return now[len(known) :]

    def _show(self, fresh: str) -> str:
        self._held += fresh
        # The stop string that is complete first wins, whatever tokens the text came in.
        ends = [
            (place + len(stop), place)
            for stop in self._stops
            if (place := self._held.find(stop)) >= 0
        ]
        if ends:
            self.stopped = True
            certain, self._held = self._held[: min(ends)[1]], ""
        else:
            split = len(self._held) - self._doubtful()
            certain, self._held = self._held[:split], self._held[split:]
        self._shown.append(certain)
        return certain

    def _doubtful(self) -> int:
        """Length of the longest end of the held text that begins a stop string."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0
