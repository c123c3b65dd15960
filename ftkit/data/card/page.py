"""What the template of the data card is given. Every text of a row or a name of the data goes through `shown`: masked first,
then bounded, then made visible; so no secret, no long text and no character that steers comes on the page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ftkit.data.card import drawing
from ftkit.data.checks.masking import excerpt
from ftkit.data.checks.portrait import Portrait
from ftkit.data.checks.report import CheckReport, Finding
from ftkit.data.checks.spread import Spread
from ftkit.pages.html import page, visible, write_page
from ftkit.pages.visible_text import one_line

FINDINGS = 60  # on the page; rules of others may give any number
_TEXT = 4_000  # characters of one text
_SCHEMA = 12_000
_DEEPEST = 40
_OPEN = 40  # lines of a schema that is shown at once
_OWN_SECTION = ("FT805", "FT806")
_TITLES = {
    "prompt": "Prompts",
    "answer": "Answers",
    "whole row": "Whole rows",
    "read": "Read (prompts)",
    "trained": "Trained (answers)",
    "turns of a row": "Turns of a row",
}


def write_card(report: CheckReport, path: Path, title: str | None) -> Path:
    """Write the page and return its path; raises StorageError where that fails."""
    return write_page(render(report, title), path)


def render(report: CheckReport, title: str | None = None) -> str:
    """The page as text; the same report gives the same bytes."""
    portrait = report.portrait
    name = excerpt(title or (portrait.name if portrait else report.source), 160)
    listed = [_finding(finding, portrait) for finding in report.findings[:FINDINGS]]
    own = {finding.code: finding for finding in report.findings if finding.code in _OWN_SECTION}
    return page(
        "ftkit.data.card/data_card.html.j2",
        {"shown": shown, "plural": _plural},
        title=one_line(f"{name}: data card", 180),
        name=name,
        report=report,
        portrait=portrait,
        worst=str(report.worst or "none"),
        facts=_facts(report, portrait),
        lengths=[] if portrait is None else _lengths(portrait),
        labels=[] if portrait is None else _labels(portrait),
        schema=_schema(report),
        listed=listed,
        findings=[found for found in listed if found["of"].code not in own],
        left_out=max(0, len(report.findings) - FINDINGS),
        baselines=_figures(own.get("FT805"), 1.0),
        gains=_figures(own.get("FT806"), None),
    )


def shown(text: object, most: int = _TEXT) -> Markup:
    """A text that may be a stranger's, as the page shows it."""
    return visible(excerpt(str(text), most))


def _facts(report: CheckReport, portrait: Portrait | None) -> list[tuple[str, str]]:
    """The lines under "What it is"; a name is never so long that it hides the rest."""
    facts = [("from", report.source), ("rows", f"{report.rows:,}")]
    if portrait is None:
        return facts
    more = f", and {portrait.more_columns:,} more columns" if portrait.more_columns else ""
    found = f"{portrait.format}: {portrait.detected}" if portrait.detected else portrait.format
    facts.append(("format", found))
    if portrait.read:
        facts.append(("columns that are learned", ", ".join(portrait.read)))
    facts.append(("columns kept beside", (", ".join(portrait.kept) or "none") + more))
    if report.counts is not None:
        counts = report.counts
        facts.append(
            ("tokens", f"{counts.tokens:,}, {counts.trained_tokens:,} of them trained in an epoch")
        )
    if portrait.model is not None:
        limit = f", which takes {portrait.limit:,} tokens" if portrait.limit else ""
        facts.append(("checked for", f"{portrait.model}{limit}"))
    return [*facts, ("checked at", portrait.checked_at), ("SHA-256 of the rows", portrait.sha256)]


def _lengths(portrait: Portrait) -> list[dict[str, Any]]:
    spreads = [*portrait.lengths, *([] if portrait.turns is None else [portrait.turns])]
    return [_length(spread, portrait.limit) for spread in spreads]


def _length(spread: Spread, limit: int | None) -> dict[str, Any]:
    """A histogram with its caption; a sentence where all rows are equally long."""
    title = _TITLES[spread.what]
    bound = limit if spread.what == "whole row" else None
    same = spread.low == spread.high
    unit = spread.unit.removesuffix("s") if spread.high == 1 else spread.unit
    words = f"each has {spread.high:,} {unit}" if same else drawing.in_words(spread)
    if spread.unit != "turns":
        words += f"; {spread.total:,} in all"
    if bound is not None and spread.high <= bound:
        words += f"; the model takes {bound:,}"
    return {
        "title": title,
        "words": words,
        "drawing": None if same else drawing.histogram(spread, f"{title} by length", bound),
    }


def _labels(portrait: Portrait) -> list[dict[str, Any]]:
    counts = [count for _, count in portrait.labels]
    whole = sum(counts) + portrait.other_labels[1]
    return [
        {
            "name": name,
            "count": count,
            "share": f"{count / whole:.1%}",
            "bar": drawing.share_bar(count, max(counts), f"{count:,} of {whole:,}"),
        }
        for name, count in portrait.labels
    ]


def _finding(finding: Finding, portrait: Portrait | None) -> dict[str, Any]:
    return {
        "of": finding,
        "severity": str(finding.severity),
        "examples": () if portrait is None else portrait.excerpts_of(finding),
    }


def _figures(finding: Finding | None, most: float | None) -> dict[str, Any] | None:
    """A finding that compares shares, as bars; on a scale of its own where there is no natural end."""
    if finding is None:
        return None
    lines = finding.detail.splitlines()
    top = most or max((figure for _, figure in finding.figures), default=1.0)
    return {
        "of": finding,
        "severity": str(finding.severity),
        "first": lines[0].rstrip(":") if lines else finding.title,
        "second": lines[1:2],
        "further": lines[1 + len(finding.figures) :],
        "bars": [
            {
                "name": name,
                "figure": f"{figure:.1%}" if most else f"{100 * figure:.1f} points",
                "bar": drawing.share_bar(figure, top, f"{figure:.1%}"),
            }
            for name, figure in finding.figures
        ],
    }


def _schema(report: CheckReport) -> dict[str, Any] | None:
    """The inferred schema as indented JSON; its words are values of rows, so each is masked and bounded."""
    schema = None if report.task is None else report.task.schema
    if not schema:
        return None
    text = json.dumps(_bounded(schema, 0), ensure_ascii=False, indent=2)
    return {
        "text": text[:_SCHEMA],
        "cut": len(text) > _SCHEMA,
        "open": text.count("\n") < _OPEN,
    }


def _bounded(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return excerpt(value, 120)
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {excerpt(str(key), 120): _bounded(inner, depth + 1) for key, inner in value.items()}
    return [_bounded(inner, depth + 1) for inner in value] if isinstance(value, list) else value


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
