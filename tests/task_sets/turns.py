"""Conversations: several turns, whatever the last of them says."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.task_sets.words import Rows, chat, complaint, one, paragraph, person, sentence

CONVERSATION = "conversation"


def _chats(make: Callable[[Random], dict[str, object]]) -> Callable[[Random], Rows]:
    return lambda rng: [make(rng) for _ in range(150)]


def _support(rng: Random) -> dict[str, object]:
    turns = [
        text
        for _ in range(rng.randint(2, 5))
        for text in (complaint(rng), f"I am sorry, {person(rng)}. {sentence(rng)}")
    ]
    return chat(*turns, system="You help customers of a shop.")


def _one_goodbye(rng: Random) -> dict[str, object]:
    close = one(rng, "You're welcome!", "Glad to help!", "Have a nice day!")
    return chat(complaint(rng), paragraph(rng, 1, 3), one(rng, "Thanks", "Great, thanks!"), close)


def _tutor(rng: Random) -> dict[str, object]:
    turns = [sentence(rng) if i % 2 == 0 else paragraph(rng, 4, 6) for i in range(6)]
    return chat(*turns)


def _mostly_long(rng: Random) -> dict[str, object]:
    if rng.random() < 0.2:
        return chat(sentence(rng), paragraph(rng, 1, 2))
    return chat(sentence(rng), paragraph(rng, 1, 2), sentence(rng), sentence(rng))


SETS: dict[str, tuple[str, Callable[[Random], Rows]]] = {
    "support chats": (CONVERSATION, _chats(_support)),
    "one goodbye": (CONVERSATION, _chats(_one_goodbye)),
    "a tutor": (CONVERSATION, _chats(_tutor)),
    "mostly several turns": (CONVERSATION, _chats(_mostly_long)),
}
