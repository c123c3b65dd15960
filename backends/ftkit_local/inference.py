"""Answering and scoring with models on this machine; fulfils the contract's Inference.

A record is enough to answer: the base is found again by its id and must be the very one that was trained on, under the
very template. Async twins run the same loop in a worker thread; a cancelled task ends it at the next token.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Event, Lock

from ftkit.backend import Answer, Call, ModelRecord, Score, Usage
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Message
from ftkit.errors import CapabilityError, ConfigError, DataError, Fault, NotFound
from ftkit_local.bases import find_base
from ftkit_local.batching import answer_batches
from ftkit_local.engine import Weights, engine_for, folder_key
from ftkit_local.generation import Finished, Prompt, Vocabulary, fitted, generate
from ftkit_local.open_renderer import LocalRenderer, open_renderer
from ftkit_local.runs import RunFolder
from ftkit_local.sampling import Sampling
from ftkit_local.scoring import scores
from ftkit_local.tuned_folder import NAME, copy_tuned, read_record

_RUN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class _Opened:
    """Where a record's model lies, checked; the weights are loaded when they are needed."""

    folder: Path
    adapter: Path | None
    renderer: LocalRenderer

    def weights(self) -> Weights:
        return engine_for(self.folder).weights(self.adapter)

    def vocabulary(self) -> Vocabulary:
        renderer = self.renderer

        @lru_cache(maxsize=4096)
        def hidden(token: int) -> bool:
            # A control token in an answer has no text: as text it could not be sent back in a message.
            return renderer.decode([token]) in renderer.control_tokens

        return Vocabulary(renderer.decode, renderer.stop_ids, hidden)


