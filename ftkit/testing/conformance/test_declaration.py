"""What a backend says about itself must be so: its parts, what it lacks, whose account it is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from ftkit import config
from ftkit.backend import Backend
from ftkit.config import Settings
from ftkit.registry import open_backend
from ftkit.testing.conformance.capabilities import (
    OPTIONAL,
    PARTS,
    known_lacks,
    members,
)
from ftkit.testing.conformance.subject import Subject

SHORTEST_REASON = 10


def test_a_backend_is_frozen(backend: Backend) -> None:
    """Nothing fills a backend in later: what was opened stays what it is."""
    with pytest.raises(FrozenInstanceError):
        backend.name = "another"  # type: ignore[misc]


def test_a_backend_bears_the_name_of_its_entry_point(backend: Backend, subject: Subject) -> None:
    """The section's `backend` and the opened backend's name are the same word."""
    assert backend.name == subject.section.get("backend", subject.instance)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_there_or_declared_missing(part: str, backend: Backend) -> None:
    """A part that is None stands in `lacks`; one that is there does not."""
    missing = getattr(backend, part) is None
    assert (part in backend.lacks) == missing, (
        f"{part} is {'missing and not' if missing else 'there and'} in lacks"
    )


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_everything_that_its_protocol_asks_for(part: str, backend: Backend) -> None:
    """Each attribute and method of the part's Protocol is there."""
    held = getattr(backend, part)
    if held is None:
        pytest.skip(f"{part}: {backend.lacks.get(part)}")
    assert [name for name in members(PARTS[part]) if not hasattr(held, name)] == []


@pytest.mark.parametrize(
    ("part", "name"), [(part, name) for part, methods in OPTIONAL.items() for name in methods]
)
def test_an_optional_method_is_there_or_declared_missing(
    part: str, name: str, backend: Backend
) -> None:
    """A method that not every provider has is there, whole, or stands in `lacks`; never both, never neither."""
    held = getattr(backend, part)
    if held is None:
        pytest.skip(f"{part}: {backend.lacks.get(part)}")
    there = isinstance(held, OPTIONAL[part][name])
    assert there != (name in backend.lacks), (
        f"{name} is {'there and' if there else 'missing and not'} in lacks"
    )


def test_every_reason_tells_a_user_something(backend: Backend) -> None:
    """A reason in `lacks` is shown to the user as it stands."""
    short = {name: why for name, why in backend.lacks.items() if len(why.strip()) < SHORTEST_REASON}
    assert short == {}


def test_lacks_names_only_what_there_is(backend: Backend) -> None:
    """A word in `lacks` that the contract does not know declares nothing."""
    assert sorted(set(backend.lacks) - known_lacks()) == []


def test_opening_uses_no_network_and_no_key(
    backend: Backend,
    subject: Subject,
    settings: Settings,
    tmp_path: Path,
    blocked_network: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backend opens where there is neither network nor credential: a quote needs no account."""
    for name in subject.environment:
        monkeypatch.delenv(name)
    opened = open_backend(subject.instance, replace(settings, home=tmp_path))
    assert opened.name == backend.name


def test_every_credential_is_named(backend: Backend, subject: Subject) -> None:
    """The variables that it reads credentials from stand in `credentials`, so that a person can be told which is missing."""
    named = {secret.env_name for secret in backend.credentials}
    assert sorted(set(subject.environment) - named) == []


def test_the_scope_is_stable_and_has_its_pieces(backend: Backend) -> None:
    """`family|host|organisation|region` as far as it goes, the same at every call; what is not known is "?"."""
    scope = backend.scope()
    pieces = scope.split("|")
    assert len(pieces) >= 2, f"{scope!r} names no more than one thing"
    assert all(piece.strip() for piece in pieces), f"a piece of {scope!r} is empty"
    assert backend.scope() == scope


def test_the_scope_does_not_depend_on_the_local_name(
    backend: Backend, subject: Subject, settings: Settings
) -> None:
    """Another machine calls the same account by another name, and must find the same jobs."""
    assert subject.instance not in backend.scope()
    other = Settings(
        home=settings.home,
        profile=config.DEFAULT_PROFILE,
        providers={"elsewhere": dict(subject.section)},
    )
    assert open_backend("elsewhere", other).scope() == backend.scope()
