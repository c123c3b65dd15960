"""Worked answers: some steps, and then a value that can be compared, as in "... #### 72" or "... The answer is (B)."."""

from __future__ import annotations

import re

_FEWEST_WORDS = 8  # of the work before the value: "The answer is 4." alone shows none

_MARKS = (
    re.compile(r"####[ \t]*(\S[^\n]{0,80})\s*\Z"),
    re.compile(r"\\boxed\{([^\n]{1,80})\}[^\n]{0,20}\Z"),
    re.compile(r"</(?:think|thinking|reasoning|thought)>\s*(\S[^\n]{0,200})\s*\Z"),
    re.compile(
        r"(?i)\b(?:final answer|correct answer|answer|result|solution|antwort|r[eé]ponse|respuesta)"
        r"\b[^\n:=.]{0,40}?(?:\bis\b|\bare\b|\bist\b|\best\b|\bes\b|:|=)[ \t*]*([^\s*][^\n]{0,60})\Z"
    ),
    re.compile(
        r"(?i)\b(?:therefore|thus|hence|so|in total|altogether)\b[^\n]{0,80}?"
        r"((?:[$€£(]\s?)?(?:-?\d[\d,.]*%?|[A-E]\)))[^\n\d]{0,30}\Z"
    ),
)
_STEP = re.compile(r"\d\s?\)?\s?[-+*/x×÷]\s?\(?\s?[$€£]?\d[^\n=]{0,40}=\s?[^\n\d]{0,12}\d")
_LAST_NUMBER = re.compile(r"(-?\d[\d,]*(?:\.\d+)?)[^\d\n]{0,40}\Z")


def final_value(answer: str) -> str | None:
    """The value that a worked answer ends with, None where there is no work or no value."""
    text = answer.rstrip()
    last = text[-400:]  # the patterns look at the end only, whatever the length
    for mark in _MARKS:
        found = mark.search(last)
        if found:
            before = text[: len(text) - len(last) + found.start()]
            value = found.group(1).strip().rstrip(".")
            return value if len(before.split()) >= _FEWEST_WORDS else None
    if _STEP.search(text[:2000]) and len(text.split()) >= _FEWEST_WORDS:
        number = _LAST_NUMBER.search(last)
        return number.group(1) if number else None
    return None
