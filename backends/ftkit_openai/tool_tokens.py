"""Tokens of tools, the most that they should be: OpenAI has not published how training counts them.

Chat models were seen to read tools as TypeScript signatures in a namespace, with a wrapper for parallel calls. That counts
nested schemas, arrays, defaults and the wrapper, of which the cookbook's constants know nothing; these are more where a
property has no description. So the larger of the two is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ftkit.data.example import Example

CAUTION = (
    "tokens of tools are an estimate after how chat models were seen to read them, the most that they should be: OpenAI has "
    "not published how training counts them; compare with trained_tokens after the run"
)
# The description of the tool multi_tool_use.parallel, which models showed when asked for their tools: 196 in o200k_base, the
# same text in several published copies of 2024 and 2025. One user's job had 911 trained tokens a row more with tools than
# with the old functions (community.openai.com/t/934984, epochs not told).
_PARALLEL = 200
# {"tool_uses":[{"recipient_name":"functions.NAME","parameters":ARGUMENTS}]} around a call, of which NAME and ARGUMENTS are
# counted where the call is
_WRAPPED_CALL = 16
_FUNCTION, _PROPERTY, _END = 7, 3, 12  # the cookbook's
_SYSTEM_TURN = 4  # the tools stand in a system message, which a row without one gets
_PRIMING = 3  # the cookbook's, before the reply
# What a signature says by itself, where it is of this shape; everything else of a schema is written as a comment.
_SHAPES: Mapping[str, type | tuple[type, ...]] = {
    "type": (str, list),
    "properties": Mapping,
    "required": list,
    "items": object,
    "enum": list,
    "const": object,
    "anyOf": list,
    "oneOf": list,
    "description": str,
}
_NAMES = {"integer": "number"}  # TypeScript's word, where it is another one


def about_tools(example: Example) -> bool:
    """True where a row has tools, a call or the result of one."""
    turns = (*example.messages, *example.rejected)
    return bool(example.tools) or any(turn.tool_calls or turn.tool_call_id for turn in turns)


def tool_tokens(example: Example, count: Callable[[str], int], schemas: int) -> int:
    """Tokens beside those of the turns: `schemas` as below, the wrapper for parallel calls, ids of calls; 0 without any."""
    if not about_tools(example):
        return 0
    turns = (*example.messages, *example.rejected)
    calls = [call for turn in turns for call in turn.tool_calls]
    answered = [turn.tool_call_id for turn in turns if turn.tool_call_id is not None]
    found = _PRIMING + sum(count(id) for id in (*(call.id for call in calls), *answered))
    parallel = example.parallel_tool_calls is not False
    if parallel:
        found += _WRAPPED_CALL * len(calls)
    if example.tools:
        found += schemas + _PARALLEL * parallel
        found += _SYSTEM_TURN if example.system is None else 0
    return found


def schema_tokens(tools: Sequence[Mapping[str, Any]], count: Callable[[str], int]) -> int:
    """Tokens of the schemas of a row by themselves, the larger of the two ways to count them."""
    return max(count(signatures(tools)), _by_constants(tools, count))


def _by_constants(tools: Sequence[Mapping[str, Any]], count: Callable[[str], int]) -> int:
    """As the cookbook's How_to_count_tokens_with_tiktoken counts the tools of a question to gpt-4o; top level only."""
    total = _END
    for tool in tools:
        function = tool["function"]
        total += _FUNCTION + count(f"{function['name']}:{function.get('description') or ''}")
        properties = (function.get("parameters") or {}).get("properties")
        if not isinstance(properties, Mapping) or not properties:
            continue
        total += _PROPERTY
        for name, one in properties.items():
            said = one if isinstance(one, Mapping) else {}
            kind, description = said.get("type") or "", said.get("description") or ""
            total += _PROPERTY + count(f"{name}:{kind}:{description}")
            if isinstance(values := said.get("enum"), list):
                total += sum(_PROPERTY + count(str(value)) for value in values)
    return total


def signatures(tools: Sequence[Mapping[str, Any]]) -> str:
    """The text of a row's tools; every word and number of their schemas is in it."""
    lines = ["", "# Tools", "", "## functions", "", "namespace functions {", ""]
    for tool in tools:
        function = tool["function"]
        parameters = function.get("parameters")
        beside = {key: value for key, value in tool.items() if key not in ("type", "function")}
        own = {key: value for key, value in function.items() if key not in ("name", "parameters")}
        lines += [*_comments(own), *_comments(beside)]
        if parameters:
            lines += [
                *_comments(parameters),
                f"type {function['name']} = (_: {_type(parameters)}) => any;",
            ]
        else:
            lines.append(f"type {function['name']} = () => any;")
        lines.append("")
    return "\n".join([*lines, "} // namespace functions"])


def _comments(schema: Mapping[str, Any]) -> Iterator[str]:
    """The description, and what a type cannot say: `// default: 3`."""
    description = schema.get("description")
    if isinstance(description, str):
        yield from (f"// {line}" for line in description.split("\n"))
    for key, value in schema.items():
        if key not in _SHAPES or not isinstance(value, _SHAPES[key]):
            yield f"// {key}: {_json(value)}"


def _type(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return _json(schema)
    parts = [
        " | ".join(map(_described, schema[key]))
        for key in ("anyOf", "oneOf")
        if isinstance(schema.get(key), list)
    ]
    if isinstance(schema.get("enum"), list):
        parts.append(" | ".join(map(_json, schema["enum"])))
    if "const" in schema:
        parts.append(_json(schema["const"]))
    if "items" in schema:
        parts.append(f"{_described(schema['items'])}[]")
    if isinstance(schema.get("properties"), Mapping):
        parts.append(_object(schema))
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    named = {"array"} if "items" in schema else {"object"} if "properties" in schema else set()
    said = [str(kind) for kind in kinds if kind not in named]
    if said and ("enum" not in schema or len(said) > 1):
        parts.append(" | ".join(_NAMES.get(kind, kind) for kind in said))
    return " | ".join(parts) or "any"


def _described(schema: Any) -> str:
    """A type inside of another one, with what is said about it in front."""
    if not isinstance(schema, Mapping):
        return _json(schema)
    return "\n".join([*_comments(schema), _type(schema)])


def _object(schema: Mapping[str, Any]) -> str:
    required = schema.get("required")
    wanted = required if isinstance(required, list) else []
    lines = ["{"]
    for name, one in schema["properties"].items():
        if isinstance(one, Mapping):
            lines += _comments(one)
        lines.append(f"{name}{'' if name in wanted else '?'}: {_type(one)},")
    return "\n".join([*lines, "}"])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
