"""A check report for people: a table to overlook it, then each finding with why and mend, then what did not run.

On a terminal texts wrap in their column at any width; elsewhere a finding is one line, so that `grep` and `awk` can have it.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ftkit.cli.terminal import plain
from ftkit.data import CheckReport, Finding, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def print_report(report: CheckReport, console: Console) -> None:
    """The report in colours and columns on a terminal, as plain text elsewhere."""
    if console.is_terminal:
        console.print(Group(*_blocks(report)), soft_wrap=False)
    else:
        console.print(plain(in_plain_text(report)))


def in_plain_text(report: CheckReport) -> str:
    """The head, a line a finding, and the findings as `str(report)` has them."""
    table = [("code", "severity", "rows", "what"), *map(_cells, report.findings)]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines = [
        f"{code:<{widths[0]}}  {severity:<{widths[1]}}  {rows:>{widths[2]}}  {what}"
        for code, severity, rows, what in table
    ]
    blocks = [report.head, *(["\n".join(lines)] if report.findings else [])]
    return "\n\n".join(filter(None, [*blocks, *map(str, report.findings), report.not_run]))


def _blocks(report: CheckReport) -> Iterator[RenderableType]:
    yield Text(plain(report.head))
    if report.findings:
        yield Text()
        yield _table(report)
    for finding in report.findings:
        yield Text()
        yield Text.assemble(
            (plain(finding.code), _STYLES[finding.severity]), f" {plain(finding.title)}"
        )
        yield _details(finding)
    if report.skipped:
        yield Text()
        yield Text("did not run:")
        for skipped in report.skipped:
            yield _pairs([(", ".join(skipped.codes), f"{skipped.what}: {skipped.why}")])


def _table(report: CheckReport) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("code", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for finding in report.findings:
        code, severity, rows, what = _cells(finding)
        style = _STYLES[finding.severity]
        table.add_row(Text(plain(code), style), Text(severity, style), rows, Text(plain(what)))
    return table


def _details(finding: Finding) -> Table:
    found = {
        "rows": finding.rows_in_words.partition(" ")[2],
        "found": finding.detail,
        "why": finding.why,
        "mend": finding.mend,
    }
    return _pairs([(name, text) for name, text in found.items() if text])


def _pairs(pairs: list[tuple[str, str]]) -> Table:
    """Names and texts, the texts wrapped beside their names."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=2)
    grid.add_column(min_width=5, no_wrap=len(pairs) > 1, overflow="fold")
    grid.add_column(overflow="fold")
    for name, text in pairs:
        grid.add_row("", Text(plain(name), "dim"), Text(plain(text)))
    return grid


def _cells(finding: Finding) -> tuple[str, str, str, str]:
    return (
        finding.code,
        str(finding.severity),
        f"{finding.count:,}" if finding.count else "-",
        " ".join(finding.title.split()),
    )
