"""One evaluation from first to last: check the rows, let every contender answer, compare row by row, report.

Which comparison carries the verdict and which share Holm's correction is decided here (`_matches`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from ftkit import clock
from ftkit.data import Dataset, Example
from ftkit.errors import ConfigError
from ftkit.evaluation.contenders import Allowance, Performance, Progress, ask, baselines
from ftkit.evaluation.held_out import (
    prompt_clusters,
    refuse_rows_of,
    refuse_rows_seen_in_training,
    usable_rows,
)
from ftkit.evaluation.metrics import AnswerMetric, Metric, choose_metrics
from ftkit.evaluation.report import Contender, Estimate, JudgedRow, Match, MetricInfo, Report, Role
from ftkit.evaluation.statistics import (
    Verdict,
    adjusted,
    bootstrap_interval,
    compare_paired,
    wilson,
)
from ftkit.models import Model
from ftkit.models.record import to_dict

SHORTEST, LONGEST = 16, 1024  # bounds of the derived max_tokens


def evaluate(
    candidate: Model,
    others: Sequence[Model],
    data: Dataset,
    *,
    metric: str | Metric | AnswerMetric = "exact_match",
    also: Sequence[str | Metric | AnswerMetric] = (),
    train: Dataset | None = None,
    seed: int = 0,
    max_tokens: int | None = None,
    max_cost_usd: Decimal | None = None,
    allow_unpriced: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Compare `candidate` with each of `others` on the rows of `data`; the verdict is on `metric` against the first.

    `also` adds metrics; `train` adds baselines and the check that no held-out row was trained on. `max_tokens` bounds
    every answer (derived from the longest reference where None). All answers together may cost `max_cost_usd`; past it
    BudgetError is raised. `progress(what, done, rows)` is called as rows are done.
    Raises ConfigError for an unknown metric, DataError for rows that cannot carry a verdict or that a metric fails on.
    """
    metrics = choose_metrics(metric, also)
    if not others:
        raise ConfigError("evaluate needs at least one model to compare the candidate with")
    examples = usable_rows(data, metrics)
    refuse_rows_seen_in_training(data, [candidate, *others])
    notes = [] if train is None else refuse_rows_of(train, data, examples)
    notes += _notes_on_records(candidate, others, train)
    limit = max_tokens if max_tokens is not None else tokens_for(examples)

    named = _named(candidate, others)
    budget = Allowance(max_cost_usd, allow_unpriced)
    performances = [
        ask(name, role, model, data, examples, metrics, limit, budget, progress)
        for name, role, model in named
    ]
    if train is not None:
        performances += baselines(train, data, examples, metrics)
    clusters = prompt_clusters(examples)
    if clusters is not None:
        notes.append(
            f"{len(examples) - len(set(clusters))} rows repeat the prompt of another; rows with one prompt count "
            f"as one cluster, since they get one answer"
        )
    notes += _notes_on_lengths(performances, len(examples), limit)
    infos = {metric.name: _info(metric, performances) for metric in metrics}
    matches = _matches(performances, infos, clusters, seed)
    notes += _notes_on_baselines(matches, metrics[0].name)
    return Report(
        candidate=performances[0].contender.name,
        metric=metrics[0].name,
        metrics=infos,
        contenders=tuple(_with_estimates(one, infos, clusters, seed) for one in performances),
        matches=matches,
        rows=_judged_rows(data, examples, performances),
        data=data.name,
        data_sha256=data.sha256,
        models={name: to_dict(model.record) for name, _, model in named},
        max_tokens=limit,
        seed=seed,
        evaluated_at=clock.now().isoformat(timespec="seconds"),
        notes=tuple(notes),
    )


