"""The ledger under damage: turned bits and cut files give the truth, a rebuilt ledger that says so, or a typed error."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftkit.errors import LedgerError, StorageError
from ftkit.ledger import Intent, JobRow, Ledger, State, access, checking, sealing
from ftkit.ledger.columns import intent_values, job_values
from ftkit.ledger.rebuilding import MAY_BE_STALE
from ftkit.ledger.sealing import TABLES, Row, Tables
from tests.faults.damage import Damage, bit_flips, damaged, truncations
from tests.ledgers import FILES, Answers, ask, fill

JOBS = 40
UNSENT = (State.PREPARED, State.UPLOADING)


@dataclass(frozen=True, slots=True)
class Whole:
    """An undamaged ledger: its folder, its answers, and every row that was ever written to it."""

    folder: Path
    truth: Answers
    written: frozenset[tuple[str, Row]]

    @property
    def files(self) -> list[str]:
        """The files that hold rows."""
        return [name for name in FILES[:2] if (self.folder / name).exists()]


def _whole(folder: Path, *, live: bool) -> Whole:
    written: set[tuple[str, Row]] = set()
    put = Tables.put

    def recording(self: Tables, table: str, values: dict[str, sealing.Value]) -> None:
        put(self, table, values)
        columns = TABLES[table]
        primary = columns[:2] if table == "uploads" else columns[:1]
        where = " AND ".join(f"{name} = ?" for name in primary)
        (row,) = self.read(table, f"WHERE {where}", *(values[name] for name in primary))
        written.add((table, row))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tables, "put", recording)
        original = folder / "original"
        ledger = Ledger(original)
        fill(ledger, JOBS)
    truth = ask(ledger, JOBS)
    if live:
        shutil.copytree(original, folder / "copy")
    del ledger
    if not live:
        shutil.copytree(original, folder / "copy")
    return Whole(folder / "copy", truth, frozenset(written))


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A ledger that was closed."""
    whole = _whole(tmp_path_factory.mktemp("closed"), live=False)
    assert whole.files == ["ledger.sqlite"]
    return whole


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A ledger as it lies on disk while it is open: its newest entries are only in the log."""
    whole = _whole(tmp_path_factory.mktemp("live"), live=True)
    assert (whole.folder / "ledger.sqlite-wal").stat().st_size > 100_000
    return whole


def copied(whole: Whole, home: Path) -> Path:
    """A home with a copy of a whole ledger."""
    shutil.copytree(whole.folder, home)
    return home


def judged(home: Path, whole: Whole, *, log_was_hit: bool = False) -> str:
    """`equal`, `rebuilt`, the name of a typed error, or `wrong: ...`."""
    try:
        ledger = Ledger(home)
        answers = ask(ledger, JOBS)
        if ledger.rebuilt_at is None:
            return "equal" if answers == whole.truth else "wrong: differs and says nothing"
        answers = ask(ledger, JOBS)
    except (LedgerError, StorageError) as error:
        return type(error).__name__
    except ValueError:  # only where seals are not checked: a status that does not exist
        return "untyped error"
    jobs = {job.id: job for job in whole.truth.jobs}
    intents = {intent.key: intent for intent in whole.truth.intents}
    for intent in answers.intents:
        if not _fits_intent(intent, intents, whole, log_was_hit=log_was_hit):
            return f"wrong: {intent}"
    for job in answers.jobs:
        if not _fits_job(job, jobs, whole, log_was_hit=log_was_hit):
            return f"wrong: {job}"
    if not set(answers.named) <= set(whole.truth.named):
        return "wrong: names"
    doubts = [line for line in answers.history if line.detail == MAY_BE_STALE]
    if not set(answers.history) - set(doubts) <= set(whole.truth.history):
        return "wrong: history"
    if not set(answers.uploads) <= set(whole.truth.uploads) | {
        (k, None) for k, _ in answers.uploads
    }:
        return "wrong: uploads"
    return "rebuilt"


def _fits_intent(
    intent: Intent, truth: dict[str, Intent], whole: Whole, *, log_was_hit: bool
) -> bool:
    last = truth.get(intent.key)
    if last is None:
        return False
    if intent == last or intent.error == MAY_BE_STALE:
        return True
    # where the log has a hole, an earlier state may be all that is left, but never one in which nothing was sent
    row = tuple(intent_values(intent)[column] for column in TABLES["intents"])
    return log_was_hit and ("intents", row) in whole.written and intent.state not in UNSENT


def _fits_job(job: JobRow, truth: dict[str, JobRow], whole: Whole, *, log_was_hit: bool) -> bool:
    last = truth.get(job.id)
    if last is None:
        return False
    if job_values(job) == job_values(last):
        return True
    row = tuple(job_values(job)[column] for column in TABLES["jobs"])
    return log_was_hit and ("jobs", row) in whole.written


def cases(whole: Whole, count: int, seed: int) -> Iterator[tuple[str, Damage]]:
    """So many cuts and turned bits, spread over the files that hold rows."""
    each = count // (2 * len(whole.files))
    for name in whole.files:
        size = (whole.folder / name).stat().st_size
        for kind in (truncations, bit_flips):
            yield from ((name, damage) for damage in kind(size, each, seed))


def outcomes(whole: Whole, tmp_path: Path, count: int, seed: int = 1) -> Counter[str]:
    """What came of each damage: file, kind of damage, judgement."""
    found: Counter[str] = Counter()
    for number, (name, damage) in enumerate(cases(whole, count, seed)):
        home = copied(whole, tmp_path / f"home-{number}")
        path = home / name
        path.write_bytes(damaged(path.read_bytes(), damage))
        said = judged(home, whole, log_was_hit=name.endswith("-wal"))
        found[said] += 1
        if said.startswith("wrong"):
            print(name, damage, said)
        shutil.rmtree(home)
    print(dict(found))
    return found


ALLOWED = {"equal", "rebuilt", "LedgerError", "StorageError"}


def wrong(found: Counter[str]) -> int:
    """How many answers were wrong."""
    return sum(count for said, count in found.items() if said.startswith("wrong"))


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """No line in the test's output for each of many rebuilt ledgers."""
    caplog.set_level(logging.ERROR, "ftkit")


