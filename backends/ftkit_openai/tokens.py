"""Tokens as OpenAI bills them: o200k_base, and 3 special tokens, the role and the content for each message.

What is only estimated (tools, names, images) is counted as the most that it should be, and said by `cautions`.

The vocabulary comes from the package bpe-openai, which carries it: tiktoken downloads it at first use, and takes the
wrong one for `ft:gpt-4.1...`. The markers' ids lie outside of that vocabulary, so they are known here.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from ftkit.catalogue import ImageFacts
from ftkit.data.example import Example, Message
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import ConfigError, DataError, Fault, NotInstalled
from ftkit.words import nearest
from ftkit_openai import images, tool_tokens

_ENCODING = "o200k_base"
# All of them were switched off on 2026-10-23; their prices stay in the catalogue.
_OLDER = {"gpt-3.5": "cl100k_base", "davinci-002": "cl100k_base", "babbage-002": "cl100k_base"}
_MARKERS = {200264: "<|im_start|>", 200265: "<|im_end|>", 200266: "<|im_sep|>"}
_START, _END, _SEP = _MARKERS
# Tokens of an image are in no vocabulary: the first one stands for it, and these are the others.
_IMAGE, _IMAGE_REST = -1, -2
_SHOWN = {
    **{id: text.encode() for id, text in _MARKERS.items()},
    _IMAGE: b"<image>",
    _IMAGE_REST: b"",
}
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
_SCHEMAS_KEPT = 256
_NAMED = (
    "the name of a speaker is counted as OpenAI's cookbook counts it in questions, its text and 1 token more; not verified "
    "for training"
)


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
    """Fulfils `ftkit.data.tokens.Renderer`: a turn is `<|im_start|>`, role, `<|im_sep|>`, content, `<|im_end|>`.

    A call is a turn of its own that is addressed to its function; the tools themselves are counted by `tool_tokens`.
    """

    control_tokens = CONTROL_TOKENS

    def __init__(
        self,
        model: str,
        max_length: int | None,
        image_facts: ImageFacts | None = None,
        without_images: str | None = None,
    ) -> None:
        """`max_length` in tokens; `without_images` says why images are refused where there are no facts about them.

        Raises NotInstalled where the vocabulary is not at hand.
        """
        self.max_length = max_length
        name = encoding_name(model)
        self._encoding = _encoding(name)
        self._schemas: dict[str, int] = {}
        self._images = image_facts
        self._without_images = without_images or f"{model} cannot be trained on images"
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
        ids: list[int] = []
        labels: list[int] = []
        for number, head, body in self._turns(messages):
            message = messages[number]
            learned = (
                message.role == "assistant"
                and message.trained is not False
                and (train_on != "last" or number == len(messages) - 1)
            )
            ids += head + body
            labels += [IGNORED] * len(head)
            labels += body if learned else [IGNORED] * len(body)
        return (Rendered(tuple(ids), tuple(ids if train_on == "all" else labels)),)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The ids before an answer, the 3 that prime it included; DataError where there is no message."""
        if not messages:
            raise DataError("there is no message to answer")
        ids = [id for _, head, body in self._turns(messages) for id in head + body]
        return (*ids, _START, *self._plain("assistant"), _SEP)

    def turn_tokens(self, messages: Sequence[Message]) -> int:
        """3 special tokens, the role and the content of each."""
        return sum(len(head) + len(body) for _, head, body in self._turns(messages))

    def tool_tokens(self, example: Example) -> int:
        """The most tokens that a row can have for its tools; DataError for a control token in them."""
        if not tool_tokens.about_tools(example):
            return 0
        schemas = self._schema_tokens(example.tools) if example.tools else 0
        return tool_tokens.tool_tokens(example, self._count, schemas)

    def cautions(self, example: Example) -> tuple[str, ...]:
        """What is estimated in a row, and what OpenAI may pass over."""
        turns = (*example.messages, *example.rejected)
        found = [tool_tokens.CAUTION] if tool_tokens.about_tools(example) else []
        if any(turn.name is not None for turn in turns):
            found.append(_NAMED)
        if self._images is not None:
            pictures = [image for turn in turns for image in turn.images]
            found += images.cautions(pictures, self._images)
        return tuple(found)

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

    def _turns(self, messages: Sequence[Message]) -> Iterator[tuple[int, list[int], list[int]]]:
        """(message, what stands before the content, the content with its end); a call of a tool is a turn of its own."""
        pictures = self._pictures(messages)
        functions: dict[str, str] = {}
        for number, message in enumerate(messages):
            who = f"message {number + 1} ({message.role})"
            speaker = [_START, *self._plain(message.role)]
            if message.name is not None:
                self._refuse_control(message.name, who)
                speaker += [*self._plain(":"), *self._plain(message.name)]
            self._refuse_control(message.content, who)
            if message.content or message.parts or not message.tool_calls:
                head = list(speaker)
                if (function := functions.get(message.tool_call_id or "")) is not None:
                    head += self._plain(f" functions.{function}")
                yield number, [*head, _SEP], [*self._content(number, message, pictures), _END]
            for call in message.tool_calls:
                for text in (call.name, call.arguments, call.id):
                    self._refuse_control(text, who)
                functions[call.id] = call.name
                asked = [*self._plain(f" to=functions.{call.name}"), _SEP]
                yield number, speaker, [*asked, *self._plain(call.arguments), _END]

    def _content(
        self, number: int, message: Message, pictures: Mapping[tuple[int, int], int]
    ) -> list[int]:
        ids: list[int] = []
        for place, part in enumerate(message.parts or (message.content,)):
            if isinstance(part, str):
                ids += self._plain(part)
            else:
                ids += [_IMAGE, *[_IMAGE_REST] * (pictures[number, place] - 1)]
        return ids

    def _pictures(self, messages: Sequence[Message]) -> Mapping[tuple[int, int], int]:
        """Tokens of each image; DataError names those that cannot be trained."""
        if self._images is not None:
            return images.counted(messages, self._images)
        fields = [f"messages[{n}].content" for n, message in enumerate(messages) if message.images]
        if fields:
            faults = [Fault(self._without_images, field=field) for field in fields]
            raise DataError("the row holds images", faults)
        return {}

    def _schema_tokens(self, tools: Sequence[Mapping[str, Any]]) -> int:
        """Counted once for the many rows that have the same tools."""
        written = json.dumps(list(tools), ensure_ascii=False)
        if written not in self._schemas:
            self._refuse_control(written, "the row's list of tools")
            if len(self._schemas) >= _SCHEMAS_KEPT:
                self._schemas.clear()
            self._schemas[written] = tool_tokens.schema_tokens(tools, self._count)
        return self._schemas[written]

    def _count(self, text: str) -> int:
        return len(self._plain(text))

    def _refuse_control(self, text: str, who: str) -> None:
        for token in CONTROL_TOKENS:
            if token in text:
                raise DataError(
                    f"{who} holds the control token {token}, for which OpenAI fails the whole job after the upload; take "
                    "it out of the text"
                )

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._encoding.encode_ordinary(text)
        return ids

    def _bytes(self, id: int) -> bytes:
        if id in _SHOWN:
            return _SHOWN[id]
        try:
            found: bytes = self._encoding.decode_single_token_bytes(id)
        except (KeyError, ValueError, OverflowError) as error:
            raise DataError(f"there is no token {id} in {self._encoding.name}") from error
        return found
