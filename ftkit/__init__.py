"""Fine-tune language models through one API: check, estimate, train, show that it worked, answer.

Every verb imports what it needs when it is called, so that `import ftkit` costs next to nothing. `ftkit.types` has the
types that verbs take and return; errors are in `ftkit.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from ftkit import errors

if TYPE_CHECKING:
    from decimal import Decimal

    from ftkit.types import (
        AnswerMetric,
        Batch,
        CheckReport,
        Converted,
        Dataset,
        Deployed,
        Diagnosis,
        DryRun,
        Fixed,
        Hyperparameters,
        Job,
        Metric,
        Model,
        Price,
        PriceTable,
        Quote,
        Report,
        Rescue,
        Spent,
    )

    Source: TypeAlias = str | Path | Iterable[Mapping[str, Any]] | Dataset
    Settings: TypeAlias = Hyperparameters | Mapping[str, Any]

__version__ = "0.1.0"

__all__ = [
    "aevaluate",
    "afinetune",
    "asubmit",
    "batch",
    "batches",
    "check",
    "compare",
    "convert",
    "deploy",
    "doctor",
    "errors",
    "estimate",
    "evaluate",
    "finetune",
    "fix",
    "hosting",
    "import_jobs",
    "job",
    "jobs",
    "load",
    "model",
    "prices",
    "rescue",
    "spent",
    "submit",
    "undeploy",
]


def load(
    source: Source,
    *,
    format: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    system: str | None = None,
    strip_separators: bool | None = None,
) -> Dataset:
    """Read a data set: JSONL, JSON or CSV file, list of dicts, or Hugging Face `datasets` object.

    `prompt` and `completion` name columns; `system` is put in front of rows that have no system message;
    `strip_separators=True` takes off what nearly all prompts and completions begin or end with (FT605). One strict pass; raises DataError with every bad row in `.faults`.
    """
    from ftkit.data import load

    return load(
        source,
        format=format,
        prompt=prompt,
        completion=completion,
        system=system,
        strip_separators=strip_separators,
    )


def convert(
    source: Source,
    out: str | Path,
    *,
    to: str,
    format: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    system: str | None = None,
    strip_separators: bool | None = None,
    renumber_calls: bool = False,
    force: bool = False,
) -> Converted:
    """Write a data set in the format `to` to `out`: .jsonl, .json, .csv or .tsv, each also .gz or .zst.

    `renumber_calls` gives tool calls the ids call_0, call_1 and so on, for formats that have no others. The other options
    read the source, as in `load`. A row that cannot be carried whole is refused: DataError names every
    such row in `.faults`, and nothing is written. `out` is replaced only with `force`, and may then be the source itself.
    Raises StorageError where it is there already or cannot be written.
    """
    from ftkit.data import convert

    return convert(
        source,
        out,
        to=to,
        format=format,
        prompt=prompt,
        completion=completion,
        system=system,
        strip_separators=strip_separators,
        renumber_calls=renumber_calls,
        force=force,
    )


def check(
    data: Source,
    model: str | None = None,
    *,
    against: Source | None = None,
    **load_options: Any,
) -> CheckReport:
    """Judge a data set, for one model where given: findings with row numbers and a way to mend. Never raises for data.

    `against` is the held-out set, loaded with the same options: rows that are known from it are found.
    """
    from ftkit import config
    from ftkit.cost import model_renderer
    from ftkit.data import check, report_of_faults
    from ftkit.evaluation.power import minimum_detectable

    try:
        dataset = load(data, **load_options)
    except errors.DataError as error:
        return report_of_faults(error, str(data) if isinstance(data, str | Path) else "")
    try:
        held = None if against is None else load(against, **load_options)
    except errors.DataError as error:
        return report_of_faults(error, str(against) if isinstance(against, str | Path) else "")
    settings = config.settings()
    chosen = model or settings.model
    if chosen is None:
        return check(dataset, smallest_gain=minimum_detectable, against=held)
    base, renderer = model_renderer(chosen, settings)
    wanted = settings.hyperparameters
    limits = [one for one in (base.max_length, wanted.max_length) if one is not None]
    return check(
        dataset,
        renderer=renderer,
        max_length=min(limits, default=None),
        smallest_gain=minimum_detectable,
        against=held,
        model=chosen,
        train_on=wanted.train_on or "assistant",
    )


def fix(
    source: str | Path,
    out: str | Path | None = None,
    *,
    only: Sequence[str] | None = None,
    skip: Sequence[str] | None = None,
    drop_duplicates: bool = False,
    drop_unreadable: bool = False,
    log: str | Path | None = None,
    force: bool = False,
    format: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    system: str | None = None,
) -> Fixed:
    """Write a file anew with what is certainly damaged put right; without `out` nothing is written, only said.

    `only` and `skip` name mends (see docs/data.md). No row is dropped unless `drop_duplicates` or `drop_unreadable` is
    given. Every change is a line in `log`, or in OUT.fixes.jsonl. A row that is not mended keeps its bytes. Raises
    DataError as `load` does, and StorageError where a file is there already; then everything is as it was.
    """
    from ftkit.data.mending import mend_file

    return mend_file(
        source,
        out,
        only=only,
        skip=skip,
        drop_duplicates=drop_duplicates,
        drop_unreadable=drop_unreadable,
        log=log,
        force=force,
        format=format,
        prompt=prompt,
        completion=completion,
        system=system,
    )


def estimate(
    data: Source | None = None,
    model: str | None = None,
    *,
    method: str | None = None,
    hyperparameters: Settings | None = None,
    validation: Source | None = None,
    tokens: int | None = None,
    epochs: float | None = None,
    rows: int | None = None,
    training_hours: float = 0,
    hosting_hours: float = 0,
    storage_months: float = 0,
    input_tokens: int = 0,
    output_tokens: int = 0,
    rates: Mapping[str, Decimal | float | str] | None = None,
) -> Quote:
    """What one run costs and needs, with every setting resolved: USD, steps, memory in bytes, seconds. Trains nothing.

    Without data, from numbers: `tokens` of one pass over `rows` rows, `epochs` passes, or `training_hours` where time is
    charged, and what the model is used for afterwards. `rates` are prices of your own in USD, by use: train, input and
    output per million tokens, train_hour and hosting per hour, storage per month; with them no model is needed.
    """
    from ftkit import config
    from ftkit.cost import amounts, parsed_settings, plan, quote_without_data

    settings = config.settings()
    chosen = parsed_settings(hyperparameters)
    if epochs is not None:
        chosen = chosen.overridden_by(parsed_settings({"epochs": epochs}))
    numbers = {
        "tokens": tokens, "rows": rows, "training_hours": training_hours, "hosting_hours": hosting_hours,
        "storage_months": storage_months, "input_tokens": input_tokens, "output_tokens": output_tokens,
    }  # fmt: skip
    given = {name: number for name, number in numbers.items() if number}
    if data is None:
        if not given:
            raise errors.ConfigError(
                "estimate takes data, or numbers without data: tokens=, epochs="
            )
        return quote_without_data(
            amounts(given),
            settings,
            model=model if model is not None or rates is not None else settings.model,
            method=method,
            hyperparameters=settings.hyperparameters.overridden_by(chosen),
            rates=rates,
        )
    if given or rates is not None:
        names = ", ".join([*given, *(["rates"] if rates is not None else [])])
        raise errors.ConfigError(f"data and numbers: {names} are for a quote without data")
    return plan(
        load(data),
        settings,
        model=model,
        method=method,
        hyperparameters=chosen,
        validation=None if validation is None else load(validation),
    )


def compare(
    data: Source,
    models: Sequence[str] | Literal["all"] = "all",
    *,
    calls_per_month: int = 0,
    horizon_months: int = 12,
    must: Mapping[str, str] | None = None,
    method: str | None = None,
    hyperparameters: Settings | None = None,
    examples: int = 5,
    hosting_hours_per_month: Decimal | float = 730,
    report: Report | str | Path | None = None,
    allow_retiring: bool | None = None,
) -> PriceTable:
    """What tuning on these rows and using the result costs on every provider, in USD, cheapest over the horizon first.

    Needs no key and no network. `must` is what a provider has to fulfil: {"region": "eu", "weights": "downloadable"}. All
    models are quoted with 3 epochs unless `hyperparameters` say otherwise. `allow_retiring` lets bases in that are switched
    off within 90 days. `examples` are those of the prompt that not tuning is compared with. A deployment is one machine for
    `hosting_hours_per_month`. With the `report` of an evaluation, or a file of `ftkit evaluate --json`, the table has what a
    right answer costs. `.best()` is the quote of the cheapest that can be submitted.
    """
    from decimal import Decimal

    from ftkit import config
    from ftkit.cost import parsed_method, parsed_settings, price_table, report_values

    settings = config.settings()
    return price_table(
        load(data),
        settings,
        models=None if models == "all" else tuple(models),
        method=parsed_method(method or settings.method or "lora"),
        hyperparameters=parsed_settings(hyperparameters),
        calls_per_month=calls_per_month,
        horizon_months=horizon_months,
        must=must or {},
        examples=examples,
        hosting_hours=Decimal(str(hosting_hours_per_month)),
        report=None if report is None else report_values(report),
        allow_retiring=settings.allow_retiring if allow_retiring is None else allow_retiring,
    )


def prices(provider: str | None = None) -> tuple[Price, ...]:
    """Every price in force, of one provider or of all, with its source and date. Needs no key and no network."""
    from ftkit import config
    from ftkit.cost import price_list

    return price_list(config.settings(), provider)


@overload
def submit(
    data: Source,
    model: str | None = None,
    *,
    plan: Quote | None = None,
    method: str | None = None,
    hyperparameters: Settings | None = None,
    validation: Source | None = None,
    name: str | None = None,
    max_cost_usd: Decimal | float | str | None = None,
    allow: Collection[str] = (),
    allow_unpriced: bool = False,
    allow_retiring: bool | None = None,
    force_new: bool = False,
    dry_run: Literal[False] = False,
) -> Job: ...
@overload
def submit(
    data: Source,
    model: str | None = None,
    *,
    plan: Quote | None = None,
    method: str | None = None,
    hyperparameters: Settings | None = None,
    validation: Source | None = None,
    name: str | None = None,
    max_cost_usd: Decimal | float | str | None = None,
    allow: Collection[str] = (),
    allow_unpriced: bool = False,
    allow_retiring: bool | None = None,
    dry_run: Literal[True],
) -> DryRun: ...
def submit(
    data: Source,
    model: str | None = None,
    *,
    plan: Quote | None = None,
    method: str | None = None,
    hyperparameters: Settings | None = None,
    validation: Source | None = None,
    name: str | None = None,
    max_cost_usd: Decimal | float | str | None = None,
    allow: Collection[str] = (),
    allow_unpriced: bool = False,
    allow_retiring: bool | None = None,
    force_new: bool = False,
    dry_run: bool = False,
) -> Job | DryRun:
    """Start one training job, or attach to the one that does the same work already.

    Either `plan` (a Quote) or `model` with settings. `allow` names check codes that do not block; `allow_unpriced` pays an
    unknown price, `allow_retiring` trains a base that is switched off within 90 days; `force_new` starts a second job on
    purpose; `dry_run` returns the exact request and sends nothing.

    Raises DataError, CapabilityError, LifecycleError or BudgetError before anything is sent; OutcomeUnknown where the
    answer to the paid call was lost and the job may be running: the same call again, or `Job.settle`, finds it.
    """
    from ftkit import config
    from ftkit.submission import Terms, submit
    from ftkit.submission import dry_run as preview

    if plan is not None and (model or method or hyperparameters):
        raise errors.ConfigError("pass plan= or model= with settings, not both")
    if dry_run and force_new:
        raise errors.ConfigError("a dry run starts nothing: leave force_new out")
    settings = config.settings()
    rows = load(data)
    held = None if validation is None else load(validation)
    chosen = plan or estimate(
        rows, model, method=method, hyperparameters=hyperparameters, validation=held
    )
    terms = Terms(
        max_cost_usd=settings.max_cost_usd if max_cost_usd is None else config.money(max_cost_usd),
        allow=allow,
        allow_unpriced=allow_unpriced,
        allow_retiring=settings.allow_retiring if allow_retiring is None else allow_retiring,
    )
    if dry_run:
        return preview(rows, chosen, settings, validation=held, name=name, terms=terms)
    return submit(
        rows, chosen, settings, validation=held, name=name, terms=terms, force_new=force_new
    )


async def asubmit(data: Source, model: str | None = None, **options: Any) -> Job:
    """`submit` for asyncio."""
    import asyncio

    return await asyncio.to_thread(lambda: submit(data, model, **options, dry_run=False))


def finetune(
    data: Source, model: str | None = None, *, timeout_s: float | None = None, **options: Any
) -> Model:
    """`submit`, wait, and return the tuned model; a failed job raises TrainingError. Options as in `submit`."""
    return submit(data, model, **options, dry_run=False).wait(timeout_s).model()


async def afinetune(
    data: Source, model: str | None = None, *, timeout_s: float | None = None, **options: Any
) -> Model:
    """`finetune` for asyncio; a cancelled task leaves the job running."""
    started = await asubmit(data, model, **options)
    return (await started.wait_async(timeout_s)).model()


def job(name_or_id: str) -> Job:
    """A job by name, id, or `provider/id` (which takes up a job that this ledger has never seen)."""
    from ftkit import config
    from ftkit.submission import find_job

    return find_job(name_or_id, config.settings())


def jobs() -> list[Job]:
    """All jobs of this ledger, newest first."""
    from ftkit import config
    from ftkit.submission import list_jobs

    return list_jobs(config.settings())


def import_jobs(provider: str) -> list[Job]:
    """Take up every job that a provider lists and this ledger does not know; returns those. Nothing is started."""
    from ftkit import config
    from ftkit.submission import import_jobs

    return import_jobs(provider, config.settings())


def batch(key_or_id: str) -> Batch:
    """A batch of answers that `Model.batch` has started: by its key, the provider's id, or `provider/id`; else NotFound."""
    from ftkit import config
    from ftkit.models import find_batch

    return find_batch(key_or_id, config.settings())


