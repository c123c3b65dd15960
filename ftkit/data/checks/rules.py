"""`check`: every rule once over the data. A new rule is a function and a line in RULES; codes are never reused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ftkit.data.checks.amount import contradictions, duplicates, few_rows
from ftkit.data.checks.answers import (
    as_an_ai,
    boilerplate,
    cut_answers,
    placeholders,
    refusals,
)
from ftkit.data.checks.baselines import baseline_scores
from ftkit.data.checks.boilerplate import repeated_text
from ftkit.data.checks.consistency import extra_columns, old_separators, system_prompts
from ftkit.data.checks.control_text import control_text
from ftkit.data.checks.copies import answer_in_the_prompt
from ftkit.data.checks.damage import (
    doubtful_decoding,
    markup,
    unseen_characters,
    wrong_decoding,
)
from ftkit.data.checks.facts import changing_facts, closed_book
from ftkit.data.checks.groups import rows_of_one_thing
from ftkit.data.checks.images import broken_images, doubtful_images
from ftkit.data.checks.injection import injected_instructions
from ftkit.data.checks.labels import (
    balance,
    few_of_a_label,
    spelled_in_several_ways,
    unlikely_labels,
)
from ftkit.data.checks.languages import other_languages
from ftkit.data.checks.leaked_keys import leaked_keys, random_strings
from ftkit.data.checks.leaks import known_from_held_out, near_duplicates
from ftkit.data.checks.length import (
    not_certain,
    nothing_trained,
    refused_by_renderer,
    too_long,
)
from ftkit.data.checks.masking import without_secrets
from ftkit.data.checks.own_rules import own_rules
from ftkit.data.checks.personal import contacts, numbers_of_people
from ftkit.data.checks.portrait import portrait_of
from ftkit.data.checks.proof import provable_gain
from ftkit.data.checks.report import CheckReport, Finding, Skipped
from ftkit.data.checks.tool_arguments import tool_arguments
from ftkit.data.checks.triggers import planted_triggers
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

Rule = Callable[[DataView], Iterator[Finding | Skipped]]

RULES: tuple[Rule, ...] = (
    role_order,  # FT101
    empty_answer,  # FT102
    missing_turn,  # FT103
    undeclared_tool,  # FT104
    equal_answers,  # FT105
    tool_arguments,  # FT106, FT107, FT110
    broken_images,  # FT108
    doubtful_images,  # FT109
    too_long,  # FT201
    nothing_trained,  # FT202
    refused_by_renderer,  # FT203
    not_certain,  # FT204
    duplicates,  # FT301
    contradictions,  # FT302
    few_rows,  # FT303
    known_from_held_out,  # FT309
    leaked_keys,  # FT401
    numbers_of_people,  # FT402
    contacts,  # FT403
    random_strings,  # FT404
    control_text,  # FT501
    wrong_decoding,  # FT502
    markup,  # FT504
    unseen_characters,  # FT505
    injected_instructions,  # FT506
    extra_columns,  # FT601
    system_prompts,  # FT602
    old_separators,  # FT605
    refusals,  # FT701
    as_an_ai,  # FT702
    cut_answers,  # FT703
    placeholders,  # FT704
    boilerplate,  # FT705
    own_rules,  # FT901, and codes of others
)

# Never an error, so a submission does not wait for them: what kind of task it is, whether its answers can be learned, and
# what takes long to look for.
ADVISORY: tuple[Rule, ...] = (
    balance,  # FT304
    spelled_in_several_ways,  # FT305
    few_of_a_label,  # FT306
    unlikely_labels,  # FT307
    near_duplicates,  # FT308
    rows_of_one_thing,  # FT310
    doubtful_decoding,  # FT503
    planted_triggers,  # FT507
    other_languages,  # FT603, FT604
    answer_in_the_prompt,  # FT801
    closed_book,  # FT802
    changing_facts,  # FT803
    repeated_text,  # FT804
    baseline_scores,  # FT805
    provable_gain,  # FT806
)


def check(
    data: Dataset,
    *,
    renderer: Renderer | None = None,
    max_length: int | None = None,
    smallest_gain: Callable[[int, float], float | None] | None = None,
    advisory: bool = True,
    against: Dataset | None = None,
    model: str | None = None,
    train_on: str = "assistant",
) -> CheckReport:
    """What is wrong or worth knowing about the meaning of the data; never raises for what the data holds.

    With a `renderer` the model's own tokens are counted, those that `train_on` trains, and its control tokens looked for;
    `max_length` is in tokens. `smallest_gain` is the statistics that FT806 asks (see DataView). Without `advisory` the rules
    that never give an error are left out, and so are the guess at the task and the portrait; `model` is its name there.
    `against` is the held-out set: rows known from it are FT309.
    """
    seen = view(data, renderer, max_length, smallest_gain, against, train_on)
    rules = (*RULES, *ADVISORY) if advisory else RULES
    results = [result for rule in rules for result in rule(seen)]
    findings = tuple(_masked(result) for result in results if isinstance(result, Finding))
    skipped = tuple(result for result in results if isinstance(result, Skipped))
    task = seen.task if advisory else None
    report = CheckReport(data.source, len(data), findings, skipped, task, seen.counts)
    if not advisory:
        return report
    return replace(report, portrait=portrait_of(data, seen, report.findings, model))


def _masked(finding: Finding) -> Finding:
    """A rule masks what it quotes before it cuts it; a rule that forgot to, or is a stranger's, still shows no whole secret."""
    return replace(
        finding,
        title=without_secrets(str(finding.title)),
        detail=without_secrets(str(finding.detail)),
    )
