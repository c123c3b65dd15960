"""Whose account a job belongs to: named by OpenAI itself, checked, and never mixed up with another one."""

from __future__ import annotations

from pathlib import Path

import pytest

import ftkit
from ftkit.errors import AuthError
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import BASE, configure, opened, submit

pytest_plugins = ("tests.openai_fixtures",)


def test_the_account_is_named_by_openai_and_not_by_the_settings(
    emulator: OpenAIEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines, one of which names its organisation, must find each other's jobs."""
    assert opened().scope() == f"openai|{emulator.base_url.partition('://')[2]}|org-acme|?"
    configure(tmp_path, monkeypatch, organisation="org-acme")
    assert opened().scope().split("|")[2] == "org-acme"


def test_a_key_of_another_organisation_than_the_one_that_is_set_is_refused(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-somebody-else")
    with pytest.raises(AuthError, match="should match the API key"):
        submit()
    monkeypatch.setenv("OPENAI_ORG_ID", "")
    assert submit().id


def test_two_accounts_in_one_process_have_jobs_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {"sk-one-0123456789": "org-one/proj-a", "sk-two-0123456789": "org-two/proj-b"}
    now = "2026-11-24T12:00:00+00:00"
    monkeypatch.setenv("FTKIT_NOW", now)
    monkeypatch.delenv("FTKIT_NOW_ANCHOR", raising=False)
    with OpenAIEmulator(accounts=owners, run_s=0.0, now=now) as server:
        sections = ""
        for name, key in zip(("one", "two"), owners, strict=True):
            monkeypatch.setenv(f"KEY_{name.upper()}", key)
            sections += f'[providers.{name}]\nbackend = "openai"\nbase_url = "{server.base_url}"\n'
            sections += f'api_key_env = "KEY_{name.upper()}"\n'
        path = tmp_path / "user.toml"
        path.write_text(sections)
        monkeypatch.setenv("FTKIT_CONFIG", str(path))
        first, second = (submit(model=f"{name}/{BASE}") for name in ("one", "two"))
        assert first.id != second.id
        assert server.counts()["jobs"] == 2
        with pytest.raises(ftkit.errors.NotFound):
            ftkit.job(f"two/{first.last_seen.remote_id}")
