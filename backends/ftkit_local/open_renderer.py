"""Which renderer a model folder has: its chat template's, or Mistral's own tokenizer where it brings no template."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ftkit_local.chatml import carried_template
from ftkit_local.mistral_render import MistralRenderer
from ftkit_local.model_folder import has_mistral_tokenizer
from ftkit_local.render import ChatRenderer

LocalRenderer: TypeAlias = ChatRenderer | MistralRenderer


def open_renderer(folder: Path, tuned: Path | None = None) -> LocalRenderer:
    """The renderer of a base, as the model in the folder `tuned` was trained with it.

    Raises NotFound, NotInstalled or CapabilityError, each saying what the folder lacks.
    """
    if has_mistral_tokenizer(folder):
        return MistralRenderer(folder)
    return ChatRenderer(folder, carried_template(tuned))
