"""The stand-in "fake", spoiled in one way at a time: what the conformance suite has to see.

Each entry point of this package is one way. `subject` makes the subject of the one that FTKIT_BROKEN names.
"""

# mypy: disable-error-code="no-any-return"
# the sound part behind a spoiled one can be any of the four

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftkit.backend import (
    Answer,
    Backend,
    Base,
    BatchRequest,
    Call,
    Event,
    ModelRecord,
    OutcomeUnknown,
    Plugin,
    Remote,
    RemoteBatch,
    Resolved,
    TrainRequest,
    Unavailable,
    Upload,
)
from ftkit.data.example import Example
from ftkit.data.tokens import Counts
from ftkit.errors import NotDeployed
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.testing.conformance import Subject
from ftkit.testing.conformance.known_subjects import hosted_subject
from ftkit.testing.fake_backend import FakeSettings
from ftkit.testing.fake_backend import backend as sound_plugin

KEY_VARIABLE = "FTKIT_FAKE_API_KEY"


class Spoiled:
    """A part that does everything as the sound one, but for what a subclass spoils."""

    def __init__(self, sound: Any, backend: Backend) -> None:
        self.sound = sound
        self.backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sound, name)


class TwoPosts(Spoiled):
    """Repeats a create whose reply was lost."""

    def submit(self, request: TrainRequest) -> Remote:
        try:
            return self.sound.submit(request)
        except OutcomeUnknown:
            return self.sound.submit(request)


class ForeignException(Spoiled):
    """Lets an exception of another library out of a create."""

    def submit(self, request: TrainRequest) -> Remote:
        try:
            return self.sound.submit(request)
        except OutcomeUnknown as error:
            raise ConnectionResetError("connection reset by peer") from error


class FirstPage(Spoiled):
    """Looks for a key among the newest jobs only."""

    def find(self, key: str) -> list[Remote]:
        newest = [remote for _, remote in zip(range(20), self.sound.listing(), strict=False)]
        return [remote for remote in newest if remote.key == key]


class RepeatingEvents(Spoiled):
    """Gives all events again, whatever was seen."""

    def events(self, id: str, after: int) -> Iterator[Event]:
        return self.sound.events(id, 0)


class LeakingPreview(Spoiled):
    """Shows the headers too."""

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {os.environ.get(KEY_VARIABLE)}"}
        return {**self.sound.preview(request), "headers": headers}


class TwoLineRows(Spoiled):
    """Writes rows for people to read."""

    def encode(self, example: Example) -> bytes:
        return json.dumps(json.loads(self.sound.encode(example)), indent=1).encode()


class DeafCancel(Spoiled):
    """Takes a cancel for done without asking for it."""

    def cancel(self, id: str) -> None:
        self.sound.get(id)


class DeafPause(Spoiled):
    """Takes a pause for done without asking for it."""

    def pause(self, id: str) -> None:
        self.sound.get(id)


class DeafDelete(Spoiled):
    """Takes a file for deleted without asking for it."""

    def delete_upload(self, upload: Upload) -> None:
        self.sound.still_there(upload)


class ImpatientRead(Spoiled):
    """Tries a read again on its own, and so hides the provider's wish."""

    def get(self, id: str) -> Remote:
        try:
            return self.sound.get(id)
        except Unavailable:
            return self.sound.get(id)


class ForgottenSetting(Spoiled):
    """Drops a setting that it does not honour."""

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        return self.sound.resolve(
            base, method, hyperparameters.model_copy(update={"lora_rank": None}), counts
        )


class DeployingChat(Spoiled):
    """Deploys a model because somebody asked it something."""

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        try:
            return self.sound.chat(record, call)
        except NotDeployed:
            assert self.backend.hosting is not None
            self.backend.hosting.start(record, "unasked")
            return self.sound.chat(record, call)


class StutteringStream(Spoiled):
    """Says the first piece of a stream twice."""

    async def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        first = True
        async for piece in self.sound.astream(record, call):
            if first and isinstance(piece, str):
                yield piece
            first = False
            yield piece


