"""Finding backends: what one broken package may break, and what it may not."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from ftkit import config, registry
from ftkit.errors import ConfigError


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend whose package cannot be imported, beside those that are installed."""
    points = registry._entry_points()
    odd = EntryPoint(name="odd", value="no_such_module_of_ours:backend", group=registry.GROUP)
    monkeypatch.setattr(registry, "_entry_points", lambda: {**points, "odd": odd})


def test_a_package_that_cannot_be_imported_is_one_error_where_it_is_named(broken: None) -> None:
    with pytest.raises(ConfigError, match="'odd'.*cannot be imported.*reinstall or uninstall"):
        registry.open_backend("odd", config.settings())


def test_a_package_that_cannot_be_imported_does_not_stop_the_others(
    broken: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert "local" in registry.backend_names()
    assert "odd" not in registry.backend_names()
    assert "'odd'" in caplog.text
