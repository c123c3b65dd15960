"""The conformance suite: the definition of what a backend is, as a pytest plugin that judges any of them.

    python -m pytest -p ftkit.testing.conformance --pyargs ftkit.testing.conformance --ftkit-backend NAME

`--ftkit-subject module:factory` says how to run it (see `Subject`), `--ftkit-table FILE` writes the capability table. A test
whose method stands in the backend's `lacks` is skipped with that reason.
"""

from ftkit.testing.conformance.plugin import (
    backend,
    blocked_network,
    finished,
    ftkit_home,
    hosting,
    inference,
    judged,
    pricing,
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    settings,
    subject,
    training,
    work,
)
from ftkit.testing.conformance.subject import Factory, Faults, Subject, Witness

__all__ = [
    "Factory",
    "Faults",
    "Subject",
    "Witness",
    "backend",
    "blocked_network",
    "finished",
    "ftkit_home",
    "hosting",
    "inference",
    "judged",
    "pricing",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "settings",
    "subject",
    "training",
    "work",
]
