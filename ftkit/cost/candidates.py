"""Every model that could be tuned on these rows, priced; and every one that cannot, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ftkit import clock
from ftkit.backend import Backend, HasTiers
from ftkit.catalogue import ModelFacts, lifecycle
from ftkit.config import Settings
from ftkit.cost.break_even import Course
from ftkit.cost.demands import unmet
from ftkit.cost.monthly import HOURS, Calls, in_use
from ftkit.cost.planning import quoted
from ftkit.cost.quote import Quote, QuoteLine
from ftkit.data import Dataset
from ftkit.errors import FtkitError, NotFound
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.registry import backend_names, is_backend, open_backend, plugin, split_model

_NO_PRICE = (
    "time on this machine has no price: usd_per_hour of {0}, or watts with usd_per_kwh, sets one, and "
    "`ftkit estimate --model {0}/...` tells time and memory"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to train and to use the result; `monthly` are the lines of a month in use."""

    name: str
    quote: Quote
    facts: ModelFacts
    calls: Calls
    monthly: tuple[QuoteLine, ...]

    @property
    def model(self) -> str:
        """`instance/base`, with its tier where there is a choice."""
        tier = self.quote.resolved.tier
        return f"{self.quote.instance}/{self.name}" + (f" ({tier})" if tier else "")

    @property
    def course(self) -> Course | None:
        """What it is expected to cost once, monthly and for each call; None where any price is unknown."""
        if self.quote.usd_expected is None or any(line.usd is None for line in self.monthly):
            return None
        fixed = sum(
            (
                line.usd or Decimal(0)
                for line in self.monthly
                if line.label in ("hosting", "storage")
            ),
            Decimal(0),
        )
        tokens = sum((line.usd or Decimal(0) for line in self.monthly), Decimal(0)) - fixed
        return Course(
            self.quote.usd_expected,
            fixed,
            tokens / self.calls.per_month if self.calls.per_month else Decimal(0),
        )


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A model that cannot be trained on these rows today, and why. `until` is its last day, where dates are the reason.

    `own` is True for one's own machine, which could be trained on and has no price.
    """

    model: str
    reason: str
    until: date | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be trained and how it will be used, the same for every model."""

    method: Method
    hyperparameters: Hyperparameters
    calls_per_month: int
    must: Mapping[str, str]
    allow_retiring: bool = False
    hosting_hours: Decimal = HOURS  # a month


def candidates(
    data: Dataset, settings: Settings, models: Sequence[str] | None, wish: Wish
) -> Iterator[Candidate | PassedOver]:
    """All of the named models, or of every provider that is installed or configured.

    Raises NotFound for a named one that is in no catalogue.
    """
    if models is not None:
        for instance, native in dict.fromkeys(split_model(model) for model in models):
            backend = open_backend(instance, settings)
            facts = backend.catalogue.model(native) or backend.catalogue.unlisted
            if facts is None:
                raise NotFound(
                    f"the catalogue of {instance} has no {native!r}{backend.catalogue.suggestion(native)}"
                )
            yield from _in_every_tier(data, instance, native, facts, backend, wish)
        return
    for instance in sorted({*backend_names(), *settings.providers}):
        try:
            backend = open_backend(instance, settings)
        except FtkitError as error:
            yield PassedOver(instance, str(error))
            continue
        if _costs_nothing(backend):
            yield PassedOver(instance, _NO_PRICE.format(instance), own=True)
            continue
        for name, facts in backend.catalogue.models.items():
            yield from _in_every_tier(data, instance, name, facts, backend, wish)


def _in_every_tier(
    data: Dataset, instance: str, name: str, facts: ModelFacts, backend: Backend, wish: Wish
) -> Iterator[Candidate | PassedOver]:
    for tier in facts.tiers or (None,):
        yield _judged(data, instance, name, facts, backend, tier, wish)


def _costs_nothing(backend: Backend) -> bool:
    """A backend that computes here and was given no price; to quote it, the machine would have to be measured."""
    here = is_backend(backend.name) and plugin(backend.name).devices is not None
    return here and all(rate.usd is None for rate in backend.catalogue.rates.values())


def _judged(
    data: Dataset,
    instance: str,
    native: str,
    row: ModelFacts,
    backend: Backend,
    tier: str | None,
    wish: Wish,
) -> Candidate | PassedOver:
    listed = (key for key, one in backend.catalogue.models.items() if one is row)
    name = next(listed, native)
    facts = row.at(tier)
    model = f"{instance}/{name}" + (f" ({tier})" if tier else "")
    today = clock.now().date()
    gone = lifecycle.closed(name, facts, today)
    if gone is not None:
        return PassedOver(model, gone, facts.training_until or facts.shutdown)
    retires = facts.shutdown is not None and lifecycle.retires(facts.shutdown, today)
    if facts.shutdown is not None and retires and not wish.allow_retiring:
        return PassedOver(
            model,
            lifecycle.ends(name, facts.shutdown, today),
            facts.training_until or facts.shutdown,
        )
    if (lacking := unmet(facts, wish.must)) is not None:
        return PassedOver(model, lacking)
    if facts.min_rows is not None and len(data) < facts.min_rows:
        return PassedOver(model, f"it needs at least {facts.min_rows:,} rows")
    if facts.max_rows is not None and len(data) > facts.max_rows:
        return PassedOver(model, f"it takes at most {facts.max_rows:,} rows")
    if tier is not None and isinstance(backend.pricing, HasTiers):
        backend = replace(backend, pricing=backend.pricing.in_tier(tier))
    try:
        quote = quoted(data, instance, name, backend, wish.method, wish.hyperparameters)
    except FtkitError as error:
        return PassedOver(model, str(error))
    longest, limit = quote.resolved.counts.longest, quote.resolved.base.max_length
    if limit is not None and longest > limit:
        return PassedOver(model, f"a row has {longest:,} tokens, and it takes {limit:,}")
    calls = Calls.measured(
        wish.calls_per_month, quote.resolved.counts, 2 if wish.method is Method.DPO else 1
    )
    # where nobody sends a bill for the training, nobody sends one for tokens either: one's own machine has hours alone
    billed = quote.paid or "hosting" in facts.rates
    monthly = in_use(backend.catalogue, facts, calls, wish.hosting_hours) if billed else ()
    return Candidate(name, quote, facts, calls, monthly)
