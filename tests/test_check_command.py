"""`ftkit check` as a person sees it: the table, its width, its exit codes, and the data card it writes."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import ftkit as package
from ftkit.cli.check_table import in_plain_text, print_report
from ftkit.data import CheckReport, Finding, Severity, Skipped
from ftkit.errors import ConfigError
from tests.at_terminal import as_json, ftkit

GOOD = [(f"where is parcel number {n}", f"it is in hall {n * 7}") for n in range(60)]
SEVERITIES = ["error", "warning", "info"]


def rows_file(*rows: tuple[str, str]) -> str:
    """A file with these rows behind 60 good ones."""
    lines = [json.dumps({"prompt": p, "completion": c}) for p, c in [*GOOD, *rows]]
    Path("rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "rows.jsonl"


ERROR = ("nothing follows", "")
WARNING = GOOD[0]  # the row again


def finding(
    code: str, severity: Severity, title: str = "title", rows: tuple[int, ...] = ()
) -> Finding:
    return Finding.on(rows, code, severity, title, why="for this reason", mend="so", detail="seen")


REPORT = CheckReport(
    "rows.jsonl",
    1_234,
    (
        finding("FT601", Severity.INFO, "columns are kept"),
        finding("FT401", Severity.ERROR, "rows hold what looks like credentials, and a long title", (7, 1_200)),
        finding("FT301", Severity.WARNING, "rows repeat", tuple(range(1, 1_201))),
        finding("FT101", Severity.ERROR, "roles out of order", (3,)),
    ),
    (Skipped(("FT603", "FT604"), "languages", "a package is not installed"),),
)  # fmt: skip


def on_terminal(report: CheckReport, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, highlight=False)
    print_report(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# --- the table ---------------------------------------------------------------------------------------------------


def test_without_a_terminal_each_finding_is_one_line_by_severity_and_code() -> None:
    table = in_plain_text(REPORT).split("\n\n")[1].splitlines()
    assert [line.split() for line in table[:3]] == [
        ["code", "severity", "rows", "what"],
        ["FT101", "error", "1", "roles", "out", "of", "order"],
        [
            "FT401",
            "error",
            "2",
            *["rows", "hold", "what", "looks", "like", "credentials,", "and", "a", "long", "title"],
        ],
    ]
    assert [line[:5] for line in table[1:]] == ["FT101", "FT401", "FT301", "FT601"]
    assert table[3].split()[2] == "1,200" and table[4].split()[2] == "-"
    assert len({line.index(word) for line, word in zip(table, ["what", "roles", "rows h", "rows r", "columns"], strict=True)}) == 1  # fmt: skip


def test_the_details_stand_below_with_rows_why_and_mend_and_then_what_did_not_run() -> None:
    text = in_plain_text(REPORT)
    order = ["code ", "error FT101", "  row 3\n", "  why: for this reason", "  mend: so", "error FT401",
             "rows 7, 1200", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1,190 more", "did not run:", "  FT603, FT604 (languages)"]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_a_report_printed_by_a_program_names_rows_too() -> None:
    text = str(REPORT)
    assert "error FT101: roles out of order\n  row 3\n" in text
    assert text.endswith("did not run:\n  FT603, FT604 (languages): a package is not installed")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_terminal_of_any_width_shows_all_of_it(width: int) -> None:
    shown = without_colours(on_terminal(REPORT, width))
    assert max(map(len, shown.splitlines())) <= width
    words = " ".join(shown.split())
    for text in ("FT401 error", "for this reason", "did not run", "FT603, FT604", "1,190 more"):
        assert text in words
    table = shown.split("\n\n")[1] if "\n\n" in shown else shown
    assert "│" not in table and "─" not in table


def test_a_long_title_wraps_in_its_column() -> None:
    lines = without_colours(on_terminal(REPORT, 60)).splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("FT401  error"))
    column = lines[first].index("rows hold")
    assert lines[first + 1][:column].strip() == "" and lines[first + 1][column:].strip()


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b[1;31mFT401" in on_terminal(REPORT, 80)
    assert "\x1b" not in in_plain_text(REPORT)


def test_a_report_without_findings_is_short() -> None:
    empty = CheckReport("rows.jsonl", 60, ())
    assert in_plain_text(empty) == "rows.jsonl: 60 rows, nothing found"
    assert without_colours(on_terminal(empty, 60)).strip() == "rows.jsonl: 60 rows, nothing found"


def test_a_rows_text_cannot_steer_the_table() -> None:
    hostile = "\x1b]0;owned\x07\x1b[31m\u202e[bold]x[/bold]"
    report = CheckReport(
        hostile,
        1,
        (finding("FT101", Severity.ERROR, hostile, (1,)),),
        (Skipped(("FT603",), hostile, hostile),),
    )
    printed = io.StringIO()
    print_report(report, Console(file=printed, highlight=False, markup=False, soft_wrap=True))
    for text in (without_colours(on_terminal(report, 60)), printed.getvalue()):
        assert "owned" in text and "[bold]" in text
        assert not set(text) & set("\x1b\x07\u202e")


def test_at_a_real_terminal_of_sixty_columns() -> None:
    data = rows_file(ERROR)
    terminal, other = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "ftkit.cli", "check", data],
        stdin=other, stdout=other, stderr=other, start_new_session=True,
        env={**os.environ, "COLUMNS": "60", "TERM": "xterm"},
    )  # fmt: skip
    os.close(other)
    seen = b""
    try:
        while chunk := os.read(terminal, 4096):
            seen += chunk
    except OSError:
        pass  # the terminal closes with its last process
    finally:
        os.close(terminal)
    assert child.wait(60) == 5
    lines = without_colours(seen.decode().replace("\r", "")).splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("FT102  error") for line in lines)


# --- when it fails -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worst", "fails_on"),
    [(None, []), ("info", ["info"]), ("warning", ["warning", "info"]), ("error", SEVERITIES)],
)
def test_a_report_fails_from_a_severity_on(worst: str | None, fails_on: list[str]) -> None:
    found = () if worst is None else (finding("FT601", Severity(worst)),)
    report = CheckReport("rows.jsonl", 1, found)
    assert [word for word in SEVERITIES if report.fails(word)] == fails_on
    assert report.fails() == (worst == "error") and not report.fails("never")


def test_a_wrong_word_is_told_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'warning'"):
        CheckReport("rows.jsonl", 1, ()).fails("warnings")


@pytest.mark.parametrize(
    ("row", "fail_on", "code"),
    [
        (ERROR, None, 5), (ERROR, "never", 0), (ERROR, "info", 5),
        (WARNING, None, 0), (WARNING, "error", 0), (WARNING, "warning", 5),
    ],
)  # fmt: skip
def test_the_exit_code_follows_fail_on(
    row: tuple[str, str], fail_on: str | None, code: int
) -> None:
    options = [] if fail_on is None else ["--fail-on", fail_on]
    ftkit("check", rows_file(row), *options, code=code)


def test_a_wrong_fail_on_is_told_before_the_data_is_read() -> None:
    said = ftkit("check", "missing.jsonl", "--fail-on", "eror", code=2)
    assert "did you mean 'error'" in said and "missing" not in said


# --- what it writes ----------------------------------------------------------------------------------------------


def test_the_data_card_is_written_and_told_beside_the_result(tmp_path: Path) -> None:
    said = ftkit("check", rows_file(ERROR), "--html", "card.html", code=5)
    assert "data card: card.html" in said and "FT102" in said
    page = Path("card.html").read_text(encoding="utf-8")
    assert "FT102" in page and "<svg" in page
    again = package.check("rows.jsonl").html(tmp_path / "again.html").read_text(encoding="utf-8")
    stamp = re.compile(r"<dt>checked at</dt><dd>[^<]*")
    assert stamp.sub("", page) == stamp.sub("", again)


def test_json_keeps_its_version_and_the_page_is_told_on_standard_error() -> None:
    value = as_json("check", rows_file(WARNING), "--html", "card.html")
    assert value["schema_version"] == 1
    assert set(value) == {"schema_version", "source", "rows", "ok", "task", "tokens", "findings", "skipped"}  # fmt: skip
    assert set(value["findings"][0]) == {
        "code", "severity", "title", "rows", "count", "detail", "why", "mend", "figures"
    }  # fmt: skip
    assert Path("card.html").exists()


def test_a_card_that_cannot_be_written_is_one_message() -> None:
    said = ftkit("check", rows_file(), "--html", "missing/card.html", code=1)
    assert "cannot write missing/card.html: there is no folder missing" in said


def test_as_json_that_message_is_all_there_is() -> None:
    value = as_json("check", rows_file(), "--html", "missing/card.html", code=1)
    assert value["error"] == "StorageError" and "missing/card.html" in value["message"]


def test_a_file_that_cannot_be_loaded_has_table_and_card() -> None:
    Path("broken.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a"\n')
    said = ftkit("check", "broken.jsonl", "--html", "card.html", code=5)
    assert re.search(r"^FT001 +error +1 ", said, re.MULTILINE)
    assert "FT001" in Path("card.html").read_text()


def test_without_html_nothing_is_written() -> None:
    rows_file(ERROR)
    before = sorted(path.name for path in Path.cwd().iterdir())
    ftkit("check", "rows.jsonl", code=5)
    assert sorted(path.name for path in Path.cwd().iterdir()) == before


def test_the_settings_of_the_profile_are_those_of_the_run_that_is_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [{"prompt": f"one two three {n}", "completion": "four"} for n in range(4)]
    answers = package.check(rows, "fake/small")
    file = tmp_path / "ftkit.toml"
    file.write_text('[profiles.default.hyperparameters]\ntrain_on = "all"\nmax_length = 8\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(file))
    whole = package.check(rows, "fake/small")
    assert answers.counts is not None and whole.counts is not None
    assert whole.counts.trained_tokens == whole.counts.tokens > answers.counts.trained_tokens
    assert [one.code for one in answers.findings if one.code == "FT201"] == []
    assert [one.rows for one in whole.findings if one.code == "FT201"] == [(1, 2, 3, 4)]
