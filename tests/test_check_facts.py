"""FT801 to FT804: what answers hold that prompts do or do not, and what every prompt repeats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest

from ftkit.data import Dataset, Finding, Message, Severity, check, load
from ftkit.data.checks.boilerplate import repeated_text
from ftkit.data.checks.copies import answer_in_the_prompt
from ftkit.data.checks.facts import changing_facts, closed_book
from ftkit.data.checks.view import view
from ftkit.data.checks.volatile import volatile
from ftkit.data.tokens import Rendered
from ftkit.errors import DataError
from tests.published_data import banking77, e2e, gsm8k, needs_published
from tests.task_sets import SETS
from tests.task_sets.words import person, sentence

Pairs = list[tuple[str, str]]


def data(pairs: Pairs) -> Dataset:
    return load([{"prompt": p, "completion": c} for p, c in pairs])


def found(code: str, pairs: Pairs) -> Finding | None:
    findings = [finding for finding in check(data(pairs)).findings if finding.code == code]
    assert len(findings) < 2
    return findings[0] if findings else None


def texts(count: int = 100, seed: int = 0) -> Pairs:
    """Rewriting without a fact in it."""
    rng = Random(seed)
    return [(f"Shorter: {sentence(rng, 20, 30)}", sentence(rng, 8, 12)) for _ in range(count)]


def test_ft801_a_label_that_stands_in_its_prompt_is_a_leak() -> None:
    rng = Random(0)
    names = ("billing", "shipping", "account_access")
    pairs = [
        (f"{sentence(rng)} [queue: {name.replace('_', ' ')}]", name)
        for _ in range(40)
        for name in names
    ]
    finding = found("FT801", pairs)
    assert finding and finding.severity is Severity.WARNING and finding.count == 120
    half = [(p if i % 4 == 0 else sentence(rng), c) for i, (p, c) in enumerate(pairs)]
    assert found("FT801", half) is None  # one row in four, by accident or not


def test_ft801_labels_listed_to_choose_from_are_no_leak() -> None:
    rng = Random(0)
    names = ("billing", "shipping", "account")
    ask = "Answer with billing, shipping or account: "
    assert found("FT801", [(ask + sentence(rng), rng.choice(names)) for _ in range(90)]) is None


def test_ft801_words_that_are_labels_of_other_rows_are_no_leak() -> None:
    rng = Random(0)
    names = ("good", "bad")
    pairs = [(f"{sentence(rng)} {rng.choice(names)}", rng.choice(names)) for _ in range(100)]
    assert found("FT801", pairs) is None


def test_ft801_copying_is_named_as_the_task() -> None:
    rng = Random(0)
    pairs = [
        (f"Hello {name}, {sentence(rng)} Who?", name) for name in (person(rng) for _ in range(90))
    ]
    finding = found("FT801", pairs)
    assert finding and finding.severity is Severity.INFO and "find a span" in finding.title


def test_ft801_a_whole_answer_in_few_prompts_is_a_leak_with_its_rows() -> None:
    pairs = texts()
    for i in (4, 30):
        pairs[i] = (f"{pairs[i][0]} ### {pairs[i][1]}", pairs[i][1])
    finding = found("FT801", pairs)
    assert finding and finding.severity is Severity.WARNING and finding.rows == (5, 31)


def test_ft801_a_text_that_needed_no_change_is_no_leak() -> None:
    pairs = texts()
    for i in (4, 30):
        pairs[i] = (f"Mend: {pairs[i][1]}", pairs[i][1])
    assert found("FT801", pairs) is None


def facts(count: int = 60) -> Pairs:
    rng = Random(2)
    asks = ("Who painted {}?", "When was {} opened?", "How many people live in {}?", "Where is {}?")
    answers: tuple[Callable[[], str], ...] = (
        lambda: person(rng),
        lambda: f"It was opened in {rng.randint(1600, 1990)}.",
        lambda: f"{rng.randint(100, 99999):,}",
        lambda: f"It lies in {person(rng)}ville.",
    )
    return [
        (asks[i % 4].format(sentence(rng, 2, 4).rstrip(".")), answers[i % 4]())
        for i in range(count)
    ]


def test_ft802_questions_of_fact_without_their_text_ask_for_retrieval() -> None:
    finding = found("FT802", facts())
    assert finding and finding.severity is Severity.WARNING and finding.count >= 55
    assert "retrieval" in finding.mend and "2405.05904" in finding.why


def test_ft802_needs_a_tenth_of_the_rows() -> None:
    assert found("FT802", [*facts(8), *texts(92)]) is None
    finding = found("FT802", [*facts(12), *texts(88)])
    assert finding and set(finding.rows) <= set(range(1, 13)) and finding.count >= 10


def test_ft802_an_answer_from_a_given_text_is_no_fact_to_know() -> None:
    with_text = [(f"{answer} is the answer. {question}", answer) for question, answer in facts()]
    assert found("FT802", with_text) is None
    long = [(f"{'word ' * 40}{question}", answer) for question, answer in facts()]
    assert found("FT802", long) is None  # where a text is, it holds the answer in other words


@pytest.mark.parametrize("name", ["sums", "yes or no", "translation", "marked maths", "headlines"])
def test_ft802_is_silent_where_nothing_has_to_be_known(name: str) -> None:
    report = check(load(SETS[name][1](Random(0))))
    assert {"FT802", "FT803"}.isdisjoint(finding.code for finding in report.findings)


def test_ft802_a_few_answers_to_choose_from_are_no_facts() -> None:
    pairs = [(f"Who takes case {sentence(Random(i))}?", ("Ana", "Ben")[i % 2]) for i in range(60)]
    assert found("FT802", pairs) is None
    assert found("FT802", [*texts(80), *pairs[:20]]) is None  # beside texts they are no labels


CHANGING = {
    "date": "The sale ends on 14 March 2025.",
    "price": "The plan costs $4.99 a month.",
    "percentage": "You get 12.5% back.",
    "version": "Install version 3.2 of it.",
    "URL": "See https://shop.example/returns for it.",
    "phone number": "Call 0800 555 0199 for help.",
    "words of time": "The latest release has it.",
    "office": "The CEO of the firm is Jane Doe.",
}


@pytest.mark.parametrize("kind", CHANGING)
def test_ft803_each_kind_of_changing_fact(kind: str) -> None:
    assert [kind for kind, _ in volatile(CHANGING[kind], "How is it?")] == [kind]
    assert volatile(CHANGING[kind], f"Repeat: {CHANGING[kind]}") == []


@pytest.mark.parametrize(
    "text",
    [
        "He may march on, in two of three cases.",
        "It takes 3 to 5 days and 20 minutes.",
        "Ratio 3:4, room 12.4, step 2.",
        "The president spoke. The current was strong.",
        "Order 12-345 of 1,200 lamps",
        "card_arrival",
        "Add 2.5 cups and stir.",
    ],
)
def test_ft803_leaves_ordinary_words_and_numbers_alone(text: str) -> None:
    assert volatile(text, "") == []


def test_ft803_the_same_value_in_another_notation_is_given() -> None:
    assert volatile("It costs €5.50.", "price: 5.50 EUR") == []
    assert volatile("On March 3, 2025.", "date=3.3.2025") == []
    assert volatile("It costs €6.50.", "price: 5.50 EUR") == [("price", "€6.50")]


def changing(rows: int, of: int = 100) -> Pairs:
    pairs = texts(of)
    return [
        (p, f"{c} It costs ${i}.99 a month.") if i < rows else (p, c)
        for i, (p, c) in enumerate(pairs)
    ]


def test_ft803_warns_above_a_tenth_and_recommends_retrieval_above_three_tenths() -> None:
    assert found("FT803", changing(1)) is None
    note = found("FT803", changing(10))
    assert note and note.severity is Severity.INFO and note.count == 10
    warning = found("FT803", changing(11))
    assert (
        warning
        and warning.severity is Severity.WARNING
        and "or take these rows out" in warning.mend
    )
    strong = found("FT803", changing(31))
    assert strong and strong.mend.startswith("use retrieval")
    assert (
        strong.detail.splitlines()[0] == "price in 31 rows" and len(strong.detail.splitlines()) == 6
    )


def test_ft803_numbers_that_are_worked_out_are_no_facts() -> None:
    def worked(end: str) -> Pairs:
        return [
            (f"Pay {i} for each?", f"There are 4 of them, so it is 4*{i}=<<4*{i}={4 * i}>>${4 * i}.{end}\n#### {4 * i}")
            for i in range(1, 80)
        ]  # fmt: skip

    assert found("FT803", worked("")) is None
    finding = found("FT803", worked(" See https://maths.example/."))
    assert finding and finding.detail.startswith("URL in 79 rows")


def test_ft803_values_to_choose_from_are_no_facts() -> None:
    def orders(price: Callable[[int], str]) -> Pairs:
        return [
            (f"{sentence(Random(i))}", f'{{"name": "n{i}", "range": "{price(i)}"}}')
            for i in range(90)
        ]

    assert found("FT803", orders(lambda i: ("under $20", "over $20")[i % 2])) is None
    finding = found("FT803", orders(lambda i: f"\\u00a3{i}.50"))
    assert finding and finding.count == 90


@needs_published
@pytest.mark.parametrize(
    "pairs",
    [banking77, gsm8k, e2e, lambda: [(text, attributes) for attributes, text in e2e()]],
    ids=["banking77", "gsm8k", "e2e", "e2e reversed"],
)
def test_published_sets_without_facts_raise_no_alarm(pairs: Callable[[], Pairs]) -> None:
    seen = view(data(pairs()), None, None)
    for rule in (answer_in_the_prompt, closed_book, changing_facts, repeated_text):
        assert list(rule(seen)) == []


SYSTEM = (
    "You are a helper of a shop. " + "Answer in one friendly sentence, never promise anything. " * 5
)


def chats(system: str | Sequence[str], ask: str = "{}", count: int = 60) -> Dataset:
    rng = Random(0)
    systems = [system] * count if isinstance(system, str) else list(system)
    return load(
        [
            {
                "messages": [
                    {"role": "system", "content": one},
                    {"role": "user", "content": ask.format(sentence(rng))},
                    {"role": "assistant", "content": sentence(rng)},
                ]
            }
            for one in systems
        ]
    )


class Words:
    """A tokenizer with a token a word, and two a turn."""

    fingerprint = "words"
    max_length = None
    control_tokens: frozenset[str] = frozenset()
    demands_system = False

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        return (Rendered((1,), (1,)),)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        if self.demands_system and messages[0].role != "system":
            raise DataError("a system message is needed")
        return tuple(range(sum(2 + len(message.content.split()) for message in messages)))

    def decode(self, ids: Sequence[int]) -> str:
        return ""

    def tokens(self, rendered: Rendered) -> list[tuple[str, bool]]:
        return []


def boilerplate(dataset: Dataset, renderer: Words | None = None) -> Finding | None:
    findings = [f for f in check(dataset, renderer=renderer).findings if f.code == "FT804"]
    return findings[0] if findings else None


def test_ft804_counts_the_tokens_of_a_system_prompt_in_every_row() -> None:
    finding = boilerplate(chats(SYSTEM), Words())
    assert finding and finding.severity is Severity.INFO
    words = len(SYSTEM.split()) + 2
    assert finding.title.startswith(f"every prompt repeats {words} tokens, 8")
    assert f"{words * 1000:,} tokens are paid for in every 1,000 calls" in finding.why


def test_ft804_counts_beginning_and_end_of_the_users_turn() -> None:
    ask = (
        "Summarise the following text in one line for a busy reader. {} "
        + "Keep to the facts. " * 4
    )
    finding = boilerplate(chats("Short.", ask), Words())
    assert finding and finding.title.startswith(f"every prompt repeats {11 + 16 + 3} tokens")
    assert [line.split(":")[0] for line in finding.detail.splitlines()] == [
        "system prompt",
        "beginning of the user's turn",
        "end of the user's turn",
    ]


def test_ft804_estimates_where_no_tokenizer_counts() -> None:
    for renderer in (None, Words()):
        if renderer is not None:
            renderer.demands_system = True
        finding = boilerplate(chats(SYSTEM), renderer)
        assert finding and f"about {len(SYSTEM) // 4} tokens" in finding.title


def test_ft804_is_silent_for_a_short_prompt_and_for_one_that_differs() -> None:
    assert boilerplate(chats("You help.")) is None
    assert boilerplate(chats([f"{i} {SYSTEM}" for i in range(60)])) is None
