"""What each model takes: thinking, effort, sampling, prefill, system turns, how much may be read and written.

The current models think unless told, cannot be forced to a tool (Haiku apart), take no sampling and no prefill.
"""

from __future__ import annotations

from typing import Any

from . import message_rules
from .models import Model
from .refusals import invalid
from .sdk_types import SAMPLING

LEAST_BUDGET = 1024
DEFAULTS = {"temperature": 1, "top_p": 0.99}
WITHOUT_THINKING = ("low", "medium", "high")  # efforts at which "disabled" is taken


def thinks(body: dict[str, Any], model: Model) -> bool:
    """True where an answer begins with a block of thinking."""
    kind = (body.get("thinking") or {}).get("type") or model.thinking[0]
    choice = (body.get("tool_choice") or {}).get("type")
    if kind not in ("adaptive", "enabled") or choice in ("any", "tool"):
        return False
    return kind == "enabled" or effort(body, model) != "low"


def effort(body: dict[str, Any], model: Model) -> str:
    """How much effort a request asks for."""
    return (body.get("output_config") or {}).get("effort") or model.effort


def check(body: dict[str, Any], model: Model) -> None:
    """Refuse what this model does not take."""
    _thinking(body, model)
    _effort(body, model)
    _sampling(body, model)
    _last_turn(body, model)
    _system_turns(body["messages"], model)


def check_output(body: dict[str, Any], model: Model, *, batch: bool) -> None:
    """Refuse a max_tokens that cannot be."""
    most = body["max_tokens"]
    if most > model.most_output:
        raise invalid(
            f"max_tokens: {most} > {model.most_output}, which is the maximum allowed number of "
            f"output tokens for {body['model']}"
        )
    if most < 0:
        raise invalid("max_tokens: Input should be greater than or equal to 0")
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    enabled = (body.get("thinking") or {}).get("type") == "enabled"
    formatted = (body.get("output_config") or {}).get("format")
    if most == 0 and (body.get("stream") or enabled or formatted or forced or batch):
        raise invalid(
            "max_tokens: 0 cannot be combined with stream, thinking, a format, a forced tool or a "
            "batch"
        )


def _thinking(body: dict[str, Any], model: Model) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking["type"]
    if kind not in model.thinking:
        if kind == "adaptive":
            raise invalid("adaptive thinking is not supported on this model")
        text = (
            f'"thinking.type.{kind}" is not supported for this model. Use "thinking.type.adaptive" '
            'and "output_config.effort" to control thinking behavior.'
        )
        if kind == "disabled" and "between_tools" in model.thinking:
            text += (
                ' To turn thinking off on this model, send "thinking": {"type": "between_tools"}.'
            )
        raise invalid(text)
    if kind == "disabled" and model.efforts and effort(body, model) not in WITHOUT_THINKING:
        raise invalid(f"thinking.type: disabled is not supported at effort '{effort(body, model)}'")
    if kind == "enabled":
        if thinking["budget_tokens"] < LEAST_BUDGET:
            raise invalid(
                "thinking.enabled.budget_tokens: Input should be greater than or equal to "
                f"{LEAST_BUDGET}"
            )
        if thinking["budget_tokens"] >= body.get("max_tokens", thinking["budget_tokens"] + 1):
            raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _effort(body: dict[str, Any], model: Model) -> None:
    asked = (body.get("output_config") or {}).get("effort")
    if asked and not model.efforts:
        raise invalid("This model does not support the effort parameter.")


def _sampling(body: dict[str, Any], model: Model) -> None:
    """Only the version before 2026-10-21 comes here with any of them."""
    given = {name: body[name] for name in SAMPLING if body.get(name) is not None}
    if not given:
        return
    if "temperature" in given and "top_p" in given:
        raise invalid(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only "
            "one."
        )
    for name, value in given.items():
        if not model.free_sampling and value != DEFAULTS.get(name):
            raise invalid(f"`{name}` is deprecated for this model.")
        if name != "top_k" and not 0 <= value <= 1:
            raise invalid(f"{name}: range: 0..1")


def _last_turn(body: dict[str, Any], model: Model) -> None:
    last = body["messages"][-1]
    if last["role"] != "assistant" or message_rules.ends_in_server_tools(last):
        return
    if not model.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    if (body.get("thinking") or {}).get("type") == "enabled":
        raise invalid("messages: prefill is not supported while thinking is enabled")
    if (body.get("output_config") or {}).get("format"):
        raise invalid("messages: prefill is not supported with output_config.format")


def _system_turns(messages: list[dict[str, Any]], model: Model) -> None:
    for at, message in enumerate(messages):
        if message["role"] != "system":
            continue
        if not model.midway_system:
            raise invalid(f"messages.{at}: role 'system' is not supported on this model")
        if at == 0:
            raise invalid("messages.0: role 'system' cannot be first; use the `system` parameter")
        if messages[at - 1]["role"] != "user":
            raise invalid(f"messages.{at}: role 'system' must follow a `user` message")
        if at + 1 < len(messages) and messages[at + 1]["role"] != "assistant":
            raise invalid(f"messages.{at}: role 'system' must be last or before `assistant`")
