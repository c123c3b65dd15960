"""The stories of hostile answers that every provider of jobs goes through; each has the answer at one step."""

from __future__ import annotations

from typing import Any

from tests.hostile import SHOW, Bench, Story, Trial, command


def _in_create(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.target.slow()
    bench.target.fault("create", **order)
    trial.hostile.append(bench.submit())


def _in_list_elsewhere(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """Another machine has started the job: who cannot see it in the list must not start it again."""
    assert bench.submit().code == 0
    bench.other_machine()
    bench.target.fault("list", times=None, **order)
    trial.hostile.append(bench.submit())


def _in_list_lost(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    """The create's answer is lost, and the look for it gets the hostile one."""
    bench.target.fault("list", times=None, skip=1, **order)
    bench.target.fault("create", action="close", process=True)
    trial.hostile.append(bench.submit())
    trial.hostile.append(command("job", "settle", "router"))


def _in_upload(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.target.fault("upload", times=None, **order)
    trial.hostile.append(bench.submit())


def _in_account(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.target.fault("account", times=None, **order)
    trial.hostile.append(bench.submit())


def _in_get(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.target.slow()
    assert bench.submit().code == 0
    bench.target.fault("get", times=None, **order)
    for arguments in (SHOW, ("jobs",), ("job", "wait", "router", "--timeout-s", "0.5")):
        trial.hostile.append(command(*arguments))
    trial.hostile.append(bench.submit())


def _in_events(bench: Bench, trial: Trial, order: dict[str, Any]) -> None:
    bench.target.slow()
    assert bench.submit().code == 0
    bench.target.fault("events", times=None, **order)
    trial.hostile.append(command("job", "events", "router"))
    trial.hostile.append(command("job", "events", "router", "--json"))


STORIES: dict[str, Story] = {
    "create": _in_create,
    "list": _in_list_elsewhere,
    "list, after a lost create": _in_list_lost,
    "upload": _in_upload,
    "account": _in_account,
    "get": _in_get,
    "events": _in_events,
}