class LocalInference:
    """Answers of local models. Thread-safe; models are shared by all instances of a process."""

    def __init__(self, home: Path, catalogue: Catalogue) -> None:
        """`home` is FTKIT_HOME, where runs and imported models lie."""
        self._home = home
        self._catalogue = catalogue
        self._opened: dict[ModelRecord, _Opened] = {}
        self._lock = Lock()

    def record(self, native: str) -> ModelRecord:
        """The record of a run by its key, of a trained model's folder by its path, or of a base.

        Raises NotFound where there is none, or where the run has no model (yet).
        """
        if _RUN_KEY.fullmatch(native):
            run = RunFolder(self._home / "runs" / native)
            if run.exists():
                folder = run.published()
                if folder is None:
                    state = run.state()
                    raise NotFound(f"run {native} has no model: it is {state.raw_status}")
                return read_record(folder)
        if native.startswith((".", "~")) or Path(native).is_absolute():
            path = Path(native).expanduser()
            if (path / NAME).is_file():
                return read_record(path)
        base = find_base(native, catalogue=self._catalogue, home=self._home)
        return ModelRecord(
            instance="local",
            native=base.id,
            base=base.id,
            template=_renderer(base.folder).fingerprint,
            family=base.family,
            snapshot=base.snapshot,
        )

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        """One answer. Raises DataError for messages that cannot be sent, ConfigError for a bad setting."""
        return self._chat(record, call, _never)

    def stream(self, record: ModelRecord, call: Call) -> Iterator[str | Answer]:
        """The same answer in pieces of text, then the whole Answer."""
        return self._stream(record, call, _never)

    async def achat(self, record: ModelRecord, call: Call) -> Answer:
        """`chat` in a worker thread."""
        cancelled = Event()
        try:
            return await asyncio.to_thread(self._chat, record, call, cancelled.is_set)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        """`stream` in a worker thread, which has ended when this generator has."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Queue[str | Answer | None] = asyncio.Queue()
        cancelled = Event()

        def work() -> None:
            for piece in self._stream(record, call, cancelled.is_set):
                loop.call_soon_threadsafe(ready.put_nowait, piece)

        task = asyncio.create_task(asyncio.to_thread(work))
        task.add_done_callback(lambda _: ready.put_nowait(None))
        try:
            while (piece := await ready.get()) is not None:
                yield piece
            await task
        finally:
            cancelled.set()
            await asyncio.wait({task})

    def chat_many(self, record: ModelRecord, calls: Iterable[Call]) -> Iterator[tuple[int, Answer]]:
        """All answers in batches of like length, each as soon as it is ready, with the index of its call.

        Every call is checked before the first is answered; DataError names all bad ones (1-based row).
        """
        opened = self._open(record)
        prompts = self._prompts(opened, list(calls))
        if not prompts:
            return
        weights, vocabulary = opened.weights(), opened.vocabulary()
        for batch in answer_batches(prompts, weights.device.type):
            chosen = [prompts[index] for index in batch]
            for place, piece in generate(weights, chosen, vocabulary):
                if isinstance(piece, Finished):
                    yield batch[place], _answer(chosen[place], piece)

    def score(
        self, record: ModelRecord, conversations: Sequence[Sequence[Message]]
    ) -> Iterator[tuple[int, Score]]:
        """Log-likelihood of the last answer of each conversation, end of turn included, as it is trained.

        Raises DataError naming every conversation (1-based row) that cannot be scored.
        """
        opened = self._open(record)
        return scores(opened.weights, opened.renderer, conversations)

    def count_tokens(self, record: ModelRecord, call: Call) -> int:
        """Tokens of the question as the model reads it, exactly."""
        (prompt,) = self._prompts(self._open(record), [call])
        return len(prompt.ids)

    def install(self, record: ModelRecord, folder: Path) -> ModelRecord:
        """Copy the adapter, or the whole fully tuned model, to `folder`; see tuned_folder.py."""
        return copy_tuned(record, folder)

    def _chat(self, record: ModelRecord, call: Call, cancelled: Callable[[], bool]) -> Answer:
        *_, answer = self._stream(record, call, cancelled)
        assert isinstance(answer, Answer)  # the last thing in a stream
        return answer

    def _stream(
        self, record: ModelRecord, call: Call, cancelled: Callable[[], bool]
    ) -> Iterator[str | Answer]:
        opened = self._open(record)
        prompts = self._prompts(opened, [call])
        for _, piece in generate(opened.weights(), prompts, opened.vocabulary(), cancelled):
            yield _answer(prompts[0], piece) if isinstance(piece, Finished) else piece

    def _open(self, record: ModelRecord) -> _Opened:
        with self._lock:
            if record not in self._opened:
                self._opened[record] = self._find(record)
            return self._opened[record]

    def _find(self, record: ModelRecord) -> _Opened:
        adapter = None if record.adapter is None else Path(record.adapter)
        if adapter is not None and not adapter.is_dir():
            raise NotFound(f"{record.id}: its weights are not at {adapter} any more")
        if adapter is not None and not (adapter / "adapter_config.json").is_file():
            folder, adapter = adapter, None  # fully tuned: a whole model of its own
        else:
            base = find_base(
                record.base,
                catalogue=self._catalogue,
                home=self._home,
                snapshot=record.snapshot or None,
            )
            if record.snapshot and base.snapshot != record.snapshot:
                raise CapabilityError(
                    f"{record.id} belongs to {record.base} {record.snapshot}, but what is found under "
                    f"that name is {base.snapshot}; get the former, or train again on the latter"
                )
            folder = base.folder
        renderer = _renderer(folder, adapter)
        if record.template and renderer.fingerprint != record.template:
            raise CapabilityError(
                f"{record.id} was trained under another chat template or tokenizer "
                f"({record.template[:12]}) than the one in {folder} ({renderer.fingerprint[:12]}): its "
                "answers would be wrong; restore the former or train again"
            )
        return _Opened(folder, adapter, renderer)

    def _prompts(self, opened: _Opened, calls: Sequence[Call]) -> list[Prompt]:
        prompts, faults = [], []
        for row, call in enumerate(calls, 1):
            _check(call)
            try:
                ids = opened.renderer.prompt(call.messages)
            except DataError as error:
                faults.append(Fault(str(error), row=row))
                continue
            sampling = Sampling(call.temperature, call.top_p, call.seed)
            prompts.append(Prompt(ids, call.max_tokens, sampling, call.stop, call.timeout_s))
        if faults:
            raise DataError("the messages cannot be sent: change them", faults)
        return fitted(prompts, opened.renderer.max_length)


def _renderer(folder: Path, tuned: Path | None = None) -> LocalRenderer:
    key = (folder_key(folder), None if tuned is None else folder_key(tuned))
    return _renderer_of(folder, tuned, key)


@lru_cache(maxsize=8)
def _renderer_of(folder: Path, tuned: Path | None, key: tuple[object, ...]) -> LocalRenderer:
    """`key` changes with the files of both folders, so that a changed template is read again."""
    return open_renderer(folder, tuned)


def _check(call: Call) -> None:
    if call.extra:
        names = ", ".join(sorted(call.extra))
        raise CapabilityError(
            f"a local model does not know extra={{...}} with {names}: leave it out"
        )
    if not call.messages:
        raise DataError("there is no message to answer")
    if call.max_tokens < 1:
        raise ConfigError(f"max_tokens = {call.max_tokens}: it must be at least 1")
    if not (math.isfinite(call.temperature) and call.temperature >= 0):
        raise ConfigError(f"temperature = {call.temperature}: it must be 0 or more")
    if not 0 < call.top_p <= 1:
        raise ConfigError(f"top_p = {call.top_p}: it must be above 0 and at most 1")
    if "" in call.stop:
        raise ConfigError("stop has an empty string, which would end every answer at once")


def _answer(prompt: Prompt, finished: Finished) -> Answer:
    usage = Usage(len(prompt.ids), len(finished.ids))
    return Answer(finished.text, finished.reason, usage, raw={"ids": finished.ids})


def _never() -> bool:
    return False
