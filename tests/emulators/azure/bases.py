"""The bases that Azure tunes: prices by kind of training, hosting, methods, and the dates at which it all ends.

USD per million tokens as the retail price list stood in August 2026; dates from the retirement schedule of September
2026. This table is the witness's own: it is never read from the product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ..openai import prices as openai
from ..openai.prices import Rates

KINDS = ("Standard", "DataZoneStandard", "GlobalStandard", "Developer")
# The legal spellings are not settled: documentation, samples and tools each have their own.
SPELLINGS = {
    **{kind: kind for kind in KINDS},
    "standard": "Standard",
    "globalStandard": "GlobalStandard",
    "globalstandard": "GlobalStandard",
    "developer": "Developer",
    "developerTier": "Developer",
    "DeveloperTier": "Developer",
}
SKUS = ("Standard", "DataZoneStandard", "GlobalStandard", "DeveloperTier")
REGIONAL = Decimal("1.1")  # over the Global price of a call


@dataclass(frozen=True, slots=True)
class Base(openai.Base):
    """A base. `shutdown` ends it, `closed_from` new trainings from it, `tuned_end` deployments of what was tuned.

    `training` are prices by kind; a kind that is not in it is not to be had. `hosting` is USD an hour.
    """

    format: str = "OpenAI"
    model: str = ""
    version: str = ""
    methods: tuple[str, ...] = ()
    training: tuple[tuple[str, Decimal], ...] = ()
    hosting: Decimal = Decimal(0)
    tuned_end: date | None = None
    new_until: date | None = None
    lifecycle: str = "GenerallyAvailable"
    sees: bool = False

    def trained_as(self, kind: str) -> Base:
        """The same with the price of this kind of training; None where there is no such kind."""
        return replace(self, train=dict(self.training).get(kind))

    def called_as(self, sku: str) -> Base:
        """The same with the prices of calls to a deployment of this SKU."""
        factor = REGIONAL if sku in ("Standard", "DataZoneStandard") else Decimal(1)
        assert self.plain is not None
        rates = Rates(self.plain.read * factor, self.plain.written * factor)
        return replace(self, plain=rates, tuned=rates)


def _base(
    model: str,
    version: str,
    methods: str,
    training: str,
    call: str,
    hosting: str,
    dates: tuple[str | None, str | None, str | None] = (None, None, None),
    *,
    format: str = "OpenAI",
    lifecycle: str = "GenerallyAvailable",
    sees: bool = False,
) -> Base:
    """`training`: prices in the order of KINDS, "-" for none; `dates`: base, training and tuned deployments end."""
    read, written = map(Decimal, call.split())
    prices = zip(KINDS, training.split(), strict=True)
    name = model if format != "OpenAI" else f"{model}-{version}"
    shutdown, closed, tuned_end = (date.fromisoformat(day) if day else None for day in dates)
    return Base(
        name=name,
        alias=None,
        train=None,
        tuned=Rates(read, written),
        tuned_batch=None,
        plain=Rates(read, written),
        shutdown=shutdown,
        closed_from=closed,
        created=date.fromisoformat(version) if format == "OpenAI" else date(2025, 9, 1),
        format=format,
        model=model,
        version=version,
        methods=tuple(methods.split()),
        training=tuple((kind, Decimal(price)) for kind, price in prices if price != "-"),
        hosting=Decimal(hosting),
        tuned_end=tuned_end,
        new_until=shutdown,
        lifecycle=lifecycle,
        sees=sees,
    )


GPT_41 = ("2027-04-14", "2027-04-14", "2027-10-14")
GPT_4O = ("2027-04-14", "2027-04-01", "2027-10-01")
BOTH = "supervised dpo"
_ALL = [
    _base(
        "gpt-4.1", "2025-04-14", BOTH, "27.50 27.50 25.00 12.50", "2.00 8.00", "1.70", GPT_41,
        lifecycle="Legacy", sees=True,
    ),
    _base(
        "gpt-4.1-mini", "2025-04-14", BOTH, "5.50 5.50 5.00 2.50", "0.40 1.60", "1.70", GPT_41,
        lifecycle="Legacy",
    ),
    _base(
        "gpt-4.1-nano", "2025-04-14", BOTH, "1.65 1.65 1.50 0.75", "0.10 0.40", "1.70", GPT_41,
        lifecycle="Legacy",
    ),
    _base(
        "gpt-4o", "2024-08-06", BOTH, "27.50 27.50 25.00 12.50", "2.50 10.00", "1.70", GPT_4O,
        lifecycle="Deprecating", sees=True,
    ),
    _base(
        "gpt-4o-mini", "2024-07-18", "supervised", "3.30 3.30 3.00 1.50", "0.15 0.60", "1.70",
        GPT_4O, lifecycle="Deprecating",
    ),
    _base(
        "gpt-oss-20b", "1", "supervised", "- 4.00 3.60 -", "0.07 0.30", "0.30", format="Microsoft"
    ),
    _base(
        "Llama-3.3-70B-Instruct", "1", "supervised", "- 4.95 4.50 -", "0.71 0.71", "0.30",
        format="Meta",
    ),
    _base(
        "Ministral-3B", "1", "supervised", "- 1.10 1.00 -", "0.05 0.15", "0.65", format="Mistral AI"
    ),
]  # fmt: skip
BASES = {base.name: base for base in _ALL}
