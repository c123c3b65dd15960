"""A key in a configuration or in an address is refused, and neither shown nor kept; what only sounds like one is taken."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from ftkit import config
from tests.canaries_desk import SUBMIT, Desk, write_rows
from tests.canaries_planting import addresses, mistakes
from tests.canaries_search import of

FAKE = '[providers.fake]\nbackend = "fake"\n'


def test_a_key_in_a_configuration_is_refused_unseen(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows()
    monkeypatch.setenv("FTKIT_FAKE_API_KEY", "not-a-canary-0001")
    desk, path = Desk(tmp_path), tmp_path / "user.toml"
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    for name, text in mistakes(FAKE):
        path.write_text(text)
        assert desk.here("config", "show") == 2, name
        assert desk.here("--debug", *SUBMIT) == 2, name
    for name, text in list(mistakes(FAKE))[:9]:  # each once by a process of its own
        path.write_text(text)
        assert desk.run("--debug", "config", "show", "--json") == 2, name
    desk.here("doctor", "--json")
    search = desk.result(home)
    assert search.found() == {}
    assert search.size("in this process") > 1000


def test_a_configuration_that_is_not_refused_is_seen_to_show_its_keys(
    home: Path, tmp_path: Path
) -> None:
    desk, path = Desk(tmp_path, "nothing is redacted"), tmp_path / "user.toml"
    for name, text in list(mistakes(FAKE))[:5]:
        path.write_text(text)
        assert desk.run("config", "show", FTKIT_CONFIG=str(path)) == 0, name
    assert len(desk.result(home).found()["config_file", "stdout"]) == 5


def test_a_key_in_an_address_of_the_environment_is_refused_unseen(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows()
    desk, named = Desk(tmp_path), tmp_path / "user.toml"
    monkeypatch.setenv("FTKIT_FAKE_API_KEY", "not-a-canary-0001")
    for number, address in enumerate(addresses()):
        monkeypatch.setenv("FTKIT_FAKE_URL", address)
        # without an organisation the account is asked for it, by an address that is checked
        named.write_text('[providers.fake]\norganisation = "o"\n' if number % 2 else "")
        monkeypatch.setenv("FTKIT_CONFIG", str(named))
        dry = ("--dry-run", "--json") if number % 4 < 2 else ()
        assert desk.here("--debug", *SUBMIT, *dry) == 2
        if number % 25 == 1:
            desk.here("doctor")
    assert desk.run("--debug", *SUBMIT, "--dry-run") == 2
    assert desk.result(home).found() == {}


def test_a_proxys_password_is_nowhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows()
    desk = Desk(tmp_path)
    monkeypatch.setenv("FTKIT_FAKE_API_KEY", "not-a-canary-0001")
    monkeypatch.setenv("FTKIT_NOW", f"file:{tmp_path / 'now'}")  # no pause between tries
    (tmp_path / "now").write_text("2026-11-25T12:00:00+00:00")
    for number, canary in enumerate(of("base_url_userinfo")):
        login = f"http://me:{quote(canary.secret, safe='')}@127.0.0.1:9"
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, login)
        scheme = "http" if number % 2 else "https"
        monkeypatch.setenv("FTKIT_FAKE_URL", f"{scheme}://host.invalid/{number}")
        assert desk.here("--debug", *SUBMIT) == 1
    assert desk.run("--debug", *SUBMIT) == 1
    search = desk.result(home)
    assert search.found() == {}
    assert search.size("log at DEBUG") > 100


@pytest.mark.parametrize(
    "setting",
    [
        'api_key_env = "OPENAI_API_KEY_2"',
        'url = "https://host.example:8443/v1/projects/12"',
        'organisation = "org-a1b2c3d4e5f6a7b8c9d0"',
        'kms_key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"',
        'credentials = "/home/someone/service-account.json"',
        "max_tokens = 4096",
        'token_limit = "10000000000000000"',
        'deployment = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef"',
    ],
)
def test_what_only_sounds_like_a_key_is_taken(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "user.toml"
    path.write_text(f"[providers.mine]\n{setting}\n")
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    assert len(config.settings().providers["mine"]) == 1
