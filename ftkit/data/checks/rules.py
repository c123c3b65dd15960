"""`check`: every rule once over the data. A new rule is a function and a line in RULES; codes are never reused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ftkit.data.checks.amount import contradictions, duplicates, few_rows
from ftkit.data.checks.consistency import extra_columns, system_prompts
from ftkit.data.checks.control_text import control_text
from ftkit.data.checks.leaked_keys import leaked_keys
from ftkit.data.checks.length import nothing_trained, refused_by_renderer, too_long
from ftkit.data.checks.report import CheckReport, Finding
from ftkit.data.checks.turns import (
    empty_answer,
    equal_answers,
    missing_turn,
    role_order,
    undeclared_tool,
)
from ftkit.data.checks.view import DataView, view
from ftkit.data.dataset import Dataset
from ftkit.data.tokens import Renderer

Rule = Callable[[DataView], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    role_order,  # FT101
    empty_answer,  # FT102
    missing_turn,  # FT103
    undeclared_tool,  # FT104
    equal_answers,  # FT105
    too_long,  # FT201
    nothing_trained,  # FT202
    refused_by_renderer,  # FT203
    duplicates,  # FT301
    contradictions,  # FT302
    few_rows,  # FT303
    leaked_keys,  # FT401
    control_text,  # FT501
    extra_columns,  # FT601
    system_prompts,  # FT602
)


def check(
    data: Dataset, *, renderer: Renderer | None = None, max_length: int | None = None
) -> CheckReport:
    """What is wrong or worth knowing about the meaning of the data; never raises for what the data holds.

    With a `renderer` the model's own tokens are counted and its control tokens looked for; `max_length` is in tokens.
    """
    seen = view(data, renderer, max_length)
    findings = [finding for rule in RULES for finding in rule(seen)]
    return CheckReport(data.source, len(data), tuple(findings))