def batches() -> list[Batch]:
    """All batches of answers of this ledger, newest first; asks no provider."""
    from ftkit import config
    from ftkit.models import list_batches

    return list_batches(config.settings())


def hosting(provider: str | None = None) -> list[Deployed]:
    """What is deployed and costs money by the hour: of one provider, or of every one that can be asked.

    One whose start was lost is listed too, with no id: it may run. Each has `stop` and `settle`. Nothing is stopped here.
    """
    from ftkit import config
    from ftkit.models import list_deployments

    return list_deployments(config.settings(), provider)


def deploy(
    model: Model | str | Path,
    *,
    hours: Decimal | float | str | None = None,
    until_stopped: bool = False,
    max_cost_usd: Decimal | float | str | None = None,
    allow_unpriced: bool = False,
    extend: bool = False,
) -> Deployed:
    """Put a model that answers only there on a deployment that outlives this process, for `hours` from now on.

    One that runs already is attached to, and lasts as long as it did unless `extend`. The whole length must fit into
    `max_cost_usd` (USD, or the profile's) and the budget of the month: else BudgetError. `until_stopped=True` states no
    length; with `max_cost_usd` it lasts until that is spent. Nothing waits for the end: the first ftkit command, or verb that
    pays, after it stops the deployment. CapabilityError for a model that needs none; OutcomeUnknown where the answer
    to the start was lost: the same call again looks for it.
    """
    from ftkit import config
    from ftkit.models import planned_deployment
    from ftkit.registry import open_backend

    settings = config.settings()
    record = _opened(model).record
    plan = planned_deployment(
        record,
        open_backend(record.instance, settings),
        settings,
        hours=hours,
        until_stopped=until_stopped,
        max_cost_usd=settings.max_cost_usd if max_cost_usd is None else config.money(max_cost_usd),
        allow_unpriced=allow_unpriced,
        extend=extend,
    )
    deployed, _ = plan.carry_out()
    return deployed


