"""The parts of a backend that a job needs, as Protocols: plain synchronous calls.

No threads, retries, clock or ledger of their own: the core has them, once for all. Methods that not every provider has
are small Protocols of their own (`Uploads`, `Listing`, ...); a backend that lacks one names it in `lacks`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ftkit.backend.answers import Answer, Call, CallRates, ModelRecord, Score
from ftkit.backend.batches import Batches
from ftkit.backend.jobs import (
    Base,
    Checkpoint,
    Event,
    Quantity,
    Remote,
    RemoteFile,
    Resolved,
    Told,
    TrainRequest,
    Upload,
)
from ftkit.data.example import Example, Message
from ftkit.data.tokens import Counts, Renderer
from ftkit.hyperparameters import Hyperparameters, Method


class Pricing(Protocol):
    """What work consists of, before anything is sent. Needs no key and no SDK."""

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide every open setting; raises CapabilityError naming a field that cannot be honoured."""

    def bill(self, resolved: Resolved) -> Sequence[Quantity]:
        """The quantities that the provider charges for."""

    def call_rates(self, record: ModelRecord) -> CallRates | None:
        """The rates of an answer, or None where nobody sends a bill for it."""


@runtime_checkable
class NamesBases(Protocol):
    """A Pricing that knows its bases itself: that of a backend without Training."""

    def base(self, native: str) -> Base:
        """The model named by a native id; raises NotFound with the nearest."""


@runtime_checkable
class HasTiers(Protocol):
    """A Pricing that can be asked for another tier of a model than the one that the instance is set to."""

    def in_tier(self, tier: str) -> Pricing:
        """The same prices in this tier."""


class Training(Protocol):
    """Jobs.

    `wire` names the row format; `listing_lag_s` is how long a new job may stay invisible to `find`; `poll_s` how often
    it is polite to look at a running job; where `idempotent_create` is True a repeated `submit` with the same key never
    makes a second job.
    """

    wire: str
    listing_lag_s: float
    poll_s: float
    idempotent_create: bool

    def base(self, native: str) -> Base:
        """The model named by a native id; raises NotFound with where to get it."""

    def renderer(self, base: Base) -> Renderer | None:
        """The model's tokenizer and template; None where the provider keeps them: then the quote has the most that the tokens
        should be, by an estimate, and says so."""

    def encode(self, example: Example) -> bytes:
        """One row of the wire file, without the line end."""

    def preview(self, request: TrainRequest) -> Mapping[str, Any]:
        """The create call exactly as `submit` would send it, credentials left out; sends nothing."""

    def submit(self, request: TrainRequest) -> Remote:
        """Start the job: one attempt, no retries. Raises exactly one of Refused, NotSent and OutcomeUnknown."""

    def find(self, key: str) -> list[Remote]:
        """Every job that carries this key, from all pages, oldest first."""

    def get(self, id: str) -> Remote:
        """The job's present state; raises NotFound."""

    def events(self, id: str, after: int) -> Iterator[Event]:
        """Events with an id above `after`, in order."""

    def cancel(self, id: str) -> None:
        """Ask the job to stop; returns at once, also where the job has ended already."""

    def result(self, id: str) -> ModelRecord:
        """The trained model; raises TrainingError where there is none."""


@runtime_checkable
class EncodesByBase(Protocol):
    """A Training whose rows have another shape for some of its bases; `encode` then is that of most."""

    def encode_for(self, base: Base, example: Example) -> bytes:
        """One row of the wire file of a job on this base."""


@runtime_checkable
class Uploads(Protocol):
    """`upload`: rows are sent to the provider before the job is created."""

    def upload(self, file: Path, sha256: str) -> Upload:
        """Send a file; sending it twice costs nothing but time."""

    def still_there(self, upload: Upload) -> bool:
        """True where the provider still has the file."""


@runtime_checkable
class DeletesUploads(Protocol):
    """`delete_upload`: a file that was sent can be taken back."""

    def delete_upload(self, upload: Upload) -> None:
        """Delete the file at the provider; one that is gone already is fine."""


@runtime_checkable
class Preflight(Protocol):
    """`preflight`: what only the provider knows is read before anything is sent."""

    def preflight(self, resolved: Resolved) -> date | None:
        """Read account and model; raises LifecycleError, CapabilityError or AuthError where the create would fail.

        Returns the first day on which the base does not answer any more, as the provider says it now, and None where it
        says none; how near that may be is the core's to judge.
        """


@runtime_checkable
class OwnEstimate(Protocol):
    """`estimate_usd`: the provider prices a request itself."""

    def estimate_usd(self, request: TrainRequest) -> Decimal | None:
        """The provider's price of the request in USD, None where it gives none; creates nothing."""


@runtime_checkable
class Listing(Protocol):
    """`listing`: jobs that this ledger may never have seen can be imported."""

    def listing(self) -> Iterator[Remote]:
        """Every job of the account, newest first, from all pages."""


@runtime_checkable
class Checkpoints(Protocol):
    """`checkpoints`: states of the model that the provider keeps."""

    def checkpoints(self, id: str) -> list[Checkpoint]:
        """The checkpoints of a job, oldest first."""


