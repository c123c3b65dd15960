"""Tokens as OpenAI bills them: o200k_base, and 3 special tokens, the role and the content for each message.

The vocabulary comes from the package bpe-openai, which carries it: tiktoken downloads it at first use, and takes the
wrong one for `ft:gpt-4.1...`. The markers' ids lie outside of that vocabulary, so they are known here.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from ftkit.data.example import Message, only_text
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import ConfigError, DataError, NotInstalled
from ftkit.words import nearest

_ENCODING = "o200k_base"
# All of them were switched off on 2026-10-23; their prices stay in the catalogue.
_OLDER = {"gpt-3.5": "cl100k_base", "davinci-002": "cl100k_base", "babbage-002": "cl100k_base"}
_MARKERS = {200264: "<|im_start|>", 200265: "<|im_end|>", 200266: "<|im_sep|>"}
_START, _END, _SEP = _MARKERS
# A row that holds one of these fails its job after the upload.
CONTROL_TOKENS = frozenset(
    (
        *_MARKERS.values(),
        "<|endoftext|>",
        "<|endofprompt|>",
        "<|fim_prefix|>",
        "<|fim_middle|>",
        "<|fim_suffix|>",
    )
)
_TRAIN_ON = ("assistant", "last", "all")


def base_name(model: str) -> str:
    """`ft:BASE:organisation:suffix:id` without all but the base; any other name as it is."""
    return model.removeprefix("ft:").partition(":")[0] if model.startswith("ft:") else model


def encoding_name(model: str) -> str:
    """The vocabulary of a model, tuned or not."""
    base = base_name(model)
    return next((name for start, name in _OLDER.items() if base.startswith(start)), _ENCODING)


@lru_cache(maxsize=2)
def _encoding(name: str) -> Any:
    if find_spec("bpe_openai") is None:
        raise NotInstalled(
            "tokens of OpenAI's models are counted with bpe-openai, which carries their vocabulary: "
            "pip install 'ftkit[openai]'"
        )
    import bpe_openai

    return bpe_openai.get_encoding(name)


class OpenAIRenderer:
    """Fulfils `ftkit.data.tokens.Renderer`: a turn is `<|im_start|>`, role, `<|im_sep|>`, content, `<|im_end|>`."""

    control_tokens = CONTROL_TOKENS

    def __init__(self, model: str, max_length: int | None) -> None:
        """`max_length` in tokens; raises NotInstalled where the vocabulary is not at hand."""
        self.max_length = max_length
        name = encoding_name(model)
        self._encoding = _encoding(name)
        self.fingerprint = hashlib.sha256(f"openai {name} 1".encode()).hexdigest()

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        """One training sequence. Raises DataError for what cannot be trained, ConfigError for another `train_on`."""
        if train_on not in _TRAIN_ON:
            raise ConfigError(
                f"train_on = {train_on!r} is not a choice{nearest(train_on, _TRAIN_ON)}"
            )
        if not messages or messages[-1].role != "assistant":
            raise DataError(
                "the conversation does not end in an assistant message: there is nothing to learn from its last message"
            )
        only_text([replace(message, trained=None) for message in messages])
        ids: list[int] = []
        labels: list[int] = []
        for number, message in enumerate(messages, 1):
            head, body = self._turn(number, message)
            learned = (
                message.role == "assistant"
                and message.trained is not False
                and (train_on != "last" or number == len(messages))
            )
            ids += head + body
            labels += [IGNORED] * len(head)
            labels += body if learned else [IGNORED] * len(body)
        return (Rendered(tuple(ids), tuple(ids if train_on == "all" else labels)),)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The ids before an answer, the 3 that prime it included; DataError where there is no message."""
        if not messages:
            raise DataError("there is no message to answer")
        only_text([replace(message, trained=None) for message in messages])
        ids: list[int] = []
        for number, message in enumerate(messages, 1):
            head, body = self._turn(number, message)
            ids += head + body
        return (*ids, _START, *self._plain("assistant"), _SEP)

    def turn_tokens(self, messages: Sequence[Message]) -> int:
        """3 special tokens, the role and the content of each."""
        turns = (self._turn(number, message) for number, message in enumerate(messages, 1))
        return sum(len(head) + len(body) for head, body in turns)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids; a character that was cut is U+FFFD."""
        return b"".join(map(self._bytes, ids)).decode("utf-8", "replace")

    def tokens(self, rendered: Rendered) -> list[tuple[str, bool]]:
        """Each piece with whether it is trained: a token, or the few tokens that make up one character."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pieces: list[tuple[str, bool]] = []
        last = len(rendered.ids) - 1
        for place, (id, label) in enumerate(zip(rendered.ids, rendered.labels, strict=True)):
            if text := decoder.decode(self._bytes(id), final=place == last):
                pieces.append((text, label != IGNORED))
        return pieces

    def _turn(self, number: int, message: Message) -> tuple[list[int], list[int]]:
        """What stands before the content, and the content with its end."""
        for token in CONTROL_TOKENS:
            if token in message.content:
                raise DataError(
                    f"message {number} ({message.role}) holds the control token {token}, for which OpenAI fails the "
                    "whole job after the upload; take it out of the text"
                )
        head = [_START, *self._plain(message.role), _SEP]
        return head, [*self._plain(message.content), _END]

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._encoding.encode_ordinary(text)
        return ids

    def _bytes(self, id: int) -> bytes:
        if id in _MARKERS:
            return _MARKERS[id].encode()
        try:
            found: bytes = self._encoding.decode_single_token_bytes(id)
        except (KeyError, ValueError, OverflowError) as error:
            raise DataError(f"there is no token {id} in {self._encoding.name}") from error
        return found