def undeploy(what: Model | str | Path) -> Deployed:
    """Stop the deployment of a model, or the one with the id `provider/id`, whoever started or uses it.

    Returned with its cost until now. NotFound where nothing runs.
    """
    from ftkit import config
    from ftkit.models import Model, undeploy

    name = what.id if isinstance(what, Model) else str(what)
    return undeploy(name, config.settings(), lambda: _opened(what).record)


def model(what: str | Path) -> Model:
    """A model handle: a file written by `Model.save`, a job's name, `provider/id`, or a folder with weights."""
    from ftkit import config
    from ftkit.submission import open_model

    return open_model(what, config.settings())


def _opened(what: Model | str | Path) -> Model:
    from ftkit.models import Model

    return what if isinstance(what, Model) else model(what)


def evaluate(
    candidate: Model | str | Path,
    against: Sequence[Model | str | Path] | None = None,
    *,
    data: Source,
    metric: str | Metric | AnswerMetric = "exact_match",
    also: Sequence[str | Metric | AnswerMetric] = (),
    train: Source | None = None,
    seed: int = 0,
    max_tokens: int | None = None,
    max_cost_usd: Decimal | float | str | None = None,
    allow_unpriced: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Compare a model with others on the same held-out rows, paired; the verdict is on `metric`.

    A metric is exact_match, normalized_match, json_equal, nll, or a function of (answer, reference, example).
    `against` is the candidate's base where left out. With `train` the baselines that need no model (majority answer, nearest
    training answer) stand beside it. All answers together may cost `max_cost_usd` (or the profile's). Raises DataError
    where held-out rows were used to train or validate the candidate, BudgetError past the budget.
    """
    from ftkit import config
    from ftkit.evaluation import evaluate

    tuned = _opened(candidate)
    others = [tuned.base] if against is None else [_opened(other) for other in against]
    return evaluate(
        tuned,
        others,
        load(data),
        metric=metric,
        also=also,
        train=None if train is None else load(train),
        seed=seed,
        max_tokens=max_tokens,
        max_cost_usd=config.settings().max_cost_usd
        if max_cost_usd is None
        else config.money(max_cost_usd),
        allow_unpriced=allow_unpriced,
        progress=progress,
    )


async def aevaluate(candidate: Model | str | Path, **options: Any) -> Report:
    """`evaluate` for asyncio."""
    import asyncio

    return await asyncio.to_thread(lambda: evaluate(candidate, **options))


def rescue(
    provider: str,
    to: str | Path,
    *,
    ask: Source | None = None,
    max_tokens: int = 512,
    max_cost_usd: Decimal | float | str | None = None,
    allow_unpriced: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Rescue:
    """Download what an account's tuning history holds into the folder `to`; nothing is changed at the provider.

    Jobs, events, metrics, training and validation files, names of checkpoints; every job is in the ledger then. With
    `ask` every tuned model answers these rows, all of them together for `max_cost_usd` (or the profile's; one of the two
    is needed). The same call again goes on: a file that is whole in the folder is never fetched again. What cannot be had
    is in `.missing`; raises Unavailable where the provider cannot be reached any more.
    """
    from ftkit import config
    from ftkit.rescuing import Questions, rescue

    settings = config.settings()
    limit = settings.max_cost_usd if max_cost_usd is None else config.money(max_cost_usd)
    questions = None
    if ask is not None:
        if limit is None:
            raise errors.ConfigError("answers cost money: give max_cost_usd with ask")
        questions = Questions(load(ask), limit, max_tokens, allow_unpriced)
    watch = progress or (lambda key, done, total: None)
    return rescue(provider, Path(to), settings, questions=questions, progress=watch)


def spent(month: str | None = None) -> Spent:
    """What this ledger's paid calls of a calendar month (`"2026-11"`, in UTC; the current one where None) have cost, in USD.

    Beside it the budget of the month and how the bills of earlier jobs compare with their quotes. Asks no provider.
    """
    from ftkit import clock, config
    from ftkit.ledger import Ledger, month_named
    from ftkit.spending import spent

    settings = config.settings()
    moment = clock.now() if month is None else month_named(month)
    return spent(Ledger(settings.home), moment, settings.monthly_budget_usd)


def doctor(*, offline: bool = False) -> Diagnosis:
    """What is wrong with this installation, what costs money now, and the facts for a bug report.

    Changes nothing, shows no credential, raises nothing for what it finds. Providers are asked what runs, for at most 5 s;
    `offline` asks none.
    """
    from ftkit.diagnosis import diagnose

    return diagnose(offline=offline)
