"""Rules that are not ftkit's: from a decorator, and from an installed package. Their mistakes are findings, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import ftkit
from ftkit.data.checks import own_rules
from ftkit.errors import ConfigError
from ftkit.types import CheckReport, DataView, Finding, Severity, Skipped, check_rule
from tests.wheels import installed, wheel

ROWS = [{"prompt": f"p{n}", "completion": f"answer {n}"} for n in range(59)]
SHOUT = {"prompt": "why", "completion": "BECAUSE"}


@pytest.fixture(autouse=True)
def none_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rule of another test is known."""
    monkeypatch.setattr(own_rules, "_decorated", {})


def found(report: CheckReport, *codes: str) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    return {f.code: (f.severity, f.rows) for f in report.findings if f.code in codes}


def finding(code: str, *rows: int) -> Finding:
    return Finding.on(rows, code, Severity.WARNING, "t", why="w", mend="m")


def failures(report: CheckReport) -> list[str]:
    return [str(f) for f in report.findings if f.code == "FT901"]


def test_a_decorated_function_is_a_rule_of_every_check() -> None:
    @check_rule("ACME007")
    def no_sevens(data: DataView) -> Iterator[Finding]:
        yield finding("ACME007", *(r.number for r in data.rows if "7" in r.example.answer))

    assert found(ftkit.check(ROWS), "ACME007") == {
        "ACME007": (Severity.WARNING, (8, 18, 28, 38, 48, 58))
    }
    assert failures(ftkit.check(ROWS)) == []


def test_an_error_of_an_own_rule_blocks_a_submission_as_any_other() -> None:
    @check_rule("ACME001")
    def never(data: DataView) -> Iterator[Finding]:
        yield Finding.on([1], "ACME001", Severity.ERROR, "t", why="w", mend="m")

    report = ftkit.check(ROWS)
    assert not report.ok and [f.code for f in report.blocking()] == ["ACME001"]
    assert report.blocking({"ACME001"}) == ()


def test_an_own_rule_may_say_that_it_did_not_run() -> None:
    @check_rule("ACME002")
    def absent(data: DataView) -> Iterator[Skipped]:
        yield Skipped(("ACME002",), "what it is about", "why")

    assert Skipped(("ACME002",), "what it is about", "why") in ftkit.check(ROWS).skipped


@pytest.mark.parametrize("code", ["FT001", "FT102", "FT999", "FT1"])
def test_ftkits_codes_are_refused(code: str) -> None:
    with pytest.raises(ConfigError, match="begin with FT are ftkit's"):
        check_rule(code)


@pytest.mark.parametrize("code", ["", "acme001", "ACME", "001", "A1", "ACME 001", "ACME001\n", 7])
def test_misshapen_codes_are_refused(code: str) -> None:
    with pytest.raises(ConfigError, match="such as ACME001"):
        check_rule(code)


def test_two_functions_cannot_have_one_code_but_one_can_be_decorated_again() -> None:
    def one(data: DataView) -> Iterator[Finding]:
        yield finding("ACME001", 1)

    def other(data: DataView) -> Iterator[Finding]:
        yield finding("ACME001", 2)

    check_rule("ACME001")(one)
    check_rule("ACME001")(one)
    with pytest.raises(ConfigError, match="ACME001 is the code of"):
        check_rule("ACME001")(other)
    assert found(ftkit.check(ROWS), "ACME001")["ACME001"][1] == (1,)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("broken"),
        RecursionError(),
        Unspeakable(),
        AssertionError(),
        StopIteration(),
        MemoryError(),
    ],
)
def test_whatever_an_own_rule_raises_is_a_finding(error: Exception) -> None:
    @check_rule("ACME003")
    def falls(data: DataView) -> Iterator[Finding]:
        yield finding("ACME003", 3)
        raise error

    report = ftkit.check([*ROWS, {"prompt": "a", "completion": ""}])
    (said,) = failures(report)
    assert "falls failed" in said and (type(error).__name__ in said or "RuntimeError" in said)
    # what it found before, and all other rules, stand
    assert found(report, "ACME003", "FT102").keys() == {"ACME003", "FT102"}


def test_a_rule_that_is_no_generator_or_takes_no_data_is_a_finding() -> None:
    check_rule("ACME004")(lambda data: None)  # type: ignore[arg-type, return-value]
    check_rule("ACME005")(lambda: iter(()))  # type: ignore[arg-type, misc]
    assert len(failures(ftkit.check(ROWS))) == 2


def test_data_that_cannot_be_loaded_is_not_shown_to_own_rules() -> None:
    @check_rule("ACME006")
    def seen(data: DataView) -> Iterator[Finding]:
        yield finding("ACME006", 1)

    assert found(ftkit.check([{"prompt": 1, "completion": "b"}]), "ACME006") == {}


@pytest.mark.skipif(find_spec("pip") is None, reason="pip is not installed")
def test_rules_of_an_installed_package_run_and_their_mistakes_are_told(tmp_path: Path) -> None:
    points = {
        "shouting": "ftkit_house_rules:shouting",
        "stumbling": "ftkit_house_rules:stumbling",
        "foreign": "ftkit_house_rules:foreign_code",
        "words": "ftkit_house_rules:words",
        "plain": "ftkit_house_rules:plain",
        "gone": "ftkit_house_rules.gone:rule",
    }
    made = wheel(tmp_path, "ftkit_house_rules", points, sources=True, group="ftkit.checks")
    site = installed(made, tmp_path / "site")
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, [*ROWS, SHOUT])))
    done = subprocess.run(
        [sys.executable, "-c", "from ftkit.cli import main; main()", "check", str(data), "--json"],
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 5 and "Traceback" not in done.stderr, done.stderr
    findings = json.loads(done.stdout)["findings"]
    assert [f["rows"] for f in findings if f["code"] == "HOUSE001"] == [[60]]
    assert [f["rows"] for f in findings if f["code"] == "HOUSE002"] == [[1]]
    assert "FT102" not in {f["code"] for f in findings}
    told = {
        f["title"].split()[2].rpartition(".")[2]: f["detail"]
        for f in findings
        if f["code"] == "FT901"
    }
    assert told == {
        "stumbling": "KeyError: 'no such column'",
        "foreign_code": "it gives the code 'FT102'; its own is HOUSE003",
        "words": "it gives str, not a Finding",
        "plain": "the entry point names function, not a function with @check_rule",
        "gone": "ModuleNotFoundError: No module named 'ftkit_house_rules.gone'",
    }
