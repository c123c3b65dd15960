"""Things in a text that are true for a while only: dates, prices, versions, addresses, rates, "the current ..." and who holds an office."""

from __future__ import annotations

import re

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|"
    r"juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|"
    r"octubre|noviembre|diciembre)\.?"
)
_OFFICE = r"(?:CEO|CFO|CTO|president|prime minister|chancellor|mayor|governor|chair(?:man|woman|person)|secretary[- ]general|pope)"
_NUMBERS = re.compile(r"\d+")
_WORKED = frozenset(("date", "price", "percentage"))  # what a worked answer computes
_LOOKED_AT = 8_000  # characters of an answer

# kind, pieces of which one is always there (to look for first, as most texts have none), and a pattern
_DIGITS = tuple("0123456789")
_KINDS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    ("URL", ("://", "www."), re.compile(r"(?:https?://|\bwww\.)[^\s<>\"')]{3,200}")),
    (
        "date",
        _DIGITS,
        re.compile(
            rf"(?i)\b(?:\d{{4}}-[01]\d-[0-3]\d|[0-3]?\d[./][01]?\d[./](?:19|20)?\d\d|"
            rf"{_MONTH} [0-3]?\d(?:st|nd|rd|th)?(?:,? \d{{4}})?|[0-3]?\d(?:st|nd|rd|th|\.)? (?:of |de )?{_MONTH}(?:,? (?:de )?\d{{4}})?|"
            rf"{_MONTH} (?:19|20)\d\d)(?!\w)"
        ),
    ),
    (
        "price",
        (*"$€£¥₹", "usd", "eur", "gbp", "chf", "dollar", "pounds", "cents"),
        re.compile(
            r"(?i)(?:[$€£¥₹]\s?\d[\d.,]{0,20}|\b\d[\d.,]{0,20}\s?(?:[€£¥₹$]|(?:usd|eur|gbp|chf|dollars?|euros?|pounds sterling|cents)\b))"
        ),
    ),
    ("percentage", ("%", "percent", "prozent", " cent", "ciento"), re.compile(r"(?i)\b\d[\d.,]{0,20}\s?(?:%|percent\b|per cent\b|prozent\b|pour cent\b|por ciento\b)")),
    ("version", _DIGITS, re.compile(r"(?i)\b(?:v\d+(?:\.\d+){1,4}|(?:version|release) \d+(?:\.\d+){0,4}|(?<![\d.])\d+\.\d+\.\d+(?![\d.]))\b")),
    ("phone number", _DIGITS, re.compile(r"(?<![\w.])(?:\+\d{1,3}[\s-]?)?(?:\(\d{2,5}\)|\d{2,5})[\s-]\d{3,4}[\s-]\d{3,4}(?!\w)")),
    (
        "words of time",
        ("as of ", "time of writing", "latest", "newest", "current", "aktuell"),
        re.compile(
            r"(?i)\b(?:as of (?:today|now|this|\d{4}|" + _MONTH + r")|at the time of writing|"
            r"(?:latest|newest|current) (?:version|release|price|prices|model|rate|rates|president|ceo|holder|record|season|fee|fees)|"
            r"currently (?:costs?|the|led by|held by|stands? at)|aktuell(?:e[rn]?)? (?:Version|Preise?))\b"
        ),
    ),
    (
        "office",
        ("ceo", "cfo", "cto", "president", "minister", "chancellor", "mayor", "governor", "chair", "secretary", "pope"),
        re.compile(
            rf"\b(?:(?i:{_OFFICE})\b[^.\n]{{0,40}}? is (?:[A-Z]\w+)(?: [A-Z]\w+)+|"
            rf"[A-Z]\w+ [A-Z]\w+ is (?:the |its |their )?(?:current )?(?i:{_OFFICE})\b)"
        ),
    ),
)  # fmt: skip


def volatile(answer: str, prompt: str, *, worked_out: bool = False) -> list[tuple[str, str]]:
    """(kind, text) of each such thing that stands in the answer and not in the prompt; few where it is worked out."""
    text = answer[:_LOOKED_AT]
    lower = text.lower()
    found = [
        (kind, match.group().rstrip(".,;"))
        for kind, pieces, pattern in _KINDS
        if not (worked_out and kind in _WORKED) and any(piece in lower for piece in pieces)
        for match in pattern.finditer(text)
    ]
    if not found:
        return []
    given, numbers = prompt.casefold(), set(_NUMBERS.findall(prompt))
    return [(kind, thing) for kind, thing in found if not _is_given(kind, thing, given, numbers)]


def _is_given(kind: str, thing: str, given: str, numbers: set[str]) -> bool:
    if thing.casefold() in given:
        return True
    if kind == "words of time":
        return thing.split()[-1].casefold() in given
    own = _NUMBERS.findall(thing)
    # written in another way: "5 €" for "EUR 5"; the digits tell
    return (
        kind in ("date", "price", "percentage", "phone number")
        and bool(own)
        and set(own) <= numbers
    )