# --- counts ---


@pytest.mark.usefixtures("quiet")
def test_no_damage_of_a_closed_ledger_gives_a_wrong_answer(closed: Whole, tmp_path: Path) -> None:
    found = outcomes(closed, tmp_path, 60)
    assert set(found) <= ALLOWED
    assert found["rebuilt"] > 40


@pytest.mark.usefixtures("quiet")
def test_no_damage_of_a_live_ledger_gives_a_wrong_answer(live: Whole, tmp_path: Path) -> None:
    found = outcomes(live, tmp_path, 60)
    assert set(found) <= ALLOWED
    assert found["rebuilt"] >= 20


@pytest.mark.torture
@pytest.mark.usefixtures("quiet")
def test_no_damage_of_a_thousand_gives_a_wrong_answer(
    closed: Whole, live: Whole, tmp_path: Path
) -> None:
    assert set(outcomes(closed, tmp_path, 1000, seed=2)) <= ALLOWED
    assert set(outcomes(live, tmp_path, 1000, seed=3)) <= ALLOWED


@pytest.mark.usefixtures("quiet")
def test_the_judge_sees_what_rows_without_seals_would_answer(
    closed: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        access, "Tables", lambda connection, sealed: Tables(connection, sealed=False)
    )
    assert wrong(outcomes(closed, tmp_path, 40)) > 0


@pytest.mark.usefixtures("quiet")
def test_the_judge_sees_what_an_unchecked_ledger_would_answer(
    live: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "check", lambda connection, marker: None)
    assert wrong(outcomes(live, tmp_path, 40)) > 0


def test_a_log_that_was_not_ended_is_no_damage(live: Whole, home: Path) -> None:
    copied(live, home)
    with (home / "ledger.sqlite-wal").open("ab") as log:
        log.write(os.urandom(5000))
    assert judged(home, live) == "equal"
