"""Conversations to token ids by Mistral's own tokenizer, for model folders that bring tekken.json or tokenizer.model.vN.

mistral-common encodes; no text lies between. It drops calls and results before the last question, so a row is one sequence
a turn where that happens, and a row of which something is in no sequence is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import ConfigError, DataError, NotInstalled
from ftkit.words import nearest
from ftkit_local.earlier_turns import EarlierTurns, earlier_turns
from ftkit_local.model_folder import max_length_of, mistral_file, read_json
from ftkit_local.tool_schemas import Tools, described, lost
from ftkit_local.unfit_texts import refuse_unfit_texts

_VERSION = "mistral 1"  # of the rules in this file
_TRAIN_ON = ("assistant", "last", "all")
_Ids = tuple[int, ...]


class MistralRenderer:
    """Fulfils `ftkit.data.tokens.Renderer` and `RendersRows`, and what generation asks of a renderer.

    Raises NotInstalled without mistral-common.
    """

    trims: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        file = mistral_file(folder)
        if find_spec("mistral_common") is None:
            raise NotInstalled(
                f"{folder} brings Mistral's own tokenizer, which mistral-common reads: pip install 'ftkit[mistral]'"
            )
        from mistral_common.protocol.instruct.validator import ValidationMode
        from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

        try:
            self._serving = MistralTokenizer.from_file(file, mode=ValidationMode.serving)
            self._training = MistralTokenizer.from_file(file, mode=ValidationMode.finetuning)
        except ImportError as error:
            raise NotInstalled(
                f"{file} needs sentencepiece: pip install 'ftkit[mistral]'"
            ) from error
        inner = self._serving.instruct_tokenizer.tokenizer
        self._inner: Any = inner
        self._end_id = int(inner.eos_id)
        self.stop_ids = frozenset({self._end_id})
        self.pad_id = int(inner.pad_id) if inner.pad_id >= 0 else self._end_id
        special = [id for id in range(min(inner.n_words, 1_200)) if inner.is_special(id)]
        pieces = {id: str(inner.id_to_piece(id)) for id in special}
        self.end_of_turn = pieces.get(self._end_id, "</s>")
        self.control_tokens = frozenset(piece for piece in pieces.values() if len(piece) > 1)
        longest_first = sorted(self.control_tokens, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        config = folder / "config.json"
        self.max_length = max_length_of(read_json(config)) if config.is_file() else None
        parts = (_VERSION.encode(), str(inner.version).encode(), file.read_bytes())
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        self.fingerprint = hashlib.sha256(digests).hexdigest()
        self._whole: set[str] = set()

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        """Training sequences of a conversation; see `ftkit_local.render.ChatRenderer.render`."""
        return self.render_row(Example(tuple(messages)), train_on)

    def render_row(self, example: Example, train_on: str = "assistant") -> tuple[Rendered, ...]:
        """Training sequences of a row: one, or one a turn where earlier turns change once they are over."""
        if train_on not in _TRAIN_ON:
            raise ConfigError(
                f"train_on = {train_on!r} is not a choice{nearest(train_on, _TRAIN_ON)}"
            )
        if not example.messages or example.messages[-1].role != "assistant":
            raise DataError(
                "the conversation does not end in an assistant message: there is nothing to learn from its last message"
            )
        self._refuse(example.messages, example)
        turns = self._turns(example.messages, example.tools)
        self._refuse_dropped(example, turns)
        _, whole = turns[-1]
        if all(whole[: len(one)] == one for _, one in turns):
            answers = [(len(prompt), len(one)) for prompt, one in turns]
            sequences = [(whole, answers[-1:] if train_on == "last" else answers)]
        else:
            wanted = turns[-1:] if train_on == "last" else turns
            sequences = [(one, [(len(prompt), len(one))]) for prompt, one in wanted]
        return tuple(_labelled(ids, spans, train_on == "all") for ids, spans in sequences)

    @cached_property
    def earlier_turns(self) -> EarlierTurns:
        """See `ftkit_local.render.ChatRenderer.earlier_turns`."""
        return earlier_turns(self.render)

    def prompt(self, messages: Sequence[Message]) -> _Ids:
        """The ids that a model is given to answer these messages; raises DataError for what cannot be sent."""
        if not messages:
            raise DataError("there is no message to answer")
        self._refuse(messages, Example(tuple(messages)))
        return self._encode(self._serving, messages, ())

    def prompt_row(self, example: Example) -> _Ids:
        """The ids that the row's last answer is asked with, its tools included."""
        self._refuse(example.prompt, example)
        return self._encode(self._serving, example.prompt, example.tools)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids, control tokens included."""
        from mistral_common.tokens.tokenizers.base import SpecialTokenPolicy

        return str(self._inner.decode(list(ids), special_token_policy=SpecialTokenPolicy.KEEP))

    def tokens(self, rendered: Rendered) -> list[tuple[str, bool]]:
        """The sequence in pieces of text, each with whether it is trained."""
        pieces: list[tuple[str, bool]] = []
        done = ""
        for end in range(1, len(rendered.ids) + 1):
            text = self.decode(rendered.ids[:end])
            if text.endswith("\ufffd") and end < len(rendered.ids):
                continue
            pieces.append((text[len(done) :], rendered.labels[end - 1] != IGNORED))
            done = text
        return pieces

    def _turns(self, messages: Sequence[Message], tools: Tools) -> list[tuple[_Ids, _Ids]]:
        """(what the answer is asked with, that with the answer) of every turn of the assistant."""
        turns = []
        for index, message in enumerate(messages):
            if message.role != "assistant":
                continue
            prompt = self._encode(self._serving, messages[:index], tools)
            whole = self._encode(self._training, messages[: index + 1], tools)
            if whole[: len(prompt)] != prompt or whole[-1] != self._end_id:
                raise DataError(
                    f"message {index + 1} (assistant) does not follow the ids that it is asked with"
                )
            turns.append((prompt, whole))
        return turns

    def _encode(self, tokenizer: Any, messages: Sequence[Message], tools: Tools) -> _Ids:
        from mistral_common.exceptions import MistralCommonException
        from mistral_common.protocol.instruct.request import ChatCompletionRequest

        request = {
            "messages": _as_dicts(messages),
            "tools": [_tool(tool) for tool in tools] or None,
            "model": "local",  # wanted by the rules of serving; not among the ids
        }
        try:
            asked = ChatCompletionRequest.model_validate(request)
            return tuple(tokenizer.encode_chat_completion(asked).tokens)
        # pydantic's errors are ValueErrors; mistral-common also asserts what a turn has to hold
        except (MistralCommonException, ValueError, AssertionError) as error:
            raise DataError(f"mistral-common refuses the conversation: {error}") from error

    def _refuse(self, messages: Sequence[Message], example: Example) -> None:
        """Raise DataError for what has no place in the ids, and for texts that hold control tokens."""
        if example.parallel_tool_calls is not None:
            raise DataError(
                "parallel_tool_calls is a setting of a request, which has no place in the ids: take it out of the row"
            )
        refuse_unfit_texts(messages, example.tools, self._control)

    def _refuse_dropped(self, example: Example, turns: list[tuple[_Ids, _Ids]]) -> None:
        """Raise where altering a turn or a tool alters no sequence."""
        text = "".join(self.decode(whole) for _, whole in turns)
        for number, message in enumerate(example.messages):
            for said, altered in _alterations(message):
                if said in text:
                    continue
                messages = (*example.messages[:number], altered, *example.messages[number + 1 :])
                if self._becomes(turns, messages, example.tools):
                    raise DataError(
                        f"the tokenizer drops something of message {number + 1} ({message.role}): {said[:40]!r}"
                    )
        written = json.dumps(list(example.tools))
        if example.tools and written not in self._whole:
            places = lost(example.tools, lambda tools: self._asked(example.prompt, tools))
            if places:
                raise DataError(f"Mistral's tokenizer drops {described(places)}; take it out")
            self._whole.add(written)

    def _asked(self, prompt: Sequence[Message], tools: Tools) -> str:
        """The ids as text to compare; a refusal is a difference too."""
        try:
            return " ".join(map(str, self._encode(self._serving, prompt, tools)))
        except DataError as error:
            return str(error)

    def _becomes(
        self, turns: list[tuple[_Ids, _Ids]], messages: Sequence[Message], tools: Tools
    ) -> bool:
        try:
            return self._turns(messages, tools) == turns
        except DataError:
            return False


def _alterations(message: Message) -> Iterable[tuple[str, Message]]:
    if message.content:
        yield message.content, replace(message, content=f"{message.content}x")
        if (trimmed := message.content.strip()) != message.content:
            yield message.content, replace(message, content=trimmed)
    for index, call in enumerate(message.tool_calls):
        others = (
            (call.name, replace(call, name=f"{call.name}x")),
            (call.arguments, replace(call, arguments='{"ftkitprobe": 0}')),
        )
        for said, other in others:
            calls = (*message.tool_calls[:index], other, *message.tool_calls[index + 1 :])
            yield said, replace(message, tool_calls=calls)


def _as_dicts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """In the shape of mistral-common, which wants the name of the function beside its result."""
    functions = {call.id: call.name for message in messages for call in message.tool_calls}
    wire = []
    for message in messages:
        one: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.tool_calls:
            one["content"] = message.content or None
            one["tool_calls"] = [
                {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
                for call in message.tool_calls
            ]
        if message.tool_call_id is not None:
            one["tool_call_id"] = message.tool_call_id
            one["name"] = functions.get(message.tool_call_id)
        wire.append(one)
    return wire


def _tool(tool: Any) -> dict[str, Any]:
    """mistral-common wants the parameters, which a tool without any may leave out."""
    function = {"parameters": {}, **dict(tool.get("function", {}))}
    return {**dict(tool), "function": function}


def _labelled(ids: _Ids, spans: Sequence[tuple[int, int]], everything: bool) -> Rendered:
    labels = list(ids) if everything else [IGNORED] * len(ids)
    for start, stop in spans:
        labels[start:stop] = ids[start:stop]
    return Rendered(ids, tuple(labels))
