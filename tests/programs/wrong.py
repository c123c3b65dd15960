"""Ways to pay twice, to lose what was paid for or to fetch twice, each a change to the ftkit of the program that asks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from ftkit import config
from ftkit.backend import BatchStatus
from ftkit.errors import LedgerError, StorageError
from ftkit.ledger import BatchRow, Intent, JobRow, Ledger, State
from ftkit.ledger.access import LedgerFile
from ftkit.ledger.batches import BatchTable
from ftkit.models import batching, deploy_plan, deploying, left_behind
from ftkit.rescuing.folder import Folder
from ftkit.submission import submitting
from ftkit.testing.fake_backend.batching import FakeBatching
from ftkit.testing.fake_backend.client import Client
from ftkit.testing.fake_backend.hosting import FakeHosting
from ftkit.testing.fake_backend.training import FakeTraining
from ftkit_anthropic.batching import AnthropicBatching
from ftkit_azure.control import Control
from ftkit_google.client import Client as GoogleClient
from ftkit_google.sdk import types as google_types
from ftkit_google.training import GoogleTraining
from ftkit_openai.batching import OpenAIBatching
from ftkit_openai.client import Client as OpenAIClient
from ftkit_openai.training import OpenAITraining


def do(way: str) -> None:
    """Be wrong in this way from now on; "" is right."""
    if way:
        WAYS[way]()


def three_posts() -> None:
    """A create is sent three times, as SDKs do that retry it."""
    create = Client.create

    def thrice(self: Client, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        create(self, path, body, key)
        create(self, path, body, key)
        return create(self, path, body, key)

    Client.create = thrice  # type: ignore[method-assign]


def sdk_retries() -> None:
    """OpenAI's SDK repeats by itself what fails, by its own setting of twice."""
    options = OpenAIClient._options
    OpenAIClient._options = lambda self: {**options(self), "max_retries": 2}  # type: ignore[method-assign]


def googles_retries() -> None:
    """Google's SDK repeats what fails where it is told to, creates of jobs too."""
    client = GoogleClient._sdk_client

    def eager(self: GoogleClient, location: str, http: Any, asynchronous: Any = None) -> Any:
        made = client(self, location, http, asynchronous)
        asked = google_types().HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.01)
        made._api_client._retry = type(made._api_client._retry)(**_retry_args(asked))
        return made

    GoogleClient._sdk_client = eager  # type: ignore[method-assign]


def _retry_args(asked: Any) -> Any:
    from google.genai._api_client import retry_args

    return retry_args(asked)


def late_intent() -> None:
    """The ledger hears of a paid call when it is over: until then nothing about it is written."""
    prepare, move, tell, job = Ledger.prepare, Ledger.move, Ledger.tell, Ledger.job
    waiting: list[Callable[[], object]] = []
    jobs: dict[str, JobRow] = {}

    def prepare_later(
        self: Ledger, intent: Intent, job: JobRow | None = None, **options: Any
    ) -> bool:
        waiting.append(lambda: prepare(self, intent, job, **options))
        if job is not None:
            jobs[job.id] = job
        return True

    def move_later(self: Ledger, *args: Any, **fields: Any) -> bool:
        if not waiting:
            return move(self, *args, **fields)
        waiting.append(lambda: move(self, *args, **fields))
        return True

    def tell_unless_waiting(self: Ledger, *args: Any) -> None:
        if not waiting:
            tell(self, *args)

    def job_or_waiting(self: Ledger, id: str) -> JobRow:
        return jobs[id] if waiting and id in jobs else job(self, id)

    prepare_batch, change_batch, batch = BatchTable.prepare, BatchTable.change, BatchTable.get
    batches: dict[str, BatchRow] = {}

    def prepare_batch_later(
        self: BatchTable, intent: Intent, work: str, request: dict[str, Any], **options: Any
    ) -> None:
        waiting.append(lambda: prepare_batch(self, intent, work, request, **options))
        batches[intent.key] = prepared(intent, work, request)

    def change_batch_later(self: BatchTable, key: str, **fields: Any) -> None:
        if not waiting:
            return change_batch(self, key, **fields)
        waiting.append(lambda: change_batch(self, key, **fields))

    def batch_or_waiting(self: BatchTable, key: str) -> BatchRow:
        return batches[key] if waiting and key in batches else batch(self, key)

    def then_write(create: Callable[..., dict[str, Any]]) -> Any:
        def create_then_write(*args: Any) -> dict[str, Any]:
            made = create(*args)
            for write in waiting:
                write()
            waiting.clear()
            return made

        return create_then_write

    Client.create = then_write(Client.create)  # type: ignore[method-assign]
    OpenAIClient.create = then_write(OpenAIClient.create)  # type: ignore[method-assign]
    GoogleClient.create = then_write(GoogleClient.create)  # type: ignore[method-assign]
    Ledger.prepare = prepare_later  # type: ignore[method-assign]
    Ledger.move = move_later  # type: ignore[method-assign]
    Ledger.tell = tell_unless_waiting  # type: ignore[method-assign]
    Ledger.job = job_or_waiting  # type: ignore[method-assign]
    BatchTable.prepare = prepare_batch_later  # type: ignore[method-assign]
    BatchTable.change = change_batch_later  # type: ignore[method-assign]
    BatchTable.get = batch_or_waiting  # type: ignore[method-assign]


