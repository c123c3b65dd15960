"""Answering for stand-ins: everything that the contract's Inference asks for, made from two functions.

`record_of` finds a model by its native id, `answer` says what it answers. Streams, async twins and many answers at once
follow from them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass

from ftkit.backend import Answer, Call, ModelRecord, Usage

_PIECE = re.compile(r"\s*\S+|\s+")


@dataclass(frozen=True, slots=True)
class ScriptedInference:
    """Fulfils `ftkit.backend.Inference`; as thread-safe as its two functions are."""

    record_of: Callable[[str], ModelRecord]
    answer: Callable[[ModelRecord, Call], Answer]

    def record(self, native: str) -> ModelRecord:
        """The record of a native id; raises what `record_of` raises for an unknown one."""
        return self.record_of(native)

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        """One answer."""
        return self.answer(record, call)

    def stream(self, record: ModelRecord, call: Call) -> Iterator[str | Answer]:
        """The same answer word by word, and then whole."""
        answer = self.answer(record, call)
        yield from _PIECE.findall(answer.text)
        yield answer

    async def achat(self, record: ModelRecord, call: Call) -> Answer:
        """`chat` in a worker thread."""
        return await asyncio.to_thread(self.answer, record, call)

    async def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        """`stream`, with the answer made in a worker thread."""
        answer = await asyncio.to_thread(self.answer, record, call)
        for piece in _PIECE.findall(answer.text):
            yield piece
        yield answer

    def count_tokens(self, record: ModelRecord, call: Call) -> int:
        """Words are tokens."""
        return _words(call)

    def chat_many(self, record: ModelRecord, calls: Iterable[Call]) -> Iterator[tuple[int, Answer]]:
        """The answers in the order of the calls."""
        for index, call in enumerate(calls):
            yield index, self.answer(record, call)


def echo(record: ModelRecord, call: Call) -> Answer:
    """The question, with the model's name before it: the same call has the same answer; words are tokens.

    `stop` and `max_tokens` cut it as they would any answer.
    """
    kind = "tuned" if record.tuned else "base"
    text = f"{kind} {record.native} answers: {call.messages[-1].content}"
    for end in call.stop:
        text = text.partition(end)[0]
    words = text.split()
    kept = words[: call.max_tokens]
    cut = len(kept) < len(words)
    usage = Usage(_words(call), len(kept))
    return Answer(" ".join(kept) if cut else text, "length" if cut else "stop", usage)


def _words(call: Call) -> int:
    return sum(len(message.content.split()) for message in call.messages)
