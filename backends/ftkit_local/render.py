"""Conversations to token ids, the same for training, counting and answering, without torch.

What surprises: a conversation can become several sequences. Where a template rewrites earlier turns (it strips their
reasoning, say), or an answer's first letters merge with the prompt's last, each answer is trained behind the very ids
that it would be answered from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ftkit.data.example import Example, Message
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import CapabilityError, ConfigError, DataError, NotFound
from ftkit.words import nearest
from ftkit_local.chat_template import ChatTemplate
from ftkit_local.chatml import attached_template
from ftkit_local.earlier_turns import EarlierTurns, earlier_turns
from ftkit_local.model_folder import max_length_of, read_json
from ftkit_local.tool_schemas import Tools

_VERSION = "1"  # of the rules in this file; a change of ids or labels changes it and with it every fingerprint
_TRAIN_ON = ("assistant", "last", "all")


@dataclass(frozen=True, slots=True)
class _Turn:
    """One answer: the text it is asked with, and its own text up to and with the end-of-turn token."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Ids, and the half-open ranges of them that are answers."""

    ids: tuple[int, ...]
    answers: tuple[tuple[int, int], ...]


class ChatRenderer:
    """The tokenizer and chat template of a model folder; fulfils `ftkit.data.tokens.Renderer`.

    A folder without a template has ChatML attached; `carried` is the one that a model was trained with, where that is at
    hand. Raises CapabilityError for a template that cannot be trained with, NotFound for a folder without a tokenizer.
    """

    def __init__(self, folder: Path, carried: str | None = None) -> None:
        if not (folder / "tokenizer.json").is_file():
            raise NotFound(f"{folder} has no tokenizer.json")
        attached = attached_template(folder)
        from transformers import PreTrainedTokenizerFast

        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        self.attached = None if attached is None else carried or attached.source
        if self.attached is not None:
            tokenizer.chat_template = self.attached
        # the template writes every control token itself: the backend is asked without the tokenizer's own additions
        self._backend: Any = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        added = tokenizer.added_tokens_decoder.values()
        self._control = frozenset(
            {str(token) for token in added if token.special} | set(tokenizer.all_special_tokens)
        )
        self._template = ChatTemplate(tokenizer, self._control)
        self._end_id = self._id_of(self._template.end_of_turn)
        eos: int | None = tokenizer.eos_token_id
        pad: int | None = tokenizer.pad_token_id
        self._stop_ids = frozenset({self._end_id, *_eos_ids(folder, eos)})
        self._pad_id = next(id for id in (pad, eos, self._end_id) if id is not None)
        config = folder / "config.json"
        self._max_length = max_length_of(read_json(config)) if config.is_file() else None
        self._fingerprint = _fingerprint(
            (folder / "tokenizer.json").read_bytes(),
            self._template.source,
            {name: str(token) for name, token in tokenizer.special_tokens_map.items()},
        )
        self._refuse_double_beginning(tokenizer.bos_token_id)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over tokenizer, template, special tokens and the rules of this module."""
        return self._fingerprint

    @property
    def max_length(self) -> int | None:
        """Tokens the model was made for, prompt and answer together; None where unknown."""
        return self._max_length

    @property
    def control_tokens(self) -> frozenset[str]:
        """Texts that the tokenizer turns into control tokens; a message that holds one is refused."""
        return self._control

    @property
    def stop_ids(self) -> frozenset[int]:
        """Ids that end an answer: the template's end-of-turn token and those of the generation config."""
        return self._stop_ids

    @property
    def pad_id(self) -> int:
        """The id to fill batches with; it may be the end-of-turn id, which is trained all the same."""
        return self._pad_id

    @property
    def end_of_turn(self) -> str:
        """The text of the control token that closes an answer."""
        return self._template.end_of_turn

    @property
    def trims(self) -> frozenset[str]:
        """Roles whose contents lose white space at their ends, in training and answering alike."""
        return self._template.trims

    @cached_property
    def earlier_turns(self) -> EarlierTurns:
        """What becomes of an answer once its turn is over: "kept", or "rewritten" and so trained on its own."""
        return earlier_turns(self.render)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The ids that a model is given to answer these messages; raises DataError for a message it cannot pass on."""
        return self._prompt(messages, ())

    def prompt_row(self, example: Example) -> tuple[int, ...]:
        """The ids that the last answer of a row is asked with, its tools included."""
        _refuse_settings(example)
        return self._prompt(example.prompt, example.tools)

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        """Training sequences of one conversation, which has to end in an assistant message.

        `train_on`: "assistant" labels every answer, "last" the last one, "all" every token. Each answer's label runs to
        its end-of-turn token; nothing behind the last one is kept. Raises DataError saying what is wrong with the row.
        """
        return self._render(messages, (), train_on)

    def render_row(self, example: Example, train_on: str = "assistant") -> tuple[Rendered, ...]:
        """`render` of a row's conversation with its tools, which the template writes where the model looks for them."""
        _refuse_settings(example)
        return self._render(example.messages, example.tools, train_on)

    def _prompt(self, messages: Sequence[Message], tools: Tools) -> tuple[int, ...]:
        if not messages:
            raise DataError("there is no message to answer")
        self._template.refuse_unfit(messages, tools)
        return self._encode(self._template.text(messages, tools, generation=True))

    def _render(
        self, messages: Sequence[Message], tools: Tools, train_on: str
    ) -> tuple[Rendered, ...]:
        if train_on not in _TRAIN_ON:
            raise ConfigError(
                f"train_on = {train_on!r} is not a choice{nearest(train_on, _TRAIN_ON)}"
            )
        turns = self._turns(messages, tools)
        together = self._together(turns)
        if together is None:
            wanted = turns[-1:] if train_on == "last" else turns
            sequences = [self._alone(turn) for turn in wanted]
        elif train_on == "last":
            sequences = [_Sequence(together.ids, together.answers[-1:])]
        else:
            sequences = [together]
        return tuple(_labelled(sequence, train_on == "all") for sequence in sequences)

    def prefix_preserving(self, messages: Sequence[Message]) -> bool:
        """True where the conversation is one sequence in which every answer follows the ids it is asked with."""
        return self._together(self._turns(messages)) is not None

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids, control tokens included."""
        return str(self._backend.decode(list(ids), skip_special_tokens=False))

    def tokens(self, rendered: Rendered) -> list[tuple[str, bool]]:
        """The sequence in pieces of text, each with whether it is trained; joined they are `decode` of the ids.

        A piece is a token, or the few tokens that make up one character.
        """
        ids = rendered.ids
        pieces: list[tuple[str, bool]] = []
        context = done = (
            0  # a piece is decoded behind the piece before it, on which its spaces can depend
        )
        for end in range(1, len(ids) + 1):
            before = self.decode(ids[context:done])
            text = self.decode(ids[context:end])
            if text.endswith("\ufffd") and end < len(ids):
                continue
            pieces.append((text[len(before) :], rendered.labels[end - 1] != IGNORED))
            context, done = done, end
        return pieces

    def _turns(self, messages: Sequence[Message], tools: Tools = ()) -> list[_Turn]:
        if not messages or messages[-1].role != "assistant":
            raise DataError(
                "the conversation does not end in an assistant message: there is nothing to learn from its last message"
            )
        if messages[0].role == "assistant":
            raise DataError(
                "the conversation starts with an assistant message, which answers nothing"
            )
        self._template.refuse_unfit(messages, tools)
        return [
            self._turn(messages[: index + 1], tools)
            for index, message in enumerate(messages)
            if message.role == "assistant"
        ]

    def _turn(self, messages: Sequence[Message], tools: Tools) -> _Turn:
        prompt = self._template.text(messages[:-1], tools, generation=True)
        whole = self._template.text(messages, tools, generation=False)
        if not whole.startswith(prompt):
            common = next(
                (i for i, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b),
                min(len(prompt), len(whole)),
            )
            raise DataError(
                f"message {len(messages)} (assistant) cannot be trained: the template asks for the answer with "
                f"{prompt[common:][:60]!r} but writes {whole[common:][:60]!r} where it is given"
            )
        end = self._template.answer_end(messages, whole, tools)
        return _Turn(prompt, whole[len(prompt) : end])

    def _together(self, turns: Sequence[_Turn]) -> _Sequence | None:
        """All turns in one sequence, or None where text or ids of an earlier turn are not a prefix of it."""
        text = turns[-1].prompt + turns[-1].answer
        if not all(text.startswith(turn.prompt + turn.answer) for turn in turns):
            return None
        ids = self._encode(text)
        answers = []
        for turn in turns:
            prompt = self._encode(turn.prompt)
            if ids[: len(prompt)] != prompt:
                return None
            answers.append((len(prompt), self._end(ids, len(prompt), turn)))
        return _Sequence(ids, tuple(answers))

    def _alone(self, turn: _Turn) -> _Sequence:
        """One answer behind the very ids that it is asked with."""
        prompt = self._encode(turn.prompt)
        whole = self._encode(turn.prompt + turn.answer)
        if whole[: len(prompt)] != prompt:
            answer = self._encode(turn.answer)
            if self.decode(prompt + answer) != self.decode(whole):
                raise DataError(
                    f"the tokenizer does not encode the answer {turn.answer[:40]!r} on its own as it does behind its "
                    "prompt; the row cannot be trained as it would be answered"
                )
            whole = prompt + answer
        return _Sequence(whole, ((len(prompt), self._end(whole, len(prompt), turn)),))

    def _end(self, ids: Sequence[int], start: int, turn: _Turn) -> int:
        """Behind the first end-of-turn id from `start`; a content cannot hold one, it would have been refused."""
        token = max((each for each in self._control if turn.answer.endswith(each)), key=len)
        return ids.index(self._backend.token_to_id(token), start) + 1

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._backend.encode(text, add_special_tokens=False).ids)

    def _id_of(self, token: str) -> int:
        id: int | None = self._backend.token_to_id(token)
        if id is None or self._encode(token) != (id,):
            raise CapabilityError(
                f"the tokenizer does not encode its end-of-turn token {token!r} as one id"
            )
        return id

    def _refuse_double_beginning(self, bos: int | None) -> None:
        ids = self.prompt([Message("user", "x")])
        if bos is not None and ids[:2] == (bos, bos):
            raise CapabilityError(
                "the chat template writes the beginning-of-text token twice; a model tuned with it would not match "
                "how it is served"
            )


def _refuse_settings(example: Example) -> None:
    """What a row says beside its turns and tools has no place in a text, and must not be dropped."""
    if example.parallel_tool_calls is not None:
        raise DataError(
            "parallel_tool_calls is a setting of a request; a chat template has no place for it: take it out of the row"
        )


def _labelled(sequence: _Sequence, everything: bool) -> Rendered:
    if everything:
        return Rendered(sequence.ids, sequence.ids)
    labels = [IGNORED] * len(sequence.ids)
    for start, stop in sequence.answers:
        labels[start:stop] = sequence.ids[start:stop]
    return Rendered(sequence.ids, tuple(labels))


def _eos_ids(folder: Path, fallback: int | None) -> list[int]:
    path = folder / "generation_config.json"
    ids = read_json(path).get("eos_token_id") if path.is_file() else None
    if ids is None:
        ids = fallback
    if ids is None:
        return []
    return [int(id) for id in ids] if isinstance(ids, list) else [int(ids)]


def _fingerprint(tokenizer: bytes, template: str, special: dict[str, str]) -> str:
    parts = [
        _VERSION.encode(),
        tokenizer,
        template.encode(),
        json.dumps(special, sort_keys=True).encode(),
    ]
    # the parts' hashes are hashed: joined bytes could be split in more than one way
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
