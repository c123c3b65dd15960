"""All that a program can make of an error or of an object, and what its loggers say: put where secrets are searched."""

from __future__ import annotations

import json
import logging
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.canaries_search import Search

OURS = re.compile(r"/ftkit(?:_[a-z]+)?/")


def frames(error: BaseException) -> str:
    """The traceback of the whole chain; variables of the frames of ftkit's own files only."""
    shown: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        shown += traceback.TracebackException.from_exception(error).format()
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if OURS.search(frame.f_code.co_filename):
                for name, value in frame.f_locals.items():
                    shown.append(f"{name} = {value!r}")
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return "\n".join(shown)


def put_error(search: Search, error: BaseException) -> None:
    """All that a program can do with an error."""
    search.put("str of errors", str(error))
    search.put("repr of errors", f"{error!r} {error.args!r} {vars(error)!r}")
    search.put("pickle of errors", pickle.dumps(error) + repr(pickle.dumps(error)).encode())
    search.put("tracebacks with locals", frames(error))


@contextmanager
def listening() -> Iterator[Callable[[], str]]:
    """What every logger says at DEBUG, as a handler of the root would write it."""
    records: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{self.format(record)} {record.args!r} {record.exc_info!r}")

    root, kept = logging.getLogger(), Kept()
    names = (
        "httpx",
        "httpcore",
        "ftkit",
        "openai",
        "httpx2",
        "httpcore2",
        "google",
        "google_genai",
        "urllib3",
    )
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    root.addHandler(kept)
    level = root.level
    root.setLevel(logging.DEBUG)
    for logger, _ in before:
        logger.setLevel(logging.DEBUG)
    try:
        yield lambda: "\n".join(records)
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
        for logger, old in before:
            logger.setLevel(old)


def put_object(search: Search, name: str, value: object) -> None:
    """All that a program can make of an object."""
    search.put(f"repr, str of {name}", f"{value!r} {value} {getattr(value, '__dict__', '')!r}")
    search.put(f"json of {name}", json.dumps(plain(value), default=repr))
    try:
        search.put(f"pickle of {name}", pickle.dumps(value))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        search.put(f"pickle of {name}", f"has none: {error}")


def plain(value: object) -> object:
    return value.to_dict() if hasattr(value, "to_dict") else getattr(value, "__dict__", repr(value))
