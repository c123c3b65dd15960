"""Processor and memory from the system, and the devices that backends compute on from them: the core imports no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from ftkit.backend import Device
from ftkit.diagnosis.asking import Unanswered
from ftkit.diagnosis.report import Machine


def machine(answers: Mapping[str, Sequence[Device] | Unanswered]) -> Machine:
    """This machine, with what backends told about its devices."""
    devices: list[Device] = []
    trouble = []
    for answer in answers.values():
        if isinstance(answer, Unanswered):
            trouble.append(answer.reason)
        else:
            devices += answer
    return Machine(_cores(), _memory(), tuple(devices), tuple(trouble))


def _cores() -> int:
    """Cores that this process may use, where the system tells."""
    allowed: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None  # Windows, and systems that do not say
