"""Settings: layers, origins, typos, and what a project's file may not say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from ftkit import config
from ftkit.errors import ConfigError


def project(text: str) -> Path:
    path = Path.cwd() / "ftkit.toml"
    path.write_text(text, encoding="utf-8")
    return path


def user(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: folder)
    path = folder / "ftkit.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_file_there_are_defaults(home: Path) -> None:
    settings = config.settings()
    assert (settings.profile, settings.model, settings.home) == ("default", None, home)


def test_a_profile_carries_model_and_hyperparameters() -> None:
    project(
        'profile = "laptop"\n[profiles.laptop]\nmodel = "local/a"\nmax_cost_usd = 0.1\n'
        "[profiles.laptop.hyperparameters]\nepochs = 2\n"
    )
    settings = config.settings()
    assert settings.model == "local/a"
    assert settings.max_cost_usd == Decimal("0.1")
    assert settings.hyperparameters.given() == {"epochs": 2.0}


def test_the_file_is_found_from_a_folder_below_but_not_beyond_the_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project('[profiles.default]\nmodel = "local/a"\n')
    below = Path.cwd() / "src" / "app"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert config.settings().model == "local/a"
    other = Path.cwd() / "other"
    (other / ".git").mkdir(parents=True)
    monkeypatch.chdir(other)
    assert config.settings().model is None


def test_environment_is_stronger_than_project_and_project_than_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user('[profiles.default]\nmodel = "local/u"\nmethod = "full"\n', monkeypatch, tmp_path)
    path = project('[profiles.default]\nmodel = "local/p"\n')
    settings = config.settings()
    assert (settings.model, settings.method) == ("local/p", "full")
    assert str(settings.origins["model"]) == str(path)
    named = tmp_path / "named.toml"
    named.write_text('[profiles.default]\nmodel = "local/n"\n')
    monkeypatch.setenv("FTKIT_CONFIG", str(named))
    assert config.settings().model == "local/n"
    monkeypatch.setenv("FTKIT_MODEL", "local/e")
    settings = config.settings()
    assert settings.model == "local/e"
    assert str(settings.origins["model"]) == "FTKIT_MODEL"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("profil = 'a'", "there is no setting 'profil'; did you mean 'profile'?"),
        ("[profiles.a]\nmodle = 'x/y'", "'modle' in [profiles.a]; did you mean 'model'?"),
        (
            "[profiles.a.hyperparameters]\nlearning_rat = 1",
            "no hyperparameter 'learning_rat'; did you mean 'learning_rate'?",
        ),
        ("[profiles.a.hyperparameters]\nepochs = -1", "epochs = -1"),
        ("[profiles.a]\nmodel = 3", "model = 3 is not text"),
        ("profile = 'laptpo'\n[profiles.laptop]\n", "'laptpo'; did you mean 'laptop'?"),
        ("profiles = 3", "write [profiles.NAME]"),
        ("[profiles", "not valid TOML"),
        ("stale_after_days = 0", "stale_after_days = 0 is not a whole number of days"),
        ("[profiles.default]\nmax_cost_usd = 'much'", "'much' is not an amount of USD"),
    ],
)
def test_a_mistake_names_the_file_the_place_and_the_nearest_right_word(
    text: str, words: str
) -> None:
    path = project(text)
    with pytest.raises(ConfigError) as caught:
        config.settings()
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["base_url", "endpoint", "api_key_env", "proxy", "auth_header"])
def test_a_projects_file_cannot_say_where_a_key_goes(
    key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = f'[providers.mine]\nbackend = "local"\n{key} = "https://example.org"\n'
    path = project(text)
    with pytest.raises(ConfigError, match=f"{key} may not stand in a project's file"):
        config.settings()
    path.unlink()
    user(text, monkeypatch, tmp_path)
    assert config.settings().providers["mine"][key] == "https://example.org"


def test_a_float_amount_is_taken_through_its_text() -> None:
    assert config.money(0.1) == Decimal("0.1")


@pytest.mark.parametrize("value", ["NaN", "inf", -1, "x", "-0.01"])
def test_an_amount_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="is not an amount of USD"):
        config.money(value)


def test_an_unknown_profile_argument_is_refused() -> None:
    with pytest.raises(ConfigError, match="no profile 'x'"):
        config.settings("x")