def prepared(intent: Intent, work: str, request: dict[str, Any]) -> BatchRow:
    """The batch that an intent is to make."""
    paid = (intent.key, intent.instance, intent.scope, intent.state, intent.usd, None, None)
    said = (BatchStatus.QUEUED, "prepared", 0, 0, 0, None, None, False)
    return BatchRow(*paid, work, *said, json.dumps(request), intent.created_at, intent.updated_at)


def no_find() -> None:
    """What was made is never looked for."""
    FakeTraining.find = lambda self, key: []  # type: ignore[method-assign]
    OpenAITraining.find = lambda self, key: []  # type: ignore[method-assign]
    GoogleTraining.find = lambda self, key: []  # type: ignore[method-assign]
    FakeHosting.find = lambda self, key: []  # type: ignore[method-assign]
    FakeBatching.find = lambda self, key, rows=None: []  # type: ignore[method-assign]
    OpenAIBatching.find = lambda self, key, rows=None: []  # type: ignore[method-assign]
    AnthropicBatching.find = lambda self, key, rows=None: []  # type: ignore[method-assign]


def another_name() -> None:
    """A deployment at Azure is named by chance, so that its name does not tell a repeated start."""
    deploy = Control.deploy

    def renamed(self: Control, name: str, body: Any) -> dict[str, Any]:
        made = deploy(self, f"{name}-{secrets.token_hex(2)}", body)
        return {**made, "name": name}

    Control.deploy = renamed  # type: ignore[method-assign]


def closed_first() -> None:
    """The ledger hears that a deployment is stopped before it is."""
    stop = FakeHosting.stop

    def close_then_stop(self: FakeHosting, id: str) -> None:
        ledger = Ledger(config.home())
        for row in ledger.deployments.may_run():
            ledger.move(row.intent.key, State.CLOSED, only_from=tuple(State))
        stop(self, id)

    FakeHosting.stop = close_then_stop  # type: ignore[method-assign]


def forgets_lost_starts() -> None:
    """Of what was left behind only that is stopped whose start was answered."""
    left_behind._MAY_RUN = (State.MADE,)


def deaf_to_the_disk() -> None:
    """A write to the ledger that fails is taken for one that was made."""
    write = LedgerFile.write

    def write_or_not(self: LedgerFile, work: Any) -> Any:
        try:
            return write(self, work)
        except (StorageError, LedgerError):
            return True

    LedgerFile.write = write_or_not  # type: ignore[method-assign]


def no_lock() -> None:
    """Processes that pay for the same thing do not wait for each other, and write when it is over."""
    late_intent()
    submitting.one_at_a_time = lambda home, stem: nullcontext()  # type: ignore[assignment]
    deploying.one_at_a_time = lambda home, stem: nullcontext()  # type: ignore[assignment]
    deploy_plan.one_at_a_time = lambda home, stem: nullcontext()  # type: ignore[assignment]
    batching.one_at_a_time = lambda home, stem: nullcontext()  # type: ignore[assignment]


def fetch_again() -> None:
    """A rescue does not know what it has already."""
    Folder.holds = lambda self, path: False  # type: ignore[method-assign]
    Folder.found = lambda self, path, id: False  # type: ignore[method-assign]


WAYS = {
    "three POSTs": three_posts,
    "SDK retries": sdk_retries,
    "Google's retries": googles_retries,
    "late intent": late_intent,
    "no find": no_find,
    "another name": another_name,
    "closed first": closed_first,
    "forgets lost starts": forgets_lost_starts,
    "deaf to the disk": deaf_to_the_disk,
    "no lock": no_lock,
    "fetch again": fetch_again,
}
