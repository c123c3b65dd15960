"""Stopping a deployment by its model or by its id; done again, it ends what an interrupted one has begun."""

from __future__ import annotations

from collections.abc import Callable

from ftkit.backend import ModelRecord
from ftkit.config import Settings
from ftkit.errors import ConfigError, NotFound
from ftkit.ledger import Ledger, State, Verb
from ftkit.models.hosted import Deployed, list_deployments
from ftkit.models.left_behind import stop_left_behind
from ftkit.registry import is_backend

_NOT_SENT = (State.PREPARED,)


def undeploy(what: str, settings: Settings, record_of: Callable[[], ModelRecord]) -> Deployed:
    """Stop what is deployed: `provider/id`, or the deployment of a model, which `record_of` opens where it is a name.

    Raises NotFound where nothing is, ConfigError where a model has several, OutcomeUnknown where its start was lost and
    cannot be found.
    """
    instance, _, rest = what.partition("/")
    known = rest and (is_backend(instance) or instance in settings.providers)
    running = list_deployments(settings, instance) if known else []
    found = [one for one in running if one.id == rest] or _of(running, rest)
    model = what
    if not found:
        record = record_of()
        model = record.id
        if not known or (record.instance, record.native) != (instance, rest):
            running = list_deployments(settings, record.instance)
            found = _of(running, record.native)
    if len(found) > 1:
        ids = ", ".join(_name(one) for one in found)
        raise ConfigError(f"{model} is deployed {len(found)} times: {ids}; name one of them")
    if not found:
        raise NotFound(_nothing(model, running, settings))
    one = found[0]
    settled = one.settle()
    if settled is None:
        raise NotFound(f"{model} is not deployed any more")
    stopped = settled.stop()
    stop_left_behind(settings)
    return stopped


def stop_deployment(which: str, settings: Settings) -> Deployed:
    """Stop the deployment `provider/id`; raises NotFound for one that does not run. Returned with what it has cost."""
    instance, _, id = which.partition("/")
    running = list_deployments(settings, instance)
    for one in running:
        if one.id == id:
            return one.stop()
    raise NotFound(f"{instance} runs no deployment {id!r}; running: {_ids(running)}")


def _of(running: list[Deployed], native: str) -> list[Deployed]:
    return [one for one in running if one.model == native]


def _nothing(model: str, running: list[Deployed], settings: Settings) -> str:
    """That nothing runs; what was prepared and never sent holds back no money any more."""
    ledger = Ledger(settings.home)
    released = ""
    for intent in ledger.intents(verb=Verb.DEPLOY, state=State.PREPARED):
        if intent.subject == model and ledger.move(
            intent.key, State.CLOSED, only_from=_NOT_SENT, detail="given up: nothing was sent"
        ):
            released = "; one that was prepared and never sent is given up"
    return f"{model} is not deployed{released}; running: {_ids(running)}"


def _ids(running: list[Deployed]) -> str:
    return ", ".join(one.id for one in running if one.id is not None) or "none"


def _name(one: Deployed) -> str:
    return f"{one.instance}/{one.id}" if one.id is not None else str(one.key)
