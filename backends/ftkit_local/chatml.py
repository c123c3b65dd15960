"""ChatML for a base that has no chat template, made of tokens that it has: nothing is added to its vocabulary.

A turn ends with `<|im_end|>` where that is a control token of the model, else with the model's end-of-text token. Where
`<|im_start|>` is no token it is written as text. A model without a token that could end a turn cannot learn to stop.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ftkit.errors import CapabilityError, StorageError
from ftkit_local.model_folder import has_chat_template, has_mistral_tokenizer, read_json

TEMPLATE_FILE = "chat_template.jinja"
_START, _END = "<|im_start|>", "<|im_end|>"

log = logging.getLogger("ftkit")


@dataclass(frozen=True, slots=True)
class AttachedTemplate:
    """A template that the model's folder does not have; `end` is the token that ends a turn."""

    source: str
    end: str

    def __str__(self) -> str:
        return f"ChatML, a turn of which ends with {self.end}"


def attached_template(folder: Path) -> AttachedTemplate | None:
    """The template for a model folder that has none; raises CapabilityError where no token of it can end a turn."""
    if has_chat_template(folder) or has_mistral_tokenizer(folder):
        return None
    stamps = [
        (folder / name).stat().st_mtime_ns if (folder / name).is_file() else 0
        for name in (
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "config.json",
        )
    ]
    return _attached(folder, tuple(stamps))


def carried_template(folder: Path | None) -> str | None:
    """The template that lies in the folder of a tuned model, where its base had none."""
    path = None if folder is None else folder / TEMPLATE_FILE
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else None


@lru_cache(maxsize=32)
def _attached(folder: Path, stamps: tuple[int, ...]) -> AttachedTemplate:
    """`stamps` change with the files, so that changed ones are read again."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises Exception itself
        raise StorageError(f"{path} cannot be read: {error}; fetch the model again") from error
    named = {
        name: token
        for path in (folder / "special_tokens_map.json", folder / "tokenizer_config.json")
        if path.is_file()
        for name, token in read_json(path).items()
    }
    special = {
        str(token.content): id
        for id, token in tokenizer.get_added_tokens_decoder().items()
        if token.special
    }
    config = folder / "config.json"
    embedded = read_json(config).get("vocab_size") if config.is_file() else None
    for end in (_END, _text(named.get("eos_token"))):
        if end in special and (embedded is None or special[end] < embedded):
            break
    else:
        raise CapabilityError(
            f"{folder}: its tokenizer has neither a chat template nor a token that could end a turn ({_END}, or an "
            "eos_token in tokenizer_config.json), so a model tuned with it would never stop; tune the instruct version of "
            f"this model, or put a {TEMPLATE_FILE} into the folder"
        )
    bos = _text(named.get("bos_token"))
    begins = bos in special and tokenizer.encode("x").ids[:1] == [special[bos]]
    attached = AttachedTemplate(_source("{{ bos_token }}" if begins else "", end), end)
    log.warning("%s has no chat template: ftkit attaches %s", folder, attached)
    return attached


def _source(beginning: str, end: str) -> str:
    return (
        f"{beginning}{{% for message in messages %}}"
        f"{{{{ '{_START}' + message['role'] + '\\n' + message['content'] + {end!r} + '\\n' }}}}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}{{{{ '{_START}assistant\\n' }}}}{{% endif %}}"
    )


def _text(token: Any) -> str:
    """Of a token as tokenizer_config.json has it: a text, or an object that holds it."""
    found = token.get("content") if isinstance(token, dict) else token
    return found if isinstance(found, str) else ""
