"""The same rows, order, schedule and first adapter through TRL's SFTTrainer, a plain PEFT loop and our trainer: the same losses.

The three share the token ids, the labels and the first weights. Schedule, loss, accumulation and optimiser are each one's own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.catalogue.schema import load_catalogue
from ftkit.data.example import Message
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.bases import find_base
from ftkit_local.open_renderer import open_renderer
from ftkit_local.trainer.adapter import add_adapter, load_base
from ftkit_local.trainer.batches import batches_of_run
from ftkit_local.trainer.gradients import Work
from ftkit_local.trainer.loop import train
from ftkit_local.trainer.rows import TrainingRow, read_rows
from ftkit_local.trainer.spec import SpecFile
from ftkit_local.trainer.supervised import Supervised
from tests.local_runs import Home, conversation
from tests.published_data import e2e, needs_published
from tests.tiny import tiny_model_folder

STEPS = 50
WITHIN = 1e-4
CPU = torch.device("cpu")
IGNORED = -100


@dataclass(frozen=True)
class Case:
    """A run to compare. `pieces` is into how many parts the references cut a step, `token_budget` how large ours may be."""

    folder: Path
    rows: Sequence[TrainingRow]
    settings: Hyperparameters
    pieces: int
    token_budget: int
    first: dict[str, Any]

    @property
    def batches(self) -> list[list[TrainingRow]]:
        """The rows of each step, in our order."""
        assert self.settings.batch_size is not None and self.settings.seed is not None
        lengths = [row.length for row in self.rows]
        order = batches_of_run(lengths, self.settings.seed, self.settings.batch_size, STEPS)
        return [[self.rows[index] for index in indices] for _, indices in order]

    @property
    def peak(self) -> float:
        assert self.settings.learning_rate is not None
        return self.settings.learning_rate

    def rate(self, step: int) -> float:
        """The share of the peak in step 1, 2, ...; as the trainer's documentation has it, and not by its code."""
        assert self.settings.warmup_ratio is not None
        warmup = round(STEPS * self.settings.warmup_ratio)
        if step <= warmup:
            return step / (warmup + 1)
        left = (STEPS - step + 1) / (STEPS - warmup)
        falls: dict[str | None, float] = {
            "constant": 1.0,
            "linear": left,
            "cosine": 0.5 - 0.5 * math.cos(math.pi * left),
        }
        return falls[self.settings.schedule]

    def fresh(self) -> Any:
        """The base with the first adapter, made without our code."""
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        config = LoraConfig(
            r=self.settings.lora_rank,
            lora_alpha=self.settings.lora_alpha,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        base = AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32)
        model = get_peft_model(base, config)
        missing, unknown = model.load_state_dict(self.first, strict=False)
        assert not unknown and not any("lora" in name for name in missing)
        return model


@dataclass(frozen=True)
class Curve:
    """What a trainer says of its steps."""

    losses: list[float]
    trained_tokens: int


def ours(case: Case) -> Curve:
    events: list[dict[str, Any]] = []

    def emit(type: str, message: str, **data: Any) -> None:
        events.append(data)

    model = add_adapter(load_base(case.folder, CPU, Method.LORA), case.settings, "base")
    model.load_state_dict(case.first, strict=False)
    work = Work(case.settings, STEPS, case.token_budget, 0, CPU, Supervised())
    trained = train(model, case.rows, [], work, emit, lambda: None)
    # clipping has something to do
    assert max(event["grad_norm"] for event in events) > 1.0
    return Curve([event["loss"] for event in events], trained.progress.trained_tokens)


def plain(case: Case) -> Curve:
    """What anybody would write: pad, mask, sum the model's own logits' cross-entropy, divide by the step's labels."""
    model = case.fresh().train()
    trainable = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=case.peak, weight_decay=0.0)
    curve = Curve([], 0)
    total = 0
    for step, batch in enumerate(case.batches, 1):
        labels_of_step = sum(label != IGNORED for row in batch for label in row.labels[1:])
        loss_of_step = 0.0
        for row in batch:
            ids, labels = torch.tensor([row.ids]), torch.tensor([row.labels])
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            loss = torch.nn.functional.cross_entropy(
                logits[0, :-1], labels[0, 1:], ignore_index=IGNORED, reduction="sum"
            )
            (loss / labels_of_step).backward()
            loss_of_step += loss.item() / labels_of_step
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.param_groups[0]["lr"] = case.peak * case.rate(step)
        optimizer.step()
        optimizer.zero_grad()
        curve.losses.append(loss_of_step)
        total += labels_of_step
    return Curve(curve.losses, total)


