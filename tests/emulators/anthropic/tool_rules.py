"""What tools must be beyond their types: names, schemas, and a choice that there is."""

from __future__ import annotations

import re
from typing import Any

from . import message_rules
from .models import Model
from .refusals import invalid
from .schemas import refuse_unless_closed

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
FORCED = ("any", "tool")
MOST_STRICT = 20


def check(body: dict[str, Any], model: Model) -> None:
    """Refuse tools that the service would not take."""
    tools = body.get("tools") or []
    names = []
    for at, tool in enumerate(tools):
        names.append(tool.get("name"))
        if tool.get("type") not in (None, "custom"):
            raise invalid(f"tools.{at}: the emulator has no server tools ({tool['type']})")
        if not NAME.fullmatch(tool["name"]):
            raise invalid(
                f"tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )
        if tool["input_schema"].get("type") != "object":
            raise invalid(f"tools.{at}.custom.input_schema.type: Input should be 'object'")
        if tool.get("strict"):
            refuse_unless_closed(tool["input_schema"], f"tools.{at}.custom.input_schema")
    if len(set(names)) != len(names):
        raise invalid("tools: Tool names must be unique.")
    if sum(bool(tool.get("strict")) for tool in tools) > MOST_STRICT:
        raise invalid(f"tools: at most {MOST_STRICT} tools may be strict")
    if not tools and message_rules.calls(body["messages"]):
        raise invalid("Requests which include `tool_use` or `tool_result` blocks must define tools")
    _choice(body, model, names)


def _choice(body: dict[str, Any], model: Model, names: list[Any]) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not names:
        raise invalid("tool_choice may only be specified while providing tools.")
    if choice["type"] not in FORCED:
        return
    if not model.forced_tools:
        raise invalid('tool_choice: type "tool" and "any" are not supported for this model.')
    if (body.get("thinking") or {}).get("type") == "enabled":
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    if choice["type"] == "tool" and choice["name"] not in names:
        raise invalid(f"tool_choice.tool.name: Tool '{choice['name']}' not found in provided tools")
