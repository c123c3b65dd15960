"""The tests of hosting are shown to see: ways to deploy twice, to leave running and to stop too much, each caught.

`make torture` prints who saw which.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import Mutant, told

_DEPLOY = ("tests/test_deploy.py",)
_LEFT = ("tests/test_left_behind.py",)
_COMMAND = "tests/test_deploy_command.py::test_"
_LEDGER = ("tests/test_deployment_ledger.py",)
_BEHIND = "ftkit/models/left_behind.py"
_BLOCK = "ftkit/models/deploying.py"
_PLAN = "ftkit/models/deploy_plan.py"
_STARTING = "ftkit/models/starting.py"
_STOPPING = "ftkit/models/stopping.py"
_HOSTED = "ftkit/models/hosted.py"
_UNDEPLOY = "ftkit/models/undeploying.py"
_EXPENSES = "ftkit/ledger/expenses.py"
_GLANCE = "ftkit/ledger/glance.py"
_MAIN = "ftkit/cli/main.py"

MUTANTS = (
    Mutant("what a living process uses is stopped",
           _BEHIND, "if not unused or row is None or", "if row is None or", _LEFT),
    Mutant("what was killed is never stopped",
           _BEHIND, "return row.lasting.held or row.lasting.over(now)", "return row.lasting.over(now)", _LEFT),
    Mutant("what is past its length is never stopped",
           _BEHIND, "return row.lasting.held or row.lasting.over(now)", "return row.lasting.held", _LEFT),
    Mutant("a start whose answer was lost is not looked for",
           _BEHIND, "    ids = [running.id for running in listed]\n", "    ids = [running.id for running in listed if intent.remote_id]\n", _LEFT),
    Mutant("what is not listed yet is taken for ended",
           _BEHIND, "gone=one is None and _must_be_listed(row, hosting)", "gone=one is None", _LEFT),
    Mutant("a start that was killed is given up within the lag",
           _BEHIND, "    if not _must_be_listed(row, hosting):\n", "    if not intent.key:\n", _LEFT),
    Mutant("a start that is never listed is looked for by every command",
           _BEHIND, "    ledger.deployments.looked(intent.key)\n", "", _LEFT),
    Mutant("another account's deployment is stopped",
           _BEHIND, '    same_account(f"the deployment {intent.key}", intent.scope, intent.instance, backend)\n', "    assert backend\n", _LEFT),
    Mutant("a failure to stop ends the command",
           _BEHIND, "            _failed_at[this] = clock.monotonic()\n", "            raise\n", _LEFT),
    Mutant("a failure to stop is kept quiet",
           _BEHIND, "            _failed(row, str(error) if told else f\"{type(error).__name__}: {error}\")\n", "            log.debug(told)\n", _LEFT),
    Mutant("a verb stops what it is to take over",
           _PLAN, "        stop_left_behind(self.settings, but=site.stem)\n", "        stop_left_behind(self.settings)\n", _DEPLOY),
    Mutant("a block stops what was deployed for a length",
           _BLOCK, "        if present.held or present.over(clock.now()):\n            end(", "        if present is not None:\n            end(", _DEPLOY),
    Mutant("a block leaves running what is past its length",
           _BLOCK, "        if present.held or present.over(clock.now()):\n            end(", "        if present.held:\n            end(", _DEPLOY),
    Mutant("a block takes what was deployed for a length",
           _BLOCK, "    if present.held or present.over(clock.now()):\n        log.info(", "    if present is not None:\n        log.info(", _DEPLOY),
    Mutant("what another ledger has started is taken for ours",
           _STARTING, "    site.ledger.deployments.last(key, Lasting())\n", "", _DEPLOY),
    Mutant("a second deployment is started beside the first",
           _STARTING, "            if there is not None:\n", "            if there is not None and last.error:\n", _DEPLOY),
    Mutant("a lost start is begun anew",
           _STARTING, "        if last.state.open:\n", "        if last.state.open and last.error is None:\n", _DEPLOY),
    Mutant("attaching lengthens without being asked",
           _PLAN, "if not left and not (self.extend and longer):", "if not left and not longer:", _DEPLOY),
    Mutant("extending shortens",
           _PLAN, "        longer = present.held or _later(wanted.until, present.until)\n", "        longer = True\n", _DEPLOY),
    Mutant("a longer life is free",
           _PLAN, "and in_all > limit:\n", "and in_all > limit * 99:\n", _DEPLOY),
    Mutant("a longer life needs no budget of the month",
           _PLAN, "        site.ledger.deployments.last(made.key, wanted, may=may)\n", "        site.ledger.deployments.last(made.key, wanted)\n", _DEPLOY),
    Mutant("only an hour must fit into the budget",
           _PLAN, "    usd = None if rate is None else rate * (1 if length is None else length)\n", "    usd = rate\n", _DEPLOY),
    Mutant("a stated length holds back nothing",
           _EXPENSES, "    if stated is not None and not stopped:\n", "    if stated is not None and stopped:\n", _DEPLOY),
    Mutant("a stopped one costs its whole length",
           _EXPENSES, "    if stated is not None and not stopped:\n", "    if stated is not None:\n", _DEPLOY),
    Mutant("the ledger does not hear that it was stopped",
           _STOPPING, "    if key is not None:\n        detail", "    if key is None:\n        detail", _DEPLOY),
    Mutant("what a stopped start has cost is forgotten",
           _STOPPING, "only_from=_STARTED, remote_id=id, detail=detail", "only_from=_STARTED, detail=detail", _LEFT),
    Mutant("one of several is stopped at random",
           _UNDEPLOY, "    if len(found) > 1:\n", "    if len(found) > 9:\n", _DEPLOY),
    Mutant("what is not listed cannot be undeployed",
           _HOSTED, "    for row in left.values():\n        yield", "    for row in (row for row in left.values() if row.intent.state.open):\n        yield", _DEPLOY),
    Mutant("a glance mends what it looks at",
           _GLANCE, "        return []\n    return Ledger", "        return Ledger(home).deployments.may_run()\n    return Ledger", _LEDGER),
    Mutant("help stops what runs",
           _MAIN, "_HELP & {*(context.obj or ())}", "not context.obj", (_COMMAND + "a_forgotten_one_is_shown_with_its_cost_and_stopped_by_any_command",)),
    Mutant("no command stops anything",
           _MAIN, "    stop_left_behind(settings)\n", "    assert settings\n", (_COMMAND + "a_forgotten_one_is_shown_with_its_cost_and_stopped_by_any_command",)),
    Mutant("no is taken for yes",
           "ftkit/cli/deploy.py", "if not (yes or _agreed()):", "if not (_agreed() or not yes):", (_COMMAND + "at_a_terminal_no_is_no_and_nothing_is_started",)),
)  # fmt: skip


@pytest.mark.torture
def test_every_mistake_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
