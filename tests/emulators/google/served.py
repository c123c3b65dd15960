"""Which models answer where: bases in every location that serves them, tuned ones at their endpoint in theirs alone."""

from __future__ import annotations

from dataclasses import dataclass

from ..serving.exchange import Call
from .book import Book
from .jobs import Job
from .prices import BASES, Base
from .refusals import Refused
from .shown_jobs import endpoint_name


@dataclass(frozen=True, slots=True)
class Served:
    """A model that answers. `job` is what made it, None for a base."""

    base: Base
    job: Job | None
    location: str

    @property
    def tuned(self) -> bool:
        """True where somebody tuned it."""
        return self.job is not None


def base_model(book: Book, call: Call) -> Served:
    """The base of publishers/google/models/ID."""
    base = BASES.get(call.id)
    if base is None or base.open or (base.shutdown and call.now.date() >= base.shutdown):
        raise Refused(
            404,
            f"Publisher Model `publishers/google/models/{call.id}` was not found or your project does not have access "
            "to it. Please ensure you are using a valid model version.",
        )
    return Served(base, None, call.ids.get("region", call.ids["location"]))


def at_endpoint(book: Book, call: Call) -> tuple[Served, str | None]:
    """The tuned model behind endpoints/ID, and the checkpoint where it is one's."""
    location = call.ids["region"]
    for job in book.tuned(call.scope.project, call.now):
        if job.base.open or job.serving != location:
            continue
        if job.base.shutdown and call.now.date() >= job.base.shutdown:
            continue
        ids: list[str | None] = [None, *(id for id, _, _ in job.checkpoints())]
        for id in ids:
            if endpoint_name(job, book.named, id).endswith(f"/endpoints/{call.id}"):
                return Served(job.base, job, location), id
    raise Refused(404, f"The Endpoint does not exist. Endpoint id: {call.id}.")