class TwoBatches(Spoiled):
    """Repeats the start of a batch whose reply was lost."""

    def start(self, request: BatchRequest) -> RemoteBatch:
        try:
            return self.sound.start(request)
        except OutcomeUnknown:
            return self.sound.start(request)


class ShuffledBatch(Spoiled):
    """Takes the order in which answers come for that of the questions."""

    def answers(self, id: str) -> Iterator[tuple[int, Answer | str]]:
        return enumerate(one for _, one in self.sound.answers(id))


def _batches(spoiled: type[Spoiled]) -> Callable[[Backend], Backend]:
    def spoil(backend: Backend) -> Backend:
        changed = Spoiled(backend.inference, backend)
        changed.batches = spoiled(changed.sound.batches, backend)  # type: ignore[attr-defined]
        return replace(backend, inference=changed)  # type: ignore[arg-type]

    return spoil


def _part(part: str, spoiled: type[Spoiled]) -> Callable[[Backend], Backend]:
    def spoil(backend: Backend) -> Backend:
        changed: dict[str, Any] = {part: spoiled(getattr(backend, part), backend)}
        return replace(backend, **changed)

    return spoil


def _silent(backend: Backend) -> Backend:
    lacks = {name: why for name, why in backend.lacks.items() if name != "download"}
    return replace(backend, lacks=lacks)


def _deaf_to_time(backend: Backend) -> Backend:
    lacks = {name: why for name, why in backend.lacks.items() if name != "time_limit"}
    return replace(backend, lacks=lacks)


def _boastful(backend: Backend) -> Backend:
    return replace(backend, lacks={**backend.lacks, "upload": "files are not sent anywhere"})


def _secretive(backend: Backend) -> Backend:
    return replace(backend, credentials=())


def _connecting(backend: Backend) -> Backend:
    assert isinstance(backend.settings, FakeSettings) and backend.settings.url is not None
    host, _, port = backend.settings.url.removeprefix("http://").partition(":")
    socket.create_connection((host, int(port))).close()
    return backend


WAYS: dict[str, Callable[[Backend], Backend]] = {
    "broken-not": lambda backend: backend,
    "broken-two-posts": _part("training", TwoPosts),
    "broken-foreign-exception": _part("training", ForeignException),
    "broken-first-page": _part("training", FirstPage),
    "broken-repeating-events": _part("training", RepeatingEvents),
    "broken-leaking-preview": _part("training", LeakingPreview),
    "broken-two-line-rows": _part("training", TwoLineRows),
    "broken-deaf-cancel": _part("training", DeafCancel),
    "broken-deaf-pause": _part("training", DeafPause),
    "broken-deaf-delete": _part("training", DeafDelete),
    "broken-deaf-to-time": _deaf_to_time,
    "broken-impatient-read": _part("training", ImpatientRead),
    "broken-forgotten-setting": _part("pricing", ForgottenSetting),
    "broken-deploying-chat": _part("inference", DeployingChat),
    "broken-stuttering-stream": _part("inference", StutteringStream),
    "broken-two-batches": _batches(TwoBatches),
    "broken-shuffled-batch": _batches(ShuffledBatch),
    "broken-silent": _silent,
    "broken-boastful": _boastful,
    "broken-connecting": _connecting,
    "broken-secretive": _secretive,
}


def _plugin(name: str, spoil: Callable[[Backend], Backend]) -> Plugin:
    def open(settings: FakeSettings, home: Path) -> Backend:
        return replace(spoil(sound_plugin.open(settings, home)), name=name)

    return Plugin(name, FakeSettings, open, listed=False)


PLUGINS = {name: _plugin(name, spoil) for name, spoil in WAYS.items()}
# an entry point names an attribute of the module
globals().update({name.replace("-", "_"): plugin for name, plugin in PLUGINS.items()})


@contextmanager
def subject() -> Iterator[Subject]:
    with hosted_subject(os.environ["FTKIT_BROKEN"], run_s=0.2, listing_lag_s=0.0) as subject:
        yield replace(subject, timeout_s=10.0)