def tokens_for(examples: Sequence[Example]) -> int:
    """Tokens that the longest reference answer may need, generously: UTF-8 bytes / 2 + 16, from 16 to 1,024.

    English has some 4 bytes a token and few scripts under 2, so a right answer has room and a runaway one still ends.
    """
    longest = max(len(example.answer.encode("utf-8", "surrogatepass")) for example in examples)
    return max(SHORTEST, min(LONGEST, longest // 2 + 16))


def _named(candidate: Model, others: Sequence[Model]) -> list[tuple[str, Role, Model]]:
    """Contenders with names of their own: a model that competes twice gets ` (2)`."""
    base = f"{candidate.record.instance}/{candidate.record.base}"
    named: list[tuple[str, Role, Model]] = [(candidate.id, "candidate", candidate)]
    seen = Counter([candidate.id])
    for other in others:
        seen[other.id] += 1
        name = other.id if seen[other.id] == 1 else f"{other.id} ({seen[other.id]})"
        is_base = candidate.tuned and not other.tuned and other.id == base
        named.append((name, "base" if is_base else "opponent", other))
    return named


def _info(metric: Metric, performances: Sequence[Performance]) -> MetricInfo:
    scores = (score for one in performances for score in one.scores.get(metric.name, ()))
    return MetricInfo(
        metric.name, metric.higher_is_better, all(score in (0, 1) for score in scores)
    )


def _with_estimates(
    one: Performance, infos: Mapping[str, MetricInfo], clusters: Sequence[str] | None, seed: int
) -> Contender:
    return replace(
        one.contender,
        estimates={
            name: _estimate(scores, infos[name].share, clusters, seed)
            for name, scores in one.scores.items()
        },
    )


def _estimate(
    scores: Sequence[float], share: bool, clusters: Sequence[str] | None, seed: int
) -> Estimate:
    mean = sum(scores) / len(scores)
    if share:
        found = wilson(round(sum(scores)), len(scores))
        if (
            clusters is not None
        ):  # repeated prompts say no more than one: never narrower than Wilson
            wide = bootstrap_interval(scores, clusters, seed=seed)
            return Estimate(
                mean, max(0.0, min(found.low, wide.low)), min(1.0, max(found.high, wide.high))
            )
    else:
        found = bootstrap_interval(scores, clusters, seed=seed)
    return Estimate(mean, found.low, found.high)


def _matches(
    performances: Sequence[Performance],
    infos: Mapping[str, MetricInfo],
    clusters: Sequence[str] | None,
    seed: int,
) -> tuple[Match, ...]:
    ours = performances[0].scores
    matches = [
        Match(
            other.contender.name,
            other.contender.role,
            name,
            compare_paired(
                ours[name],
                other.scores[name],
                clusters=clusters,
                higher_is_better=info.higher_is_better,
                seed=seed,
            ),
        )
        for other in performances[1:]
        for name, info in infos.items()
        if name in other.scores
    ]
    family = [match for match in matches[1:] if match.role != "baseline"]
    corrected = [
        replace(match, comparison=comparison, corrected=len(family) > 1)
        for match, comparison in zip(
            family, adjusted([match.comparison for match in family]), strict=True
        )
    ]
    return (matches[0], *corrected, *(match for match in matches if match.role == "baseline"))


def _judged_rows(
    data: Dataset, examples: Sequence[Example], performances: Sequence[Performance]
) -> tuple[JudgedRow, ...]:
    names = list(performances[0].scores)
    return tuple(
        JudgedRow(
            number=row.number,
            prompt=example.prompt,
            reference=example.answer,
            answers={one.contender.name: one.answers[i] for one in performances if one.answers},
            scores={
                name: {
                    one.contender.name: one.scores[name][i]
                    for one in performances
                    if name in one.scores
                }
                for name in names
            },
        )
        for i, (row, example) in enumerate(zip(data.rows, examples, strict=True))
    )


def _notes_on_records(
    candidate: Model, others: Sequence[Model], train: Dataset | None
) -> list[str]:
    notes = []
    recorded = candidate.record.data_sha256
    if candidate.tuned and recorded is None:
        notes.append(
            f"nothing is recorded about the rows that {candidate.id} was trained on; that the held-out rows are "
            f"new to it was not checked against its record"
        )
    if train is not None and recorded is not None and recorded != train.sha256:
        notes.append(
            f"the training rows given (SHA-256 {train.sha256[:12]}) are not those that {candidate.id} was trained "
            f"on ({recorded[:12]})"
        )
    notes += [
        f"{candidate.id} is compared with itself"
        for other in others
        if other.record == candidate.record
    ]
    return notes


def _notes_on_lengths(performances: Sequence[Performance], rows: int, limit: int) -> list[str]:
    return [
        f"{cut} of {rows} answers of {one.contender.name} were cut at max_tokens={limit}; where that should not "
        f"count as wrong, pass a larger max_tokens"
        for one in performances
        if (cut := one.contender.finish_reasons.get("length", 0))
    ]


def _notes_on_baselines(matches: Sequence[Match], metric: str) -> list[str]:
    return [
        f"the candidate is not shown to be better than the {match.opponent}, which needs no model"
        for match in matches
        if match.role == "baseline"
        and match.metric == metric
        and match.comparison.verdict is not Verdict.BETTER
    ]
