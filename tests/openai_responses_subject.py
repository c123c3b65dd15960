"""The OpenAI backend whose models answer through responses, as the conformance suite takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ftkit.testing.conformance import Subject
from tests import openai_subject


@contextmanager
def subject() -> Iterator[Subject]:
    """The usual subject with the other API."""
    with openai_subject.subject() as usual:
        yield replace(usual, section={**usual.section, "api": "responses"})
