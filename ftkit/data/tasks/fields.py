"""Records that are not JSON: name[value] lists, key: value lines, key=value; pairs, flat XML."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

_ENOUGH = 0.95
_KNOWN_KEY = 0.03  # a key of a record stands in more than this share of the rows
_LONGEST = 20_000  # characters of one answer that are looked at

_BRACKETED = re.compile(r"\s*([A-Za-z_][\w .-]{0,40}?)\s*\[([^\[\]]*)\]\s*(?:[,;|]|\n|\Z)")
_CALL = re.compile(r"\w{1,40}\((.*)\)\Z", re.DOTALL)
_PAIR = re.compile(
    r"[\s>*•-]{0,20}([A-Za-z_][\w /-]{0,28}?)\**\s{0,5}[:=]\**(?!//)(.*)\Z", re.DOTALL
)
_ITEM = re.compile(r"\s*[-*•] (.*)\Z")
_TAG = re.compile(r"\s*<([A-Za-z_][\w.-]{0,40})>([^<>]*)</\1>\s*")
_ROOT = re.compile(r"\s*(?:<\?xml[^<>]*\?>\s*)?<([A-Za-z_][\w.-]{0,40})>(.*)</\1>\s*\Z", re.DOTALL)
_MARKUP = frozenset(
    ("html", "body", "div", "p", "ul", "ol", "li", "span", "b", "h1", "h2", "h3", "table", "tr")
)
Record = dict[str, Any]


def parsed_json(answer: str) -> tuple[bool, Any]:
    """(whether the answer is JSON, its value); a code fence around it is taken off."""
    text = answer.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text.removesuffix("```").split("\n", 1)[1]
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, None


def records(answers: Sequence[str]) -> tuple[str, list[Record]] | None:
    """(name of the notation, a record for each answer that is one) where nearly all answers are records of one kind."""
    for name, parse in _NOTATIONS:
        if not any(parse(answer[:_LONGEST]) for answer in answers[:20]):
            continue
        found = [record for answer in answers if (record := parse(answer[:_LONGEST]))]
        if len(found) >= _ENOUGH * len(answers) and _one_kind(found):
            return name, found
    return None


def _one_kind(found: Sequence[Record]) -> bool:
    counts = Counter(key for record in found for key in record)
    several = sum(len(record) > 1 for record in found)
    known = sum(n for n in counts.values() if n > _KNOWN_KEY * len(found))
    return 2 * several > len(found) and known >= 0.9 * sum(counts.values())


def _bracketed(text: str) -> Record | None:
    return _in_full(_BRACKETED, text) if "[" in text else None


def _in_full(pattern: re.Pattern[str], text: str) -> Record | None:
    record: Record = {}
    end = 0
    while end < len(text) and (match := pattern.match(text, end)):
        record[match.group(1).strip()] = match.group(2).strip()
        end = match.end()
    return record if record and not text[end:].strip() else None


def _pairs(separator: str) -> Callable[[str], Record | None]:
    def parse(text: str) -> Record | None:
        text = text.strip()
        call = _CALL.match(text)
        record: Record = {}
        for chunk in (call.group(1) if call else text).split(separator):
            if not chunk.strip():
                continue
            pair = _PAIR.match(chunk)
            if pair is None or len(pair.group(1).split()) > 3 or pair.group(1) in record:
                return None  # a name that comes back is a speaker in a dialogue
            record[pair.group(1)] = pair.group(2).strip()
        return record or None

    return parse


def _outlined(text: str) -> Record | None:
    """Top-level keys of YAML; what is indented below a key is its list or text."""
    record: Record = {}
    key = ""
    for line in filter(str.strip, text.splitlines()):
        item = _ITEM.match(line)
        if not (line[0].isspace() or item):
            pair = _PAIR.match(line)
            if pair is None or len(pair.group(1).split()) > 3 or pair.group(1) in record:
                return None
            key = pair.group(1)
            record[key] = pair.group(2).strip() or []
        elif key and isinstance(record[key], list):
            record[key].append(item.group(1).strip() if item else line.strip())
        else:
            return None
    return record or None


def _tagged(text: str) -> Record | None:
    if not text.lstrip().startswith("<"):
        return None
    root = _ROOT.match(text)
    record = _in_full(_TAG, text) or (_in_full(_TAG, root.group(2)) if root else None)
    return None if record is None or _MARKUP & record.keys() else record


_NOTATIONS: tuple[tuple[str, Callable[[str], Record | None]], ...] = (
    ("name[value] lists", _bracketed),
    ("XML", _tagged),
    ("lines of key: value", _pairs("\n")),
    ("YAML", _outlined),
    ("key: value pairs parted by ;", _pairs(";")),
    ("key: value pairs parted by |", _pairs("|")),
    ("key: value pairs parted by ,", _pairs(",")),
)
