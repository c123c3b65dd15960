"""FT401, FT404: credentials in the text. A model repeats what it was trained on, so a key in a row is a key given away.

A finding shows the kind of a secret, its public prefix and its length, never the secret.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from ftkit.data.checks.key_shapes import KEY_SHAPES
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.sighting import Sighting
from ftkit.data.checks.told import Told
from ftkit.data.checks.view import DataView

_SHOWN = 5
_LOWEST_ENTROPY = 3.2  # bits a character: words and placeholders lie below, random keys above
_MADE_UP = re.compile(
    r"example|placeholder|redacted|your|dummy|fake|sample|x{5}|\*{3}|\.{3}|(.)\1{7}|1234567890abc|0123456789abc|abcdefghij|<|\$\{|\{\{"
)
_EVERYBODYS = frozenset(
    (
        "password",
        "passwd",
        "pass",
        "pw",
        "pwd",
        "secret",
        "changeme",
        "admin",
        "root",
        "user",
        "token",
        "postgres",
        "test",
    )
)

_VALUE = r"[A-Za-z0-9_/+=.~!@#$%^&*?-]"
# what is called a key or a password; the label is shown
_LABELLED = re.compile(
    r"(?i)((?:api|access|account|secret|private|client|auth|signing|subscription|encryption|master|service|shared"
    r"|app|refresh|bearer|bot|session|storage)[ _-]{0,2}(?:access[ _-]?)?(?:key|secret|token)|\btoken|\bsecret"
    r"|passw(?:or)?d|passphrase|passcode|\bpwd|authorization)"
    rf"[\"']?(?:\s{{0,3}}(?::|=>|=)|\s{{1,3}}(?:is|was|are|ist|est|es|è))\s{{0,3}}(?:(?:bearer|basic|token)\s{{1,3}})?"
    rf"[\"'`]?({_VALUE}{{8,200}})"
)
_LABELS = ("key", "token", "secret", "passw", "passphrase", "passcode", "pwd", "authorization")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s{1,3}([A-Za-z0-9._~+/=-]{20,400})")
_IN_ADDRESS = re.compile(r"://[^\s/:@\"'<>]{0,80}:([^\s/@\"'<>]{3,200})@[^\s/@]")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}$", re.IGNORECASE)
_CONNECTION = re.compile(
    r"(?i)\b(password|pwd|accountkey|sharedaccesskey|sharedaccesssignature|client secret)\s?=\s?([^;\s\"']{6,200})"
)
_CONNECTS = re.compile(
    r"(?i)\b(?:server|data source|host|accountname|endpoint|uid|user id|username|dbname|database)\s?="
)
_RANDOM = re.compile(r"(?<![A-Za-z0-9_+/=.-])[A-Za-z0-9_+/-]{32,200}={0,2}(?![A-Za-z0-9_+/=-])")


def leaked_keys(data: DataView) -> Iterator[Finding]:
    """FT401: keys, tokens, passwords and private keys in any message."""
    rows, shown = _rows_with(data, masked)
    if rows:
        yield Finding.on(
            rows,
            "FT401",
            Severity.ERROR,
            "rows hold what looks like credentials",
            detail="\n".join(shown),
            why="the model can repeat them to anyone who asks, and a provider gets them by upload",
            mend="replace them by a placeholder, and revoke each one that was real",
        )


def random_strings(data: DataView) -> Iterator[Finding]:
    """FT404: long random strings that no shape and no label gives away."""
    rows, shown = _rows_with(data, _only_random)
    if rows:
        yield Finding.on(
            rows,
            "FT404",
            Severity.WARNING,
            "rows hold long random strings",
            detail="\n".join(shown),
            why="keys of many providers look like this; and what is random cannot be learned, only memorised",
            mend="look whether they are credentials; replace those, and leave out random ids that no answer needs",
        )


def masked(text: str) -> list[str]:
    """Every credential in the text, as its kind, public prefix and length."""
    return [one.mask for one in credentials(text)]


def credentials(text: str) -> list[Sighting]:
    """Every credential in the text and where it stands."""
    found: list[Sighting] = []
    told = Told(text)

    def take(span: tuple[int, int], mask: str) -> None:
        if told.take(span):
            found.append(Sighting(*span, mask))

    for shape in KEY_SHAPES:
        if shape.piece not in text:
            continue
        for match in shape.pattern.finditer(text):
            public, length = match.group(1), len(match.group())
            secret = match.group().removeprefix(public)
            if shape.kind == "private key" or not _made_up(secret):
                take(
                    match.span(), f"{shape.kind} {public and public + '... '}({length} characters)"
                )
    if "://" in text:
        for match in _IN_ADDRESS.finditer(text):
            password = match.group(1)
            if password.lower() not in _EVERYBODYS and not _made_up(password):
                scheme = _SCHEME.search(text[max(0, match.start() - 20) : match.start()])
                address = f"a {scheme.group().lower()} address" if scheme else "an address"
                take(match.span(1), f"a password in {address} ({len(password)} characters)")
    lowered = text.lower()
    if any(label in lowered for label in _LABELS):
        if _CONNECTS.search(text):
            for match in _CONNECTION.finditer(text):
                if match.group(2).lower() not in _EVERYBODYS and not _made_up(match.group(2)):
                    take(match.span(2), _of_label(match.group(1), match.group(2)))
        for match in _LABELLED.finditer(text):
            if _is_secret(match.group(2).rstrip(".!?")):
                take(match.span(2), _of_label(match.group(1), match.group(2)))
    if "bearer" in lowered or "basic" in lowered:
        for match in _BEARER.finditer(text):
            if _is_secret(match.group(2)):
                take(match.span(2), _of_label(match.group(1), match.group(2)))
    return found


def random_looking(text: str) -> list[str]:
    """Every long random string in the text, as its length."""
    return [one.mask for one in drawn_strings(text)]


def drawn_strings(text: str) -> list[Sighting]:
    """Every long string in the text whose letters and digits follow each other as dice throw them."""
    found = []
    for match in _RANDOM.finditer(text):
        value = match.group()
        if (
            _drawn(value)
            and "://" not in text[max(0, match.start() - 300) : match.start()].split(" ")[-1]
        ):
            found.append(Sighting(*match.span(), f"{len(value)} random characters"))
    return found


def _only_random(text: str) -> list[str]:
    found = random_looking(text)
    return found if found and not masked(text) else []


def _rows_with(data: DataView, look: Callable[[str], list[str]]) -> tuple[list[int], list[str]]:
    rows: list[int] = []
    shown: list[str] = []
    for row in data.rows:
        masks = [mask for text in row.texts for mask in look(text)]
        if masks:
            rows.append(row.number)
            if len(shown) < _SHOWN:
                shown.append(f"row {row.number}: {', '.join(masks[:3])}")
    return rows, shown


def _of_label(label: str, value: str) -> str:
    return f"a value of {label!r} ({len(value)} characters)"


def _made_up(value: str) -> bool:
    """A placeholder, as manuals write them."""
    return _MADE_UP.search(value.lower()) is not None or (
        len(value) >= 16 and _entropy(value) < 1.8  # two or three characters again and again
    )


def _is_secret(value: str) -> bool:
    """True for a value beside a label that is no word: long and random, or short and of three kinds of characters."""
    if _made_up(value):
        return False
    digits, letters = any(c.isdigit() for c in value), any(c.isalpha() for c in value)
    if not (digits and letters):
        return False
    if len(value) >= 16:
        return _entropy(value) >= _LOWEST_ENTROPY
    kinds = (any(c.isupper() for c in value), any(c.islower() for c in value), not value.isalnum())
    return sum(kinds) >= 2


def _drawn(value: str) -> bool:
    text = value.rstrip("=")
    kinds = [
        "a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "-" for c in text
    ]
    if not {"a", "A", "0"} <= set(kinds):
        return False
    # words, also joined ones, change their kind seldom; random strings at more than half of all places
    changes = sum(one != other for one, other in pairwise(kinds))
    return changes >= 0.45 * len(text) and _entropy(text) >= 4.2 and not _made_up(value)


def _entropy(value: str) -> float:
    """Bits a character."""
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
