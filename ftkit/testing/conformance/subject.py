"""How a backend is put before the suite: a Subject, which says what to run and what can be ordered of its provider.

A factory, named as `module:factory`, returns a context manager that yields the Subject while the provider runs. FTKIT_HOME
and an empty configuration are in force when it is entered. What a Subject leaves out is not judged, and the table says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

PaidCall = Literal["submit", "start", "batch"]


class Witness(Protocol):
    """Who saw at the provider what was created, whatever the backend says about it."""

    def jobs(self) -> Mapping[str, int]:
        """How many jobs were created under each key, in all."""

    def deployments(self) -> Mapping[str, int]:
        """How many deployments were started under each key, in all."""

    def batches(self) -> Mapping[str, int]:
        """How many batches were started under each key, in all; only asked of a backend that has them."""


class Faults(Protocol):
    """What the provider can be told to do wrong. Each order holds until it is used up or cleared."""

    def lose_reply(self, call: PaidCall) -> None:
        """The next such call takes effect, and its reply never arrives."""

    def refuse(self, call: PaidCall) -> None:
        """The next such call is refused in the provider's own words; nothing is created."""

    def unavailable(self, times: int, retry_after_s: float) -> None:
        """So many of the next reads find the provider busy; it asks to come back after so many seconds."""

    def clear(self) -> None:
        """Do nothing wrong any more."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One backend with its provider running.

    `instance` is a local name that is not the backend's, `section` its settings (with `backend`), `environment` the
    variables with its credentials, `base` a native id to train from and to ask, `dedicated` one that answers only while
    deployed. `hyperparameters` keep runs short; a run under `long_run` lasts long enough to be cancelled. Times in
    seconds.

    Optional orders to the provider: inside `slowly()` new jobs last long, as under `long_run`; `crowd(n)` makes n finished jobs of somebody else, newer than all; `say_status(id,
    word)` lets a running job show an unknown status; `kill(id)` kills the process of a running job; `reply_with(answer)`
    lets the next answer be this one: its `content`, or `tool_calls` of `name` and `arguments` (JSON text); `heard()` is the
    last question as the provider got it, in JSON; `unreachable` are settings under which nobody listens.
    """

    instance: str
    section: Mapping[str, Any]
    base: str
    dedicated: str | None = None
    method_bases: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    long_run: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    rows: int = 12
    timeout_s: float = 60.0
    witness: Witness | None = None
    faults: Faults | None = None
    unreachable: Mapping[str, Any] | None = None
    slowly: Callable[[], AbstractContextManager[object]] = nullcontext
    crowd: Callable[[int], None] | None = None
    say_status: Callable[[str, str], None] | None = None
    kill: Callable[[str], None] | None = None
    reply_with: Callable[[Mapping[str, Any]], None] | None = None
    heard: Callable[[], str] | None = None


Factory = Callable[[], AbstractContextManager[Subject]]
