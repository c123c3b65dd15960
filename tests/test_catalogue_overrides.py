"""Facts that a configuration sets: any row of any catalogue, by the same schema, told wherever they count."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import ftkit
from ftkit import config
from ftkit.catalogue import Catalogue
from ftkit.errors import ConfigError, LifecycleError
from ftkit.registry import open_backend
from tests.at_terminal import as_json
from tests.at_terminal import ftkit as command

ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
MINI = "gpt-4.1-mini-2025-04-14"
MODEL = f"openai/{MINI}"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user configuration."""
    path = tmp_path / "user.toml"
    path.write_text("")
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    monkeypatch.setenv("FTKIT_NOW", "2026-11-24T12:00:00+00:00")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-emulated")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    return path


def facts(instance: str = "openai") -> Catalogue:
    return open_backend(instance, config.settings()).catalogue


# --- what can be set ---


def test_a_date_is_moved_and_the_refusal_says_by_which_file(user: Path) -> None:
    user.write_text(f'[catalogue.openai.models."{MINI}"]\nshutdown = 2026-12-24\n')
    with pytest.raises(LifecycleError, match="2026-12-24, in 30 days") as refused:
        ftkit.submit(ROWS, MODEL)
    assert f"shutdown set by {user}" in str(refused.value)
    assert "deprecations page" in str(refused.value)


def test_a_base_that_the_catalogue_takes_for_closed_can_be_opened(user: Path) -> None:
    moved = "training_until = 2027-06-01\nshutdown = 2027-12-01"
    user.write_text(f'[catalogue.openai.models."gpt-4.1-nano"]\n{moved}\n')
    would = ftkit.submit(ROWS, "openai/gpt-4.1-nano", dry_run=True)
    assert would.request["json"]["model"] == "gpt-4.1-nano-2025-04-14"
    user.write_text("")
    with pytest.raises(LifecycleError, match="since 2026-10-23"):
        ftkit.submit(ROWS, "openai/gpt-4.1-nano", dry_run=True)


def test_a_price_is_set_and_the_quote_says_by_which_file(user: Path) -> None:
    before = ftkit.estimate(ROWS, MODEL)
    user.write_text('[catalogue.openai.rates."gpt-4.1-mini.train"]\nusd = 50.0\n')
    quote = ftkit.estimate(ROWS, MODEL)
    assert before.usd is not None and quote.usd == 10 * before.usd
    assert f"usd set by {user}" in str(quote) and "set by" not in str(before)
    (line,) = quote.to_dict()["lines"]
    assert line["note"] == f"usd set by {user}"


def test_the_price_of_an_answer_and_the_end_of_a_model_are_facts_too(user: Path) -> None:
    user.write_text(
        '[catalogue.openai.rates."gpt-4.1-mini.tuned.input"]\nusd = "7.5"\n'
        f'[catalogue.openai.models."{MINI}"]\nshutdown = "2027-03-01"\n'
    )
    assert facts().rates["gpt-4.1-mini.tuned.input"].usd == Decimal("7.5")
    assert ftkit.model(MODEL).ends_on == date(2027, 3, 1)


def test_a_range_inside_a_row_is_set_and_the_rest_of_it_stays(user: Path) -> None:
    user.write_text(
        f'[catalogue.openai.models."{MINI}".hyperparameters]\nepochs = {{ max = 60 }}\n'
    )
    epochs = facts().models[MINI].hyperparameters["epochs"]
    assert (epochs.min, epochs.max) == (1, 60)
    assert ftkit.estimate(ROWS, MODEL, hyperparameters={"epochs": 55}).resolved.steps > 0
    assert f"hyperparameters.epochs.max set by {user}" in facts().models[MINI].basis


def test_a_whole_row_of_ones_own_needs_a_source_and_a_date(user: Path) -> None:
    row = '[catalogue.openai.models."gpt-7"]\nmin_rows = 5\n'
    user.write_text(row)
    with pytest.raises(ConfigError, match="no 'gpt-7' among its models.*needs source and as_of"):
        facts()
    user.write_text(f'{row}source = "their letter"\nas_of = 2026-11-20\n')
    assert facts().models["gpt-7"].min_rows == 5


# --- whose it is ---


def test_one_instance_can_have_its_own_price(user: Path) -> None:
    user.write_text(
        '[providers.other]\nbackend = "openai"\n'
        '[catalogue.openai.rates."gpt-4.1-mini.train"]\nusd = 6\n'
        '[catalogue.other.rates."gpt-4.1-mini.train"]\nusd = 4\n'
    )
    name = "gpt-4.1-mini.train"
    assert (facts().rates[name].usd, facts("other").rates[name].usd) == (6, 4)


