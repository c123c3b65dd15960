"""FT106, FT107, FT110: tool calls against the JSON schemas that their row declares.

The schema is what the model is shown in use: a call that breaks it teaches calls that the user's program refuses. Nothing is
fetched: a reference to another document is a fault of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ftkit.data.checks.masking import without_secrets
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView
from ftkit.data.example import ToolCall

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_EXAMPLES = 5
_PER_CALL = 3  # faults of one call that are told
_SHOWN = 80  # characters of a value


@dataclass(slots=True)
class _Verdicts:
    """What one look over all rows gives: texts by row."""

    broken: dict[int, list[str]] = field(default_factory=dict)
    unnamed: dict[int, list[str]] = field(default_factory=dict)
    schemas: dict[int, list[str]] = field(default_factory=dict)


def tool_arguments(data: DataView) -> Iterator[Finding]:
    """FT106: calls that break their tool's schema; with FT107 for schemas that are none, FT110 for arguments not named."""
    verdicts = _judge(data)
    if verdicts.broken:
        yield Finding.on(
            list(verdicts.broken),
            "FT106",
            Severity.ERROR,
            "arguments of tool calls break the tool's schema",
            detail=_told(verdicts.broken),
            why="the model learns calls that a program which trusts the schema cannot carry out",
            mend="correct the arguments, or the schema where the calls are what is wanted",
        )
    if verdicts.schemas:
        yield Finding.on(
            list(verdicts.schemas),
            "FT107",
            Severity.ERROR,
            "schemas of tools are invalid",
            detail=_told(verdicts.schemas),
            why="providers refuse such a tool, and no call of it can be judged",
            mend="write a JSON schema of type object, whole in itself",
        )
    if verdicts.unnamed:
        yield Finding.on(
            list(verdicts.unnamed),
            "FT110",
            Severity.WARNING,
            "tool calls have arguments that the schema does not name",
            detail=_told(verdicts.unnamed),
            why="the model learns to make arguments up; a program that reads the named ones never sees them",
            mend='name them in the schema, or remove them; "additionalProperties": true says that any are meant',
        )


def _judge(data: DataView) -> _Verdicts:
    verdicts = _Verdicts()
    known: dict[str, Validator | str] = {}
    for row in data.rows:
        tools: dict[str, Validator] = {}
        for tool in row.example.tools:
            name = tool["function"]["name"]
            checker = _checker(tool["function"].get("parameters"), known)
            if isinstance(checker, str):
                verdicts.schemas.setdefault(row.number, []).append(f"{name}: {checker}")
            else:
                tools[name] = checker
        if not tools:
            continue
        for turn in (*row.example.messages, *row.example.rejected):
            for call in turn.tool_calls:
                if call.name in tools:
                    _judge_call(call, tools[call.name], row.number, verdicts)
    return verdicts


def _judge_call(call: ToolCall, checker: Validator, row: int, verdicts: _Verdicts) -> None:
    arguments = json.loads(call.arguments)
    said = _faults(checker, arguments)
    if isinstance(said, str):
        verdicts.schemas.setdefault(row, []).append(f"{call.name}: {said}")
        return
    if said:
        verdicts.broken.setdefault(row, []).extend(f"{call.name}: {fault}" for fault in said)
    names = _unnamed(checker.schema, arguments)
    if names:
        shown = ", ".join(_short(repr(name)) for name in names[:_PER_CALL])
        verdicts.unnamed.setdefault(row, []).append(f"{call.name}: {shown}")


def _checker(parameters: Any, known: dict[str, Validator | str]) -> Validator | str:
    """What judges arguments by this schema, or what is wrong with it; a tool without parameters takes none."""
    schema = {"type": "object", "properties": {}} if parameters is None else parameters
    key = json.dumps(schema, sort_keys=True)
    if key not in known:
        known[key] = _made(schema)
    return known[key]


def _made(schema: dict[str, Any]) -> Validator | str:
    import jsonschema
    from jsonschema.validators import validator_for
    from referencing import Registry

    try:
        kind = validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        return f"{_place(error)}{_short(error.message)}"
    except Exception as error:  # noqa: BLE001 - what the library makes of a "$schema" that is a number, and the like
        return f"it cannot be read ({type(error).__name__})"
    said = schema.get("type", "object")
    if said != "object":
        return f"its type is {said!r}, but arguments are an object"
    # with a registry of its own the library fetches nothing
    return kind(schema, registry=Registry())


def _faults(checker: Validator, arguments: Any) -> list[str] | str:
    """What is wrong with the arguments, or with the schema where that shows only in use."""
    from referencing.exceptions import Unresolvable

    try:
        errors = sorted(checker.iter_errors(arguments), key=lambda error: error.json_path)
    except Unresolvable as error:
        return f"it refers to {_short(repr(error.ref))}, which is not in it"
    except RecursionError:
        return "it refers to itself without an end"
    except Exception as error:  # noqa: BLE001 - a bad pattern, and whatever else shows only in use
        return f"it cannot be used ({type(error).__name__}: {_short(str(error))})"
    return [f"{_place(error)}{_short(error.message)}" for error in errors[:_PER_CALL]]


def _unnamed(schema: Any, arguments: Mapping[str, Any]) -> list[str]:
    if not isinstance(schema, Mapping) or "additionalProperties" in schema:
        return []
    if schema.keys() & {
        "patternProperties",
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
        "unevaluatedProperties",
    }:
        return []  # what these name is the library's to say
    return [name for name in arguments if name not in schema.get("properties", {})]


def _place(error: Any) -> str:
    path = error.json_path.removeprefix("$").removeprefix(".")
    return f"{_short(path)}: " if path else ""


def _short(text: str) -> str:
    text = without_secrets(text)
    return text if len(text) <= _SHOWN * 2 else f"{text[:_SHOWN]} ... {text[-_SHOWN:]}"


def _told(rows: Mapping[int, list[str]]) -> str:
    return "\n".join(
        f"row {number}: {'; '.join(texts[:_PER_CALL])}"
        for number, texts in list(rows.items())[:_EXAMPLES]
    )