def trl(case: Case, folder: Path) -> Curve:
    """SFTTrainer with its own preparation, collator, loss, accumulation and clipping."""
    sft = pytest.importorskip("trl", reason="TRL is not installed")
    from datasets import Dataset
    from transformers import AutoTokenizer

    batches = case.batches
    flat = [row for batch in batches for row in batch]
    numbers = iter(range(len(flat)))
    pieces = [
        piece for batch in batches for piece in _cut([next(numbers) for _ in batch], case.pieces)
    ]
    losses: list[float] = []
    tokens: list[int] = []

    class Listening(sft.SFTTrainer):  # type: ignore[misc,name-defined]
        def get_train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(
                self.train_dataset, batch_sampler=pieces, collate_fn=self.data_collator
            )

        def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
            loss = super().training_step(model, inputs, num_items_in_batch)
            losses.append(loss.item())
            tokens.append(int(num_items_in_batch))
            return loss

    model = case.fresh()
    trainable = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=case.peak, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: case.rate(done + 1))
    trainer = Listening(
        model=model,
        args=sft.SFTConfig(
            output_dir=str(folder),
            max_steps=STEPS,
            gradient_accumulation_steps=case.pieces,
            max_grad_norm=1.0,
            max_length=None,
            use_cpu=True,
            bf16=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_steps=STEPS,
        ),
        train_dataset=Dataset.from_list(
            [{"input_ids": list(row.ids), "labels": list(row.labels)} for row in flat]
        ),
        processing_class=AutoTokenizer.from_pretrained(case.folder),
        optimizers=(optimizer, schedule),
    )
    assert len(trainer.train_dataset) == len(flat)
    trainer.train()
    return Curve(
        [sum(losses[at : at + case.pieces]) for at in range(0, len(losses), case.pieces)],
        sum(tokens[:: case.pieces]),
    )


def _cut(batch: list[int], pieces: int) -> list[list[int]]:
    size = math.ceil(len(batch) / pieces)
    return [batch[at : at + size] for at in range(0, len(batch), size)]


def prepared(
    here: Home,
    talks: Sequence[Sequence[Message]],
    settings: Hyperparameters,
    pieces: int,
    token_budget: int,
) -> Case:
    base = find_base(str(here.base_folder), catalogue=here.catalogue, home=here.path)
    renderer = open_renderer(base.folder)
    file = here.file(talks)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    rows = read_rows(
        SpecFile(path=file, sha256=sha256), renderer, train_on="assistant", max_length=512
    )
    torch.manual_seed(settings.seed or 0)
    model = add_adapter(load_base(base.folder, CPU, Method.LORA), settings, "base")
    first = {
        name: one.detach().clone() for name, one in model.named_parameters() if one.requires_grad
    }
    return Case(base.folder, rows, settings, pieces, token_budget, first)


def talk(number: int) -> list[Message]:
    """Every third one has a second turn."""
    turns = conversation(number)
    return turns if number % 3 else [*turns, *conversation(number + 7, system=None)]


def agree(one: Curve, other: Curve) -> None:
    assert len(one.losses) == len(other.losses) == STEPS
    apart = [abs(a - b) for a, b in zip(one.losses, other.losses, strict=True)]
    print(f"largest difference {max(apart):.1e} in step {apart.index(max(apart)) + 1}")
    assert max(apart) < WITHIN
    assert one.trained_tokens == other.trained_tokens


TINY = {
    "llama, a line": ("llama", "chatml", "linear", 0.1, 1),
    "qwen3, half a cosine, steps in two pieces": ("qwen3", "reasoning", "cosine", 0.2, 2),
    "gemma3, constant": ("gemma3", "gemma", "constant", 0.1, 1),
}


@pytest.fixture
def tiny(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    arch, template, schedule, warmup, pieces = TINY[request.param]
    folder = tiny_model_folder(tmp_path / "base", template=template, arch=arch)
    settings = Hyperparameters(
        learning_rate=5e-3,
        schedule=schedule,
        warmup_ratio=warmup,
        batch_size=4,
        lora_rank=8,
        lora_alpha=16.0,
        target_modules="all-linear",
        seed=3,
    )
    # 22 rows in fours: each epoch ends in a step of two
    return prepared(Home(tmp_path, folder), [talk(n) for n in range(22)], settings, pieces, 150)


@pytest.mark.parametrize("tiny", TINY, indirect=True)
@pytest.mark.parametrize("judge", ["TRL", "a plain loop"])
def test_fifty_steps_lose_what_they_lose_elsewhere(tiny: Case, judge: str, tmp_path: Path) -> None:
    judges: dict[str, Callable[[Case], Curve]] = {
        "TRL": lambda case: trl(case, tmp_path / "trl"),
        "a plain loop": plain,
    }
    curve = ours(tiny)
    assert sum(curve.losses[-5:]) < 0.7 * sum(curve.losses[:5])  # there was something to get wrong
    agree(curve, judges[judge](tiny))


@pytest.mark.real
@pytest.mark.torture
@needs_published
def test_the_real_model_loses_on_real_rows_what_it_loses_elsewhere(tmp_path: Path) -> None:
    import ftkit_local

    pytest.importorskip("trl", reason="TRL is not installed")
    catalogue = load_catalogue(Path(str(ftkit_local.__file__)).with_name("catalogue.toml"))
    pairs = e2e()[:: len(e2e()) // 40]
    talks = [[Message("user", facts), Message("assistant", text)] for facts, text in pairs]
    settings = Hyperparameters(
        learning_rate=5e-4,
        schedule="linear",
        warmup_ratio=0.05,
        batch_size=2,
        lora_rank=16,
        lora_alpha=32.0,
        target_modules="all-linear",
        seed=0,
    )
    case = prepared(Home(tmp_path, "smollm2-135m", catalogue), talks, settings, 1, 4096)
    curve = ours(case)
    agree(curve, plain(case))
    agree(curve, trl(case, tmp_path / "trl"))
