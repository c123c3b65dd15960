"""What rows share, found in one pass, and the components that it makes of them.

Equal prompts and groups always hold. Near duplicates, and equal questions under different system prompts, hold unless they
hang so much together that nothing can be held out: data made from a template, or a document that is the system prompt.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ftkit.data.example import digest, digest_of
from ftkit.data.known import Questions, conversation_starts, plain_hash, why_not_searched
from ftkit.data.likeness.near import NEAR, TooAlike, TooMany, near_links
from ftkit.data.splitting.components import Keys, components, keys_of_pairs
from ftkit.data.splitting.ranks import rank
from ftkit.data.splitting.rules import GroupBy, Rules
from ftkit.data.splitting.shared_columns import Columns
from ftkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ftkit.data.dataset import Dataset

_PLAIN = "the same question but for case, spaces and punctuation"
_ROW = "duplicates='row', if answers to the same prompt may stand on both sides"


@dataclass(frozen=True, slots=True)
class Link:
    """`what` rows with an equal key share ("rows hang together by ..."), and how a caller does without (`mend`)."""

    what: str
    keys: Keys
    mend: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The rows as components, in the order of the seed; `places` are their places in it."""

    source: str
    rules: Rules
    contents: Sequence[bytes]  # SHA-256 of each row
    links: tuple[Link, ...]
    parts: tuple[list[int], ...]
    places: tuple[bytes, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def joining(self) -> list[Link]:
        """The links that hold any rows together."""
        return [link for link in self.links if _joins(link.keys)]

    @property
    def what(self) -> str:
        """What holds the rows together, in words; "" where nothing does."""
        words = list(dict.fromkeys(link.what for link in self.joining))
        return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))

    @property
    def largest(self) -> int:
        """Rows of the largest component."""
        return max(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class _Seen:
    """One pass over the rows: every list has an entry a row."""

    contents: list[bytes]
    prompts: list[bytes]
    questions: list[bytes | None]  # without case, punctuation and system prompt
    systems: list[str | None]
    starts: Keys


def joined(data: Dataset, rules: Rules) -> Iterator[Joined]:
    """The components as they should be, then, for those who can make no split of them, with fewer links.

    Raises DataError where near duplicates were asked for and cannot be looked for.
    """
    columns = Columns.of(data, rules.group_by)
    seen = _seen(data, columns)
    make = partial(_made, data, rules, seen.contents, columns.notes(seen.prompts))
    groups = [
        Link("the same group", keys, "group_by= a finer column, or none")
        for keys in _groups(data, rules.group_by)
    ]
    near, missing = _near(data, seen, rules)
    if rules.duplicates == "row":
        rows = Link("equal rows", seen.contents, "fewer copies")
        yield make([rows, *groups, *([near] if near else [])])
        return
    firm = [
        Link("equal prompts", seen.prompts, _ROW),
        Link("conversations that go on from one another", seen.starts, _ROW),
        *groups,
    ]
    asked = make([*firm, Link(_PLAIN, seen.questions, _ROW)])
    apart = asked
    if len(set(seen.systems)) > 1:
        under = [
            key and (key, system) for key, system in zip(seen.questions, seen.systems, strict=True)
        ]
        apart = make([*firm, Link(_PLAIN, under, _ROW)])
    if not _too_large(asked, apart):
        yield from _with_and_without(near, asked, rules, make, [missing])
    if len(apart.parts) > len(asked.parts):
        told = (
            f"questions under different system prompts were taken as different: else up to {asked.largest:,} of "
            f"{len(data):,} rows hang together"
        )
        yield from _with_and_without(near, apart, rules, make, [told, missing])


def _with_and_without(
    near: Link | None,
    plain: Joined,
    rules: Rules,
    make: Callable[..., Joined],
    warnings: Sequence[str],
) -> Iterator[Joined]:
    """With near duplicates kept together, unless they hold too much together, and then, unless asked for, without."""
    if near is not None:
        close = make([*plain.links, near], warnings)
        if rules.near or not _too_large(close, plain):
            yield close
        given_up = (
            f"near duplicates were not kept together: with them up to {close.largest:,} of {len(close.contents):,} rows hang "
            "together, as in data made from a template"
        )
        warnings = [*warnings, given_up]
    if not rules.near:
        yield make(plain.links, warnings) if any(warnings) else plain


def _joins(keys: Keys) -> bool:
    filled = [key for key in keys if key is not None]
    return len(set(filled)) < len(filled)


def _too_large(joined: Joined, without: Joined) -> bool:
    return 2 * joined.largest > len(joined.contents) and joined.largest > without.largest


def _made(
    data: Dataset,
    rules: Rules,
    contents: Sequence[bytes],
    notes: Sequence[str],
    links: Sequence[Link],
    warnings: Sequence[str] = (),
) -> Joined:
    parts = components(len(data), [link.keys for link in links])
    ordered = sorted((rank(rules.seed, min(contents[row] for row in rows)), rows) for rows in parts)
    said = tuple(filter(None, warnings))
    return Joined(
        data.source,
        rules,
        contents,
        tuple(links),
        tuple(rows for _, rows in ordered),
        tuple(place for place, _ in ordered),
        (*said, *notes),
        said,
    )


def _seen(data: Dataset, columns: Columns) -> _Seen:
    contents, prompts = [], []
    questions: list[bytes | None] = []
    systems: list[str | None] = []
    texts: dict[str | None, str | None] = {}  # each system prompt once
    begun: defaultdict[bytes, list[int]] = defaultdict(list)  # start of a conversation -> rows
    for row, example in enumerate(data):
        contents.append(bytes.fromhex(digest_of(example)))  # half the memory of its text
        prompts.append(bytes.fromhex(digest(example.prompt)))
        questions.append(plain_hash(example))
        systems.append(texts.setdefault(example.system, example.system))
        for start in conversation_starts(example):
            begun[bytes.fromhex(start)].append(row)
        columns.see(example)
    return _Seen(contents, prompts, questions, systems, _starts(data, begun))


def _starts(data: Dataset, begun: Mapping[bytes, Sequence[int]]) -> Keys:
    """Conversations of which one is the start of another; a second pass, where any has several answers."""
    pairs: list[tuple[int, int]] = []
    if begun:
        for row, example in enumerate(data):
            longer = begun.get(bytes.fromhex(digest(example.messages)), ())
            pairs += ((row, other) for other in longer)
    return keys_of_pairs(len(data), pairs)


def _near(data: Dataset, seen: _Seen, rules: Rules) -> tuple[Link | None, str]:
    """Near duplicates, or why they were not looked for, where it was not the caller who said so."""
    if rules.near is False or (rules.near is None and rules.duplicates == "row"):
        return None, ""
    share = rules.near or NEAR
    first: dict[bytes, int] = {}
    # the rest of an equal prompt hangs with it already; the same question in other case has runs of its own
    repeats = {
        row
        for row, prompt in enumerate(seen.prompts)
        if rules.duplicates == "prompt" and first.setdefault(prompt, row) != row
    }
    try:
        pairs = list(near_links(Questions(data, repeats), share))
    except (TooAlike, TooMany) as error:
        why = why_not_searched(error)
        if not rules.near:
            return None, f"near duplicates were not looked for: {why}"
        raise DataError(
            f"{data.source}: near={rules.near}: {why}. Try near=False, with group_by= a column that tells which rows "
            "belong together"
        ) from error
    mend = "near=False, if nearly the same question may stand on both sides"
    return Link("near duplicates", keys_of_pairs(len(data), pairs), mend), ""


def _groups(data: Dataset, group_by: GroupBy) -> list[Keys]:
    if group_by is None:
        return []
    if callable(group_by):
        return [[_hashable(group_by(example), data, i) for i, example in enumerate(data)]]
    names = [group_by] if isinstance(group_by, str) else list(group_by)
    return [[_key(value) for value in data.values(name)] for name in names]


def _key(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return json.dumps(value, sort_keys=True)


def _hashable(value: Any, data: Dataset, index: int) -> Hashable | None:
    if not isinstance(value, Hashable):
        raise ConfigError(
            f"{data.source}: group_by returned a {type(value).__name__} for row "
            f"{data.rows[index].number}; return text, a number or a tuple"
        )
    return None if value == "" else value
