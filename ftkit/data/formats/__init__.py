"""The shapes that rows come in, a module each. Here a shape is chosen: by name, by options, or by what the rows carry.

A new format is a module that fulfils `Format` and a name in `_READ`.
"""

from __future__ import annotations

from collections.abc import Callable

from ftkit.data.formats.alpaca import Alpaca
from ftkit.data.formats.anthropic import Anthropic
from ftkit.data.formats.bedrock import Bedrock
from ftkit.data.formats.chat import Chat
from ftkit.data.formats.chosen_rejected import ChosenRejected
from ftkit.data.formats.google import Google
from ftkit.data.formats.google_preference import GooglePreference
from ftkit.data.formats.layout import Format, Layout
from ftkit.data.formats.materialised import Materialised
from ftkit.data.formats.preference import Preference
from ftkit.data.formats.prompt_completion import PromptCompletion
from ftkit.data.formats.separators import Separators, separators
from ftkit.data.formats.sharegpt import ShareGPT
from ftkit.data.formats.transcript import Transcript
from ftkit.data.formats.writing import row_of
from ftkit.errors import ConfigError
from ftkit.words import nearest

__all__ = [
    "ALIASES",
    "FORMATS",
    "NAMES",
    "PLAIN_TEXT",
    "Alpaca",
    "Anthropic",
    "Bedrock",
    "Chat",
    "ChosenRejected",
    "Format",
    "Google",
    "GooglePreference",
    "Layout",
    "Materialised",
    "Preference",
    "PromptCompletion",
    "Separators",
    "ShareGPT",
    "Transcript",
    "candidates",
    "row_of",
    "separators",
    "to_write",
]


def _transcript_in_two_columns(system: str | None) -> Format:
    return Transcript(system, ("prompt", "completion"))


_READ: tuple[Callable[[str | None], Format], ...] = (
    Chat,
    Preference,
    Alpaca,
    ShareGPT,
    ChosenRejected,
    Google,
    GooglePreference,
    Bedrock,
    Anthropic,
    Transcript,
    _transcript_in_two_columns,
)
# Every format as it is written: what a new one must fulfil is judged over these.
FORMATS: tuple[Format, ...] = (*(one(None) for one in _READ), PromptCompletion())
NAMES = tuple(dict.fromkeys(one.name for one in FORMATS))
# What providers call a shape that is read under another name here.
ALIASES = {
    "openai": "chat",
    "openai_preference": "preference",
    "together_conversational": "chat",
    "together_instruction": "prompt_completion",
    "together_preference": "preference",
    "fireworks": "chat",
    "fireworks_preference": "preference",
}
PLAIN_TEXT = (
    "plain text in 'text' has no question and no answer, and nothing in ftkit trains it; give rows a 'prompt' and a "
    "'completion', or a list 'messages' (a text of turns 'Human:' and 'Assistant:' is the format 'transcript')"
)


def candidates(
    format: str | None, prompt: str | None, completion: str | None, system: str | None
) -> tuple[Format, ...]:
    """The formats that these options leave open: one where they decide it, else all.

    Raises ConfigError for an unknown format, or options that contradict each other.
    """
    if format == "text":
        raise ConfigError(PLAIN_TEXT)
    format = ALIASES.get(format, format) if format is not None else None
    if format is not None and format not in NAMES:
        raise ConfigError(f"there is no format {format!r}{nearest(format, (*NAMES, *ALIASES))}")
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


def to_write(format: str) -> Format:
    """The one to write by this name; of a transcript's two shapes the text. Raises ConfigError for an unknown name."""
    return candidates(format, None, None, None)[0]
