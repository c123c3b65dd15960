"""How long a deployment is to last, in the ledger: kept by an older one, by a damaged one, and seen without touching anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from ftkit.ledger import Lasting, Ledger, State, Verb, deployments_at, meta, migrations, new_intent
from ftkit.ledger.sealing import Tables
from tests.ledgers import FILES, fill

UNTIL = "2026-11-25T14:00:00+00:00"


def put(ledger: Ledger, key: str, lasting: Lasting | None, state: State = State.MADE) -> None:
    intent = new_intent(
        key,
        Verb.DEPLOY,
        instance="fake",
        scope="s",
        subject="fake/dedicated",
        usd=Decimal(3),
        state=state,
        remote_id=f"dep-{key}",
    )
    ledger.prepare(intent, lasting=lasting)


def lengths(ledger: Ledger) -> dict[str, Lasting]:
    return {row.intent.key: row.lasting for row in ledger.deployments.may_run()}


def contents(home: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def of_the_version_before(home: Path) -> None:
    """A full ledger as it was written when every deployment was one of a block."""
    ledger = Ledger(home)
    fill(ledger, 12)
    put(ledger, "a", Lasting())
    put(ledger, "b", Lasting(), State.CLOSED)
    del ledger
    plain = sqlite3.connect(home / "ledger.sqlite", isolation_level=None)
    plain.execute("DROP TABLE deployments")
    plain.execute("PRAGMA user_version = 3")
    meta.keep_shape(Tables(plain))
    as_then = sqlite3.connect(":memory:", isolation_level=None)
    for step in migrations.MIGRATIONS[:3]:
        step(as_then)
    assert meta.shape(plain) == meta.shape(as_then)
    plain.close()
    as_then.close()


def test_what_is_written_is_read_and_what_was_stopped_may_not_run(home: Path) -> None:
    ledger = Ledger(home)
    put(ledger, "a", Lasting(UNTIL))
    put(ledger, "b", Lasting(held=True), State.UNSETTLED)
    put(ledger, "c", Lasting(UNTIL), State.CLOSED)
    put(ledger, "d", Lasting(UNTIL), State.PREPARED)
    assert lengths(ledger) == {"a": Lasting(UNTIL), "b": Lasting(held=True)}
    assert len(ledger.deployments.all()) == 4
    ledger.deployments.last("a", Lasting())
    ledger.deployments.last("nobody", Lasting())
    ledger.deployments.looked("b")
    row = ledger.deployments.get("b")
    assert lengths(ledger)["a"] == Lasting()
    assert row is not None and row.looked_at is not None and row.lasting.held
    said = [line.what for line in ledger.history("fake/dedicated")]
    assert said[-1] == "deploy until it is stopped"
    assert ledger.deployments.get("nobody") is None


def test_of_a_ledger_of_the_version_before_every_deployment_was_for_a_process(home: Path) -> None:
    of_the_version_before(home)
    assert [row.intent.key for row in deployments_at(home)] == ["a"]  # a glance migrates it
    ledger = Ledger(home)
    assert lengths(ledger) == {"a": Lasting(held=True)}
    assert len(ledger.jobs()) == 12
    assert ledger.rebuilt_at is None


def test_a_ledger_that_was_rebuilt_still_knows_the_lengths(home: Path) -> None:
    ledger = Ledger(home)
    fill(ledger, 12)
    put(ledger, "a", Lasting(UNTIL))
    put(ledger, "b", Lasting(held=True))
    del ledger
    path = home / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    content[content.rindex(b"fftkjob007")] ^= 1
    path.write_bytes(content)
    ledger = Ledger(home)
    assert len(ledger.jobs()) == 11
    assert ledger.rebuilt_at is not None
    assert lengths(ledger) == {"a": Lasting(UNTIL), "b": Lasting(held=True)}


def test_a_length_that_was_changed_from_outside_is_not_believed(home: Path) -> None:
    put(Ledger(home), "a", Lasting(held=True))
    plain = sqlite3.connect(home / "ledger.sqlite")
    plain.execute("UPDATE deployments SET until = '2020-01-01T00:00:00+00:00'")
    plain.commit()
    plain.close()
    assert deployments_at(home) == []
    assert lengths(Ledger(home)) == {"a": Lasting()}  # rebuilt: what is left is the intent


def test_a_glance_leaves_every_byte_as_it_was(home: Path) -> None:
    put(Ledger(home), "a", Lasting(UNTIL))
    before = contents(home)
    assert [row.lasting for row in deployments_at(home)] == [Lasting(UNTIL)]
    assert contents(home) == before
    assert deployments_at(home / "nothing") == []
    assert not (home / "nothing").exists()


def test_a_glance_sees_what_is_only_in_the_log_of_a_process_that_was_killed(
    home: Path, tmp_path: Path
) -> None:
    ledger = Ledger(home)
    put(ledger, "a", Lasting(UNTIL))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in FILES:
        if name != "ledger.sqlite-shm":
            (copy / name).write_bytes((home / name).read_bytes())
    assert (copy / "ledger.sqlite-wal").stat().st_size > 0
    assert [row.intent.key for row in deployments_at(copy)] == ["a"]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_glance_at_what_cannot_be_read_shows_nothing_and_mends_nothing(
    content: bytes, home: Path
) -> None:
    put(Ledger(home), "a", Lasting(UNTIL))
    (home / "ledger.sqlite").write_bytes(content)
    before = contents(home)
    assert deployments_at(home) == []
    assert contents(home) == before


def test_a_glance_at_a_newer_ledger_shows_nothing(home: Path) -> None:
    put(Ledger(home), "a", Lasting(UNTIL))
    plain = sqlite3.connect(home / "ledger.sqlite", isolation_level=None)
    plain.execute("PRAGMA user_version = 99")
    plain.close()
    before = contents(home)
    assert deployments_at(home) == []
    assert contents(home) == before
