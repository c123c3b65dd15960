"""Conversations and renderers that the tests of rendering share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ftkit.data.example import Message
from ftkit.data.tokens import IGNORED, Rendered
from ftkit_local.render import ChatRenderer
from tests.tiny import TEMPLATES, TinyTemplate, tiny_tokenizer_folder

SYSTEM = Message("system", "You route tickets: billing, shipping, other.")
ASK = Message("user", "Where is my parcel?")
ANSWER = Message("assistant", "shipping")
ASK_AGAIN = Message("user", "Grüße aus Köln! ¿Dónde está 東京? 🙂")
ANSWER_AGAIN = Message("assistant", "other: 東京 🙂")
LONG = (SYSTEM, ASK, ANSWER, ASK_AGAIN, ANSWER_AGAIN)
THINKING = Message("assistant", "<think>\nA parcel.\n</think>\n\nshipping")

FAMILIES = sorted(TEMPLATES)
# what a template puts between the generation prompt and the answer: trained, since the model has to write it
LEAD = {
    "mistral": " ",
    "reasoning": "<think>\n\n</think>\n\n",
    "channels": "<|channel|>final<|message|>",
}


@cache
def renderer(template: str | TinyTemplate) -> ChatRenderer:
    """The renderer of a tiny tokenizer with this template; it needs its folder only to open."""
    with TemporaryDirectory() as folder:
        return ChatRenderer(tiny_tokenizer_folder(Path(folder), template))


def trained_text(renderer: ChatRenderer, rendered: Rendered) -> list[str]:
    """The runs of trained tokens, as text."""
    runs: list[list[int]] = []
    for index, label in enumerate(rendered.labels):
        if label == IGNORED:
            continue
        if index == 0 or rendered.labels[index - 1] == IGNORED:
            runs.append([])
        runs[-1].append(label)
    return [renderer.decode(run) for run in runs]
