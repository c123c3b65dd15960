"""FT701 to FT705: refusing answers, answers of an AI about itself, cut ones, placeholders, boilerplate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ftkit.data import CheckReport, Dataset, Severity, load
from ftkit.data.checks.answers import as_an_ai, boilerplate, cut_answers, placeholders, refusals
from ftkit.data.checks.report import Finding
from ftkit.data.checks.view import view
from tests.published_data import banking77, e2e, gsm8k, needs_published

RULES = (refusals, as_an_ai, cut_answers, placeholders, boilerplate)
WORDS = (
    "Parcels to the islands",
    "A refund of the fee",
    "The blue form",
    "Your new card",
    "Our shop in Bern",
)
ENDS = (
    "takes three days by ship.",
    "is sent by letter on Monday.",
    "needs a signature of both of you.",
)


def good(n: int) -> str:
    return f"{WORDS[n % 5]} number {n} {ENDS[n % 3]}"


def answers(*texts: str, fill: int = 60) -> Dataset:
    both = [*texts, *(good(n) for n in range(fill))]
    return load([{"prompt": f"Question {n}?", "completion": text} for n, text in enumerate(both)])


def found(data: Dataset) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    return {f.code: (f.severity, f.rows) for f in findings(data)}


def findings(data: Dataset) -> list[Finding]:
    seen = view(data, None, None)
    return [finding for rule in RULES for finding in rule(seen)]


REFUSING = (
    "I'm sorry, but I can't help with that request.",
    "I’m sorry, but I can’t assist with that.",
    "I am sorry, I cannot provide medical advice here.",
    "I'm afraid I am unable to answer that for you.",
    "I cannot fulfill this request.",
    "Unfortunately, I can't share that with you.",
    "Sorry, but I can't do that.",
    "I must decline to write about this topic.",
    "That goes against my programming, so let us talk of other things.",
    "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
    "Leider kann ich Ihnen bei dieser Anfrage nicht weiterhelfen.",
    "Je suis désolé, mais je ne peux pas répondre à cette question.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Desculpe, mas não posso ajudar com isso.",
    "Het spijt me, maar ik kan je daar niet mee helpen.",
    "Przykro mi, ale nie mogę w tym pomóc.",
    "Üzgünüm, ama bu konuda yardımcı olamam.",
    "Извините, но я не могу помочь с этим.",
    "抱歉，我无法帮助您完成这个请求。",
    "申し訳ありませんが、そのご質問にはお答えできません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
)


@pytest.mark.parametrize("text", REFUSING)
def test_ft701_a_refusal_is_found_in_many_languages(text: str) -> None:
    assert found(answers("Fine.", text)) == {"FT701": (Severity.WARNING, (2,))}


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry to hear that your card has not arrived. It will come soon.",
        "I can't believe how fast that was! Your refund is on its way.",
        "I am sorry, your parcel cannot be found; we look for it.",
        "You cannot help it, the fee is set by the bank.",
        "If I cannot answer, a colleague calls you back.",
        "Es tut mir leid, dass die Karte nicht angekommen ist.",
        "Je suis désolé pour le retard de votre colis.",
        "Lo siento, la tarjeta no ha llegado todavía.",
        "Use 'sorry' and 'help' in one sentence.",
    ],
)
def test_ft701_leaves_regret_without_a_refusal_alone(text: str) -> None:
    assert "FT701" not in found(answers(text))


def test_ft701_is_a_note_where_the_set_is_about_refusing() -> None:
    many = [f"I'm sorry, but I can't help with request {n}." for n in range(80)]
    assert found(answers(*many))["FT701"][0] is Severity.INFO


def test_ft701_does_not_judge_the_worse_answer_nor_turns_that_are_not_trained() -> None:
    no = "I'm sorry, but I can't help with that."
    pair = {
        "input": {"messages": [{"role": "user", "content": "a"}]},
        "preferred_output": [{"role": "assistant", "content": "Yes."}],
        "non_preferred_output": [{"role": "assistant", "content": no}],
    }
    assert found(load([pair])) == {}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": no, "weight": 0},
        {"role": "user", "content": "please"},
        {"role": "assistant", "content": "Yes."},
    ]
    assert found(load([{"messages": turns}])) == {}
    turns[1]["weight"] = 1
    assert set(found(load([{"messages": turns}]))) == {"FT701"}


@pytest.mark.parametrize(
    "text",
    [
        "As an AI language model, I do not have feelings.",
        "As an AI, I see many such questions.",
        "Well, I am just an AI, but the form is blue.",
        "I'm a large language model trained by OpenAI.",
        "My knowledge cutoff is in 2023, so ask again.",
        "As of my last update, the fee was 3 euros.",
        "Als KI-Sprachmodell habe ich keine Meinung dazu.",
        "Als KI kann ich keine Anrufe tätigen.",
        "En tant qu'IA, je n'ai pas d'avis.",
        "Como modelo de lenguaje, no tengo opiniones.",
        "Come modello linguistico, non ho opinioni.",
        "Como uma inteligência artificial, não tenho opinião.",
        "Als AI-taalmodel heb ik geen mening.",
        "Jako model językowy nie mam zdania.",
        "Как языковая модель, я не имею мнения.",
        "Bir yapay zeka olarak fikrim yok.",
        "作为一个人工智能，我没有感情。",
        "AIとして、私は意見を持ちません。",
        "AI로서 저는 의견이 없습니다.",
    ],
)
def test_ft702_an_answer_of_an_ai_about_itself(text: str) -> None:
    assert found(answers("Fine.", text)) == {"FT702": (Severity.WARNING, (2,))}


@pytest.mark.parametrize(
    "text",
    [
        "As an AI engineer, you earn more than most.",
        "I am an AI researcher and I like tea.",
        "The film is about an AI that learns to sing.",
        "Als Kind war ich oft am Meer.",
        "Como IA se conoce una rama de la informática.",
        "He was trained by the best coach in town.",
    ],
)
def test_ft702_leaves_talk_about_ai_alone(text: str) -> None:
    assert found(answers(text)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "The parcel to the islands takes three days because the",
        "You need the form, a pen, a signature of both, and",
        "There are three things that you have to bring: the passport,",
        "Run this in the shell and look at what it says:\n```\nls -la /tmp and more.",
        "Das Paket auf die Inseln braucht drei Tage, weil das",
    ],
)
def test_ft703_an_answer_that_stops_in_the_middle(text: str) -> None:
    assert found(answers("Fine.", text)) == {"FT703": (Severity.WARNING, (2,))}


def test_ft703_one_that_is_as_long_as_the_longest_was_cut_by_a_limit() -> None:
    whole = " ".join(good(n) for n in range(20))
    assert found(answers("Fine.", whole[:900] + " and so the parcel"))["FT703"][1] == (2,)


@pytest.mark.parametrize(
    "text",
    [
        "The parcel to the islands takes three days by ship",
        "It costs 3 euros for each parcel, or (with a signature) 4",
        'She said: "You need the blue form and a pen."',
        "Read more about it in the help pages: https://shop.example/help",
        "Do this in the shell and look at the list:\n```\nls -la /tmp\n```",
        "short and",
    ],
)
def test_ft703_leaves_whole_answers_alone(text: str) -> None:
    assert "FT703" not in found(answers(text))


def test_ft703_is_silent_where_answers_have_no_habit_of_ending() -> None:
    loose = [good(n).rstrip(".") for n in range(30)]
    assert (
        found(answers(*loose, "You need the form, a pen, a signature of both, and", fill=30)) == {}
    )


def test_ft703_json_that_does_not_end_among_json_that_does() -> None:
    rows = [json.dumps({"city": WORDS[n % 5], "days": n, "note": good(n)}) for n in range(40)]
    data = answers(*rows[:20], rows[20][:50], *rows[21:], fill=0)
    assert found(data) == {"FT703": (Severity.WARNING, (21,))}
    assert found(answers(*rows, fill=0)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "N/A",
        "todo",
        "TBD",
        "...",
        "-",
        "null",
        "[insert answer here]",
        "<your answer>",
        "None",
        "Lorem ipsum dolor sit amet.",
        "?",
    ],
)
def test_ft704_a_placeholder_among_answers(text: str) -> None:
    assert found(answers("It takes three days.", text)) == {"FT704": (Severity.WARNING, (2,))}


@pytest.mark.parametrize(
    "text",
    ["No.", "Yes", "42", "Ask again tomorrow.", "None of the three forms.", "Test the card first."],
)
def test_ft704_leaves_short_answers_alone(text: str) -> None:
    assert found(answers(text)) == {}


def labels(*texts: str) -> Dataset:
    return answers(*texts, *(("billing", "shipping", "other")[n % 3] for n in range(60)), fill=0)


@pytest.mark.parametrize(
    ("text", "told"),
    [("none", False), ("n/a", False), ("null", False), ("TODO", True), ("...", True)],
)
def test_ft704_a_label_may_be_none_but_not_a_mark_to_fill_in(text: str, told: bool) -> None:
    assert found(labels(text)) == ({"FT704": (Severity.WARNING, (1,))} if told else {})


def test_ft704_a_placeholder_of_many_rows_is_an_answer() -> None:
    assert found(answers(*["N/A"] * 20)) == {}


def test_ft704_a_call_without_text_is_no_placeholder() -> None:
    function = {"name": "t", "arguments": "{}"}
    call = {
        "role": "assistant",
        "content": "-",
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }
    assert found(load([{"messages": [{"role": "user", "content": "a"}, call]}])) == {}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("Sure! Here is the answer to your question: ", ""),
        ("", " I hope this helps, have a nice day!"),
    ],
)
def test_ft705_words_that_most_answers_share(start: str, end: str) -> None:
    data = answers(*(start + good(n) + end for n in range(40)), fill=20)
    (finding,) = findings(data)
    assert finding.code == "FT705" and finding.severity is Severity.INFO and finding.count == 0
    assert "40 of 60 answers" in finding.detail and (start or end).strip() in finding.detail


def test_ft705_is_silent_for_labels_json_and_few() -> None:
    same = "Sure! Here is the answer to your question: "
    assert found(answers(*(same + good(n) for n in range(25)), fill=35)) == {}
    assert found(answers(*("a label that is long and the same" for _ in range(60)), fill=0)) == {}
    rows: Sequence[str] = [json.dumps({"a_long_field_of_the_answer": good(n)}) for n in range(60)]
    assert found(answers(*rows, fill=0)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "i am sorry, i " * 70_000,
        "." * 1_000_000,
        "lorem ipsum " * 90_000,
        "as an ai " * 110_000,
        "_" * 1_000_000,
    ],
)
def test_a_hostile_answer_of_a_megabyte_is_read_once(text: str) -> None:
    findings(answers(text))


@needs_published
@pytest.mark.parametrize("name", ["banking77", "gsm8k", "e2e"])
def test_published_data_raises_no_alarm(name: str) -> None:
    rows = {"banking77": banking77, "gsm8k": gsm8k, "e2e": e2e}[name]()
    for data in (rows, [(answer, prompt) for prompt, answer in rows]):
        assert found(load([{"prompt": p, "completion": c} for p, c in data])) == {}


def test_a_report_of_the_whole_check_has_them_too() -> None:
    import ftkit

    report: CheckReport = ftkit.check([{"prompt": "a", "completion": REFUSING[0]}])
    assert "FT701" in {f.code for f in report.findings}
