"""Google's discovery documents in terms that a validator understands: methods by path, schemas as JSON Schema.

They lie in the wheel of google-api-python-client; nothing of that package is imported. A request's schema is looser than
an answer's where protobuf's JSON is (see MENDED in deviations.py), and stricter where a description says so.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DOCUMENTS = {
    "v1beta1": "aiplatform.v1beta1.json",
    "v1": "aiplatform.v1.json",
    "storage": "storage.v1.json",
}
DIGITS = r"^-?\d+$"
MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"
FORMATS: dict[str, dict[str, Any]] = {
    "int32": {"minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"minimum": 0, "maximum": 2**32 - 1},
    "int64": {"pattern": DIGITS},
    "uint64": {"pattern": r"^\d+$"},
    "google-datetime": {"pattern": MOMENT},
    "date-time": {"pattern": MOMENT},
    "google-duration": {"pattern": r"^-?\d+(\.\d{1,9})?s$"},
    "byte": {"pattern": r"^[A-Za-z0-9+/_-]*={0,2}$"},
}


def folder() -> Path | None:
    """Where the documents lie, None where the package is not installed."""
    spec = find_spec("googleapiclient")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "discovery_cache" / "documents"
    return path if all((path / name).is_file() for name in DOCUMENTS.values()) else None


@dataclass(frozen=True, slots=True)
class Method:
    """One way to call: `media` says "upload" or "download" where the body is an object's bytes."""

    id: str
    verb: str
    pattern: re.Pattern[str]
    parameters: dict[str, dict[str, Any]]
    request: str | None
    response: str | None
    media: str = ""


class Document:
    """One document: its methods, and its schemas for requests and for answers."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        self._schemas = document["schemas"]
        self._common = document["parameters"]
        self._base = f"/{document['servicePath']}"
        self._by_verb: dict[str, list[Method]] = defaultdict(list)
        for method in self._methods(document):
            self._by_verb[method.verb].append(method)

    def find(self, verb: str, path: str) -> Method | None:
        """The method of this request."""
        for method in self._by_verb[verb]:
            if method.pattern.fullmatch(path):
                return method
        return None

    @cache  # noqa: B019  there are three documents, and they live as long as the process
    def schema(self, name: str, *, asked: bool) -> dict[str, Any]:
        """A JSON Schema with all that it refers to; `asked` is the one for requests."""
        found: dict[str, Any] = {}
        self._gather(name, asked, found)
        return {"$ref": f"#/$defs/{name}", "$defs": found}

    def _methods(self, resource: dict[str, Any]) -> Iterator[Method]:
        for method in resource.get("methods", {}).values():
            yield from self._ways(method)
        for inner in resource.get("resources", {}).values():
            yield from self._methods(inner)

    def _ways(self, method: dict[str, Any]) -> Iterator[Method]:
        """The plain way, and those of media beside it."""
        plain = self._base + method.get("flatPath", method["path"])
        paths = {plain: ""}
        if method.get("supportsMediaDownload"):
            paths[f"/download{plain}"] = "download"
        for protocol in method.get("mediaUpload", {}).get("protocols", {}).values():
            paths[protocol["path"]] = "upload"
        for path, media in paths.items():
            yield Method(
                id=method["id"],
                verb=method["httpMethod"],
                pattern=_pattern(path),
                parameters={**self._common, **method.get("parameters", {})},
                request=method.get("request", {}).get("$ref"),
                response=method.get("response", {}).get("$ref"),
                media=media,
            )

    def _gather(self, name: str, asked: bool, found: dict[str, Any]) -> None:
        if name in found:
            return
        found[name] = {}  # schemas refer to themselves
        found[name] = self._converted(self._schemas[name], asked, found)

    def _converted(self, schema: dict[str, Any], asked: bool, found: dict[str, Any]) -> Any:
        if "$ref" in schema:
            self._gather(schema["$ref"], asked, found)
            return {"$ref": f"#/$defs/{schema['$ref']}"}
        kind = schema["type"]
        if kind == "any":
            return {}
        if kind == "array":
            return {"type": "array", "items": self._converted(schema["items"], asked, found)}
        if kind == "object":
            return self._object(schema, asked, found)
        converted: dict[str, Any] = {"type": kind, **FORMATS.get(schema.get("format", ""), {})}
        if asked and schema.get("format") in ("int64", "uint64"):
            converted["type"] = ["string", "integer"]
        if "enum" in schema:
            converted["enum"] = schema["enum"]
        return converted

    def _object(self, schema: dict[str, Any], asked: bool, found: dict[str, Any]) -> Any:
        if "additionalProperties" in schema:
            inner = self._converted(schema["additionalProperties"], asked, found)
            return {"type": "object", "additionalProperties": inner}
        properties, needed = {}, []
        for name, inner in schema.get("properties", {}).items():
            if asked and inner.get("readOnly"):
                continue
            converted = self._converted(inner, asked, found)
            properties[name] = converted
            own = snake(name)
            if asked and own != name:
                properties[own] = converted
            if asked and inner.get("description", "").startswith("Required."):
                needed.append(name)
        closed: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if needed:
            closed["allOf"] = [
                {"anyOf": [{"required": [name]}, {"required": [snake(name)]}]} for name in needed
            ]
        return closed


def snake(name: str) -> str:
    """A field's own name: "checkpointId" is checkpoint_id."""
    return re.sub(r"(?<!^)([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _pattern(path: str) -> re.Pattern[str]:
    """A path as a pattern; an object's name may hold slashes."""
    parts = re.split(r"(\{\+?[A-Za-z]+\})", path)
    texts = [
        re.escape(part)
        if not part.startswith("{")
        else ".+"
        if part in ("{object}", "{+name}")
        else "[^/]+?"
        for part in parts
    ]
    return re.compile("".join(texts))
