"""The provider's published contract as a judge of every request and every answer; openapi-core does the judging.

The file is not part of this repository: FTKIT_CONTRACTS names its folder, which is else looked for beside the
repository. Where it is absent nothing is judged, and the emulator says so. Same bytes are judged once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_schema_validator import OAS31Validator
from werkzeug.datastructures import Headers, ImmutableMultiDict

from ..serving.exchange import JSON, Call, FormFile, Reply

NAME = "openai.openapi.json"
HOST = "https://api.openai.com"
REMEMBERED = 4096


def contract_file() -> Path | None:
    """Where the contract lies, None where it is not at hand."""
    folder = os.environ.get("FTKIT_CONTRACTS")
    beside = Path(__file__).resolve().parents[4] / "shared" / "contracts"
    path = (Path(folder) if folder else beside) / NAME
    return path if path.is_file() else None


@dataclass(slots=True)
class _Request:
    """A request in openapi-core's terms."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass(slots=True)
class _Response:
    """An answer in openapi-core's terms."""

    data: bytes
    status_code: int
    content_type: str
    headers: dict[str, str]


class Contract:
    """Judges by one contract file; each verdict is None or what is wrong."""

    def __init__(self, path: Path, differ: Callable[[Any], None] | None = None) -> None:
        """`differ` changes the document into that of a provider of the same shape."""
        document = json.loads(path.read_text(encoding="utf-8"))
        if differ is not None:
            differ(document)
        base = document["servers"][0]["url"].removeprefix(HOST)
        self._routes = [
            (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", f"{base}{template}")))
            for template, operations in document["paths"].items()
            for method in operations
        ]
        self._multipart: list[tuple[str, re.Pattern[str]]] = []
        _mend(document, base, self._multipart)
        self._openapi = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))
        self._components = document["components"]
        self._schemas: dict[str, Any] = {}
        self._verdicts: dict[bytes, str | None] = {}

    def has(self, method: str, path: str) -> bool:
        """True where it describes this route."""
        return _among(self._routes, method, path)

    def request(self, call: Call) -> str | None:
        """What is wrong with a request."""
        body, kind = call.body, call.headers.get("content-type", "").partition(";")[0]
        if _among(self._multipart, call.method, call.path):
            if kind != "multipart/form-data" or call.form is None:
                return f"the body is {kind or 'empty'}, not multipart/form-data"
            body, kind = json.dumps(_plain(call.form)).encode(), JSON
        query = repr(call.query).encode()
        key = _digest(b"request", call.method.encode(), call.path.encode(), query, body)
        return self._once(
            key, lambda: self._openapi.validate_request(_request(call, body or None, kind))
        )

    def reply(self, call: Call, reply: Reply) -> str | None:
        """What is wrong with an answer: by the route's own schema, an error by that of errors."""
        data = reply.data if reply.judged is None else reply.judged
        if reply.status >= 400:
            return self.schema("ErrorResponse", data)
        if reply.streamed is not None:
            wrong = (self.schema("CreateChatCompletionStreamResponse", x) for x in reply.streamed)
            return next((one for one in wrong if one is not None), None)
        content = json.dumps(data).encode()
        key = _digest(b"reply", call.method.encode(), call.path.encode(), content)
        answer = _Response(content, reply.status, reply.media_type, {})
        request = _request(call, None, JSON)
        return self._once(key, lambda: self._openapi.validate_response(request, answer))

    def schema(self, name: str, data: Any) -> str | None:
        """What is wrong with data of a named schema."""
        if name not in self._schemas:
            self._schemas[name] = OAS31Validator(
                {"$ref": f"#/components/schemas/{name}", "components": self._components}
            )
        for error in self._schemas[name].iter_errors(data):
            return f"{name}{error.json_path[1:]}: {error.message[:300]}"
        return None

    def _once(self, key: bytes, judge: Callable[[], None]) -> str | None:
        if key not in self._verdicts:
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            try:
                judge()
                self._verdicts[key] = None
            except OpenAPIError as error:
                self._verdicts[key] = _said(error)
        return self._verdicts[key]


def _among(routes: Sequence[tuple[str, re.Pattern[str]]], method: str, path: str) -> bool:
    return any(known == method and pattern.fullmatch(path) for known, pattern in routes)


def _mend(document: Any, base: str, multipart: list[tuple[str, re.Pattern[str]]]) -> None:
    """Change what `MENDED` in deviations.py says; routes with a multipart body go to `multipart`."""
    _drop_discriminators(document)
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                kind = parameter["schema"].get("type")
                if isinstance(kind, list):
                    parameter["schema"]["type"] = next(one for one in kind if one != "null")
            content = operation.get("requestBody", {}).get("content", {})
            if "multipart/form-data" in content:
                content[JSON] = content["multipart/form-data"]
                pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", f"{base}{template}"))
                multipart.append((method.upper(), pattern))


def _drop_discriminators(node: Any) -> None:
    """Drop those without a mapping; the `oneOf` beside each still says what is allowed."""
    if isinstance(node, dict):
        if "mapping" not in node.get("discriminator", {"mapping": {}}):
            del node["discriminator"]
        for inner in node.values():
            _drop_discriminators(inner)
    elif isinstance(node, list):
        for inner in node:
            _drop_discriminators(inner)


def _plain(form: Any) -> dict[str, Any]:
    """A form as an object; `a[b]` is nested, and digits below a bracket are a number."""
    found: dict[str, Any] = {}
    for name, value in form.items():
        text = value.filename if isinstance(value, FormFile) else value
        outer, _, inner = name.partition("[")
        if inner:
            found.setdefault(outer, {})[inner.removesuffix("]")] = (
                int(text) if text.isdigit() else text
            )
        else:
            found[name] = text
    return found


def _request(call: Call, body: bytes | None, kind: str) -> _Request:
    parameters = RequestParameters(
        query=ImmutableMultiDict(call.query),
        header=Headers(list(call.headers.items())),
        cookie=ImmutableMultiDict(),
    )
    return _Request(HOST, call.path, call.method.lower(), parameters, kind, body)


def _said(error: BaseException) -> str:
    """An error with its causes: the first says where, the last says what."""
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        inner = getattr(cause, "schema_errors", None)
        if inner:
            texts += [f"{one.json_path}: {one.message[:300]}" for one in inner]
        else:
            texts.append(str(cause)[:300])
        cause = cause.__cause__
    return " <- ".join(texts)


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()
