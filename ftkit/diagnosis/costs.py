"""What costs money now: deployments that providers list, and jobs and deployments of the ledger that have not ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ftkit import clock
from ftkit.backend import Running
from ftkit.diagnosis.asking import Unanswered, one_line
from ftkit.diagnosis.providers import Looked
from ftkit.diagnosis.report import Charge, Costs
from ftkit.ledger import LedgerView, State, Verb

LEDGER = "ledger"


def reasons_not_to_ask(found: Sequence[Looked], *, offline: bool) -> dict[str, str]:
    """Providers with deployments that are left alone, each with the reason."""
    reasons = {}
    for looked in found:
        told = looked.provider
        if looked.backend is None or looked.backend.hosting is None:
            continue
        if offline:
            reasons[told.instance] = "offline"
        elif not told.has_credential:
            reasons[told.instance] = told.lacks_credential
    return reasons


def costs(
    answers: Mapping[str, Sequence[Running] | Unanswered],
    not_asked: Mapping[str, str],
    found: Sequence[Looked],
    ledger: LedgerView,
) -> Costs:
    """`answers` of the providers that were asked for their running deployments."""
    backends = {looked.provider.instance: looked.provider.backend for looked in found}
    keys = {intent.key for intent in ledger.intents}
    reasons = dict(not_asked)
    charges: list[Charge] = []
    seen = set()
    for instance, answer in answers.items():
        if isinstance(answer, Unanswered):
            reasons[instance] = answer.reason
            continue
        for running in answer:
            account = (backends[instance], running.id)  # two instances may be one account
            if account not in seen:
                seen.add(account)
                charges.append(_deployment(instance, running, ours=running.key in keys))
    asked = tuple(name for name in answers if name not in reasons)
    return Costs(
        at=clock.now().isoformat(),
        asked=asked,
        not_asked=reasons,
        charges=(*charges, *_remembered(ledger, asked), *_jobs(ledger)),
    )


def _deployment(instance: str, running: Running, *, ours: bool) -> Charge:
    return Charge(
        "deployment",
        instance,
        one_line(running.id),
        one_line(f"{instance}/{running.model}"),
        one_line(running.since),
        source=instance,
        usd_per_hour=running.usd_per_hour,
        ours=ours,
    )


def _remembered(ledger: LedgerView, asked: Sequence[str]) -> Iterator[Charge]:
    """Deployments that the ledger takes to be running, of providers that did not say."""
    for intent in ledger.intents:
        if (
            intent.verb is Verb.DEPLOY
            and intent.state is State.MADE
            and intent.instance not in asked
        ):
            yield Charge(
                "deployment",
                intent.instance,
                intent.remote_id or intent.key,
                intent.subject,
                intent.sent_at or intent.created_at,
                source=LEDGER,
                usd_per_hour=intent.usd,
            )


def _jobs(ledger: LedgerView) -> Iterator[Charge]:
    """Jobs that a provider has and that had not ended when they were last looked at; unsettled ones are no fact yet."""
    for row in ledger.unfinished:
        # a job that was taken up from its provider has no plan, and an old plan does not say
        paid = row.plan.get("paid", row.usd is not None or not row.plan)
        if row.state is State.MADE and paid:
            yield Charge(
                "job",
                row.instance,
                row.id,
                row.model or "unknown",
                row.sent_at or row.created_at,
                source=LEDGER,
                usd=row.usd,
            )
