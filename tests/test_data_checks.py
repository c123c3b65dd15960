"""Every rule of `check` by its code: what it finds, in which rows, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import pytest

from ftkit.data import (
    CheckReport,
    Dataset,
    Example,
    Finding,
    Message,
    Severity,
    check,
    load,
    report_of_faults,
)
from ftkit.data.checks import RULES
from ftkit.data.checks.leaked_keys import masked
from ftkit.data.checks.rules import ADVISORY
from ftkit.data.tokens import IGNORED, Rendered
from ftkit.errors import DataError


def rows(*conversations: str, fill: int = 60) -> Dataset:
    """Conversations written "su": one letter a turn (s, u, a); `fill` good rows stand behind them."""
    names = {"s": "system", "u": "user", "a": "assistant"}
    data = [
        {"messages": [{"role": names[c], "content": f"{i}{n}{c}"} for n, c in enumerate(turns)]}
        for i, turns in enumerate([*conversations, *["ua"] * fill])
    ]
    return load(data)


def pairs(*texts: tuple[str, str], fill: int = 60) -> Dataset:
    good = [(f"good prompt {i}", f"good answer {i}") for i in range(fill)]
    return load([{"prompt": p, "completion": c} for p, c in [*texts, *good]])


def found(report: CheckReport) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    return {finding.code: (finding.severity, finding.rows) for finding in report.findings}


class Words:
    """A tokenizer with a token a word; it trains the answers and refuses a prompt of "refuse me"."""

    fingerprint = "words"

    def __init__(self, max_length: int | None = None, control: Sequence[str] = ()) -> None:
        self.max_length = max_length
        self.control_tokens = frozenset(control)
        self.rendered = 0

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        self.rendered += 1
        if messages[0].content == "refuse me":
            raise DataError("the template takes no such prompt")
        ids: list[int] = []
        labels: list[int] = []
        for message in messages:
            words = range(len(message.content.split()))
            ids += words
            labels += words if message.role == train_on else [IGNORED] * len(words)
        return (Rendered(tuple(ids), tuple(labels)),)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        return ()

    def decode(self, ids: Sequence[int]) -> str:
        return ""

    def pieces(self, rendered: Rendered) -> list[tuple[str, bool]]:
        return []


def test_good_rows_are_left_alone() -> None:
    data = rows("sua", "uaua", "suaua", fill=0).select([0, 1, 2] * 20)
    good = pairs()
    assert check(good).findings == () and check(good).worst is None
    assert "FT101" not in found(check(data))


@pytest.mark.parametrize(
    ("turns", "complaint"),
    [
        ("ssua", "message 2 is a system message"),
        ("usa", "message 2 is a system message"),
        ("uas", "message 3 is a system message"),
        ("uua", "message 2 is a second turn of the user"),
        ("uaa", "message 3 is a second turn of the assistant"),
        ("suua", "message 3 is a second turn of the user"),
        ("aua", "message 1 is the assistant's"),
        ("saua", "message 2 is the assistant's"),
        ("uau", "it ends with the user"),
    ],
)
def test_ft101_turns_out_of_order(turns: str, complaint: str) -> None:
    report = check(rows("ua", turns))
    assert found(report)["FT101"] == (Severity.ERROR, (2,))
    assert f"row 2: {complaint}" in report.errors[0].detail or f"row 2: it {complaint}" in str(
        report
    )


@pytest.mark.parametrize("answer", ["", " ", "\n\t ", "\u00a0\u2003"])
def test_ft102_an_empty_answer(answer: str) -> None:
    assert found(check(pairs(("a", "b"), ("c", answer)))) == {"FT102": (Severity.ERROR, (2,))}


@pytest.mark.parametrize(
    ("turns", "lacking"), [("u", "assistant"), ("a", "user"), ("s", "assistant or no turn of the")]
)
def test_ft103_a_turn_that_is_missing(turns: str, lacking: str) -> None:
    report = check(rows("ua", turns))
    assert found(report)["FT103"] == (Severity.ERROR, (2,))
    assert lacking in report.errors[0].title and "FT101" not in found(report)


def test_ft201_rows_longer_than_the_model_name_the_longest() -> None:
    data = pairs(("w " * 30, "w"), ("w " * 80, "w"), ("w " * 20, "w"), ("w", "w"))
    report = check(data, renderer=Words(max_length=21))
    assert found(report) == {"FT201": (Severity.ERROR, (1, 2))}
    assert "longest is row 2 with 81 tokens" in report.errors[0].detail


class SequenceATurn(Words):
    """What a template does that rewrites earlier turns: a sequence for each turn."""

    def render(
        self, messages: Sequence[Message], train_on: str = "assistant"
    ) -> tuple[Rendered, ...]:
        return tuple(super(SequenceATurn, self).render([m], train_on)[0] for m in messages)


def test_ft201_the_longest_of_several_sequences_counts() -> None:
    report = check(pairs(("w " * 30, "w")), renderer=SequenceATurn(max_length=29))
    assert found(report) == {"FT201": (Severity.ERROR, (1,))}
    assert "30 tokens" in report.errors[0].detail


def test_ft201_the_lower_of_two_limits_holds() -> None:
    data = pairs(("w " * 30, "w"))
    assert not check(data, renderer=Words(max_length=31), max_length=99).findings
    assert check(data, renderer=Words(max_length=31), max_length=30).errors
    assert check(data, renderer=Words(max_length=30), max_length=99).errors


def test_ft201_without_a_tokenizer_is_an_estimate_and_only_a_warning() -> None:
    report = check(pairs(("word " * 1000, "y")), max_length=999)
    assert found(report) == {"FT201": (Severity.WARNING, (1,))}
    assert "estimate" in report.findings[0].title and "about 1,0" in report.findings[0].detail


def test_ft202_a_row_without_a_token_to_learn() -> None:
    report = check(pairs(("a", "b"), ("c", " ")), renderer=Words())
    assert found(report)["FT202"] == (Severity.ERROR, (2,))


def test_ft203_a_row_that_the_renderer_refuses_is_quoted() -> None:
    report = check(pairs(("a", "b"), ("refuse me", "b")), renderer=Words(max_length=50))
    assert found(report) == {"FT203": (Severity.ERROR, (2,))}
    assert "row 2: the template takes no such prompt" in str(report)


def test_every_row_is_rendered_once() -> None:
    renderer = Words(max_length=5)
    check(pairs(("w " * 9, "x"), ("a", " ")), renderer=renderer)
    assert renderer.rendered == 62


def test_ft301_names_the_repeats_not_the_first() -> None:
    report = check(pairs(("a", "b"), ("c", "d"), ("a", "b"), ("a", "b")))
    assert found(report) == {"FT301": (Severity.WARNING, (3, 4))}
    assert "row 3 is the same conversation as row 1" in report.findings[0].detail


def test_ft302_one_prompt_with_different_answers() -> None:
    report = check(pairs(("a", "b"), ("c", "d"), ("a", "e")))
    assert found(report) == {"FT302": (Severity.WARNING, (1, 3))}


def test_ft302_is_only_a_note_where_most_of_the_data_is_so() -> None:
    data = pairs(*[(f"p{i % 20}", f"c{i}") for i in range(60)], fill=50)
    assert found(check(data))["FT302"][0] is Severity.INFO


@pytest.mark.parametrize(
    ("count", "severity"),
    [(0, Severity.ERROR), (1, Severity.ERROR), (2, Severity.WARNING), (49, Severity.WARNING)],
)
def test_ft303_too_few_rows(count: int, severity: Severity) -> None:
    assert found(check(pairs(fill=60)[:count])) == {"FT303": (severity, ())}
    assert not check(pairs(fill=50)).findings


B36 = "k3J9xQ2mZ7vB4nL8pR1tY6wC5sD0fGhJqW2e"
# put together here, so that no scanner of this file takes them for real ones
SECRETS = {
    "OpenAI key": "sk-" + B36,
    "OpenAI project key": "sk-" + "proj-" + B36 + "_" + B36,
    "Anthropic key": "sk-" + "ant-api03-" + B36,
    "Google API key": "AI" + "za" + B36[:35],
    "AWS access key": "AK" + "IA" + "Q3EGRIZ7OPL2WVX5",
    "AWS secret key": "aws_secret_access_key = " + B36 + "/+aB",
    "GitHub token": "gh" + "p_" + B36,
    "GitHub fine-grained token": "github" + "_pat_" + B36,
    "Slack token": "xo" + "xb-" + "123456789012-" + B36,
    "Stripe key": "sk_" + "live_" + B36,
    "Hugging Face token": "h" + "f_" + B36,
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + B36 + "\n-----END",
    "JSON web token": "ey" + "J" + B36 + ".ey" + "J" + B36 + "." + B36,
    "a value": "API_KEY: '" + B36 + "'",
    "a password": 'password="' + B36[:20] + '"',
}


@pytest.mark.parametrize("kind", SECRETS)
def test_ft401_a_credential_is_found_and_never_shown(kind: str) -> None:
    secret = SECRETS[kind]
    report = check(pairs(("a", "b"), (f"My key is {secret}, is it right?", "Yes.")))
    assert found(report) == {"FT401": (Severity.ERROR, (2,))}
    for text in (str(report), repr(report), json.dumps(report.to_dict())):
        assert B36[4:12] not in text and "Q3EGRIZ7" not in text
    assert len(masked(secret)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Learn scikit with sk-learn-pipelines-and-transformers-today",
        "api_key=YOUR_API_KEY_GOES_HERE",
        "password: please_choose_a_long_one",
        "token=xxxxxxxxxxxxxxxxxxxx1",
        "The commit is 3f786850e387550fdab836ed7e6dc881de23001b",
        "<<48/2=24>>24 clips in May. #### 72",
    ],
)
def test_ft401_leaves_placeholders_and_ordinary_text_alone(text: str) -> None:
    assert masked(text) == []


@pytest.mark.parametrize("word", ["<|im_end|>", "<|eot_id|>", "</s>", "[INST]", "<end_of_turn>"])
def test_ft501_common_control_tokens_are_a_warning_without_a_model(word: str) -> None:
    report = check(pairs(("a", "b"), (f"x{word}y", "b")))
    assert found(report) == {"FT501": (Severity.WARNING, (2,))}
    assert word in report.findings[0].detail


def test_ft501_the_models_own_control_tokens_are_an_error_and_others_are_text() -> None:
    data = pairs(("<|im_end|>", "b"), ("a", "<END>"))
    assert found(check(data, renderer=Words(control=["<END>"]))) == {
        "FT501": (Severity.ERROR, (2,))
    }
    assert found(check(data, renderer=Words())) == {}


def test_ft601_columns_that_are_not_trained_on() -> None:
    data = load([{"prompt": f"p{i}", "completion": f"c{i}", "id": i} for i in range(50)])
    report = check(data)
    assert found(report) == {"FT601": (Severity.INFO, ())} and "'id'" in report.findings[0].title


def test_ft602_system_prompts_that_differ() -> None:
    report = check(rows("sua"))
    assert found(report) == {"FT602": (Severity.INFO, (1,))}
    assert "1 different ones, none in 60 rows" in report.findings[0].detail


def test_findings_name_the_rows_of_the_file_after_a_selection() -> None:
    data = pairs(("a", "b"), ("c", ""), ("e", "f"))
    assert found(check(data[1:]))["FT102"][1] == (2,)


def test_every_rule_has_its_own_code() -> None:
    codes = [(rule.__doc__ or "").split(":")[0] for rule in (*RULES, *ADVISORY)]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("FT") and code[2:].isdigit() for code in codes)


def test_an_example_without_text_or_order_never_stops_a_check() -> None:
    data = rows("s", "u", "a", "aaa", "sss", fill=0).map(
        lambda e: Example(tuple(dataclasses.replace(m, content="") for m in e.messages))
    )
    assert not check(data).ok and not check(data, renderer=Words(max_length=1)).ok


def test_allowed_codes_do_not_block() -> None:
    report = check(pairs(("a", ""), ("c", "sk-" + B36)))
    assert [f.code for f in report.blocking()] == ["FT102", "FT401"]
    assert [f.code for f in report.blocking({"FT401"})] == ["FT102"]
    assert report.blocking({"FT401", "FT102"}) == () and not report.ok


def test_the_worst_finding_comes_first() -> None:
    report = check(pairs(("a", "b"), ("a", "b"), ("c", "sk-" + B36)))
    assert [f.code for f in report.findings] == ["FT401", "FT301"]
    assert report.worst is Severity.ERROR


def test_a_printed_finding_shows_ten_rows_and_counts_the_rest() -> None:
    report = check(pairs(*[(f"p{i}", "") for i in range(12)]))
    block = str(report).split("\n\n")[1].splitlines()
    assert block[0] == "error FT102: an answer is empty or only white space"
    assert block[1] == "  rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"
    assert block[2].startswith("  why: ") and block[3].startswith("  mend: ")


def test_a_finding_keeps_a_thousand_rows_and_counts_all() -> None:
    finding = Finding.on(range(1, 1502), "X", Severity.INFO, "t", why="w", mend="m")
    assert len(finding.rows) == 1000 and finding.count == 1501
    assert "and 1,491 more" in str(finding)


def test_a_report_becomes_json() -> None:
    report = check(pairs(("a", "")))
    again = json.loads(json.dumps(report.to_dict()))
    assert again["schema_version"] == 1 and again["ok"] is False and again["rows"] == 61
    assert again["findings"][0]["code"] == "FT102" and again["findings"][0]["rows"] == [1]


def test_what_load_refused_becomes_a_report() -> None:
    with pytest.raises(DataError) as caught:
        load([{"prompt": "a", "completion": "b"}, {"prompt": 1, "completion": "b"}])
    report = report_of_faults(caught.value, "rows.jsonl")
    assert found(report) == {"FT001": (Severity.ERROR, (2,))} and report.source == "rows.jsonl"
    assert "row 2, field 'prompt': must be text, is a number" in str(report)


def test_a_file_refused_as_a_whole_becomes_a_report_too() -> None:
    with pytest.raises(DataError) as caught:
        load([])
    report = report_of_faults(caught.value)
    assert [f.code for f in report.blocking()] == ["FT002"] and "has no rows" in str(report)
