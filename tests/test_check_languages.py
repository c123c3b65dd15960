"""FT603, FT604: the language of answers, and of an answer against its prompt."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from ftkit.data import CheckReport, Dataset, Severity, check, load
from ftkit.data.checks import languages
from tests.published_data import banking77, e2e, gsm8k, needs_published

needs_langid = pytest.mark.skipif(
    find_spec("py3langid") is None, reason="py3langid is not installed"
)

ENGLISH = (
    (
        "How long does a parcel to the islands usually take?",
        "It takes three days by ship, and one more for the customs.",
    ),
    (
        "Where can I find the form for the refund of my fee?",
        "You find the form on our pages, below the list of fees.",
    ),
    (
        "Why has my new card not arrived at my address yet?",
        "The letter with your card was sent on Monday of this week.",
    ),
    (
        "Can I change the address of an order that was paid?",
        "Yes, you can change it until the parcel leaves our house.",
    ),
)
GERMAN = (
    (
        "Wie lange dauert ein Paket auf die Inseln normalerweise?",
        "Es dauert drei Tage mit dem Schiff und einen für den Zoll.",
    ),
    (
        "Wo finde ich das Formular für die Erstattung der Gebühr?",
        "Sie finden das Formular auf unseren Seiten unter der Liste.",
    ),
)
FRENCH = (
    "Où puis-je trouver le formulaire pour le remboursement ?",
    "Vous trouvez le formulaire sur nos pages, sous la liste des frais.",
)


def rows(*pairs: tuple[str, str], fill: int = 60) -> Dataset:
    both = [*pairs, *(ENGLISH[n % 4] for n in range(fill))]
    return load([{"prompt": p, "completion": c} for p, c in both])


def found(report: CheckReport) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    return {f.code: (f.severity, f.rows) for f in report.findings if f.code in ("FT603", "FT604")}


@needs_langid
def test_one_language_is_left_alone() -> None:
    report = check(rows())
    assert found(report) == {} and not [one for one in report.skipped if "FT603" in one.codes]


@needs_langid
def test_ft603_few_answers_in_another_language() -> None:
    report = check(rows(GERMAN[0], FRENCH))
    assert found(report) == {"FT603": (Severity.INFO, (1, 2))}
    detail = next(f.detail for f in report.findings if f.code == "FT603")
    assert "most are in en; de in 1, fr in 1 of 62" in detail


@needs_langid
def test_ft603_two_large_languages_are_no_exception() -> None:
    assert found(check(rows(*(GERMAN[n % 2] for n in range(40))))) == {}


@needs_langid
def test_ft604_an_answer_in_another_language_than_its_prompt() -> None:
    mixed = (GERMAN[0][0], ENGLISH[0][1])
    both = [*(GERMAN[n % 2] for n in range(40)), mixed]
    report = check(rows(*both))
    assert found(report) == {"FT604": (Severity.WARNING, (41,))}
    assert "row 41: de answered in en" in str(report)


@needs_langid
def test_ft604_translations_are_meant_and_one_that_was_left_out_is_not() -> None:
    pairs = [(GERMAN[n % 2][0], ENGLISH[n % 4][1]) for n in range(60)]
    assert found(check(rows(*pairs, fill=0))) == {}
    report = check(rows(*pairs, (GERMAN[0][0], GERMAN[0][1]), fill=0))
    assert found(report)["FT604"] == (Severity.WARNING, (61,))


@needs_langid
@pytest.mark.parametrize(
    "text",
    ["billing", "Ja", "card_arrival", '{"name": "Müller", "stadt": "Köln", "strasse": "Hauptstraße"}', "```\nwenn x dann y sonst z und noch mehr davon\n```"],
)  # fmt: skip
def test_what_is_short_or_no_prose_is_not_judged(text: str) -> None:
    assert found(check(rows((ENGLISH[0][0], text)))) == {}


@needs_langid
def test_kin_that_are_told_apart_by_chance_are_one() -> None:
    danish = (
        "Hvor lang tid tager en pakke til øerne normalt at nå frem?",
        "Det tager tre dage med skib og en dag mere i tolden.",
    )
    norwegian = (
        "Jeg vet ikke hvorfor kortet mitt ikke har kommet frem ennå, men jeg har ventet lenge.",
        "Pakken blir levert på døren din i løpet av uken, ikke etterpå.",
    )
    pairs = [danish] * 40 + [norwegian] * 2
    assert found(check(rows(*pairs, fill=0))) == {}


def test_without_py3langid_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    languages._model.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid", None)
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    report = check(rows(GERMAN[0]))
    monkeypatch.undo()
    languages._model.cache_clear()
    assert found(report) == {}
    assert "did not run:\n" in str(report)
    assert "  FT603, FT604 (languages): pip install 'ftkit[data]'" in str(report)
    assert {
        "codes": ["FT603", "FT604"],
        "what": "languages",
        "why": "pip install 'ftkit[data]'",
    } in report.to_dict()["skipped"]


@needs_langid
@needs_published
@pytest.mark.parametrize("name", ["banking77", "gsm8k", "e2e"])
def test_published_data_in_one_language_raises_no_alarm(name: str) -> None:
    from ftkit.data.checks.view import view

    pairs = {"banking77": banking77, "gsm8k": gsm8k, "e2e": e2e}[name]()
    seen = view(load([{"prompt": p, "completion": c} for p, c in pairs]), None, None)
    flagged = {row for finding in languages.other_languages(seen) for row in finding.rows}  # type: ignore[union-attr]
    assert len(flagged) <= 0.001 * len(pairs)
