"""The ledger: durable rows, compare-and-swap, names, older and newer schemas, processes and threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import pytest

from ftkit.backend import JobStatus, Upload
from ftkit.errors import LedgerError, NotFound, StorageError
from ftkit.ledger import Ledger, Phase, State, Verb, new_intent, new_job, preparing
from tests.ledgers import add, make_first_schema

# --- rows ---


def test_a_job_comes_back_as_it_was_written(home: Path) -> None:
    intent = new_intent(
        "k", Verb.CREATE, instance="local", scope="s", subject="k", usd=Decimal("1.50")
    )
    job = new_job(
        intent, stem="k", fingerprint="f", attempt=1, plan={"model": "local/x"}, request={"a": "ä"}
    )
    assert Ledger(home).prepare(intent, job) is True
    assert Ledger(home).job("k") == job
    assert Ledger(home).intent("k") == intent
    assert Ledger(home).job("k").request == {"a": "ä"}


def test_a_key_is_written_once(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    intent = new_intent("a", Verb.CREATE, instance="other", scope="s", subject="a", usd=None)
    assert ledger.prepare(intent) is False
    found = ledger.intent("a")
    assert found is not None
    assert found.instance == "local"
    assert len(ledger.history("a")) == 1


def test_of_many_threads_one_moves_an_intent(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")

    def move(_: int) -> bool:
        return ledger.move("a", State.SUBMITTING, only_from=[State.PREPARED])

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(move, range(32)))
    assert sum(won) == 1
    assert [line.what for line in ledger.history("a")] == ["create prepared", "create submitting"]


def test_a_move_from_another_state_writes_nothing(home: Path) -> None:
    ledger = Ledger(home)
    before = add(ledger, "a")
    assert ledger.move("a", State.MADE, only_from=[State.SUBMITTING], remote_id="r") is False
    assert ledger.job("a") == before
    assert len(ledger.history("a")) == 1


def test_a_made_intent_is_found_by_its_remote_id(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    ledger.move("a", State.MADE, only_from=[State.PREPARED], remote_id="r")
    found = ledger.by_remote("local", "r")
    assert found is not None
    assert (found.id, found.phase) == ("a", Phase.SUBMITTED)
    assert ledger.by_remote("other", "r") is None


def test_intents_are_told_by_verb_and_state_oldest_first(home: Path) -> None:
    ledger = Ledger(home)
    for key in ("c", "a", "b"):
        add(ledger, key)
    ledger.prepare(new_intent("d", Verb.DEPLOY, instance="local", scope="s", subject="m", usd=None))
    ledger.move("a", State.UNSETTLED, only_from=[State.PREPARED])
    assert [intent.key for intent in ledger.intents()] == ["c", "a", "b", "d"]
    assert [intent.key for intent in ledger.intents(Verb.DEPLOY)] == ["d"]
    assert [intent.key for intent in ledger.intents(Verb.CREATE, State.PREPARED)] == ["c", "b"]
    assert [intent.key for intent in ledger.intents(state=State.UNSETTLED)] == ["a"]


def test_a_new_status_is_a_line_of_history_and_the_same_one_is_not(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    ledger.change("a", status="running", raw_status="training", cost_usd="0.5")
    ledger.change("a", status="running", raw_status="training")
    assert ledger.job("a").status is JobStatus.RUNNING
    line = ledger.history("a")[-1]
    assert (line.what, line.usd, line.seq) == ("running (training)", Decimal("0.5"), 2)


def test_values_that_sqlite_would_convert_still_fit_their_seal(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    ledger.change("a", status=JobStatus.FAILED, cancel_requested=True, error="half a pair: \ud800")
    row = Ledger(home).job("a")
    assert (row.status, row.cancel_requested, row.error) == (
        JobStatus.FAILED,
        True,
        "half a pair: \\ud800",
    )
    assert Ledger(home).rebuilt_at is None


def test_a_name_means_the_newest_job_submitted_under_it(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    add(ledger, "b")
    ledger.name("router", "a")
    ledger.name("router", "b")
    found = ledger.find("router")
    assert found is not None
    assert found.id == "b"
    assert ledger.names("a") == ["router"]
    assert ledger.named() == [("router", "a"), ("router", "b")]


def test_a_job_that_is_not_there_cannot_be_named(home: Path) -> None:
    with pytest.raises(NotFound, match="no job 'a'.*to be named 'router'"):
        Ledger(home).name("router", "a")


def test_an_unknown_job_names_the_nearest_known_one(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "ftkabc1")
    ledger.name("router", "ftkabc1")
    with pytest.raises(NotFound, match="did you mean 'router'"):
        ledger.job("ruoter")


def test_an_upload_is_remembered_by_account_and_content(home: Path) -> None:
    upload = Upload("file-1", "0" * 64, 12)
    Ledger(home).keep_upload("s", upload)
    assert Ledger(home).upload("s", "0" * 64) == upload
    assert Ledger(home).upload("other", "0" * 64) is None


def test_order_is_that_of_writing_whatever_the_clock_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(home)
    for key, now in (
        ("a", "2038-01-20T00:00:00Z"),
        ("b", "2026-11-25T00:00:00Z"),
        ("c", "2026-11-24T23:00:00Z"),
    ):
        monkeypatch.setenv("FTKIT_NOW", now)
        add(ledger, key)
        ledger.name("n", key)
        ledger.tell("m", key)
    assert [row.id for row in ledger.jobs()] == ["c", "b", "a"]
    assert [intent.key for intent in ledger.intents()] == ["a", "b", "c"]
    assert [line.what for line in ledger.history("m")] == ["a", "b", "c"]
    newest = ledger.find("n")
    assert newest is not None
    assert newest.id == "c"


# --- processes and threads ---


@pytest.mark.parametrize("round", range(3))
def test_fifty_processes_make_one_ledger_at_once(home: Path, round: int) -> None:
    start, go = os.pipe()
    children = []
    for number in range(50):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(start, 1)  # returns when the parent closes the other end
            _tell_and_exit(home, str(number))
        children.append(child)
    os.close(go)
    os.close(start)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 50
    assert [line.seq for line in Ledger(home).history("m")] == list(range(1, 51))


def test_processes_that_open_an_old_ledger_at_once_migrate_it_once(home: Path) -> None:
    make_first_schema(home, {"a1": "prepared", "b1": "done"})
    assert _in_processes(home, 6, "print(len(ledger.jobs()))") == ["2"] * 6
    assert len(list(home.glob("*.backup"))) == 1


def test_a_forked_process_does_not_use_its_parents_connection(home: Path) -> None:
    ledger = Ledger(home)
    add(ledger, "a")
    child = os.fork()
    if child == 0:
        ledger.name("from-child", "a")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert ledger.names("a") == ["from-child"]


def test_a_forked_process_that_ends_leaves_its_parents_locks(home: Path) -> None:
    code = (
        "add(ledger, 'a')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    ledger.tell('a', 'from the child')\n"
        "    del ledger\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert os.path.exists(f'{ledger.path}-wal')\n"
        "ledger.tell('a', 'from the parent')\n"
        "print([line.what for line in ledger.history('a')][1:])"
    )
    assert _in_processes(home, 1, code) == ["['from the child', 'from the parent']"]


def test_a_thread_that_ends_closes_its_connection(home: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs a list of open files, as Linux has it")
    ledger = Ledger(home)
    ledger.jobs()
    counts = []
    for _ in range(5):
        thread = threading.Thread(target=ledger.jobs)
        thread.start()
        thread.join()
        counts.append(len(os.listdir("/proc/self/fd")))
    # SQLite keeps one file of an ended connection, for the next one
    assert counts == counts[:1] * 5


def test_a_home_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="set FTKIT_HOME"):
        Ledger(tmp_path / "file" / "home").jobs()


def test_a_ledger_lock_that_is_never_released_is_a_typed_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "LOCK_WAIT_S", 0.1)
    home.mkdir()
    locked = pytest.raises(LedgerError, match="held by another process")
    with preparing.ledger_lock(home / "ledger.sqlite"), locked:
        Ledger(home).jobs()
    assert Ledger(home).jobs() == []


def _tell_and_exit(home: Path, what: str) -> NoReturn:
    """The end of a forked process, without the test runner's own ending."""
    status = 1
    try:
        Ledger(home).tell("m", what)
        status = 0
    finally:
        os._exit(status)


def _in_processes(home: Path, count: int, code: str) -> list[str]:
    """What each of so many processes prints, in which `ledger` is the ledger of `home`."""
    head = (
        "import os, sys; from pathlib import Path; from ftkit.ledger import Ledger\n"
        "from tests.ledgers import add\n"
        "ledger = Ledger(Path(sys.argv[1])); sys.stdin.readline()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", head + code, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=120)[0].strip() for process in processes]
