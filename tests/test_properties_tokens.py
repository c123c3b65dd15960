"""Tokens and masks (properties 1 to 4) with every family's real tokenizer and published template: what is trained is what is served.

The judges share no code with the renderer: transformers renders the published template, and TRL's training templates mark
what the assistant says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ftkit.backend import Call
from ftkit.catalogue.schema import Catalogue
from ftkit.data.example import Example
from ftkit.data.tokens import IGNORED
from ftkit_local.generation import Finished
from ftkit_local.inference import LocalInference
from tests.families import (
    CALLING,
    FAMILIES,
    marked_template,
    model_folder,
    opened,
    shows,
)
from tests.family_rows import (
    LONG,
    REASONED,
    REASONING,
    answers_of,
    prompts_of,
    read,
    rows_of,
    runs_of,
    up_to_its_end,
)
from tests.rendering import trained_text
from tests.token_rows import (
    ANSWER,
    ASK,
    FOREIGN,
    FOREIGN_ANSWER,
    PLAIN,
    SYSTEM,
    TOOLS,
    as_wire,
    judged,
)

# --- 1: prefix equality ------------------------------------------------------------------------------------------


@shows(1)
def test_a_prompt_is_the_beginning_of_the_conversation_that_has_its_answer(family: str) -> None:
    _, judge = opened(family)
    for name, example in rows_of(family).items():
        for n in answers_of(example):
            asked = judged(judge, example.messages[:n], example, generation=True)
            answered = judged(judge, example.messages[: n + 1], example)
            assert answered[: len(asked)] == asked, (name, n)


@shows(1)
def test_where_the_template_rewrites_a_turn_that_is_over_each_answer_is_a_sequence(
    family: str,
) -> None:
    renderer, judge = opened(family)
    seen = set()
    for name, example in rows_of(family).items():
        whole = judged(judge, example.messages, example)
        turns = [
            up_to_its_end(judged(judge, example.messages[: n + 1], example), family)
            for n in answers_of(example)
        ]
        kept = all(whole[: len(turn)] == turn for turn in turns)
        seen.add(kept)
        sequences = renderer.render_row(example)
        assert [list(one.ids) for one in sequences] == (turns[-1:] if kept else turns), name
        if not example.tools:
            assert renderer.prefix_preserving(example.messages) is kept, name
    assert (False in seen) is not FAMILIES[family].keeps_turns
    assert renderer.earlier_turns == ("kept" if FAMILIES[family].keeps_turns else "rewritten")


# --- 2: serving equality -----------------------------------------------------------------------------------------


@shows(2)
def test_inference_sends_the_ids_that_the_trainer_reads_before_an_answer(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, ...]] = []

    def spy(weights: Any, prompts: Any, *rest: Any) -> Any:
        sent.extend(prompt.ids for prompt in prompts)
        yield 0, Finished("", (), "stop")

    monkeypatch.setattr("ftkit_local.inference.generate", spy)
    local = LocalInference(tmp_path, Catalogue())
    record = local.record(str(model_folder(family)))
    examples = [*PLAIN.values(), *REASONING.values()]
    for example in examples:
        for n in answers_of(example):
            local.chat(record, Call(example.messages[:n]))
    assert sent == prompts_of(read(examples, family, tmp_path))
    _, judge = opened(family)
    bos = FAMILIES[family].bos
    for ids in sent:
        if bos is None:
            assert judge.bos_token_id is None or ids[:2] != (judge.bos_token_id,) * 2
        else:
            assert ids.count(judge.convert_tokens_to_ids(bos)) == 1


@shows(2, *CALLING)
def test_the_tools_of_a_row_are_in_the_prompt_and_in_what_is_trained(
    family: str, tmp_path: Path
) -> None:
    renderer, judge = opened(family)
    examples = list(TOOLS.values())
    asked = [
        tuple(judged(judge, example.messages[:n], example, generation=True))
        for example in examples
        for n in answers_of(example)
    ]
    assert prompts_of(read(examples, family, tmp_path)) == asked
    assert [renderer.prompt_row(one) for one in examples] == [
        tuple(judged(judge, one.prompt, one, generation=True)) for one in examples
    ]


# --- 3: the mask is what it says ---------------------------------------------------------------------------------

# What TRL marks and ftkit does not train, around each answer: (before it, behind it).
# A newline behind the end of a turn is written by the template; a model is stopped before it and never asked for it.
# The head of a turn is what the model is asked with: Qwen2.5's newline, the whole head of gpt-oss.
MARKED_TOO = {
    "smollm2": ("\n", "\n"),
    "qwen3": ("", "\n"),
    "gemma3": ("", "\n"),
    "llama3_1": ("", ""),
    "gptoss": ("<|start|>assistant", ""),
}
# TRL's template of Llama 3 has not the two lines that the one of 3.1 puts before a system message.
LLAMA_3_1_HEAD = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"


@shows(3)
def test_the_mask_is_the_one_of_trls_generation_markers(family: str) -> None:
    renderer, judge = opened(family)
    before, behind = MARKED_TOO[family]
    examples = [Example((SYSTEM, ASK, ANSWER)), Example((SYSTEM, FOREIGN, FOREIGN_ANSWER))]
    if FAMILIES[family].keeps_turns:
        examples.append(LONG)
    if family in ("qwen3", "gptoss"):
        examples += [TOOLS["unused"], TOOLS["call"]]
    if family == "qwen3":
        examples.append(Example((SYSTEM, ASK, REASONED)))
    for example in examples:
        (one,) = renderer.render_row(example)
        ids, marks = marked(judge, family, example)
        assert ids[: len(one.ids)] == list(one.ids)
        trained = [label != IGNORED for label in one.labels]
        assert all(mark for mark, learned in zip(marks, trained, strict=False) if learned)
        runs = runs_of([bool(m) and not t for m, t in zip(marks, trained, strict=False)], one.ids)
        rest = judge.decode(ids[len(one.ids) :])
        expected = [text for _ in answers_of(example) for text in (before, behind) if text]
        if behind:  # behind the last answer the sequence ends, and TRL's goes on
            assert rest == expected.pop()
        assert [renderer.decode(run) for run in runs] == expected


@shows(3, "qwen3", "gptoss")
def test_of_two_masks_that_differ_the_one_behind_the_served_ids_is_right(family: str) -> None:
    """Of a conversation of two turns TRL trains the second answer behind a first one as no prompt writes it.

    For Qwen3 its training template keeps the empty reasoning of the turn that is over; for gpt-oss the one sequence ends
    the first answer with <|end|>, which a model that stops at <|return|> never says.
    """
    renderer, judge = opened(family)
    example = Example((SYSTEM, ASK, ANSWER, FOREIGN, FOREIGN_ANSWER))
    served = [
        judged(judge, example.messages[:n], example, generation=True) for n in answers_of(example)
    ]
    ids, marks = marked(judge, family, example)
    theirs = [ids[:start] for start in starts_of([bool(mark) for mark in marks])]
    ours = prompts_of(renderer.render_row(example))
    assert [list(prompt) for prompt in ours] == served
    if family == "qwen3":
        assert theirs[0] == served[0] and theirs[1] != served[1]
        assert "<think>\n\n</think>\n\nIn the van." in judge.decode(theirs[1])
    else:
        first = [id for id, mark in zip(ids, marks, strict=True) if mark]
        assert judge.decode(first).count("<|end|>") == 1
        assert "In the van.<|return|>" in renderer.decode(renderer.render_row(example)[0].ids)


@shows(3)
def test_the_mask_is_where_the_answers_stand_in_the_text(family: str) -> None:
    """The other second method: it looks for the letters of the answers, and takes the tokens that lie in them."""
    renderer, judge = opened(family)
    facts = FAMILIES[family]
    for example in (PLAIN["plain"], PLAIN["turns"], LONG, REASONING["reasoned turns"]):
        sequences = renderer.render_row(example)
        wanted = [example.messages[n] for n in answers_of(example)]
        groups = [wanted] if len(sequences) == 1 else [[one] for one in wanted]
        for one, answers in zip(sequences, groups, strict=True):
            text = renderer.decode(one.ids)
            encoded = judge.backend_tokenizer.encode(text, add_special_tokens=False)
            assert encoded.ids == list(one.ids)
            spans, at = [], 0
            for answer in answers:
                own = family == "qwen3" and answer is REASONED
                written = ("" if own else facts.lead) + answer.content + facts.end
                at = text.index(written, at)
                spans.append((at, at := at + len(written)))
            if (
                len(sequences) > 1
            ):  # an earlier answer can read the same: it is the last that counts
                spans = [(len(text) - (stop - start), len(text)) for start, stop in spans]
            expected = [
                id if any(low <= a and b <= high for low, high in spans) else IGNORED
                for id, (a, b) in zip(encoded.ids, encoded.offsets, strict=True)
            ]
            assert list(one.labels) == expected


@shows(3)
def test_train_on_last_and_all_mean_the_last_answer_and_every_token(family: str) -> None:
    renderer, _ = opened(family)
    (last,) = renderer.render_row(LONG, "last")
    (said,) = trained_text(renderer, last)
    assert said == FAMILIES[family].lead + LONG.answer + FAMILIES[family].end
    assert all(one.labels == one.ids for one in renderer.render_row(LONG, "all"))


# --- 4: the end of a turn is trained -----------------------------------------------------------------------------


@shows(4)
def test_every_answer_is_trained_up_to_and_with_its_end_of_turn(
    family: str, tmp_path: Path
) -> None:
    """As the trainer reads the rows. SmolLM2 pads with the very token that ends a turn."""
    renderer, judge = opened(family)
    end = judge.convert_tokens_to_ids(FAMILIES[family].end)
    rows = read([*PLAIN.values(), *REASONING.values()], family, tmp_path)
    for row in rows:
        stops = [n for n, label in enumerate(row.labels) if label == end]
        runs = runs_of([label != IGNORED for label in row.labels], row.ids)
        assert len(stops) == len(runs) >= 1 and all(run[-1] == end for run in runs)
        assert stops[-1] == len(row.ids) - 1
    assert end in renderer.stop_ids
    if family == "smollm2":
        assert renderer.pad_id == end


# --- what the judges say -----------------------------------------------------------------------------------------


def marked(judge: Any, family: str, example: Example) -> tuple[list[int], list[int]]:
    """Ids, and 1 where TRL's template marks what the assistant says."""
    messages = [as_wire(message) for message in example.messages]
    if family == "llama3_1":
        messages[0]["content"] = LLAMA_3_1_HEAD + messages[0]["content"]
    out = judge.apply_chat_template(
        messages,
        tools=list(example.tools) or None,
        chat_template=marked_template(family),
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    return list(out["input_ids"]), list(out["assistant_masks"])


def starts_of(marks: Sequence[bool]) -> list[int]:
    return [n for n, mark in enumerate(marks) if mark and not (n and marks[n - 1])]