@runtime_checkable
class Download(Protocol):
    """`download`: the weights can leave the provider."""

    def download(self, id: str, folder: Path) -> Path:
        """Copy the trained weights into `folder`; returns the file or folder written."""


@runtime_checkable
class Pause(Protocol):
    """`pause`: a job can stand still for a while; it keeps what it has done."""

    def pause(self, id: str) -> None:
        """Ask the job to stand still; one that does already, or that has ended, stays as it is."""

    def unpause(self, id: str) -> None:
        """Let a paused job go on; one that is not paused stays as it is."""


@runtime_checkable
class Resume(Protocol):
    """`resume`: a run whose trainer died goes on under the same id, at no new price."""

    def resume(self, id: str) -> bool:
        """Start the dead run's trainer again; False where the run is not dead or somebody else has just done it."""


@runtime_checkable
class History(Protocol):
    """`history`: what the provider has kept of a job can be taken home. Reads only."""

    def told(self, id: str) -> Told:
        """The job word for word, with the files that it names; raises NotFound."""

    def fetch(self, file: RemoteFile, to: Path) -> str | None:
        """Write the file's content to `to`, however large it is in bounded memory; returns its name at the provider.

        Metrics are written as CSV with a header. Raises NotFound where the file is gone, and Unavailable where less came
        than the provider has: what stands at `to` then is of no use.
        """


OPTIONAL_OF_TRAINING: Mapping[str, type] = {
    "upload": Uploads,
    "delete_upload": DeletesUploads,
    "preflight": Preflight,
    "estimate_usd": OwnEstimate,
    "listing": Listing,
    "checkpoints": Checkpoints,
    "download": Download,
    "pause": Pause,
    "resume": Resume,
    "history": History,
}


@dataclass(frozen=True, slots=True)
class Running:
    """A deployment that costs money until it is stopped. Times are ISO; `until` is when the provider itself stops it, as things are now."""

    id: str
    model: str
    usd_per_hour: Decimal | None
    since: str
    key: str | None = None
    until: str | None = None


class Hosting(Protocol):
    """Deployments. The first three are as for Training; `start` is a paid call like `submit`."""

    listing_lag_s: float
    idempotent_start: bool

    def rate_key(self, record: ModelRecord) -> str | None:
        """The catalogue's rate per hour of a deployment of this model; None where it answers without one."""

    def start(self, record: ModelRecord, key: str) -> Running:
        """Deploy a model: one attempt, no retries. Raises exactly one of Refused, NotSent and OutcomeUnknown."""

    def find(self, key: str) -> list[Running]:
        """Every deployment that carries this key and runs, oldest first."""

    def stop(self, id: str) -> None:
        """Stop a deployment; one that is stopped already is fine."""

    def running(self) -> list[Running]:
        """Every deployment of the account that costs money now."""


@dataclass(frozen=True, slots=True)
class Device:
    """What this machine can compute on, the best first. `trouble` says why it cannot be used as things are; sizes in bytes."""

    name: str
    memory: int | None = None
    memory_free: int | None = None
    trouble: str = ""


class Inference(Protocol):
    """Answers. Native async twins; a stream yields pieces of text and ends with the Answer."""

    def record(self, native: str) -> ModelRecord:
        """The record of a base or of a tuned model by its native id; raises NotFound."""

    def chat(self, record: ModelRecord, call: Call) -> Answer:
        """One answer."""

    def stream(self, record: ModelRecord, call: Call) -> Iterator[str | Answer]:
        """The same answer in pieces."""

    async def achat(self, record: ModelRecord, call: Call) -> Answer:
        """`chat` without blocking the event loop."""

    def astream(self, record: ModelRecord, call: Call) -> AsyncIterator[str | Answer]:
        """`stream` without blocking the event loop."""

    def chat_many(self, record: ModelRecord, calls: Iterable[Call]) -> Iterator[tuple[int, Answer]]:
        """Many answers as they are ready, each with the index of its call.

        Where answers cost money a call is taken from `calls` when it is begun, not before: a caller whose budget is used up
        gives no more, and those under way are still yielded, for they are paid for.
        """


@runtime_checkable
class Scores(Protocol):
    """`score`: likelihoods of given answers."""

    def score(
        self, record: ModelRecord, conversations: Sequence[Sequence[Message]]
    ) -> Iterator[tuple[int, Score]]:
        """How likely the model finds the last answer of each conversation, each with the index of its conversation."""


@runtime_checkable
class CountsTokens(Protocol):
    """`count_tokens`: what a question has in tokens can be asked before it is paid for."""

    def count_tokens(self, record: ModelRecord, call: Call) -> int:
        """Tokens that `chat` would read, tools, schema and images included, as near as the provider tells; costs nothing."""


@runtime_checkable
class Installs(Protocol):
    """`install`: weights are at hand and go along with a saved model."""

    def install(self, record: ModelRecord, folder: Path) -> ModelRecord:
        """Copy the weights into `folder`; the returned record points there."""


OPTIONAL_OF_INFERENCE: Mapping[str, type] = {
    "score": Scores,
    "count_tokens": CountsTokens,
    "install": Installs,
    "batch": Batches,
}
