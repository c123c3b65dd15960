"""A data set for other tools: a pandas DataFrame to look at, a Hugging Face data set that `load` reads back.

The second is read back before it is given out: a row that would come back otherwise is refused, never changed in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ftkit.data.example import Example, Message, as_dicts
from ftkit.data.formats import Chat, Preference, row_of
from ftkit.errors import DataError, Fault, NotInstalled

if TYPE_CHECKING:
    import datasets
    import pandas

    from ftkit.data.dataset import Dataset

_OURS = (
    "row",
    "source",
    "system",
    "prompt",
    "answer",
    "rejected",
    "messages",
    "rejected_messages",
    "tools",
)


def to_pandas(data: Dataset) -> pandas.DataFrame:
    """Raises NotInstalled without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise NotInstalled("to_pandas needs the package pandas: pip install pandas") from error
    records = [
        {
            "row": row.number,
            "source": row.source,
            "system": example.system,
            "prompt": _asked(example),
            "answer": example.answer,
            "rejected": replace(example, messages=example.rejected).answer
            if example.rejected
            else None,
            "messages": as_dicts(example.messages),
            "rejected_messages": as_dicts(example.rejected) or None,
            "tools": [dict(tool) for tool in example.tools] or None,
            **{_free(name): value for name, value in example.fields.items()},
        }
        for row, example in zip(data.rows, data, strict=True)
    ]
    return pandas.DataFrame(records, columns=[*_OURS, *map(_free, data.columns)])


def to_hf(data: Dataset) -> datasets.Dataset:
    """Raises NotInstalled without datasets, or where one too old cannot hold the rows; DataError for what it would change."""
    try:
        import datasets
    except ImportError as error:
        raise NotInstalled("to_hf needs the package datasets: pip install 'ftkit[hf]'") from error
    rows = _written(data)
    names = list(dict.fromkeys(name for row in rows for name in row))
    nested = [name for name in names if any(_nested(row.get(name)) for row in rows)]
    if nested and not hasattr(datasets, "Json"):
        raise NotInstalled(
            f"columns of many shapes ({', '.join(nested)}) need a newer datasets: pip install 'datasets>=4.7'"
        )
    plain = [{name: row.get(name) for name in names if name not in nested} for row in rows]
    try:
        made = datasets.Dataset.from_list(plain)
        features = made.features
        for name in nested:
            features[name] = datasets.Json()
        whole = [{name: row.get(name) for name in features} for row in rows]
        made = datasets.Dataset.from_list(whole, features=features)
    except (TypeError, ValueError, OverflowError) as error:  # pyarrow's own are ValueErrors
        said = str(error).strip().split("\n")[0][:200]
        raise DataError(
            f"{data.source}: datasets cannot hold these rows ({said}); give each column values of one type with .map()"
        ) from error
    _same_again(data, made)
    return made


def _written(data: Dataset) -> list[dict[str, Any]]:
    pairs = bool(len(data)) and bool(data[0].rejected)
    format = Preference() if pairs else Chat()
    rows, faults = [], []
    for row, example in zip(data.rows, data, strict=True):
        try:
            rows.append(row_of(example, format))
        except DataError as error:
            faults += [replace(one, row=row.number, line=row.line) for one in error.faults]
    if faults:
        raise DataError(f"{data.source}: rows cannot be written as {format.name!r}", faults)
    return rows


def _same_again(data: Dataset, made: datasets.Dataset) -> None:
    """Arrow has one type a column: numbers can become floats, and objects get the keys of others."""
    from ftkit.data.loading import load

    if not len(data):
        return
    faults = [
        Fault("a column would come back changed; make its values alike with .map()", row=row.number)
        for row, old, new in zip(data.rows, data, load(made), strict=True)
        if _known(old) != _known(new)
    ]
    if faults:
        raise DataError(f"{data.source}: datasets cannot hold these rows unchanged", faults)


def _known(example: Example) -> tuple[Example, list[str]]:
    """Without the fields that say nothing: a column that only other rows have is None in this one. 1 is not 1.0."""
    fields = {name: value for name, value in example.fields.items() if value is not None}
    return replace(example, fields=fields), [repr(fields[name]) for name in sorted(fields)]


def _nested(value: Any) -> bool:
    """Whether rows may have different keys or types inside it. Turns that are only text are alike in all rows."""
    if isinstance(value, list):
        return not all(map(_only_text, value))
    return isinstance(value, Mapping)


def _only_text(turn: Any) -> bool:
    return (
        isinstance(turn, Mapping)
        and set(turn) == {"role", "content"}
        and isinstance(turn["content"], str)
    )


def _asked(example: Example) -> str:
    """The turns before the answer as text, without the system message; a single question as it is."""
    turns: Sequence[Message] = [turn for turn in example.prompt if turn.role != "system"]
    if len(turns) == 1 and turns[0].role == "user":
        return turns[0].content
    return "\n\n".join(f"{turn.role}: {turn.content}" for turn in turns)


def _free(name: str) -> str:
    """A field under a name that is not one of ours."""
    return f"fields.{name}" if name in _OURS else name
