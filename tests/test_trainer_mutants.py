"""Every test of the trainer's properties is shown to see: mistakes that other tools shipped, each caught.

The number in front is the property's; the issue is the one in which the mistake was reported. `make torture` prints who saw which.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import Mutant, told

_RENDER = "backends/ftkit_local/render.py"
_TEMPLATE = "backends/ftkit_local/chat_template.py"
_GENERATION = "backends/ftkit_local/generation.py"
_INFERENCE = "backends/ftkit_local/inference.py"
_TRAINER = "backends/ftkit_local/trainer"


def _tokens(test: str, family: str = "llama3_1") -> tuple[str, ...]:
    return (f"tests/test_properties_tokens.py::{test}[{family}]",)


def _rows(test: str, family: str = "llama3_1") -> tuple[str, ...]:
    return (f"tests/test_properties_rows.py::{test}[{family}]",)


def _steps(test: str, family: str = "llama3_1") -> tuple[str, ...]:
    return (f"tests/test_properties_steps.py::{test}[{family}]",)


def _adapter(test: str, family: str = "llama3_1") -> tuple[str, ...]:
    return (f"tests/test_properties_adapter.py::{test}[{family}]",)


_REWRITES = "test_where_the_template_rewrites_a_turn_that_is_over_each_answer_is_a_sequence"
_SENT = "test_inference_sends_the_ids_that_the_trainer_reads_before_an_answer"
_MARKED = "test_the_mask_is_the_one_of_trls_generation_markers"
_ENDS = "test_every_answer_is_trained_up_to_and_with_its_end_of_turn"
_REFUSED = "test_rows_without_an_answer_and_rows_over_the_limit_are_refused_by_number_never_cut"
_CONTROL = "test_each_control_token_of_the_tokenizer_is_refused_in_a_row_and_named"
_SHOWN = "test_show_mask_marks_what_is_trained_and_declares_what_becomes_of_earlier_turns"
_BATCH = "test_a_batch_of_8_is_8_batches_of_1_in_any_order_and_with_any_padding"
_BESIDE = "test_the_loss_of_a_batch_is_the_sum_of_its_rows_whatever_stands_beside_them"
_PLAIN_LOOP = "test_the_losses_of_a_run_are_those_of_a_plain_peft_loop"
_RATES = "test_the_learning_rate_of_every_step_is_printed_and_is_a_function_of_the_step"
_CARRIES = "test_an_adapter_carries_all_that_it_was_made_from"
_OPENS = "test_the_adapter_opens_in_plain_peft_and_has_the_form_that_vllm_reads"
_MERGED = "test_merged_weights_answer_as_the_trained_model_did"
_STOPS = "test_a_model_that_learned_to_end_its_turn_stops_there_and_one_cut_short_says_so"
_SAVE = "    model.save_pretrained(folder, save_embedding_layers=False)\n"

MUTANTS = (
    Mutant("1 LlamaFactory#10336, trl PR 6363: turns whose reasoning goes later are trained in one sequence that no prompt begins",
           _RENDER, "if not all(text.startswith(turn.prompt + turn.answer) for turn in turns):", "if not turns:", _tokens(_REWRITES, "qwen3")),
    Mutant("1 Qwen3#1826: a template that rewrites turns that are over is declared as one that keeps them",
           "backends/ftkit_local/earlier_turns.py", '                return "rewritten"\n', '                return "kept"\n', _tokens(_REWRITES, "qwen3")),
    Mutant("1 an answer that says the same as a later one is taken for it, and its row refused",
           _TEMPLATE, "            at, _, form = min(\n", "            at, _, form = max(\n", _tokens(_REWRITES, "qwen3")),
    Mutant("2 vllm PR 16976, unsloth PR 10312: a prompt is served with a second beginning of text",
           _INFERENCE, "                ids = opened.renderer.prompt(call.messages)\n",
           "                ids = opened.renderer.prompt(call.messages)\n                ids = (ids[0], *ids)\n", _tokens(_SENT)),
    Mutant("2 the system prompt of training is not sent",
           _INFERENCE, "opened.renderer.prompt(call.messages)", 'opened.renderer.prompt([m for m in call.messages if m.role != "system"])', _tokens(_SENT)),
    Mutant("3 trl#4147, Qwen3#1522: the question is trained with the answer",
           _RENDER, "labels[start:stop] = sequence.ids[start:stop]", "labels[:stop] = sequence.ids[:stop]", _tokens(_MARKED)),
    Mutant("3 axolotl#2089: a mask begins a token late",
           _RENDER, "labels[start:stop] = sequence.ids[start:stop]", "labels[start + 1 : stop] = sequence.ids[start + 1 : stop]", _tokens(_MARKED)),
    Mutant("3 the last answer alone is asked for, and all are trained",
           _RENDER, "_Sequence(together.ids, together.answers[-1:])", "_Sequence(together.ids, together.answers)",
           _tokens("test_train_on_last_and_all_mean_the_last_answer_and_every_token")),
    Mutant("4 axolotl#3754: the end of Gemma's turn is not trained",
           _RENDER, "return ids.index(self._backend.token_to_id(token), start) + 1", "return ids.index(self._backend.token_to_id(token), start)",
           _tokens(_ENDS, "gemma3")),
    Mutant("4 unsloth#416, llm-course#33, ludwig PR 3945: where the end of turn is the padding it is masked as padding",
           f"{_TRAINER}/supervised.py", "        learned = labels != IGNORED\n", "        learned = (labels != IGNORED) & (ids != work.pad_id)\n",
           _steps("test_the_end_of_turn_is_learned_though_rows_are_padded_with_it")),
    Mutant("5 Megatron-Bridge#4072, open-instruct PR 1746, oumi PR 2605: the tools of a row are dropped",
           _RENDER, "return self._render(example.messages, example.tools, train_on)", "return self._render(example.messages, (), train_on)",
           _rows("test_altering_a_tool_a_call_or_a_result_alters_the_ids_or_the_row_is_refused")),
    Mutant("5 LlamaFactory PR 10773: reasoning that the template reshapes is trained in its new shape",
           _TEMPLATE, "        if text not in forms:\n", "        if not text:\n", _rows("test_altering_the_reasoning_alters_the_ids_or_the_row_is_refused", "qwen3")),
    Mutant("5 a name of a speaker is dropped",
           "backends/ftkit_local/unfit_texts.py", '        (message.name is not None, "a name"),\n', "",
           _rows("test_what_a_template_has_no_place_for_is_refused_with_the_rows_number")),
    Mutant("6 trl#3927: rows whose labels are all masked train with loss 0",
           f"{_TRAINER}/rows.py", "row.weight == 0 for row in sequences", "row.weight < 0 for row in sequences",
           _rows("test_a_row_of_which_nothing_would_be_trained_is_refused_by_number")),
    Mutant("6 a row over the limit is let through",
           f"{_TRAINER}/rows.py", "    if longest > max_length:\n", "    if longest > 10 * max_length:\n", _rows(_REFUSED)),
    Mutant("7 transformers#29279, #47822: a control token that a user writes becomes structure",
           "backends/ftkit_local/unfit_texts.py", "    found = control.search(text)\n", '    found = control.search("")\n', _rows(_CONTROL)),
    Mutant("7 control tokens are looked for in what users say alone",
           "backends/ftkit_local/unfit_texts.py", "        _refuse_text(message.content, who, control)\n",
           '        if message.role == "user":\n            _refuse_text(message.content, who, control)\n', _rows(_CONTROL)),
    Mutant("8 Soup 0.73.3: what is shown as trained is not what is trained",
           _RENDER, "pieces.append((text[len(before) :], rendered.labels[end - 1] != IGNORED))",
           'pieces.append((text[len(before) :], "x" not in text[len(before) :]))', _rows(_SHOWN)),
    Mutant("8 ms-swift#4939: nobody is told that earlier turns are rewritten",
           "ftkit/cli/check.py", '(len(sequences) > 1 or earlier == "rewritten")', 'earlier == "kept"', _rows(_SHOWN, "qwen3")),
    Mutant("9 transformers#35203, #37766: a micro-batch is weighed by itself and not by the whole step",
           f"{_TRAINER}/gradients.py", "        (loss / weight).backward()\n", "        (loss / sum(rows[index].weight for index in piece)).backward()\n", _steps(_BATCH)),
    Mutant("9 padding is learned",
           f"{_TRAINER}/supervised.py", "labels = torch.full((len(rows), longest), IGNORED)", "labels = torch.full((len(rows), longest), work.pad_id)", _steps(_BATCH)),
    Mutant("10 trl PR 3526: rows that are packed see one another",
           f"{_TRAINER}/supervised.py", "        ids, labels = ids.to(work.device), labels.to(work.device)\n",
           "        ids, labels = ids.reshape(1, -1), labels.reshape(1, -1)\n", _steps(_BESIDE)),
    Mutant("10 LlamaFactory#10736: rows are padded on the left, and nobody tells the model where they begin",
           f"{_TRAINER}/supervised.py",
           "            ids[index, : row.length] = torch.tensor(row.ids)\n            labels[index, : row.length] = torch.tensor(row.labels)\n",
           "            ids[index, longest - row.length :] = torch.tensor(row.ids)\n            labels[index, longest - row.length :] = torch.tensor(row.labels)\n",
           _steps(_BESIDE)),
    Mutant("11 tinker-cookbook#935: a batch is trained twice",
           f"{_TRAINER}/loop.py", "        optimizer.step()\n", "        optimizer.step()\n        optimizer.step()\n", _steps(_PLAIN_LOOP)),
    Mutant("11 weights decay though nobody asked for it",
           f"{_TRAINER}/loop.py", "weight_decay=0.0", "weight_decay=0.1", _steps(_PLAIN_LOOP)),
    Mutant("12 trl#6668, PR 6320: a loss that is not a number trains on",
           f"{_TRAINER}/loop.py", "    if math.isfinite(value):\n", "    if math.isfinite(value) or step:\n",
           _steps("test_the_first_loss_that_is_not_finite_stops_the_run_and_names_its_rows")),
    Mutant("12 Soup#532: an adapter of numbers that are none is published",
           f"{_TRAINER}/integrity.py", "    if broken:\n", "    if broken and not trained:\n", _steps("test_an_adapter_that_is_not_finite_is_never_published")),
    Mutant("13 sd-scripts#91: a target that got no gradient is passed over",
           f"{_TRAINER}/integrity.py", 'any("lora_B" in name for name in still)', "not must_move",
           _steps("test_a_target_that_never_moves_and_a_base_that_moves_are_errors")),
    Mutant("13 a changed base is not noticed",
           f"{_TRAINER}/integrity.py", "    if changed or len(after) != len(before):\n", "    if len(after) != len(before):\n",
           _steps("test_a_target_that_never_moves_and_a_base_that_moves_are_errors")),
    Mutant("13 the rank is not the one that was asked for",
           f"{_TRAINER}/adapter.py", "        r=settings.lora_rank,\n", "        r=8,\n", _steps("test_what_is_trained_is_what_rank_and_targets_say")),
    Mutant("14 accelerate#963, starVLA PR 210: the schedule runs ahead of the steps",
           f"{_TRAINER}/loop.py", "        rate = learning_rate(\n            step,\n", "        rate = learning_rate(\n            min(2 * step, work.steps),\n", _steps(_RATES)),
    Mutant("14 the last step trains with a rate of 0",
           f"{_TRAINER}/schedule.py", "    done = (step - 1 - warmup) / (steps - warmup)\n", "    done = (step - warmup) / (steps - warmup)\n", _steps(_RATES)),
    Mutant("19 vllm#34186: names of the saved weights are not those of the base's modules",
           f"{_TRAINER}/adapter.py", _SAVE,
           _SAVE + "    from safetensors.torch import load_file, save_file\n"
           '    path = folder / "adapter_model.safetensors"\n'
           '    save_file({key.replace("base_model.model.", ""): value for key, value in load_file(path).items()}, path)\n', _adapter(_OPENS)),
    Mutant("19 nobody can tell on which weights an adapter was trained",
           f"{_TRAINER}/job.py", '            "snapshot": spec.base.snapshot,\n', '            "snapshot": "",\n', _adapter(_CARRIES)),
    Mutant("20 mlx-tune#15: rounding on the way out loses what was learned",
           f"{_TRAINER}/adapter.py", _SAVE, "    model = model.bfloat16()\n" + _SAVE, _adapter(_MERGED)),
    Mutant("20 peft#2321: the saved adapter is scaled by another alpha than it was trained with",
           f"{_TRAINER}/adapter.py", _SAVE, '    model.peft_config["default"].lora_alpha = 16\n' + _SAVE, _adapter(_MERGED)),
    Mutant("22 unsloth#9708, OpenNMT-py PR 2532: padding is read as text",
           _GENERATION, "decoder.step(ids, mask if padded else None, positions, cache)", "decoder.step(ids, None, positions, cache)",
           _adapter("test_greedy_answers_are_the_same_in_a_batch_and_one_by_one")),
    Mutant("22 an answer goes on behind the end of its turn",
           _GENERATION, "        if token in self._stop:\n", "        if not self._stop:\n", _adapter(_STOPS)),
    Mutant("22 an answer that was cut short says that it ended",
           _GENERATION, '            yield from self.end("length")\n', '            yield from self.end("stop")\n', _adapter(_STOPS)),
)  # fmt: skip


@pytest.mark.torture
def test_every_mistake_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
