"""Output head and cross-entropy in pieces are torch's cross-entropy of the whole logits, value and gradient."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit_local.trainer import chunked_loss
from ftkit_local.trainer.chunked_loss import ChunkedLoss, labelled_loss
from tests.test_local_projection import batch, tiny

VOCABULARY, WIDTH, TOKENS = 97, 12, 23


@pytest.fixture(params=[1, 5, TOKENS, 1000], ids=lambda tokens: f"chunks of {tokens}")
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(chunked_loss, "CHUNK_BYTES", request.param * VOCABULARY * 4)
    return int(request.param)


def inputs(dtype: Any) -> tuple[Any, Any, Any]:
    """Hidden states, weights and targets; logits of up to a few dozen, where a careless exponential overflows in fp32."""
    chance = torch.Generator().manual_seed(4)
    hidden = torch.randn(TOKENS, WIDTH, generator=chance, dtype=torch.float64) * 8
    weight = torch.randn(VOCABULARY, WIDTH, generator=chance, dtype=torch.float64) * 4
    targets = torch.randint(0, VOCABULARY, (TOKENS,), generator=chance)
    return hidden.to(dtype).requires_grad_(), weight.to(dtype).requires_grad_(), targets


def results(loss: Any, hidden: Any, weight: Any) -> list[Any]:
    (loss / 7).backward()  # a step divides by its weight
    return [loss.detach(), hidden.grad, weight.grad]


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["fp64", "fp32"]
)
def test_value_and_both_gradients_are_torchs(chunk: int, dtype: Any, tolerance: float) -> None:
    hidden, weight, targets = inputs(torch.float64)
    whole = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    expected = results(whole, hidden, weight)

    hidden, weight, targets = inputs(dtype)
    found = results(ChunkedLoss.apply(hidden, weight, targets), hidden, weight)

    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        assert float((one.double() - other).norm() / other.norm()) < tolerance


def test_half_precision_sums_in_single(chunk: int) -> None:
    hidden, weight, targets = inputs(torch.bfloat16)

    loss = ChunkedLoss.apply(hidden, weight, targets)
    loss.backward()

    exact = torch.nn.functional.cross_entropy((hidden @ weight.T).float(), targets, reduction="sum")
    assert loss.dtype == torch.float32 and hidden.grad.dtype == torch.bfloat16
    assert float(loss.detach()) == pytest.approx(float(exact.detach()), rel=1e-4)


def test_a_frozen_head_gets_no_gradient() -> None:
    hidden, weight, targets = inputs(torch.float32)
    ChunkedLoss.apply(hidden, weight.detach().requires_grad_(False), targets).backward()

    assert hidden.grad is not None and weight.grad is None


def test_never_are_more_logits_there_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_loss, "CHUNK_BYTES", 5 * VOCABULARY * 4)
    hidden, weight, targets = inputs(torch.float32)
    true_linear, rows = chunked_loss.linear, []

    def counted(x: Any, other: Any) -> Any:
        if other.shape == weight.shape:
            rows.append(len(x))
        return true_linear(x, other)

    monkeypatch.setattr(chunked_loss, "linear", counted)
    ChunkedLoss.apply(hidden, weight, targets)

    assert rows == [5, 5, 5, 5, 3]


@pytest.mark.parametrize("arch", ["llama", "gemma3_text", "gemma2", "granite"])
@pytest.mark.parametrize("trained", [True, False])
def test_the_loss_of_a_model_is_that_of_its_full_logits(arch: str, trained: bool) -> None:
    model = tiny(arch)
    if arch == "gemma2":  # large logits, where a cap shows
        model.lm_head.weight.data.mul_(500)
    if arch == "granite":
        model.config.logits_scaling = 4.0
    ids, _, labels = batch()
    targets = ids[:, 1:][labels[:, 1:]]
    logits = model(input_ids=ids).logits[:, :-1][labels[:, 1:]]
    expected = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")

    with torch.set_grad_enabled(trained):
        loss = labelled_loss(model, ids, labels, targets)

    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert loss.requires_grad is trained


def test_an_adapter_on_the_head_is_part_of_the_loss() -> None:
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(
        tiny("qwen3"), LoraConfig(r=4, target_modules=["lm_head"], init_lora_weights=False)
    )
    ids, _, labels = batch()
    targets = ids[:, 1:][labels[:, 1:]]
    logits = model(input_ids=ids).logits[:, :-1][labels[:, 1:]]
    expected = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")

    loss = labelled_loss(model, ids, labels, targets)
    loss.backward()

    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert all(p.grad is not None for n, p in model.named_parameters() if "lora_" in n)
