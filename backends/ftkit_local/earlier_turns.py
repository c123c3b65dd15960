"""What a template does to an answer once its turn is over, found by asking it.

"kept": a conversation is one sequence. "rewritten" (reasoning goes, another token ends the turn): each of its answers is a
sequence of its own, behind the ids that it is asked with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from ftkit.data.example import Message
from ftkit.data.tokens import Rendered
from ftkit.errors import DataError

EarlierTurns = Literal["kept", "rewritten"]
_ASK = Message("user", "y")
_ANSWERS = ("y", "<think>\ny\n</think>\n\ny")


def earlier_turns(render: Callable[[Sequence[Message]], tuple[Rendered, ...]]) -> EarlierTurns:
    """The policy of the renderer whose `render` this is: it holds for plain answers and for answers that reason first."""
    for text in _ANSWERS:
        answer = Message("assistant", text)
        try:
            if len(render((_ASK, answer, _ASK, answer))) > 1:
                return "rewritten"
        except DataError:
            continue  # a row like this is refused, and so needs no policy
    return "kept"
