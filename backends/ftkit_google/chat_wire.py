"""Between a question and Gemini's generateContent: pure functions, the same for answers whole, streamed and async.

Thinking is off, or as little as the model can: a tuned model was never shown any, thoughts are billed as output, and JSON
asked for beside them comes out worse. The SDK would go on asking by itself where an answer is cut; that is turned off.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from typing import Any

from ftkit.backend import Answer, Call, ModelRecord, Usage
from ftkit.data.example import Image, Message, ToolCall
from ftkit.errors import CapabilityError, ProviderError
from ftkit.http.replies import inner, items, optional_text, optional_whole, text
from ftkit_google.client import Question
from ftkit_google.names import parsed
from ftkit_google.sdk import types

_FINISH = {"STOP": "stop", "MAX_TOKENS": "length"}
# a call that no thought led to bears this instead of a signature
_NO_SIGNATURE = "skip_thought_signature_validator"


class ChatWire:
    """The wire of one instance; plain bases are asked at `answers_in`."""

    WHAT = "POST generateContent"

    def __init__(self, answers_in: str) -> None:
        self._answers_in = answers_in

    def body(self, record: ModelRecord, call: Call) -> dict[str, Any]:
        """The model, the location that it answers at, and the request. `extra` goes over the request; None takes out."""
        at = parsed(record.native)
        request = _without_none(_merged(_request(record, call), call.extra))
        location = self._answers_in if at is None else at.location
        return {"model": record.native, "location": location, "request": request}

    def whole_call(self, asked: Mapping[str, Any], timeout_s: float) -> Question:
        """The SDK's call for a whole answer."""
        return Question(
            asked["location"],
            lambda sdk: sdk.models.generate_content(**_given(asked, timeout_s, whole=True)),
        )

    def stream_call(self, asked: Mapping[str, Any], timeout_s: float) -> Question:
        """The SDK's call for an answer in pieces."""
        return Question(
            asked["location"],
            lambda sdk: sdk.models.generate_content_stream(**_given(asked, timeout_s)),
        )

    def count_call(self, asked: Mapping[str, Any]) -> Question:
        """The SDK's call that counts the tokens of a question."""

        def call(sdk: Any) -> Any:
            kinds = types()
            options = kinds.HttpOptions(extra_body=dict(asked["request"]))
            config = kinds.CountTokensConfig(http_options=options)
            return sdk.models.count_tokens(model=asked["model"], contents=".", config=config)

        return Question(asked["location"], call)

    def answer(self, reply: Mapping[str, Any]) -> Answer:
        """A whole answer; its first candidate."""
        pieces = Pieces()
        pieces.take(reply)
        return pieces.answer()

    def Pieces(self) -> Pieces:
        """What collects an answer."""
        return Pieces()


def _given(asked: Mapping[str, Any], timeout_s: float, *, whole: bool = False) -> dict[str, Any]:
    """The request goes as it is: the SDK's own types would respell parts of it."""
    kinds = types()
    options = kinds.HttpOptions(timeout=int(timeout_s * 1000), extra_body=dict(asked["request"]))
    config = kinds.GenerateContentConfig(
        http_options=options,
        automatic_function_calling=kinds.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,  # each would be a paid call that nobody asked for
        should_return_http_response=True if whole else None,
    )
    return {"model": asked["model"], "contents": ".", "config": config}


def _request(record: ModelRecord, call: Call) -> dict[str, Any]:
    system = [one.content for one in call.messages if one.role == "system"]
    json_mode = call.schema is not None
    tools = [_declared(tool) for tool in call.tools]
    return {
        "contents": contents(call.messages, record.base),
        "systemInstruction": {"parts": [{"text": one} for one in system]} if system else None,
        "tools": [{"functionDeclarations": tools}] if tools else None,
        "generationConfig": {
            "maxOutputTokens": call.max_tokens,
            "temperature": call.temperature,
            "topP": call.top_p,
            "stopSequences": list(call.stop) or None,
            "seed": call.seed,
            "responseMimeType": "application/json" if json_mode else None,
            "responseJsonSchema": dict(call.schema) if call.schema is not None else None,
            "thinkingConfig": least_thinking(record.base),
        },
    }


def least_thinking(base: str) -> dict[str, Any]:
    """Gemini 2.5 has a budget, which only pro cannot set to 0; later ones have levels."""
    if base.startswith("gemini-2.5-pro"):
        return {"thinkingBudget": 128}
    if base.startswith("gemini-2"):
        return {"thinkingBudget": 0}
    return {"thinkingLevel": "MINIMAL"}


def contents(messages: tuple[Message, ...], base: str) -> list[dict[str, Any]]:
    """Turns as Gemini has them: two roles, results of calls among the user's; a name of a speaker has no place."""
    names: dict[str, str] = {}  # of the calls so far: an id may come again later
    made: list[dict[str, Any]] = []
    for number, message in enumerate(messages, start=1):
        if message.role == "system":
            continue
        if message.name is not None:
            raise CapabilityError(
                f"message {number} has the name of a speaker, which Gemini's turns have no place for"
            )
        names |= {call.id: call.name for call in message.tool_calls}
        role = "model" if message.role == "assistant" else "user"
        parts = _parts(message, names, number, base)
        if made and made[-1]["role"] == role:
            made[-1]["parts"] += parts
        else:
            made.append({"role": role, "parts": parts})
    return made


