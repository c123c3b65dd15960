"""FT304 to FT307: the labels of a classification. Silent for every other kind of task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ftkit.data.checks.masking import quoted
from ftkit.data.checks.report import Finding, Severity, Skipped
from ftkit.data.checks.view import DataView
from ftkit.data.learners import doubts, features, most_words
from ftkit.data.tasks import LabelSet, asked, label_key

_DOMINATES = 0.8
_TIMES_THE_MIDDLE = 20
_FEWEST = 5  # rows of a label
_SHOWN = 5
_FEWEST_ROWS = 50  # below this words say nothing about labels
_ROWS_JUDGED = 20_000


def balance(data: DataView) -> Iterator[Finding]:
    """FT304: how often each label stands; a warning where one of them is nearly all."""
    labels = _labels(data)
    if labels is None:
        return
    counts = Counter(name for names in names_of(labels) for name in names if name)
    (largest, most), rows = counts.most_common(1)[0], len(labels.of_row)
    smallest, fewest = counts.most_common()[-1]
    middle = sorted(counts.values())[len(counts) // 2]
    dominates = most > _DOMINATES * rows or (
        len(counts) > 2 and most > _TIMES_THE_MIDDLE * middle and most > rows / 2
    )
    alone = len(counts) == 1
    yield Finding.on(
        [],
        "FT304",
        Severity.WARNING if dominates else Severity.INFO,
        "every answer is the same"
        if alone
        else f"one label stands in {most / rows:.0%} of the rows"
        if dominates
        else f"{len(counts):,} labels, the most frequent in {most / rows:.1%} of the rows",
        detail=f"the most frequent: {_most_frequent(counts)}"
        + ("" if alone else f"\nthe rarest: {quoted(smallest)} ({fewest:,})"),
        why="there is nothing to tell apart"
        if alone
        else f"always answering {quoted(largest)} is right in {most / rows:.1%} of rows like these: only a score "
        "above that says anything (balance is on OpenAI's list of best practices for training data)",
        mend="add rows with other answers"
        if alone
        else "add rows of the other labels, or judge with a score that counts each label alike"
        if dominates
        else "nothing to do where the shares are those of use",
    )


def spelled_in_several_ways(data: DataView) -> Iterator[Finding]:
    """FT305: one label, written in several ways; the rows named have the rarer ones."""
    labels = _labels(data)
    if labels is None:
        return
    ways: defaultdict[str, Counter[str]] = defaultdict(Counter)
    written = [_written(row.example.answer, labels, i) for i, row in enumerate(data.rows)]
    for names in written:
        for name in names:
            ways[label_key(name)][name] += 1
    usual = {
        key: found.most_common(1)[0][0] for key, found in ways.items() if key and len(found) > 1
    }
    rows = [
        row.number
        for row, names in zip(data.rows, written, strict=True)
        if any(usual.get(label_key(name), name) != name for name in names)
    ]
    if rows:
        inside = labels.several or labels.notation == "JSON"
        shown = [
            ", ".join(f"{quoted(name)} ({n:,})" for name, n in ways[key].most_common())
            for key in list(usual)[:_SHOWN]
        ]
        yield Finding.on(
            rows,
            "FT305",
            Severity.WARNING,
            f"{len(usual):,} {'label is' if len(usual) == 1 else 'labels are'} written in several ways",
            detail="\n".join(shown),
            why="the model learns both ways and answers with either; a program that reads the answer knows one",
            mend="write each label in one way"
            + ("" if inside else ", or `ftkit fix --only label_spelling`"),
        )


def few_of_a_label(data: DataView) -> Iterator[Finding]:
    """FT306: labels with too few rows to learn from."""
    labels = _labels(data)
    if labels is None:
        return
    of_row = names_of(labels)
    counts = Counter(name for names in of_row for name in names if name)
    few = {name for name, n in counts.items() if n < _FEWEST}
    rows = [
        row.number
        for row, names in zip(data.rows, of_row, strict=True)
        if not few.isdisjoint(names)
    ]
    if rows:
        rarest = sorted(few, key=lambda name: (counts[name], name))[:_SHOWN]
        yield Finding.on(
            rows,
            "FT306",
            Severity.WARNING,
            f"{len(few):,} {'label has' if len(few) == 1 else 'labels have'} fewer than {_FEWEST} rows",
            detail=", ".join(f"{quoted(name)} ({counts[name]:,})" for name in rarest),
            why="a label seen so rarely is hardly learned, and a hold-out has none of it to measure with",
            mend=f"collect at least {_FEWEST} rows of each, better 20; or join them into one label",
        )


def unlikely_labels(data: DataView) -> Iterator[Finding | Skipped]:
    """FT307: labels that the wording of the row speaks against, judged by the words of all other rows."""
    labels = _labels(data)
    if labels is None or labels.several or len(data.rows) < _FEWEST_ROWS:
        return
    step = -(-len(data.rows) // _ROWS_JUDGED)
    rows = data.rows[::step]
    of_row = [name for (name,) in names_of(labels)[::step]]
    counts = Counter(of_row)
    if len(counts) < 2:
        return
    known = sorted(counts)
    numbers = {name: number for number, name in enumerate(known)}
    words = most_words(len(rows))
    seen = [features(asked(row.example), words) for row in rows]
    found, right = doubts(seen, [numbers[name] for name in of_row], len(known))
    majority = max(counts.values()) / len(rows)
    if right < majority + 0.2 * (1 - majority):
        yield Skipped(
            ("FT307",),
            "labels that the wording speaks against",
            f"words alone get {right:.0%} of the labels right, the most frequent label {majority:.0%}: too little to judge by",
        )
        return
    if not found:
        return
    shown = [
        f"row {rows[doubt.index].number}: {quoted(asked(rows[doubt.index].example))} has {quoted(known[doubt.given])}; "
        f"its words are those of {quoted(known[doubt.likelier])}"
        for doubt in found[:_SHOWN]
    ]
    of = "" if step == 1 else f" of {len(rows):,} looked at"
    yield Finding.on(
        [rows[doubt.index].number for doubt in found],
        "FT307",
        Severity.WARNING,
        f"{len(found) / len(rows):.1%} of the labels{of} look unlikely for the words of their row",
        detail="\n".join(["the most unlikely first:", *shown]),
        why="wrong labels are learned like right ones, and on the hold-out they hide what the model can do "
        "(well-known test sets have 3.3% and more); but of rows flagged in this way only about half are wrong "
        "(arXiv 2103.14749)",
        mend="look at the first of them and correct those that are wrong; delete none unseen",
    )


def _labels(data: DataView) -> LabelSet | None:
    task = data.task
    return None if task is None else task.labels


def names_of(labels: LabelSet) -> list[list[str]]:
    """The labels of each row in their usual spelling."""
    usual = {label_key(name) or name: name for name in labels.labels}
    return [
        [usual.get(label_key(name) or name, name) for name in _split(row, labels)]
        for row in labels.of_row
    ]


def _split(row: str, labels: LabelSet) -> list[str]:
    return row.split(" | ") if labels.several else [row]


def _written(answer: str, labels: LabelSet, index: int) -> list[str]:
    """As it stands in the row, spaces around it included: they are learned too."""
    if labels.several or labels.notation == "JSON":
        return _split(labels.of_row[index], labels)
    return [answer]


def _most_frequent(counts: Counter[str]) -> str:
    return ", ".join(f"{quoted(name)} ({n:,})" for name, n in counts.most_common(_SHOWN))
