"""What a backend can have, read off the contract itself, and what one of them lacks."""

from __future__ import annotations

from collections.abc import Mapping

from ftkit.backend import (
    OPTIONAL_OF_INFERENCE,
    OPTIONAL_OF_TRAINING,
    Backend,
    Hosting,
    Inference,
    Pricing,
    Training,
)
from ftkit.data import KINDS
from ftkit.hyperparameters import Method

PARTS: Mapping[str, type] = {
    "pricing": Pricing,
    "training": Training,
    "hosting": Hosting,
    "inference": Inference,
}
OPTIONAL: Mapping[str, Mapping[str, type]] = {
    "training": OPTIONAL_OF_TRAINING,
    "inference": OPTIONAL_OF_INFERENCE,
}
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "training": (*KINDS, "time_limit"),
    "inference": ("tools", "images", "schema", "temperature", "top_p", "seed", "folder"),
}
UNDECLARED = "it is missing, and nothing says why"


def members(protocol: type) -> tuple[str, ...]:
    """Every attribute and method that a Protocol asks for, in its order."""
    annotated = tuple(protocol.__annotations__)
    return annotated + tuple(
        name for name, value in vars(protocol).items() if callable(value) and name[0] != "_"
    )


def capabilities() -> list[tuple[str, str]]:
    """(part, name) of everything that the table tells about, in order; name is the part itself, a method or an option.

    A method that two parts have goes by its own name in the first, by `part.method` in the second.
    """
    rows: list[tuple[str, str]] = []
    for part, protocol in PARTS.items():
        required = [name for name in members(protocol) if callable(getattr(protocol, name, None))]
        optional = OPTIONAL.get(part, {})
        methods = [str(method) for method in Method] if part == "training" else []
        options = OPTIONS.get(part, ())
        taken = {name for _, name in rows}
        rows += [
            (part, f"{part}.{name}" if name in taken else name)
            for name in (part, *required, *optional, *methods, *options)
        ]
    return rows


def known_lacks() -> frozenset[str]:
    """Every word that may stand in `lacks`."""
    optional = (name for methods in OPTIONAL.values() for name in methods)
    options = (name for names in OPTIONS.values() for name in names)
    return frozenset((*PARTS, *optional, *map(str, Method), *options))


def lacking(backend: Backend, part: str, name: str) -> str | None:
    """Why the backend does not have it, or None where it does."""
    if getattr(backend, part) is None:
        return backend.lacks.get(part, UNDECLARED)
    protocol = OPTIONAL.get(part, {}).get(name)
    if protocol is not None and not isinstance(getattr(backend, part), protocol):
        return backend.lacks.get(name, UNDECLARED)
    return backend.lacks.get(name)
