"""The shapes that rows come in, a module each. Here a shape is chosen: by name, by options, or by what the rows carry.

A new format is a module that fulfils `Format` and a name in `_READ`.
"""

from __future__ import annotations

from collections.abc import Callable

from ftkit.data.formats.alpaca import Alpaca
from ftkit.data.formats.chat import Chat
from ftkit.data.formats.chosen_rejected import ChosenRejected
from ftkit.data.formats.layout import Format, Layout
from ftkit.data.formats.materialised import Materialised
from ftkit.data.formats.preference import Preference
from ftkit.data.formats.prompt_completion import PromptCompletion
from ftkit.data.formats.sharegpt import ShareGPT
from ftkit.data.formats.writing import row_of
from ftkit.errors import ConfigError
from ftkit.words import nearest

__all__ = [
    "NAMES",
    "Alpaca",
    "Chat",
    "ChosenRejected",
    "Format",
    "Layout",
    "Materialised",
    "Preference",
    "PromptCompletion",
    "ShareGPT",
    "candidates",
    "row_of",
]

_READ: tuple[Callable[[str | None], Format], ...] = (
    Chat,
    Preference,
    Alpaca,
    ShareGPT,
    ChosenRejected,
)
NAMES = (*(one(None).name for one in _READ), PromptCompletion.name)


def candidates(
    format: str | None, prompt: str | None, completion: str | None, system: str | None
) -> tuple[Format, ...]:
    """The formats that these options leave open: one where they decide it, else all.

    Raises ConfigError for an unknown format, or options that contradict each other.
    """
    if format is not None and format not in NAMES:
        raise ConfigError(f"there is no format {format!r}{nearest(format, NAMES)}")
    named = prompt is not None or completion is not None
    if named and format not in (None, PromptCompletion.name):
        raise ConfigError("prompt= and completion= name columns of the format 'prompt_completion'")
    pair = PromptCompletion(
        "prompt" if prompt is None else prompt,
        "completion" if completion is None else completion,
        system,
    )
    if pair.prompt == pair.completion:
        raise ConfigError(f"prompt= and completion= name the same column {pair.prompt!r}")
    if named or format == "prompt_completion":
        return (pair,)
    shapes: tuple[Format, ...] = (*(one(system) for one in _READ), pair)
    return shapes if format is None else tuple(one for one in shapes if one.name == format)
