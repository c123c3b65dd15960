"""Many questions, answered in whatever order is fastest, returned in the caller's; resumable through a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, fields
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

from ftkit.backend import Answer, Backend, Call, Inference, ModelRecord, Unavailable, Usage
from ftkit.config import Settings
from ftkit.data import ToolCall
from ftkit.data.example import as_dicts
from ftkit.errors import DataError, StorageError
from ftkit.models.left_behind import stop_left_behind
from ftkit.models.reply import Reply, as_reply
from ftkit.spending import metered


def answer_all(
    backend: Backend,
    inference: Inference,
    record: ModelRecord,
    calls: Sequence[Call],
    out: Path | None,
    progress: Callable[[int, int], None] | None,
    *,
    settings: Settings,
    limit: Decimal | None,
    allow_unpriced: bool,
    schema: Any = None,
) -> list[Reply]:
    """Replies in the order of `calls`; answers already in `out` are not asked for again."""
    keys = [answer_key(record, index, call) for index, call in enumerate(calls)]
    replies: dict[int, Reply] = {}
    if out is not None and out.exists():
        known = read_answers(out)
        replies = {
            index: _replayed(known[key], record, schema)
            for index, key in enumerate(keys)
            if key in known
        }
    open_calls = [index for index in range(len(calls)) if index not in replies]
    if progress is not None:
        progress(len(replies), len(calls))
    left = [calls[index] for index in open_calls]
    stop_left_behind(settings)
    gate = metered(backend, record, left, settings, limit=limit, allow_unpriced=allow_unpriced)
    with _opened(out) as file, gate as meter:
        within = takewhile(lambda call: not meter.over, left)
        for position, answer in _until_an_outage(inference.chat_many(record, within), replies, out):
            index = open_calls[position]
            replies[index] = as_reply(answer, record.id, meter.cost(answer.usage), schema)
            if file is not None:
                line = answer_line(keys[index], index, answer)
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
            if progress is not None:
                progress(len(replies), len(calls))
            for _ in range(1 + answer.lost):  # a lost reply may have cost as much
                meter.add(answer.usage)
        meter.stopped(len(calls) - len(replies))
    return [replies[index] for index in range(len(calls))]


def _until_an_outage(
    answers: Iterator[tuple[int, Answer]], came: Mapping[int, Reply], out: Path | None
) -> Iterator[tuple[int, Answer]]:
    """The answers; a provider that gives none any more is an error that says how to go on."""
    try:
        yield from answers
    except Unavailable as error:
        kept = (
            f"{len(came)} answers are kept in {out}: the same call later asks only for the rest"
            if out is not None
            else f"{len(came)} answers had come; with out=FILE they are kept and not paid for again"
        )
        raise Unavailable(f"{error.message}; {kept}", error.retry_after_s) from error


def _opened(out: Path | None) -> AbstractContextManager[IO[str] | None]:
    if out is None:
        return nullcontext()
    try:
        return open(out, "a", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write answers to {out}: {error.strerror}") from error


def answer_key(record: ModelRecord, index: int, call: Call) -> str:
    """One question to one model: the same row, messages and options."""
    parts = {
        "model": record.id,
        "snapshot": record.snapshot,
        "row": index,
        "call": call_values(call),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def call_values(call: Call) -> dict[str, Any]:
    """All that is asked, as plain values."""
    values = {field.name: getattr(call, field.name) for field in fields(call)}
    values["messages"] = as_dicts(call.messages)
    for name in (
        "tools",
        "schema",
    ):  # where there is none the key is as it was before there could be any
        if not values[name]:
            del values[name]
    return values


def answer_line(key: str, index: int, answer: Answer | Reply) -> dict[str, Any]:
    """A line of the file of answers."""
    return {
        "key": key,
        "row": index + 1,
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "usage": usage_values(answer.usage),
        **(
            {"tool_calls": [asdict(call) for call in answer.tool_calls]}
            if answer.tool_calls
            else {}
        ),
    }


def usage_values(usage: Usage) -> dict[str, int]:
    """Plain values; what there was none of in a cache is left out."""
    values = asdict(usage)
    plain = ("input_tokens", "output_tokens")
    return {name: value for name, value in values.items() if value or name in plain}


def read_answers(path: Path) -> dict[str, dict[str, Any]]:
    """Complete lines of an earlier run; a last line cut by a crash is removed from the file."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with open(path, "r+b") as file:
            file.truncate(len(whole))
    known = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            row = json.loads(line)
            known[row["key"]] = row
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: not an answer written by map(); give out= another file name"
            ) from error
    return known


def _replayed(row: dict[str, Any], record: ModelRecord, schema: Any) -> Reply:
    return Reply(
        text=row["text"],
        model=record.id,
        finish_reason=row["finish_reason"],
        usage=Usage(**row["usage"]),
        replayed=True,
        tool_calls=tuple(ToolCall(**call) for call in row.get("tool_calls", ())),
        schema=schema,
    )