def _parts(
    message: Message, names: Mapping[str, str], number: int, base: str
) -> list[dict[str, Any]]:
    if message.role == "tool":
        called = message.tool_call_id or ""
        if called not in names:
            raise CapabilityError(
                f"message {number} answers the call {called!r}, and no message before it makes that call"
            )
        answered = {"id": called, "name": names[called], "response": _result(message.content)}
        return [{"functionResponse": answered}]
    parts: list[dict[str, Any]] = [_part(one, number) for one in message.parts]
    if not parts and (message.content or not message.tool_calls):
        parts = [{"text": message.content}]
    for place, call in enumerate(message.tool_calls):
        function = {"id": call.id, "name": call.name, "args": _arguments(call, number)}
        signed = {} if place or base.startswith("gemini-2") else {"thoughtSignature": _NO_SIGNATURE}
        parts.append({"functionCall": function, **signed})
    return parts


def _part(part: str | Image, number: int) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    head, comma, data = part.url.partition(";base64,")
    if head.startswith("data:") and comma:
        made: dict[str, Any] = {"inlineData": {"mimeType": head[5:], "data": data}}
    else:
        kind, _ = mimetypes.guess_type(part.url.partition("?")[0])
        if kind is None or not kind.startswith("image/"):
            raise CapabilityError(
                f"message {number} has an image whose kind Google must be told, and its address does not say it: give it as "
                "a data URL"
            )
        made = {"fileData": {"mimeType": kind, "fileUri": part.url}}
    if part.detail in ("low", "high"):
        made["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{part.detail.upper()}"}
    return made


def _arguments(call: ToolCall, number: int) -> dict[str, Any]:
    try:
        held = json.loads(call.arguments or "{}")
    except ValueError:
        held = None
    if not isinstance(held, dict):
        raise CapabilityError(
            f"message {number} calls {call.name} with arguments that are no JSON object"
        )
    return held


def _result(said: str) -> dict[str, Any]:
    try:
        held = json.loads(said)
    except ValueError:
        held = None
    return held if isinstance(held, dict) else {"output": said}


def _declared(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(tool.get("function") or {})
    schema = function.pop("parameters", None)
    known = {name: function[name] for name in ("name", "description") if function.get(name)}
    return known | ({} if schema is None else {"parametersJsonSchema": schema})


def _merged(made: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Objects are laid over each other field by field."""
    for name, value in over.items():
        held = made.get(name)
        if isinstance(value, Mapping) and isinstance(held, dict):
            made[name] = _merged(dict(held), value)
        else:
            made[name] = value
    return made


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    config = value.get("generationConfig")
    if isinstance(config, dict):
        value["generationConfig"] = {k: one for k, one in config.items() if one is not None}
    return {name: one for name, one in value.items() if one is not None}


class Pieces:
    """An answer that arrives in pieces, or in one. `take` gives the text of a piece."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._finish: str | None = None
        self._usage: Usage | None = None
        self._raw: dict[str, Any] = {}
        self._calls: list[ToolCall] = []

    def take(self, piece: Mapping[str, Any], /) -> str:
        """The new text of a piece, "" where it brings none; thoughts are none of it."""
        self._raw |= {
            n: piece[n] for n in ("responseId", "modelVersion", "createTime") if n in piece
        }
        if piece.get("usageMetadata") is not None:
            self._usage = usage(piece)
        blocked = piece.get("promptFeedback")
        if isinstance(blocked, dict) and blocked.get("blockReason") is not None:
            self._finish = text(blocked, "blockReason").lower()
        candidates = items(piece, "candidates") if piece.get("candidates") is not None else []
        if not candidates:
            return ""
        said = optional_text(candidates[0], "finishReason")
        self._finish = _FINISH.get(said, said.lower()) if said else self._finish
        content = candidates[0].get("content")
        if content is None:
            return ""
        found = inner(candidates[0], "content")
        new = ""
        for part in items(found, "parts") if found.get("parts") is not None else []:
            if part.get("functionCall") is not None:
                self._take_call(inner(part, "functionCall"))
            if part.get("thought") is not True:
                new += optional_text(part, "text") or ""
        self._text.append(new)
        return new

    def _take_call(self, call: Mapping[str, Any]) -> None:
        args = {} if call.get("args") is None else inner(call, "args")
        # Google may give none, and one that comes twice in a conversation is no name for a call
        id = (
            optional_text(call, "id")
            or f"call-{self._raw.get('responseId', '')}-{len(self._calls) + 1}"
        )
        arguments = json.dumps(args, ensure_ascii=False)
        self._calls.append(ToolCall(id, text(call, "name"), arguments))

    def answer(self) -> Answer:
        """The whole; raises ProviderError where it ended before its end."""
        if self._finish is None or self._usage is None:
            missing = "its end" if self._finish is None else "its count of tokens"
            raise ProviderError(
                f"Google's answer broke off before {missing}; what came is not whole"
            )
        finish = "tool_calls" if self._calls and self._finish == "stop" else self._finish
        said = "".join(self._text)
        return Answer(said, finish, self._usage, self._raw, tuple(self._calls))


def usage(reply: Mapping[str, Any]) -> Usage:
    """Tokens as Google has counted them: thoughts are billed as output, and what tools have brought as input."""
    counted = inner(reply, "usageMetadata")
    read = optional_whole(counted, "promptTokenCount")
    if read is None:
        raise ProviderError("the provider's reply has no 'promptTokenCount'")
    read += optional_whole(counted, "toolUsePromptTokenCount") or 0
    written = optional_whole(counted, "candidatesTokenCount") or 0
    written += optional_whole(counted, "thoughtsTokenCount") or 0
    cached = optional_whole(counted, "cachedContentTokenCount") or 0
    return Usage(read, written, cached_input_tokens=min(cached, read))
