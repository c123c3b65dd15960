"""Where a planted key can be reached from: objects, errors with their causes, and the frames of our own files."""

from __future__ import annotations

import traceback
from types import FunctionType, ModuleType
from typing import Any

# of a format that nobody knows, so that only its being the key can hide it
CANARY = "canary-9f3b7c1e5d2a8064-wing"


def places(error: BaseException, *roots: object) -> list[str]:
    """Where the canary can be reached from an error, its causes, and the variables of the frames of our own files."""
    found: list[str] = []
    seen: set[int] = set()
    open_: list[tuple[str, object, int]] = [("root", root, 0) for root in roots]
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        chain += [one.__cause__, one.__context__]
        open_.append((type(one).__name__, vars(one), 0))
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "/ftkit" in frame.f_code.co_filename:
                name = frame.f_code.co_name
                open_ += [(f"{name}.{key}", value, 0) for key, value in frame.f_locals.items()]
    while open_:
        path, value, depth = open_.pop()
        if isinstance(value, bytes | bytearray):
            value = bytes(value).decode("latin-1")
        if isinstance(value, str):
            found += [path] if CANARY in value else []
            continue
        if id(value) in seen or depth > 12 or isinstance(value, type | ModuleType | FunctionType):
            continue
        seen.add(id(value))
        inner: list[tuple[Any, object]] = []
        if isinstance(value, dict):
            inner = [*value.items(), *((f"key {key!r}", key) for key in value)]
        elif isinstance(value, list | tuple | set | frozenset):
            inner = list(enumerate(value))
        elif hasattr(value, "__dict__"):
            inner = list(vars(value).items())
        for slots in (getattr(kind, "__slots__", ()) for kind in type(value).__mro__):
            names = (slots,) if isinstance(slots, str) else slots
            inner += [(name, getattr(value, name, None)) for name in names]
        open_ += [(f"{path}.{name}", part, depth + 1) for name, part in inner]
    return found
