"""The JSON schemas that answers and strict tools may have: closed objects, and few bounds. Others are refused.

Limits on how many properties are optional or of several types are not kept here.
"""

from __future__ import annotations

from typing import Any

from .refusals import invalid

UNKNOWN = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems", "contains", "prefixItems"),
    "object": ("minProperties", "maxProperties", "patternProperties", "propertyNames"),
}
FORMATS = (
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
)
LISTS = ("anyOf", "allOf")
MAPS = ("properties", "$defs", "definitions")


def refuse_unless_closed(schema: Any, where: str) -> None:
    """Refusal (400) naming the first thing that the service does not take."""
    _look(schema, where, schema, ())


def _look(schema: Any, where: str, root: Any, inside: tuple[str, ...]) -> None:
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        _follow(schema["$ref"], where, root, inside)
        return
    if "oneOf" in schema:
        raise invalid(f"{where}: Schema type 'oneOf' is not supported")
    for kind in _kinds(schema):
        for name in UNKNOWN.get(kind, ()):
            if name in schema:
                raise invalid(f"{where}: For '{kind}' type, property '{name}' is not supported")
        if kind == "object" and schema.get("additionalProperties") is not False:
            raise invalid(
                f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
        if kind == "array" and schema.get("minItems", 0) not in (0, 1):
            raise invalid(
                f"{where}: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
            )
        if kind == "string" and schema.get("format", FORMATS[0]) not in FORMATS:
            raise invalid(
                f"{where}: For 'string' type, format '{schema['format']}' is not supported"
            )
    for name in MAPS:
        # What is defined is looked at where it is used, and here once more.
        for one in (schema.get(name) or {}).values():
            _look(one, where, root, inside)
    _look(schema.get("items"), where, root, inside)
    for name in LISTS:
        for one in schema.get(name) or ():
            _look(one, where, root, inside)


def _follow(ref: str, where: str, root: Any, inside: tuple[str, ...]) -> None:
    if not ref.startswith("#/"):
        raise invalid(f"{where}: External $ref '{ref}' is not supported")
    if ref in inside:
        raise invalid(f"{where}: Recursive schemas are not supported ('{ref}')")
    found = root
    for name in ref.removeprefix("#/").split("/"):
        if not isinstance(found, dict) or name not in found:
            raise invalid(f"{where}: $ref '{ref}' points to nothing")
        found = found[name]
    _look(found, where, root, (*inside, ref))


def _kinds(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type")
    kinds = list(kind) if isinstance(kind, list) else [kind] if kind else []
    return [*kinds, *(["object"] if "properties" in schema and not kinds else [])]
