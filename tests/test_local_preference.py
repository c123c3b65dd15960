"""Preference tuning: the loss is that of the paper, the reference is what training starts from, and pairs that teach nothing are named."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import JobStatus
from ftkit.data.example import Example, Message, ToolCall
from ftkit.data.tokens import IGNORED
from ftkit.errors import CapabilityError, DataError
from ftkit.hyperparameters import Method
from ftkit_local import sizing
from ftkit_local.trainer.__main__ import main
from ftkit_local.trainer.gradients import accumulate_gradients
from ftkit_local.trainer.pairs import PairRow, read_pairs
from ftkit_local.trainer.preference import with_reference
from ftkit_local.trainer.spec import SpecFile
from tests import prepared_runs
from tests.local_runs import Home, conversation, pair
from tests.preference_runs import BETA, PAIRS, adapted, nudged, read, started, work
from tests.tiny import TEMPLATES, TinyTemplate, tiny_model_folder

base_folder, here, prepared = prepared_runs.base_folder, prepared_runs.here, prepared_runs.prepared
torch_as_before = prepared_runs.torch_as_before


def by_hand(model: Any, row: PairRow) -> tuple[float, float]:
    """Log-probabilities of both answers, token by token and without padding."""
    found = []
    for one in (row.better, row.worse):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([one.ids])).logits[0].double()
        each = torch.log_softmax(logits, -1)
        found.append(
            sum(
                float(each[place - 1, id])
                for place, (id, label) in enumerate(zip(one.ids, one.labels, strict=True))
                if label != IGNORED
            )
        )
    return found[0], found[1]


# --- the loss ----------------------------------------------------------------------------------------------------


def test_the_loss_is_the_papers_computed_by_hand(here: Home) -> None:
    model, rows = started(here)
    nudged(model)
    losses, margins = [], []
    for row in rows:
        policy = by_hand(model, row)
        with model.disable_adapter():
            reference = by_hand(model, row)
        margin = BETA * ((policy[0] - reference[0]) - (policy[1] - reference[1]))
        margins.append(margin)
        losses.append(math.log1p(math.exp(-margin)))
    assert len({round(margin, 3) for margin in margins}) > 5

    doing = work()
    assert accumulate_gradients(model, rows, doing) == pytest.approx(sum(losses) / 10, rel=1e-5)
    figures = doing.objective.figures()
    assert figures["margin"] == pytest.approx(sum(margins) / 10, rel=1e-4)
    assert figures["accuracy"] == sum(margin > 0 for margin in margins) / 10
    assert doing.objective.figures() == {}  # asked once, told once


def test_before_the_first_step_no_answer_is_ahead_and_the_loss_is_log_2(here: Home) -> None:
    model, rows = started(here)
    doing = work()
    assert accumulate_gradients(model, rows, doing) == pytest.approx(math.log(2), abs=1e-5)
    assert doing.objective.figures()["margin"] == pytest.approx(0, abs=1e-5)


def test_the_reference_is_the_model_with_its_adapter_switched_off(here: Home) -> None:
    model, rows = started(here)
    nudged(model)
    with model.disable_adapter():
        expected = [by_hand(model, row) for row in rows]
    for row, both in zip(rows, expected, strict=True):
        assert row.reference == pytest.approx(both, abs=1e-4)


def test_the_reference_is_what_training_starts_from_where_that_has_an_adapter(here: Home) -> None:
    model = nudged(adapted(here))
    rows = with_reference(model, read(here, PAIRS), work(), lambda: None)
    assert rows[3].reference == pytest.approx(by_hand(model, rows[3]), abs=1e-4)


@pytest.mark.parametrize("budget", [1, 150, 400])
def test_micro_batches_and_order_change_no_gradient(here: Home, budget: int) -> None:
    assert len({row.length for row in read(here, PAIRS)}) > 3  # there is padding to go wrong

    def gradients(budget: int, turn: int) -> tuple[float, list[Any]]:
        model, rows = started(here)
        loss = accumulate_gradients(nudged(model), rows[::turn], work(budget))
        return loss, [value.grad for value in model.parameters() if value.requires_grad]

    loss, whole = gradients(10_000, 1)
    other_loss, other = gradients(budget, -1)
    assert other_loss == pytest.approx(loss, rel=1e-5)
    for one, two in zip(whole, other, strict=True):
        assert float((one - two).norm() / one.norm()) < 1e-5


def test_what_stands_before_the_answers_is_not_learned(here: Home) -> None:
    asked = [*conversation(1)[:-1], Message("assistant", "what is it"), Message("user", "this")]
    row = Example((*asked, Message("assistant", "yes")), rejected=(Message("assistant", "no"),))
    (read_row,) = read(here, [row])
    renderer = here.training.renderer(here.training.base(str(here.base_folder)))
    assert renderer is not None
    prompt = renderer.prompt(asked)
    for one in (read_row.better, read_row.worse):
        assert one.ids[: len(prompt)] == prompt
        assert set(one.labels[: len(prompt)]) == {IGNORED}
        assert one.labels[len(prompt) :] == one.ids[len(prompt) :]
        assert one.ids[-1] in renderer.stop_ids  # type: ignore[attr-defined]  the end of the turn is learned


# --- a run -------------------------------------------------------------------------------------------------------


def test_a_run_tells_accuracy_and_margin_and_publishes_an_adapter(
    prepared: Any, here: Home
) -> None:
    run = prepared(
        rows=PAIRS,
        validation=[pair(number) for number in (20, 21, 22)],
        method=Method.DPO,
        epochs=6,
        learning_rate=0.01,
    )
    assert main([str(run.path)]) == 0

    assert run.state().status is JobStatus.SUCCEEDED
    steps = [event.data for event in run.events() if event.type == "step"]
    judged = [event.data for event in run.events() if event.type == "validation"]
    assert steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-4)
    assert steps[-1]["margin"] > 0.5 and steps[-1]["accuracy"] == 1.0
    assert judged[-1]["accuracy"] == 1.0 and judged[-1]["loss"] < judged[0]["loss"]
    plan = next(event.data for event in run.events() if event.type == "plan")
    read_rows = read(here, PAIRS)
    assert plan["rows"] == 10
    assert plan["tokens"] == sum(row.tokens for row in read_rows)
    assert plan["trained_tokens"] == sum(row.trained for row in read_rows)
    finished = list(run.events())[-1].data
    assert finished["trained_tokens"] == 6 * plan["trained_tokens"]
    record = here.training.result("ftkrun1")
    assert (record.method, record.base) == ("dpo", str(here.base_folder))


def test_pairs_that_teach_nothing_are_named_before_step_1(prepared: Any, here: Home) -> None:
    same = pair(1, better="billing", worse="billing")
    run = prepared(rows=[PAIRS[0], same, PAIRS[2], replace(same)], method=Method.DPO)
    assert main([str(run.path)]) == 1
    error = run.state().error
    assert "2 of 4 rows" in error and "row 2: both answers are the same" in error
    assert "row 4" in error and "row 1" not in error
    assert not [event for event in run.events() if event.type == "step"]


def test_answers_that_the_template_makes_the_same_are_the_same(tmp_path: Path) -> None:
    home = Home(tmp_path, tiny_model_folder(tmp_path / "gemma", template="gemma"))
    with pytest.raises(DataError, match="row 1: both answers are the same to the model"):
        read(home, [pair(1, better="yes", worse=" yes\n")])


def test_each_conversation_of_a_pair_has_to_fit(here: Home) -> None:
    rows = read(here, PAIRS)
    longest = max(max(len(row.better.ids), len(row.worse.ids)) for row in rows)
    assert len(read(here, PAIRS, max_length=longest)) == 10
    with pytest.raises(DataError, match=f"{longest} tokens are more than max_length {longest - 1}"):
        read(here, PAIRS, max_length=longest - 1)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"messages": []}, "input"),
        ({"input": {"messages": [{"role": "user", "content": "x"}]}}, "preferred_output"),
        ([], "not a JSON object"),
    ],
)
def test_a_row_that_is_no_pair_is_named(here: Home, row: Any, told: str) -> None:
    renderer = here.training.renderer(here.training.base(str(here.base_folder)))
    assert renderer is not None
    file = here.path / "rows"
    file.write_text(json.dumps(row))
    spec = SpecFile(path=file, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    with pytest.raises(DataError, match=told) as caught:
        read_pairs(spec, renderer, max_length=512)
    assert [fault.row for fault in caught.value.faults] == [1]


CALLING = TinyTemplate(
    "{% if tools %}{{ '<|im_start|>system\n' + tools | tojson + '<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] or '' }}"
    "{% for call in message['tool_calls'] or [] %}"
    "{{ '<tool_call>' + call['function'] | tojson + '</tool_call>' }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    TEMPLATES["chatml"].special,
    "<|im_end|>",
    "<|im_end|>",
    "<|im_end|>",
)


def test_a_call_can_be_the_better_answer(tmp_path: Path) -> None:
    home = Home(tmp_path, tiny_model_folder(tmp_path / "calling", template=CALLING))
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
    call = Message("assistant", "", tool_calls=(ToolCall("call00000", "find", '{"number": 4512}'),))
    row = Example(
        (Message("user", "Where is parcel 4512?"), call),
        tools=(tool,),
        rejected=(Message("assistant", "I do not know"),),
    )
    (read_row,) = read(home, [row])
    renderer = home.training.renderer(home.training.base(str(home.base_folder)))
    assert renderer is not None
    answer = [label for label in read_row.better.labels if label != IGNORED]
    assert "4512" in renderer.decode(answer) and "find" in renderer.decode(answer)
    assert "find" in renderer.decode(read_row.worse.ids)  # its tools are there too


# --- what it needs -----------------------------------------------------------------------------------------------


def test_every_open_setting_of_preference_tuning_is_decided(here: Home) -> None:
    resolved = here.resolve(PAIRS, Method.DPO)
    settings = resolved.hyperparameters
    assert (settings.beta, settings.train_on, settings.lora_rank) == (0.1, "last", 16)
    assert settings.learning_rate == 5e-5 and settings.warmup_ratio == 0.1
    again = here.pricing.resolve(resolved.base, Method.DPO, settings, resolved.counts)
    assert again.hyperparameters == settings
    longest = max(row.length // 2 for row in read(here, PAIRS))
    assert settings.max_length is not None
    assert settings.max_length - 64 < longest <= settings.max_length


def test_the_forecast_counts_two_sequences_and_the_reference(
    here: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "matrix_rate", lambda *_: 1e6)
    monkeypatch.setattr(sizing, "_LAYER_SECONDS", 0.0)
    better = [Example(row.messages) for row in PAIRS]
    settings = {"epochs": 1, "batch_size": 10, "max_length": 512}
    one = here.resolve(better, Method.LORA, **settings).forecast
    two = here.resolve(PAIRS, Method.DPO, **settings).forecast
    assert one is not None and two is not None
    ratio = (two.seconds - sizing._START_SECONDS) / (one.seconds - sizing._START_SECONDS)
    # two sequences, each with a pass forward more to the two of LoRA: the half of an SFT step's work again
    assert 2.5 < ratio < 4
    assert two.memory_needed > one.memory_needed


def test_beta_is_a_setting_of_preference_tuning_alone(here: Home) -> None:
    with pytest.raises(CapabilityError, match="beta belongs to method dpo"):
        here.resolve([conversation(0)], beta=0.1)
