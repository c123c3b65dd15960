"""The discovery documents as a judge of every request and every answer. The same bytes are judged once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ..serving.exchange import JSON, Call, Reply
from .discovery import DOCUMENTS, Document, Method

REMEMBERED = 4096
# Beside what a method's own parameters are: the upload protocol's, and the kind of an answer.
PROTOCOL = {"uploadType", "upload_id", "alt"}
# Fields without which an answer says nothing. The documents mark no field of an answer as required.
ALWAYS = {
    "TuningJob": ("name", "state", "createTime", "updateTime"),
    "BatchPredictionJob": ("name", "state", "createTime", "displayName"),
    "TunedModel": ("model", "endpoint"),
    "Model": ("name", "displayName"),
    "Endpoint": ("name", "displayName"),
    "CountTokensResponse": ("totalTokens",),
    "GenerateContentResponse": ("modelVersion", "responseId"),
    "Object": ("name", "bucket", "generation", "size", "md5Hash", "crc32c", "timeCreated"),
    "Bucket": ("name", "location", "projectNumber"),
}
PREFIX = re.compile(r"^GoogleCloudAiplatformV1(beta1)?")
ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "integer", "minimum": 400, "maximum": 599},
                "message": {"type": "string"},
                "status": {"type": "string", "pattern": "^[A-Z_]+$"},
                "details": {
                    "type": "array",
                    "items": {"type": "object", "required": ["@type"]},
                },
                "errors": {
                    "type": "array",
                    "items": {"type": "object", "required": ["message", "domain", "reason"]},
                },
            },
            "anyOf": [{"required": ["status"]}, {"required": ["errors"]}],
        }
    },
}


class Contract:
    """Judges by the documents of a folder; each verdict is None or what is wrong."""

    def __init__(self, folder: Path) -> None:
        self._documents = {name: Document(folder / file) for name, file in DOCUMENTS.items()}
        self._validators: dict[tuple[str, str, bool], Draft202012Validator] = {}
        self._verdicts: dict[bytes, str | None] = {}
        self._error = Draft202012Validator(ERROR)

    def request(self, call: Call, path: str) -> str | None:
        """What is wrong with a request; `path` is as Google would see it."""
        document, method = self._method(call, path)
        if method is None:
            return f"there is no method {call.method} {path}"
        return _query_fault(call, method) or self._body_fault(call, document, method)

    def reply(self, call: Call, path: str, reply: Reply) -> str | None:
        """What is wrong with an answer."""
        data = reply.data if reply.judged is None else reply.judged
        if reply.status >= 400:
            return self._once(b"error", data, lambda: _wrong(self._error, data))
        document, method = self._method(call, path)
        if method is None or method.response is None or reply.body is not None:
            return None
        pieces = reply.streamed if reply.streamed is not None else data
        for one in pieces if isinstance(pieces, list) else [pieces]:
            if wrong := self.schema(document, method.response, one, asked=False):
                return wrong
        return None

    def schema(self, document: str, name: str, data: Any, *, asked: bool) -> str | None:
        """What is wrong with data of a named schema."""

        def judge() -> str | None:
            found = _wrong(self._validator(document, name, asked), data)
            return found if found is None else f"{PREFIX.sub('', name)}{found}"

        return self._once(f"{document} {name} {asked}".encode(), data, judge)

    def has(self, call: Call, path: str) -> bool:
        """True where there is such a method."""
        return self._method(call, path)[1] is not None

    def _method(self, call: Call, path: str) -> tuple[str, Method | None]:
        first = path.split("/")[1]
        name = first if first in DOCUMENTS else "storage"
        return name, self._documents[name].find(call.method, path)

    def _body_fault(self, call: Call, document: str, method: Method) -> str | None:
        kind = call.headers.get("content-type", "").partition(";")[0]
        content = call.body
        if method.media == "upload":
            if kind == "multipart/related":
                content = first_part(call.body)
            elif call.argument("uploadType") == "media":
                return None
        if method.request is None:
            return f"{method.id} has no body" if content else None
        if not content:
            content = b"{}"
        elif kind not in (JSON, "multipart/related"):
            return f"the body is {kind or 'of no kind'}, not {JSON}"
        try:
            data = json.loads(content)
        except ValueError:
            return "the body is not JSON"
        return self.schema(document, method.request, data, asked=True)

    def _validator(self, document: str, name: str, asked: bool) -> Draft202012Validator:
        key = (document, name, asked)
        if key not in self._validators:
            schema = self._documents[document].schema(name, asked=asked)
            if not asked:
                for full, inner in schema["$defs"].items():
                    if full.startswith("Google") or document == "storage":
                        inner["required"] = list(ALWAYS.get(PREFIX.sub("", full), ()))
            self._validators[key] = Draft202012Validator(schema)
        return self._validators[key]

    def _once(self, about: bytes, data: Any, judge: Callable[[], str | None]) -> str | None:
        content = json.dumps(data).encode()
        key = hashlib.blake2b(about + b"\0" + content, digest_size=16).digest()
        if key not in self._verdicts:
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            self._verdicts[key] = judge()
        return self._verdicts[key]


def first_part(body: bytes) -> bytes:
    """The JSON of a multipart/related body: its first part."""
    _, _, rest = body.partition(b"\r\n\r\n")
    return rest.partition(b"\r\n--")[0]


def _query_fault(call: Call, method: Method) -> str | None:
    for name, text in call.query:
        known = method.parameters.get(name)
        if known is None or known.get("location") == "path":
            if name in PROTOCOL:
                continue
            return f"{method.id} has no query parameter {name!r}"
        if known.get("enum") and text not in known["enum"] and name != "alt":
            return f"{name} is one of {known['enum']}, not {text!r}"
        if known.get("type") == "boolean" and text not in ("true", "false"):
            return f"{name} is true or false, not {text!r}"
        whole = known.get("type") == "integer" or known.get("format") in ("int64", "uint64")
        if whole and not re.fullmatch(r"-?\d+", text):
            return f"{name} is a whole number, not {text!r}"
    return None


def _wrong(validator: Draft202012Validator, data: Any) -> str | None:
    error: ValidationError | None = next(iter(validator.iter_errors(data)), None)
    if error is None:
        return None
    if error.context and all(one.validator == "required" for one in error.context):
        error = error.context[0]  # missing by either of its names
    return f"{error.json_path[1:]}: {error.message[:300]}"
