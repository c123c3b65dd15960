"""Tiny random models with real tokenizers and real chat templates, made in the test that needs them.

Each template here stands for a family that behaves in a way of its own: where the beginning token comes from, whether
there is a system role, what is trimmed, what is rewritten in earlier turns. No network, no downloads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CORPUS = (
    "Where is my parcel? It was sent on Monday and should arrive on Thursday.",
    "The capital of France is Paris. The capital of Peru is Lima.",
    "Please cancel my order number 4512 and refund the money to my card.",
    "You are a helpful assistant that routes tickets: billing, shipping, other.",
    'Answer in JSON: {"name": "Blue Spice", "food": "Italian", "price": "cheap"}',
    "user assistant system model think answer question label text",
    "Grüße aus Köln! ¿Dónde está la estación? 東京は日本の首都です。 🙂",
)


@dataclass(frozen=True)
class TinyTemplate:
    """A chat template with the control tokens that it needs; `end` closes an assistant turn."""

    jinja: str
    special: tuple[str, ...]
    eos: str
    end: str
    pad: str
    bos: str | None = None
    plain_added: tuple[str, ...] = ()


_CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
)
_LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
_GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{% set first = messages[0]['content'] + '\n\n' %}{% set turns = messages[1:] %}"
    "{% else %}{% set first = '' %}{% set turns = messages %}{% endif %}"
    "{% for message in turns %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else 'user' %}"
    "{{ '<start_of_turn>' + role + '\n' + (first if loop.first else '') }}"
    "{{ message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
_MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '[SYSTEM] ' + message['content'] + '[/SYSTEM]' }}"
    "{% elif message['role'] == 'user' %}{{ '[INST] ' + message['content'] + '[/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)
# strips the reasoning of every turn but the last, and writes an empty block where the last answer has none
_REASONING = (
    "{% for message in messages %}{% set content = message['content'] %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% set thought = '' %}{% if '</think>' in content %}"
    "{% set thought = content.split('</think>')[0].split('<think>')[-1].strip('\n') %}"
    "{% set content = content.split('</think>')[-1].lstrip('\n') %}{% endif %}"
    "{% if loop.last %}{{ '<think>\n' + thought + '\n</think>\n\n' }}{% endif %}{% endif %}"
    "{{ content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# the generation prompt ends in a space, which byte-pair encoding merges into the answer's first word
_MERGING = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '<|end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
_CHANNELS = (  # a turn that opens with control tokens, and whose last turn ends with another one
    "{% for message in messages %}{{ '<|start|>' + message['role'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<|channel|>final' }}{% endif %}"
    "{{ '<|message|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' and loop.last %}{{ '<|return|>' }}"
    "{% else %}{{ '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)

_IM = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|finetune_right_pad_id|>")

TEMPLATES: dict[str, TinyTemplate] = {
    # pad == eos == end of turn, as in SmolLM2
    "chatml": TinyTemplate(_CHATML, _IM, "<|im_end|>", "<|im_end|>", "<|im_end|>"),
    "chatml_default_system": TinyTemplate(
        _DEFAULT_SYSTEM + _CHATML, _IM, "<|im_end|>", "<|im_end|>", "<|im_end|>"
    ),
    "llama3": TinyTemplate(
        _LLAMA3,
        ("<|begin_of_text|>", "<|end_of_text|>", *_HEADERS),
        "<|end_of_text|>",
        "<|eot_id|>",
        "<|finetune_right_pad_id|>",
        bos="<|begin_of_text|>",
    ),
    "gemma": TinyTemplate(
        _GEMMA,
        ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
        "<eos>",
        "<end_of_turn>",
        "<pad>",
        bos="<bos>",
    ),
    "mistral": TinyTemplate(
        _MISTRAL,
        ("<s>", "</s>", "<pad>", "[INST]", "[/INST]", "[SYSTEM]", "[/SYSTEM]"),
        "</s>",
        "</s>",
        "<pad>",
        bos="<s>",
    ),
    "reasoning": TinyTemplate(
        _REASONING,
        _IM,
        "<|im_end|>",
        "<|im_end|>",
        "<|endoftext|>",
        plain_added=("<think>", "</think>"),
    ),
    "merging": TinyTemplate(_MERGING, ("<|end|>", "<|pad|>"), "<|end|>", "<|end|>", "<|pad|>"),
    "channels": TinyTemplate(
        _CHANNELS,
        ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>", "<|pad|>"),
        "<|return|>",
        "<|return|>",
        "<|pad|>",
    ),
}


def tiny_tokenizer_folder(path: Path, template: str | TinyTemplate = "chatml") -> Path:
    """Write a byte-level BPE tokenizer of a few hundred tokens with its template; returns `path`."""
    facts = TEMPLATES[template] if isinstance(template, str) else template
    path.mkdir(parents=True, exist_ok=True)
    (path / "tokenizer.json").write_text(_tokenizer_json(facts), encoding="utf-8")
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": facts.eos,
        "pad_token": facts.pad,
        "model_max_length": 512,
        "clean_up_tokenization_spaces": False,
    }
    if facts.bos:
        config["bos_token"] = facts.bos
    (path / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    (path / "chat_template.jinja").write_text(facts.jinja, encoding="utf-8")
    return path


def tiny_model_folder(
    path: Path,
    arch: str = "llama",
    template: str | TinyTemplate = "chatml",
    *,
    seed: int = 0,
    hidden: int = 32,
    layers: int = 2,
    max_length: int = 512,
) -> Path:
    """Write a random causal language model with tokenizer and generation config; returns `path`.

    `arch` is llama, qwen3, gemma2, gemma3, mistral or gptoss. Weights are fp32 and depend on `seed` alone.
    """
    facts = TEMPLATES[template] if isinstance(template, str) else template
    tiny_tokenizer_folder(path, facts)
    tied = arch not in ("qwen3", "mistral", "gptoss")
    return tiny_weights(
        path,
        arch,
        facts.end,
        seed=seed,
        hidden=hidden,
        layers=layers,
        max_length=max_length,
        tied=tied,
    )


def tiny_weights(
    path: Path,
    arch: str,
    end: str,
    *,
    seed: int = 0,
    hidden: int = 32,
    layers: int = 2,
    max_length: int = 512,
    tied: bool = True,
) -> Path:
    """Write random weights that fit the tokenizer which lies in `path`; `end` closes an answer. Returns `path`."""
    import torch
    import transformers
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(path, local_files_only=True)
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": hidden // 4,
        "max_position_embeddings": max_length,
        "initializer_range": 0.2,  # large enough that answers depend on the prompt
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": tied,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(
            _config(arch, shape), attn_implementation="eager", dtype=torch.float32
        )
    ends = sorted({shape["eos_token_id"], tokenizer.convert_tokens_to_ids(end)})
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=shape["bos_token_id"], eos_token_id=ends, pad_token_id=shape["pad_token_id"]
    )
    model.save_pretrained(path)
    return path


def _config(arch: str, shape: dict[str, Any]) -> Any:
    import transformers

    head, window = shape["head_dim"], 16
    match arch:
        case "llama":
            return transformers.LlamaConfig(**shape)
        case "qwen3":
            return transformers.Qwen3Config(**shape)
        case "gemma2":
            return transformers.Gemma2Config(
                **shape, query_pre_attn_scalar=head, sliding_window=window
            )
        case "gemma3":
            return transformers.Gemma3TextConfig(
                **shape, query_pre_attn_scalar=head, sliding_window=window
            )
        case "mistral":
            return transformers.MistralConfig(**shape, sliding_window=None)
        case "gptoss":  # a mixture of experts, with a window in every other layer
            positions = shape["max_position_embeddings"]
            return transformers.GptOssConfig(
                **shape,
                num_local_experts=4,
                num_experts_per_tok=2,
                sliding_window=window,
                rope_parameters={
                    "rope_type": "yarn",
                    "rope_theta": 150_000.0,
                    "factor": 32.0,
                    "original_max_position_embeddings": positions // 32,
                },
            )
    raise ValueError(f"no tiny model of architecture {arch!r}")


@cache
def _tokenizer_json(facts: TinyTemplate) -> str:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=480,
        special_tokens=list(facts.special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    tokenizer.add_tokens([AddedToken(text, special=False) for text in facts.plain_added])
    if facts.bos:  # as published tokenizers do: text that is not from a template gets a beginning
        tokenizer.post_processor = TemplateProcessing(
            single=f"{facts.bos} $A",
            special_tokens=[(facts.bos, tokenizer.token_to_id(facts.bos))],
        )
    return str(tokenizer.to_str())
