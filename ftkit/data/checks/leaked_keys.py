"""FT401: credentials in the text. A model repeats what it was trained on, so a key in a row is a key given away.

A finding shows the kind of a secret, its public prefix and its length, never the secret.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView

_SHOWN = 5
_LOWEST_ENTROPY = 3.2  # bits a character: words and placeholders lie below, random keys above

# kind, a piece that is always there (to look for first, as most texts have none), and a pattern; the pattern's group is
# public and may be shown
_KINDS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (kind, piece, re.compile(pattern))
    for kind, piece, pattern in (
        ("Anthropic key", "sk-ant-", r"\b(sk-ant-)[A-Za-z0-9_-]{16,}"),
        ("OpenAI key", "sk-", r"\b(sk-(?:proj|svcacct|admin|None)-)[A-Za-z0-9_-]{16,}"),
        ("OpenAI key", "sk-", r"\b(sk-)[A-Za-z0-9]{20,}"),
        ("Google API key", "AIza", r"\b(AIza)[A-Za-z0-9_-]{35}"),
        ("AWS access key", "AKIA", r"\b(AKIA)[A-Z0-9]{16}\b"),
        ("AWS access key", "ASIA", r"\b(ASIA)[A-Z0-9]{16}\b"),
        (
            "AWS secret key",
            "",
            r"(?i:(aws_?secret\w{0,30})[\"']?\s{0,3}[:=]\s{0,3}[\"']?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
        ),
        ("GitHub token", "gh", r"\b(gh[opusr]_)[A-Za-z0-9]{30,}"),
        ("GitHub token", "github_pat_", r"\b(github_pat_)[A-Za-z0-9_]{30,}"),
        ("Slack token", "xox", r"\b(xox[abeoprs]-)[A-Za-z0-9-]{10,}"),
        ("Stripe key", "k_live_", r"\b([sr]k_live_)[A-Za-z0-9]{16,}"),
        ("Hugging Face token", "hf_", r"\b(hf_)[A-Za-z0-9]{30,}"),
        ("private key", "PRIVATE KEY", r"(-----BEGIN )(?:[A-Z]+ )*PRIVATE KEY-----[^-]*"),
        (
            "JSON web token",
            "eyJ",
            r"\b(eyJ)[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
        ),
    )
)
_ASSIGNED = re.compile(
    r"(?i)(api[_-]?key|secret[_-]?key|client[_-]?secret|access[_-]?token|auth[_-]?token|passw(?:or)?d)"
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?([A-Za-z0-9_/+=.~-]{16,})"
)


def leaked_keys(data: DataView) -> Iterator[Finding]:
    """FT401: keys, tokens and private keys in any message."""
    rows: list[int] = []
    shown: list[str] = []
    for row in data.rows:
        masks = [mask for text in row.example.texts for mask in masked(text)]
        if masks:
            rows.append(row.number)
            shown.append(f"row {row.number}: {', '.join(masks[:3])}")
    if rows:
        yield Finding.on(
            rows,
            "FT401",
            Severity.ERROR,
            "rows hold what looks like credentials",
            detail="\n".join(shown[:_SHOWN]),
            why="the model can repeat them to anyone who asks, and a provider gets them by upload",
            mend="replace them by a placeholder, and revoke each one that was real",
        )


def masked(text: str) -> list[str]:
    """Every credential in the text, as its kind, public prefix and length."""
    found: list[str] = []
    taken: list[tuple[int, int]] = []
    for kind, piece, pattern in _KINDS:
        if piece not in text:
            continue
        for match in pattern.finditer(text):
            taken.append(match.span())
            found.append(f"{kind} {match.group(1)}... ({len(match.group())} characters)")
    for match in _ASSIGNED.finditer(text):
        if not _overlaps(match.span(2), taken) and _random(match.group(2)):
            length = len(match.group(2))
            found.append(f"a value of {match.group(1)!r} ({length} characters)")
    return found


def _overlaps(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)


def _random(value: str) -> bool:
    if not (any(c.isdigit() for c in value) and any(c.isalpha() for c in value)):
        return False
    counts = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return entropy >= _LOWEST_ENTROPY
