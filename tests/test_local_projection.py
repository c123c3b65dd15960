"""Logits at labelled positions are the model's own, whatever the model does to them."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit_local.projection import labelled_logits, projects_plainly

SIZES = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
}


def tiny(arch: str) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(7)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(arch, **SIZES)).eval()


def batch() -> tuple[Any, Any, Any]:
    """Three rows of 9, 7 and 12 tokens, padded on the right; labels in different places."""
    ids = torch.randint(3, 96, (3, 12), generator=torch.Generator().manual_seed(1))
    attention = torch.zeros(3, 12, dtype=torch.long)
    labels = torch.zeros(3, 12, dtype=torch.bool)
    for row, (length, start) in enumerate([(9, 5), (7, 1), (12, 11)]):
        attention[row, :length] = 1
        labels[row, start:length] = True
    return ids, attention, labels


def full_logits(model: Any, ids: Any, attention: Any, labels: Any) -> Any:
    return model(input_ids=ids, attention_mask=attention).logits[:, :-1][labels[:, 1:]]


@pytest.mark.parametrize("arch", ["llama", "qwen3", "gemma3_text", "gemma2", "granite"])
def test_labelled_logits_equal_the_full_logits_of_the_model(arch: str) -> None:
    model = tiny(arch)
    if arch == "gemma2":  # large logits, where a cap shows
        model.lm_head.weight.data.mul_(500)
    if arch == "granite":
        model.config.logits_scaling = 4.0
    ids, attention, labels = batch()

    ours = labelled_logits(model, ids, attention, labels)

    assert ours.shape == (4 + 6 + 1, 96)
    torch.testing.assert_close(
        ours, full_logits(model, ids, attention, labels), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("arch", "plain"),
    [("llama", True), ("qwen3", True), ("gemma3_text", True), ("gemma2", False)],
)
def test_soft_capping_is_found_out_and_nothing_else_is(arch: str, plain: bool) -> None:
    assert projects_plainly(tiny(arch)) is plain


def test_the_first_token_is_left_out_because_nothing_predicts_it() -> None:
    model = tiny("llama")
    ids, attention, labels = batch()
    with_first = labels.clone()
    with_first[:, 0] = True

    assert torch.equal(
        labelled_logits(model, ids, attention, with_first),
        labelled_logits(model, ids, attention, labels),
    )


@pytest.mark.parametrize("arch", ["llama", "gemma2"])
def test_gradients_of_an_adapter_equal_those_of_the_full_loss(arch: str) -> None:
    from peft import LoraConfig, get_peft_model

    ids, attention, labels = batch()
    gradients = []
    for select in (labelled_logits, full_logits):
        model = get_peft_model(
            tiny(arch), LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
        )
        torch.manual_seed(3)
        for name, value in model.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(value, std=0.1)
        logits = select(model, ids, attention, labels)
        torch.nn.functional.cross_entropy(logits, ids[:, 1:][labels[:, 1:]]).backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])

    assert gradients[0] and all(bool(g.abs().sum() > 0) for g in gradients[0])
    for ours, full in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, full, rtol=1e-4, atol=1e-6)


def test_the_check_leaves_every_module_in_the_mode_it_had() -> None:
    model = tiny("llama").train()
    model.model.layers[0].eval()
    before = [module.training for module in model.modules()]

    assert projects_plainly(model)

    assert [module.training for module in model.modules()] == before
