"""Words as tokens: a renderer for stand-in providers, with a ChatML template and no tokenizer to install.

Ids are hashes of the words, so they are the same in every process. `decode` knows the words that this process has
rendered; there is no way back from a hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from ftkit.data.example import Message, only_text
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import ConfigError, DataError
from ftkit.words import nearest

START, END = "<|im_start|>", "<|im_end|>"

_TRAIN_ON = ("assistant", "last", "all")
_WORD = re.compile(r"\s*\S+|\s+")  # joined, the pieces are the text again
_known: dict[int, str] = {}


class WordRenderer:
    """Fulfils `ftkit.data.tokens.Renderer`. A word with the white space before it is one token.

    A turn is `<|im_start|>`, role and line end, words, `<|im_end|>`, line end. Every answer follows the very ids that
    it is asked with, so a conversation is always one sequence.
    """

    fingerprint = hashlib.sha256(b"ftkit words 1").hexdigest()
    control_tokens = frozenset((START, END))

    def __init__(self, max_length: int | None = None) -> None:
        """`max_length` is in tokens, prompt and answer together."""
        self.max_length = max_length

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        """One training sequence; nothing stands behind the last `<|im_end|>`.

        `train_on`: "assistant" labels every answer up to its `<|im_end|>`, "last" the last one, "all" every token.
        Raises DataError for a conversation that cannot be trained, ConfigError for another `train_on`.
        """
        if train_on not in _TRAIN_ON:
            raise ConfigError(
                f"train_on = {train_on!r} is not a choice{nearest(train_on, _TRAIN_ON)}"
            )
        if not messages or messages[-1].role != "assistant":
            raise DataError(
                "the conversation does not end in an assistant message: there is nothing to learn from its last message"
            )
        if messages[0].role == "assistant":
            raise DataError(
                "the conversation starts with an assistant message, which answers nothing"
            )
        _refuse_control_tokens(messages)
        ids: list[int] = []
        labels: list[int] = []
        for number, message in enumerate(messages, 1):
            last = number == len(messages)
            head = _ids([START, f"{message.role}\n"])
            body = _ids([*_words(message.content), END])
            tail = [] if last else _ids(["\n"])
            answer = message.role == "assistant" and (last or train_on != "last")
            ids += head + body + tail
            labels += [IGNORED] * len(head)
            labels += body if answer else [IGNORED] * len(body)
            labels += [IGNORED] * len(tail)
        return (Rendered(tuple(ids), tuple(ids if train_on == "all" else labels)),)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The ids before an answer to these messages; raises DataError where there is none or one cannot be sent."""
        if not messages:
            raise DataError("there is no message to answer")
        _refuse_control_tokens(messages)
        ids: list[int] = []
        for message in messages:
            ids += _ids([START, f"{message.role}\n", *_words(message.content), END, "\n"])
        return (*ids, *_ids([START, "assistant\n"]))

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids that were rendered in this process; raises DataError for another one."""
        return "".join(map(_word, ids))

    def tokens(self, rendered: Rendered) -> list[tuple[str, bool]]:
        """Each token's text with whether it is trained."""
        pairs = zip(rendered.ids, rendered.labels, strict=True)
        return [(_word(id), label != IGNORED) for id, label in pairs]


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _ids(words: Iterable[str]) -> list[int]:
    ids = []
    for word in words:
        # 7 bytes: wide enough that two words never share an id, narrow enough for a signed 64-bit tensor
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=7).digest()
        id = int.from_bytes(digest, "big")
        _known[id] = word
        ids.append(id)
    return ids


def _word(id: int) -> str:
    try:
        return _known[id]
    except KeyError as error:
        raise DataError(f"no word with the id {id} was rendered in this process") from error


def _refuse_control_tokens(messages: Sequence[Message]) -> None:
    only_text(messages)
    for number, message in enumerate(messages, 1):
        for token in (START, END):
            if token in message.content:
                raise DataError(
                    f"message {number} ({message.role}) holds the control token {token}; take it out of the text"
                )
