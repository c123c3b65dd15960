"""The planters of faults see what they should see: shown on tiny scripts and files of their own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults import strace
from tests.faults.canaries import CANARIES, PLACES, Canary, find_canaries
from tests.faults.damage import Damage, bit_flips, damaged, regions, truncations
from tests.faults.fuzzed_answers import FUZZED_ANSWERS, FuzzedAnswer

REASON = strace.unavailable()
needs_strace = pytest.mark.skipif(REASON is not None, reason=REASON or "")

FIVE_LINES = """
import os
fd = os.open("ledger.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for number in range(5):
    try:
        os.write(fd, b"line\\n")
    except OSError as error:
        os.write(1, error.strerror.encode())
"""
TWO_THREADS = """
import os, threading
fd = os.open("ledger.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def write(count):
    for number in range(count):
        os.write(fd, b"line\\n")
    os.fsync(fd)
thread = threading.Thread(target=write, args=(2,))
thread.start()
thread.join()
write(3)
"""
LEDGER = [("ledger", "ledger.txt")]


def command(script: str) -> list[str]:
    return [sys.executable, "-S", "-c", script]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


def lines(folder: Path) -> int:
    return (folder / "ledger.txt").read_text().count("\n")


@needs_strace
@pytest.mark.parametrize(("before", "written"), [(True, 2), (False, 3)])
def test_a_script_killed_at_its_third_write_has_or_has_not_made_it(
    tmp_path: Path, before: bool, written: int
) -> None:
    for _ in range(5):
        (tmp_path / "ledger.txt").unlink(missing_ok=True)
        killed = strace.run_killed(
            command(FIVE_LINES),
            environment(),
            tmp_path,
            "write",
            3,
            30,
            before=before,
            categories=LEDGER,
        )
        assert (killed.hit, killed.returncode, killed.stderr) == (True, -9, b"")
        assert killed.struck is not None
        assert (killed.struck.category, killed.struck.n) == ("ledger", 3)
        assert lines(tmp_path) == written


@needs_strace
def test_a_call_that_never_comes_is_no_hit(tmp_path: Path) -> None:
    killed = strace.run_killed(command(FIVE_LINES), environment(), tmp_path, "write", 6, 30)
    assert (killed.hit, killed.returncode, killed.struck) == (False, 0, None)
    failed = strace.run_failing(command(FIVE_LINES), environment(), tmp_path, "write", 9, "EIO", 30)
    assert (failed.hit, failed.stdout) == (False, b"")
    assert lines(tmp_path) == 10


@needs_strace
@pytest.mark.parametrize(
    ("error", "said"), [("ENOSPC", b"No space left on device"), ("EIO", b"Input/output error")]
)
def test_only_the_fourth_write_fails_and_the_script_sees_why(
    tmp_path: Path, error: strace.Errno, said: bytes
) -> None:
    failed = strace.run_failing(command(FIVE_LINES), environment(), tmp_path, "write", 4, error, 30)
    assert (failed.hit, failed.returncode, failed.stdout) == (True, 0, said)
    assert lines(tmp_path) == 4


@needs_strace
def test_a_trace_says_where_each_call_went(tmp_path: Path) -> None:
    script = """
import os, socket
open("a", "w").close()
os.rename("a", "b")
os.replace("b", "c d")
os.unlink("c d")
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).sendall(b"x")
os.write(1, b"out")
"""
    seen = strace.trace(command(script), environment(), tmp_path)
    assert (seen.returncode, seen.stdout) == (0, b"out")
    assert [(call.syscall, call.where) for call in seen.calls if call.category == "other"] == [
        ("rename", f"{tmp_path}/a -> {tmp_path}/b"),
        ("rename", f"{tmp_path}/b -> {tmp_path}/c d"),
        ("unlink", f"{tmp_path}/c d"),
    ]
    sockets = [call for call in seen.calls if call.category == "socket"]
    assert [call.syscall for call in sockets] == ["connect", "sendto"]
    assert "127.0.0.1" in sockets[0].where
    assert "->127.0.0.1:" in sockets[1].where
    assert [call.where for call in seen.calls if call.category == "output"] == ["stdout"]


@needs_strace
def test_calls_are_counted_for_each_thread_and_the_shadowed_ones_are_reported(
    tmp_path: Path,
) -> None:
    seen = strace.trace(command(TWO_THREADS), environment(), tmp_path, categories=LEDGER)
    assert Counter(call.thread for call in seen.calls) == {0: 4, 1: 3}
    points = strace.kill_points(seen, ["ledger"])
    assert points == [("write", 1), ("write", 2), ("write", 3), ("fsync", 1)]
    assert strace.shadowed(seen, ["ledger"]) == 3
    assert strace.kill_points(seen, ["spool"]) == []


@needs_strace
@pytest.mark.parametrize(("point", "thread", "written"), [(2, 1, 1), (3, 0, 4)])
def test_when_counts_per_thread_so_the_first_to_get_there_is_struck(
    tmp_path: Path, point: int, thread: int, written: int
) -> None:
    killed = strace.run_killed(
        command(TWO_THREADS), environment(), tmp_path, "write", point, 30, categories=LEDGER
    )
    assert killed.struck is not None
    assert (killed.struck.thread, killed.returncode) == (thread, -9)
    assert lines(tmp_path) == written


@needs_strace
def test_a_killed_child_leaves_its_parent_to_tell(tmp_path: Path) -> None:
    parent = f"""
import subprocess, sys
child = subprocess.run([sys.executable, "-S", "-c", {FIVE_LINES!r}])
sys.exit(child.returncode == -9 and 7)
"""
    killed = strace.run_killed(command(parent), environment(), tmp_path, "write", 3, 30)
    assert (killed.hit, killed.returncode) == (True, 7)
    assert lines(tmp_path) == 2


@needs_strace
def test_a_command_that_hangs_is_ended_and_said_to_have_run_out_of_time(tmp_path: Path) -> None:
    script = "import os, signal; os.write(1, b'x'); signal.pause()"
    with pytest.raises(subprocess.TimeoutExpired):
        strace.trace(command(script), environment(), tmp_path, timeout_s=0.5)


@needs_strace
def test_a_command_that_does_not_exist_is_no_empty_trace(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-command"):
        strace.trace(["/no-such-command"], environment(), tmp_path)


def test_two_hundred_canaries_are_all_different_and_in_every_place() -> None:
    assert len({canary.secret for canary in CANARIES}) == 200
    assert len({canary.name for canary in CANARIES}) == 200
    places = Counter(canary.place for canary in CANARIES)
    assert set(places) == set(PLACES)
    assert min(places.values()) >= 20


def test_no_canary_stands_in_another_or_in_plain_text() -> None:
    for canary in CANARIES:
        assert find_canaries(canary.secret.encode()) == [canary]
    assert find_canaries(Path(__file__).read_bytes()) == []


def test_the_canaries_are_the_same_in_every_run() -> None:
    assert CANARIES[5].secret.endswith("6BDiC9G3n-F5s")


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64, 0 bytes before": lambda s: base64.b64encode(b"abc" + s + b"z"),
    "base64, 1 byte before": lambda s: base64.b64encode(b"u" + s + b"zz"),
    "base64, 2 bytes before": lambda s: base64.b64encode(b"u:" + s),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(b"user:" + s),
    "URL-quoted": lambda s: quote(s, safe="").encode(),
    "URL-quoted, slashes kept": lambda s: quote(s).encode(),
    "in JSON": lambda s: json.dumps({"key": s.decode()}).encode(),
    "in JSON in JSON": lambda s: json.dumps(json.dumps({"key": s.decode()})).encode(),
    "JSON with escaped slashes": lambda s: json.dumps(s.decode()).replace("/", "\\/").encode(),
    "repr": lambda s: repr({"key": s.decode()}).encode(),
    "repr of bytes": lambda s: repr(s).encode(),
    "HTML": lambda s: s.replace(b"&", b"&amp;"),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_every_canary_is_found_in_every_coding(coding: str) -> None:
    for canary in CANARIES:
        blob = b'{"before": 1}' + CODINGS[coding](canary.secret.encode()) + b"after"
        assert find_canaries(blob) == [canary], canary.name


def test_one_line_of_a_private_key_gives_it_away() -> None:
    block: Canary = next(canary for canary in CANARIES if canary.kind == "pem")
    assert find_canaries(block.secret.splitlines()[2].encode()) == [block]
    assert find_canaries(block.secret.splitlines()[0].encode()) == []


def content(answer: FuzzedAnswer) -> tuple[object, ...]:
    headers = tuple(answer.headers.items())
    return answer.on, answer.process, answer.action, answer.status, headers, answer.body


def test_no_two_fuzzed_answers_are_the_same() -> None:
    assert len({answer.name for answer in FUZZED_ANSWERS}) == len(FUZZED_ANSWERS)
    assert len({content(answer) for answer in FUZZED_ANSWERS}) == len(FUZZED_ANSWERS)


@pytest.mark.parametrize("step", ["create", "list", "get", "events", "upload", "account"])
def test_each_step_has_forty_fuzzed_answers(step: str) -> None:
    assert sum(answer.on == step for answer in FUZZED_ANSWERS) >= 40


def test_a_fuzzed_create_may_or_may_not_have_made_the_job() -> None:
    processed = Counter(answer.process for answer in FUZZED_ANSWERS if answer.on == "create")
    assert min(processed[True], processed[False]) >= 40


def test_headers_hold_no_line_break_and_redirects_have_a_place_for_the_other_host() -> None:
    for answer in FUZZED_ANSWERS:
        assert not any(set("\r\n") & set(f"{k}{v}") for k, v in answer.headers.items())
        if answer.name.endswith("elsewhere"):
            location = answer.headers["Location"].replace("{other}", "80")
            assert location == "http://127.0.0.2:80/v1/elsewhere"


def test_the_gzip_bombs_are_small_and_unpack_to_a_gibibyte() -> None:
    bomb = named("create: gzip bomb").body
    twice = named("create: gzip bomb in gzip").body
    assert len(twice) < 4096
    assert zlib.decompress(twice, 31) == bomb
    unpacked, packed = 0, zlib.decompressobj(31)
    rest = bomb
    while not packed.eof:
        unpacked += len(packed.decompress(rest, 1 << 24))
        rest = packed.unconsumed_tail
    assert unpacked == 1 << 30


def test_the_broken_numbers_and_texts_are_on_the_wire() -> None:
    assert b'"created_at": 1e400,' in named("get: created_at is 1e400").body
    assert b'"created_at": NaN,' in named("get: created_at is NaN").body
    assert b"9" * 5000 in named("get: integer of 5,000 digits").body
    assert b"\\ud800" in named("get: lone surrogate in id").body
    with pytest.raises(UnicodeDecodeError):
        named("get: invalid UTF-8").body.decode()
    with pytest.raises(RecursionError):
        json.loads(named("get: deep nesting").body)


def named(name: str) -> FuzzedAnswer:
    return next(answer for answer in FUZZED_ANSWERS if answer.name == name)


SIZE = 10 * 4096


def test_each_region_of_a_file_gets_its_share_of_damage() -> None:
    for made in (truncations(SIZE, 200, 7), bit_flips(SIZE, 200, 7)):
        drawn = list(made)
        assert len({(damage.offset, damage.bit) for damage in drawn}) == 200
        assert set(Counter(damage.region for damage in drawn).values()) == {50}
        for damage in drawn:
            assert damage.offset in regions(SIZE)[damage.region]


def test_a_region_that_is_used_up_leaves_its_share_to_the_others() -> None:
    shares = Counter(damage.region for damage in truncations(SIZE, 1000, 7))
    assert shares == {"header": 100, "first page": 300, "interior": 300, "last page": 300}


def test_the_same_seed_gives_the_same_damage_and_another_seed_does_not() -> None:
    assert list(bit_flips(SIZE, 50, 1)) == list(bit_flips(SIZE, 50, 1))
    assert list(bit_flips(SIZE, 50, 1)) != list(bit_flips(SIZE, 50, 2))


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 4096, 4097, 8192, 8193])
def test_regions_cover_every_byte_of_a_file_once(size: int) -> None:
    assert [byte for region in regions(size).values() for byte in region] == list(range(size))
    assert len(list(truncations(size, 10_000, 0))) == size


def test_damage_changes_one_bit_or_cuts_and_says_so() -> None:
    whole = bytes(range(200))
    for damage in bit_flips(len(whole), 40, 3):
        broken = damaged(whole, damage)
        assert damage.bit is not None
        changed = [
            (at, a ^ b) for at, (a, b) in enumerate(zip(whole, broken, strict=True)) if a != b
        ]
        assert changed == [(damage.offset, 1 << damage.bit)]
    for damage in truncations(len(whole), 40, 3):
        assert damaged(whole, damage) == whole[: damage.offset]
    assert str(Damage("header", 18, 5)) == "bit 5 of byte 18 turned (header)"
    assert str(Damage("last page", 9000, None)) == "cut to 9000 bytes (last page)"
    with pytest.raises(ValueError, match="200 bytes"):
        damaged(whole, Damage("header", 200, None))
