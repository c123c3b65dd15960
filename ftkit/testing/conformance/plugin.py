"""What pytest needs to run the suite: options, fixtures, and the table at the end.

A test names the capabilities that it judges with `@pytest.mark.judges("upload")`. It is skipped, with the reason from
`lacks`, where the backend does not have one of them.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ftkit import config
from ftkit.backend import Backend, Hosting, Inference, Pricing, Remote, Training
from ftkit.config import Settings
from ftkit.registry import open_backend
from ftkit.testing.conformance.capabilities import capabilities, lacking
from ftkit.testing.conformance.known_subjects import known_subject
from ftkit.testing.conformance.subject import Factory, Subject
from ftkit.testing.conformance.table import Table
from ftkit.testing.conformance.work import Work

_PART_OF = {name: part for part, name in capabilities()}
_TABLE = pytest.StashKey[Table]()
_PROPERTY = "ftkit judges"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options; all begin with --ftkit, so that they clash with no other plugin's."""
    group = parser.getgroup("ftkit conformance")
    group.addoption("--ftkit-backend", metavar="NAME", help="the backend to judge, by its name")
    group.addoption(
        "--ftkit-subject",
        metavar="MODULE:FACTORY",
        help="what runs the backend: a function that returns a context manager of a Subject",
    )
    group.addoption("--ftkit-table", metavar="FILE", help="write the capability table as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and what makes the table."""
    config.addinivalue_line("markers", "judges(name, ...): the capabilities that a test judges")
    config.stash[_TABLE] = Table()
    config.pluginmanager.register(_Reporter(config), "ftkit-conformance-table")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note what each test judges where its reports carry it, whatever becomes of its fixtures."""
    for item in items:
        item.user_properties += [(_PROPERTY, name) for name in _names(item)]


class _Reporter:
    """Collects outcomes and shows the table."""

    def __init__(self, config: pytest.Config) -> None:
        self._table = config.stash[_TABLE]
        self._backend: str = config.getoption("--ftkit-backend") or "the backend"
        self._file: str | None = config.getoption("--ftkit-table")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One outcome a test: the call's, or that of a setup which skipped or failed."""
        if report.when != "call" and report.passed:
            return
        names = [str(value) for key, value in report.user_properties if key == _PROPERTY]
        why = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
        test = report.nodeid.rpartition("::")[2]
        self._table.add(report.outcome, names, test, why.removeprefix("Skipped: "))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, and write it where it was asked for."""
        terminalreporter.section(f"what {self._backend} can do")
        for line in self._table.text():
            terminalreporter.line(line)
        if self._file is not None:
            Path(self._file).write_text(self._table.markdown(self._backend), encoding="utf-8")


@pytest.fixture(scope="session", autouse=True)
def ftkit_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty FTKIT_HOME, no configuration, and a working folder without a project."""
    root = tmp_path_factory.mktemp("conformance")
    (root / "work" / ".git").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FTKIT_HOME", str(root / "home"))
        patch.setenv("XDG_CONFIG_HOME", str(root / "config"))
        for name in ("FTKIT_CONFIG", "FTKIT_PROFILE", "FTKIT_MODEL"):
            patch.delenv(name, raising=False)
        patch.chdir(root / "work")
        yield root / "home"


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest, ftkit_home: Path) -> Iterator[Subject]:
    """The backend under test, with its provider running and its credentials in the environment."""
    named: str | None = request.config.getoption("--ftkit-subject")
    backend: str | None = request.config.getoption("--ftkit-backend")
    if named:
        module, _, factory = named.partition(":")
        made: Factory = getattr(import_module(module), factory)
        context = made()
    elif backend:
        context = known_subject(backend)
    else:
        raise pytest.UsageError("say which backend: --ftkit-backend NAME")
    with context as subject, pytest.MonkeyPatch.context() as patch:
        for name, value in subject.environment.items():
            patch.setenv(name, value)
        yield subject


@pytest.fixture(scope="session")
def settings(subject: Subject, ftkit_home: Path) -> Iterator[Settings]:
    """The configuration with the subject's section, in force for the verbs too."""
    file = ftkit_home.parent / "ftkit.toml"
    lines = [f"{json.dumps(key)} = {_toml(value)}" for key, value in subject.section.items()]
    text = "\n".join([f"[providers.{json.dumps(subject.instance)}]", *lines])
    file.write_text(text + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FTKIT_CONFIG", str(file))
        yield config.settings()


@pytest.fixture(scope="session")
def backend(subject: Subject, settings: Settings, request: pytest.FixtureRequest) -> Backend:
    """The opened backend."""
    opened = open_backend(subject.instance, settings)
    missing = {name: lacking(opened, part, name) for part, name in capabilities()}
    request.config.stash[_TABLE].lacks.update({k: why for k, why in missing.items() if why})
    return opened


@pytest.fixture(autouse=True)
def judged(request: pytest.FixtureRequest, backend: Backend) -> None:
    """Skip a test where the backend does not have what it judges."""
    for name in _names(request.node):
        if why := lacking(backend, _PART_OF[name], name):
            pytest.skip(f"{name}: {why}")


@pytest.fixture(scope="session")
def pricing(backend: Backend) -> Pricing:
    """The part, or a skip."""
    if backend.pricing is None:
        pytest.skip(f"pricing: {lacking(backend, 'pricing', 'pricing')}")
    return backend.pricing


@pytest.fixture(scope="session")
def training(backend: Backend) -> Training:
    """The part, or a skip."""
    if backend.training is None:
        pytest.skip(f"training: {lacking(backend, 'training', 'training')}")
    return backend.training


@pytest.fixture(scope="session")
def hosting(backend: Backend) -> Hosting:
    """The part, or a skip."""
    if backend.hosting is None:
        pytest.skip(f"hosting: {lacking(backend, 'hosting', 'hosting')}")
    return backend.hosting


@pytest.fixture(scope="session")
def inference(backend: Backend) -> Inference:
    """The part, or a skip."""
    if backend.inference is None:
        pytest.skip(f"inference: {lacking(backend, 'inference', 'inference')}")
    return backend.inference


@pytest.fixture(scope="session")
def work(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Work:
    """What makes requests for the subject."""
    return Work(subject, tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="session")
def finished(work: Work, pricing: Pricing, training: Training) -> Remote:
    """A job that has succeeded, for every test that only reads."""
    remote = training.submit(work.request("finished", pricing, training))
    ended = work.settled(training, remote.id)
    assert ended.status == "succeeded", f"{ended.raw_status}: {ended.error}"
    return ended


@pytest.fixture
def blocked_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No connection can be opened and no name looked up; a try that was hidden is an error too."""
    tried: list[str] = []

    def refuse(*arguments: Any, **options: Any) -> None:
        tried.append(str(arguments[-1:]))
        raise AssertionError(f"the network was used: {arguments[-1:]}")

    with monkeypatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        for name in ("create_connection", "getaddrinfo", "gethostbyname"):
            patch.setattr(socket, name, refuse)
        yield
    assert not tried, f"the network was used: {tried}"


def _names(item: Any) -> list[str]:
    return [name for mark in item.iter_markers("judges") for name in mark.args]


def _toml(value: Any) -> str:
    """A plain value as TOML; JSON's texts, numbers, booleans and lists are TOML's."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key)} = {_toml(part)}" for key, part in value.items())
            + "}"
        )
    return json.dumps(value, ensure_ascii=False)
