"""`fake()`: for the tests of an application, every model answers from a script, whatever its provider.

Inside the block no network, key, ledger or provider's package is touched: files of saved models are read, any other
name is taken as it is. Threads and tasks that are started inside are inside too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any

from pydantic import BaseModel

from ftkit.backend import Answer, Backend, Call, ModelRecord, Usage
from ftkit.catalogue import Catalogue
from ftkit.config import Settings
from ftkit.data.example import Message
from ftkit.errors import ConfigError, FtkitError
from ftkit.registry import replaced
from ftkit.testing.call_pricing import CallPricing
from ftkit.testing.scripted_inference import ScriptedInference

Replies = Sequence[str] | Mapping[str, str] | Callable[[tuple[Message, ...]], str]

_OPTIONS = tuple(field for field in fields(Call) if field.name != "messages")
_NOT_ITS_PART = "fake() answers questions only; take a stand-in backend for this, such as fake-runs"
_LACKS = {
    "training": _NOT_ITS_PART,
    "hosting": _NOT_ITS_PART,
    "batch": "fake() answers one question at a time; take the stand-in provider (HostedProvider) for batches",
    "score": "fake() has texts to answer with and no likelihoods",
    "install": "fake() has no weights",
    "folder": "fake() has no weights",
    "tools": "fake() answers with text only",
    "images": "fake() answers to text only",
    "schema": "fake() answers with text only",
}


class _NoSettings(BaseModel):
    """Nothing to set."""


class UnexpectedCall(FtkitError, AssertionError):
    """A model was asked something that the script of `fake()` has no reply to; a test that sees it has failed."""


@dataclass(frozen=True, slots=True)
class FakeCall:
    """One question that was asked: of which model, the whole conversation, and the options that were not the default."""

    model: str
    messages: tuple[Message, ...]
    options: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The last message."""
        return self.messages[-1].content


class Fake:
    """The script of one `fake()` block, and what was asked so far in `calls`. Thread-safe."""

    def __init__(self, replies: Replies, usage: Usage | None) -> None:
        if isinstance(replies, str):
            raise ConfigError(f"replies is a list of texts: write replies=[{replies!r}]")
        self.calls: list[FakeCall] = []
        self._usage = usage
        self._lock = Lock()
        self._reply = _script(replies)

    def answer(self, record: ModelRecord, call: Call) -> Answer:
        """The next reply; raises UnexpectedCall where the script has none. The call is kept either way."""
        asked = FakeCall(record.id, call.messages, _options(call))
        with self._lock:
            self.calls.append(asked)
            number = len(self.calls)
        text = self._reply(asked, number)  # not under the lock: a function may ask a model itself
        if not isinstance(text, str):
            raise ConfigError(f"a reply of fake() is text, not {type(text).__name__}: {text!r}")
        read = sum(len(message.content.split()) for message in call.messages)
        return Answer(text, "stop", self._usage or Usage(read, len(text.split())))


@contextmanager
def fake(replies: Replies, *, usage: Usage | None = None) -> Iterator[Fake]:
    """Answer every model call inside the block from `replies`; yields what records them.

    `replies`: texts, taken in order; a mapping from the text of the last message to the reply; or a function of the
    messages. `usage` stands in every answer; where it is left out, words are counted as tokens. UnexpectedCall is
    raised to whoever asks what has no reply. Blocks nest; the innermost answers.
    """
    script = Fake(replies, usage)
    inference = ScriptedInference(_record, script.answer)

    def open(instance: str, settings: Settings) -> Backend:
        return Backend(
            name="fake()",
            settings=_NoSettings(),
            catalogue=Catalogue(),
            scope=lambda: "fake()|nowhere",
            pricing=CallPricing(lambda record: None),
            inference=inference,
            lacks=_LACKS,
        )

    with replaced(open):
        yield script


def _script(replies: Replies) -> Callable[[FakeCall, int], object]:
    """What answers the n-th call."""
    if callable(replies):
        return lambda call, number: replies(call.messages)
    if isinstance(replies, Mapping):
        known = dict(replies)

        def look_up(call: FakeCall, number: int) -> object:
            if call.question not in known:
                raise UnexpectedCall(
                    f"{call.model} was asked {call.question!r}, and fake() has no reply to that; it has replies to "
                    f"{', '.join(map(repr, known)) or 'nothing'}"
                )
            return known[call.question]

        return look_up
    texts = list(replies)

    def take(call: FakeCall, number: int) -> object:
        if number > len(texts):
            raise UnexpectedCall(
                f"{call.model} was asked {call.question!r}: that is call {number}, and fake() was given "
                f"{len(texts)} {'reply' if len(texts) == 1 else 'replies'}"
            )
        return texts[number - 1]

    return take


def _record(native: str) -> ModelRecord:
    return ModelRecord(instance="fake()", native=native, base=native, family="fake()")


def _options(call: Call) -> dict[str, Any]:
    """The options that somebody set: those that differ from a plain Call's."""
    plain = Call(call.messages)
    return {
        field.name: getattr(call, field.name)
        for field in _OPTIONS
        if getattr(call, field.name) != getattr(plain, field.name)
    }
