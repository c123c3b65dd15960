"""What makes an answer right: metrics by name, and a user's own function in the same shape.

A metric scores one row at a time, so that two models can be compared row by row.
"""

from __future__ import annotations

import math
import numbers
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ftkit.backend import Score
from ftkit.data import Example
from ftkit.data.strict_json import parse_value
from ftkit.errors import ConfigError, DataError
from ftkit.words import nearest

AnswerMetric = Callable[[str, str, Example], "float | bool"]
ScoreMetric = Callable[[Score], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to score a row.

    `function(answer, reference, example)` gives a number, true or false where `needs` is "answer";
    `function(score)` gives a number from a `Score` (nll in nats, tokens) where it is "score".
    `check_reference` raises ValueError for a reference answer that the metric cannot work with; it
    runs before any model is asked.
    """

    name: str
    function: AnswerMetric | ScoreMetric
    higher_is_better: bool = True
    needs: Literal["answer", "score"] = "answer"
    check_reference: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        if not self.name or self.needs not in ("answer", "score") or not callable(self.function):
            raise ConfigError(
                f"Metric({self.name!r}, needs={self.needs!r}): it takes a name, a function, and needs= "
                f"'answer' or 'score'"
            )


def exact_match(answer: str, reference: str, example: Example | None = None) -> bool:
    """True where the answer is the reference, white space at both ends aside."""
    return answer.strip() == reference.strip()


def normalized_match(answer: str, reference: str, example: Example | None = None) -> bool:
    """True where both are equal in SQuAD's normal form: lower case, no ASCII punctuation, no a/an/the, single spaces.

    Source: normalize_answer of SQuAD's evaluate-v1.1.py (Rajpurkar et al., arXiv 1606.05250). One deviation: a
    reference of which nothing is left, such as the label "A", is compared in lower case instead of matching "".
    """
    wanted = _squad(reference)
    if wanted:
        return _squad(answer) == wanted
    return " ".join(answer.lower().split()) == " ".join(reference.lower().split())


def json_equal(answer: str, reference: str, example: Example | None = None) -> bool:
    """True where both are the same JSON value: order of keys and spelling of numbers (1, 1.0, 1e0) do not count.

    An answer that is not strict JSON (text around it, NaN, a key twice) is wrong; raises DataError for such a reference.
    """
    wanted = parse_value(reference.encode("utf-8", "surrogatepass"))
    try:
        given = parse_value(answer.encode("utf-8", "surrogatepass"))
    except DataError:
        return False
    return _same_json(given, wanted)


def nll(score: Score) -> float:
    """Negative log-likelihood of the reference answer, in nats per token."""
    if score.tokens < 1:
        raise ValueError("no token of the answer was scored")
    return score.nll / score.tokens


def _reference_is_json(reference: str) -> None:
    try:
        parse_value(reference.encode("utf-8", "surrogatepass"))
    except DataError as error:
        raise ValueError(f"the reference answer is not strict JSON: {error.message}") from error


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("exact_match", exact_match),
        Metric("normalized_match", normalized_match),
        Metric("json_equal", json_equal, check_reference=_reference_is_json),
        Metric("nll", nll, higher_is_better=False, needs="score"),
    )
}


def choose_metrics(
    metric: str | Metric | AnswerMetric, also: Sequence[str | Metric | AnswerMetric] = ()
) -> tuple[Metric, ...]:
    """The primary metric and the further ones, each name once; raises ConfigError for an unknown or repeated name."""
    if isinstance(also, str):
        raise ConfigError(f"also={also!r} is one text; write also=[{also!r}]")
    chosen: dict[str, Metric] = {}
    for given in (metric, *also):
        found = _metric(given)
        if found.name in chosen:
            raise ConfigError(
                f"the metric {found.name!r} is given twice; leave one out, or give a function a name "
                f"of its own with Metric(name, function)"
            )
        chosen[found.name] = found
    return tuple(chosen.values())


def as_number(value: Any) -> float:
    """What a metric returned as a finite float; scalars of array libraries count. Raises TypeError or ValueError."""
    if not isinstance(value, numbers.Real) and callable(getattr(value, "item", None)):
        value = value.item()
    if not isinstance(value, numbers.Real):
        raise TypeError(
            f"it returned {_short(value)}; a metric returns a number, true or false for one row"
        )
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"it returned {number}; a metric returns a finite number for every row")
    return number


def _metric(given: object) -> Metric:
    if isinstance(given, Metric):
        return given
    if isinstance(given, str):
        if given not in METRICS:
            raise ConfigError(f"there is no metric {given!r}{nearest(given, METRICS)}")
        return METRICS[given]
    if callable(given):
        return Metric(getattr(given, "__name__", type(given).__name__).strip("<>"), given)
    raise ConfigError(
        f"a metric is a name ({', '.join(METRICS)}), a Metric, or a function of (answer, reference, "
        f"example); got {_short(given)}"
    )


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _squad(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def _same_json(one: Any, other: Any) -> bool:
    """Equality of parsed JSON, in which true is not 1 (it is in Python)."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_json(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_json, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
