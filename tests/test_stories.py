"""The README's example and the stories of the cookbook, run as they stand on a tiny model."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

import ftkit
from tests.tiny import tiny_model_folder

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local/{tiny_model_folder(tmp_path_factory.mktemp('stories') / 'tiny')}"


def test_the_readmes_example_runs(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL))
    Path("tickets.csv").write_text(
        "text,route\n" + "".join(f"where is parcel {n},shipping\n" for n in range(60))
    )
    Path("ftkit.toml").write_text("[profiles.default.hyperparameters]\nmax_steps = 2\n")
    scope: dict[str, object] = {}
    exec(compile(code.replace("local/smollm2-135m", base), "README.md", "exec"), scope)
    assert Path("router.json").exists() and Path("router.adapter").is_dir()
    assert "evidence" in capsys.readouterr().out.lower()


def test_the_readmes_configuration_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = next(block for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL))
    Path("ftkit.toml").write_text(text)
    from ftkit import config

    assert config.settings().model == "local/smollm2-135m"
    monkeypatch.setenv("FTKIT_PROFILE", "server")
    assert config.settings().hyperparameters.lora_rank == 32


def story(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "cookbook" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_route_tickets(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_MODEL", base)
    report = story("route_tickets").main(rows=90, epochs=0.2, held_out_rows=12)
    assert report.verdict == "not_enough_evidence"
    assert len(report.baselines) == 4
    assert ftkit.job("ticket-router").status == "succeeded"
    assert Path("ticket-router.html").exists()


def test_survive_a_kill(
    base: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FTKIT_MODEL", base)
    monkeypatch.setenv("FTKIT_CONFIG", "")  # the story sets it; it is taken back after it
    told = story("survive_a_kill")
    made = told.main(steps=150)
    assert set(made) == set(range(1, 151)) and len(made) <= 150 + told.EVERY
    assert capsys.readouterr().out.splitlines()[-1].startswith("succeeded: 150 steps")


def test_prefer_answers(
    base: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FTKIT_MODEL", base)
    model = story("prefer_answers").main(count=30, epochs=1)
    assert model.tuned and ftkit.job("preferred-answers").status == "succeeded"
    assert re.search(r"better answer is ahead in \d+%, by -?\d", capsys.readouterr().out)


def test_check_data(capsys: pytest.CaptureFixture[str]) -> None:
    report = story("check_data").main()
    assert {"FT102", "FT401"} <= {finding.code for finding in report.errors}
    page = Path("tickets.html").read_text(encoding="utf-8")
    assert "Tickets, as they came in" in page and "Winter#" not in page
    assert "Winter#" not in (said := capsys.readouterr().out) and "not yet: 2 errors" in said


def test_split_without_leaks(capsys: pytest.CaptureFixture[str]) -> None:
    story("split_without_leaks").main()
    assert capsys.readouterr().out.strip().endswith("and 0 stand on both sides")


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("paid_calls", "jobs at the provider: 1"),
        ("hosting", "3.00 USD an hour: stopped"),
        ("monthly_budget", "1.00 times what was expected"),
        ("batch_answers", "batches at the provider: 1"),
    ],
)
def test_stories_on_the_stand_in_provider(
    name: str, ends: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("FTKIT_FAKE_URL", "FTKIT_FAKE_API_KEY"):
        monkeypatch.setenv(variable, "")  # the story sets them; they are taken back after it
    story(name).main()
    assert capsys.readouterr().out.strip().endswith(ends)


def test_explore_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = story("explore_data").main(tmp_path)
    told = capsys.readouterr().out
    assert len(sample) == 20 and "50 of 650 rows stood there twice" in told
    assert re.search(r"row \d+ of written.jsonl: [a-z]+\n", told)
    assert told.strip().endswith("1. load") and "5. sample 20" not in told


def test_mend_data(capsys: pytest.CaptureFixture[str]) -> None:
    story("mend_data").main()
    said = capsys.readouterr().out
    assert "no longer found: FT301, FT502, FT505" in said
    assert said.strip().endswith("rows mended: 80, dropped: 1, by choice: 1")


def test_convert_formats(capsys: pytest.CaptureFixture[str]) -> None:
    story("convert_formats").main()
    said = capsys.readouterr().out
    assert "row 2, field 'messages[2]'" in said and "is there already" in said
    assert said.strip().endswith("3 rows, the same in every file")


def test_every_link_of_the_docs_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), (page.name, target)


def test_the_codes_of_the_docs_are_those_of_the_rules() -> None:
    documented = set(re.findall(r"\| (FT\d+) \|", (ROOT / "docs" / "data.md").read_text()))
    source = "".join(path.read_text() for path in (ROOT / "ftkit" / "data" / "checks").glob("*.py"))
    assert documented == set(re.findall(r"FT[1-9]\d\d", source))


def test_compare_costs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2026-11-24T12:00:00Z")
    table = story("compare_costs").main(folder=str(tmp_path))
    assert "Routing parcels" in (tmp_path / "costs.html").read_text(encoding="utf-8")
    assert len(table.ranked) > 12
    assert "in the European Union it is " in capsys.readouterr().out
