"""`ftkit chat`: one question, or a conversation at a terminal."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

import ftkit
from ftkit.cli.options import Json
from ftkit.cli.terminal import note, out, plain, show
from ftkit.errors import DataError
from ftkit.models.mapping import usage_values


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("chat")(chat)


def chat(
    model: Annotated[str, typer.Argument(help="Saved file, job name, provider/id or folder.")],
    question: Annotated[str | None, typer.Argument(help="Left out: a conversation.")] = None,
    system: Annotated[str | None, typer.Option(help="System prompt (for untuned models).")] = None,
    max_tokens: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 512,
    temperature: Annotated[float | None, typer.Option(help="0, the default, is greedy.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Sample from this share of probability; else from all.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="For sampling.")] = None,
    json: Json = False,
) -> None:
    """Ask a model."""
    handle = ftkit.model(model)
    options: dict[str, Any] = {
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "seed": seed,
    }
    before = [{"role": "system", "content": system}] if system else []
    if question is None and not sys.stdin.isatty():
        question = sys.stdin.read().strip()
        if not question:
            raise DataError("there is no question: standard input was empty")
    if question is None:
        converse(handle, before, options)
        return
    messages = [*before, {"role": "user", "content": question}]
    if json:
        reply = handle.chat(messages, **options)
        value = {
            "schema_version": 1,
            "text": reply.text,
            "model": reply.model,
            "finish_reason": reply.finish_reason,
            "usage": usage_values(reply.usage),
            "cost_usd": None if reply.cost_usd is None else str(reply.cost_usd),
        }
        show("", value, True)
        return
    _print(handle, messages, options)


def converse(handle: Any, before: list[dict[str, str]], options: dict[str, Any]) -> None:
    """A conversation until an empty line, Ctrl-D or Ctrl-C."""
    note(f"{handle.id}; an empty line ends the conversation")
    messages = list(before)
    while True:
        try:
            question = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            note("")
            return
        if not question:
            return
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": _print(handle, messages, options)})


def _print(handle: Any, messages: list[dict[str, str]], options: dict[str, Any]) -> str:
    stream = handle.stream(messages, **options)
    for piece in stream:
        out.print(plain(piece), end="")
    out.print()
    if stream.reply.finish_reason != "stop":
        note(f"(ended by {stream.reply.finish_reason})")
    return str(stream.reply.text)
