"""Words as tokens: a renderer without a tokenizer, for stand-in providers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ftkit.data.example import Message
from ftkit.data.tokens import IGNORED, Rendered

_START, _END = "<|im_start|>", "<|im_end|>"


class WordRenderer:
    """One token a word; a turn is `<|im_start|>`, the role, the words and `<|im_end|>`, which is trained with an answer."""

    fingerprint = "words-1"
    control_tokens = frozenset((_START, _END))

    def __init__(self, max_length: int | None = None) -> None:
        self.max_length = max_length
        self._words: dict[int, str] = {}

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        """One sequence; answers are trained."""
        ids: list[int] = []
        labels: list[int] = []
        for message in messages:
            head, body = (
                self._ids([_START, message.role]),
                self._ids([*message.content.split(), _END]),
            )
            learned = train_on == "all" or message.role == "assistant"
            ids += head + body
            labels += [IGNORED] * len(head) + (body if learned else [IGNORED] * len(body))
        return (Rendered(tuple(ids), tuple(labels)),)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """All turns, and the head of the answer."""
        return (*self.render(messages)[0].ids, *self._ids([_START, "assistant"]))

    def decode(self, ids: Sequence[int]) -> str:
        """The words, joined by spaces."""
        return " ".join(self._words[id] for id in ids)

    def tokens(self, rendered: Rendered) -> list[tuple[str, bool]]:
        """Each word with whether it is trained."""
        pairs = zip(rendered.ids, rendered.labels, strict=True)
        pieces = [(self._words[id], label != IGNORED) for id, label in pairs]
        return [(" " * (index > 0) + word, trained) for index, (word, trained) in enumerate(pieces)]

    def _ids(self, words: Sequence[str]) -> list[int]:
        ids = [
            int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest()) for word in words
        ]
        self._words.update(zip(ids, words, strict=True))
        return ids