def test_a_projects_file_sets_facts_over_the_users_and_each_says_its_own(user: Path) -> None:
    text = '[catalogue.openai.rates."gpt-4.1-mini.train"]\nusd = {}\n'
    project = Path.cwd() / "ftkit.toml"
    project.write_text(text.format(3) + "unit = 'million tokens'\n")
    assert facts().rates["gpt-4.1-mini.train"].usd == 3
    user.write_text(text.format(4))  # the file that FTKIT_CONFIG names is stronger
    rate = facts().rates["gpt-4.1-mini.train"]
    assert rate.usd == 4
    assert rate.note == f"unit set by {project}; usd set by {user}"


@pytest.mark.parametrize("field", ['hub_id = "a/b"', 'packaged = { package = "a" }'])
def test_a_projects_file_cannot_say_whose_weights_are_fetched(field: str, user: Path) -> None:
    text = f"[catalogue.local.models.smollm2-135m]\n{field}\n"
    project = Path.cwd() / "ftkit.toml"
    project.write_text(text)
    with pytest.raises(ConfigError, match=f"{project}.*whose weights are fetched"):
        config.settings()
    project.unlink()
    user.write_text(text)
    assert config.settings().catalogue


def test_a_backend_that_read_its_catalogue_long_ago_has_it_too(user: Path) -> None:
    """As one does that keeps its facts in its module."""
    from dataclasses import replace
    from unittest import mock

    from ftkit import registry

    sound = registry.plugin("fake")
    kept = sound.open(sound.settings(url="http://127.0.0.1:9"), config.home())
    user.write_text("[catalogue.fake.models.small]\nmin_rows = 77\n")
    registry._open.cache_clear()
    with mock.patch.object(
        registry, "_load", lambda name: replace(sound, open=lambda settings, home: kept)
    ):
        assert facts("fake").models["small"].min_rows == 77
    registry._open.cache_clear()


# --- mistakes ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'models."{MINI}"]\nshutdown = "soon"', f'models."{MINI}"] shutdown: Input should be a'),
        (f'models."{MINI}"]\nshutdwn = 2027-01-01', "no field 'shutdwn'; did you mean 'shutdown'"),
        (f'models."{MINI}"]\nmethods = ["magic"]', "methods: Input should be"),
        (f'models."{MINI}"]\nconfigured = {{ a = "b" }}', "no field 'configured'"),
        (f'models."{MINI}".rates]\ntrain = "none.such"', "there is no rate of that name"),
        ('models."gpt-4.1-mnii"]\nmin_rows = 5', "no 'gpt-4.1-mnii' among its models; did you"),
        ('rates."gpt-4.1-mini.train"]\nusd = -1', "usd: Input should be greater than or equal"),
        ('rates."gpt-4.1-mini.train"]\nusd = nan', "usd: Input should be a finite number"),
        ('rates."gpt-4.1-mini.train"]\nusd = "much"', "usd: Input should be a valid decimal"),
        ("prices]\na = { usd = 1 }", "no table 'prices'"),
        ("models]\nname = 3", "write [catalogue.openai.models.NAME]"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(text: str, words: str, user: Path) -> None:
    user.write_text(f"[catalogue.openai.{text}\n")
    with pytest.raises(ConfigError) as wrong:
        facts()
    assert words in str(wrong.value)
    assert str(wrong.value).startswith(f"{user}: [catalogue.openai")


def test_a_section_of_no_backend_is_a_mistake_and_not_passed_over(user: Path) -> None:
    user.write_text('[catalogue.opnai.rates."gpt-4.1-mini.train"]\nusd = 6\n')
    with pytest.raises(ConfigError, match=r"\[catalogue.opnai\] names no.*did you mean 'openai'"):
        facts()


def test_a_table_must_be_one(user: Path) -> None:
    user.write_text("[catalogue]\nopenai = 3\n")
    with pytest.raises(ConfigError, match=r"write \[catalogue.openai\]"):
        config.settings()


def test_a_key_that_was_pasted_into_a_fact_is_not_shown(user: Path) -> None:
    key = "sk-" + "proj-" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4"
    user.write_text(f'[catalogue.openai.rates."gpt-4.1-mini.train"]\nsource = "{key}"\n')
    with pytest.raises(ConfigError, match="holds a credential") as wrong:
        config.settings()
    assert key not in str(wrong.value)


# --- looking at it ---


def test_the_command_shows_each_figure_with_its_file(user: Path) -> None:
    user.write_text(
        f'[catalogue.openai.models."{MINI}"]\nshutdown = 2027-03-01\nmethods = ["lora"]\n'
    )
    name = f"catalogue.openai.models.{MINI}.shutdown"
    shown = as_json("config", "show")["settings"]
    assert shown[name] == {"value": "2027-03-01", "origin": str(user)}
    assert json.dumps(shown)
    (line,) = [one for one in command("config", "show").splitlines() if one.startswith(name)]
    assert "2027-03-01" in line and str(user) in line


def test_a_command_that_meets_a_wrong_figure_ends_as_for_any_setting(user: Path) -> None:
    user.write_text(f'[catalogue.openai.models."{MINI}"]\nshutdown = "soon"\n')
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    said = command("estimate", "rows.jsonl", "--model", MODEL, code=2)
    assert str(user) in said and "shutdown" in said
