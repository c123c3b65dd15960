"""The command: exit codes, JSON, no tracebacks, and the story by commands alone."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftkit.errors import FtkitError, OutcomeUnknown
from tests.tiny import tiny_model_folder

ROWS = [{"prompt": f"question {n}", "completion": f"label {n % 3}"} for n in range(60)]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local/{tiny_model_folder(tmp_path_factory.mktemp('cli') / 'tiny')}"


def ftkit(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "ftkit.cli", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def as_json(*arguments: str, code: int = 0) -> dict[str, object]:
    value = json.loads(ftkit(*arguments, "--json", code=code).stdout)
    assert value["schema_version"] == 1
    return value


def rows_file(name: str = "rows.jsonl", rows: list[dict[str, str]] = ROWS) -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def test_the_story_by_commands_alone(base: str, home: Path) -> None:
    data = rows_file()
    parts = as_json("split", data, "--test", "12")
    assert parts["train"] == {"path": "rows.train.jsonl", "rows": 48}
    assert "48 rows, 1 warning" in ftkit("check", "rows.train.jsonl", "--model", base).stdout
    plan = as_json("estimate", "rows.train.jsonl", "--model", base, "--max-steps", "2")
    assert (plan["steps"], plan["rows"]) == (2, 48)
    done = ftkit(
        "finetune", "rows.train.jsonl", "--model", base, "--max-steps", "2", "--name", "router"
    )
    assert "is trained" in done.stdout
    assert "steps" in done.stderr
    job = as_json("job", "show", "router")
    assert (job["status"], job["names"]) == ("succeeded", ["router"])
    assert [known["id"] for known in as_json("jobs")["jobs"]] == [job["id"]]
    events = ftkit("job", "events", "router", "--json").stdout.splitlines()
    assert json.loads(events[-1])["type"] == "finished"
    assert as_json("job", "wait", "router")["status"] == "succeeded"
    reply = as_json("chat", "router", "question 1", "--max-tokens", "3")
    assert reply["model"] == f"local/{job['id']}"
    answers = as_json(
        "map", "router", "rows.held_out.jsonl", "--out", "a.jsonl", "--max-tokens", "3"
    )
    assert (answers["rows"], answers["replayed"]) == (12, 0)
    again = as_json("map", "router", "rows.held_out.jsonl", "--out", "a.jsonl", "--max-tokens", "3")
    assert again["replayed"] == 12
    evaluated = ftkit(
        "evaluate", "router", "--data", "rows.held_out.jsonl", "--train", "rows.train.jsonl",
        "--html", "report.html", "--max-tokens", "4",
    )  # fmt: skip
    assert "not enough evidence" in evaluated.stdout.lower()
    assert "<svg" in Path("report.html").read_text()
    ftkit(
        "evaluate", "router", "--data", "rows.held_out.jsonl", "--max-tokens", "4",
        "--require", "better", code=5,
    )  # fmt: skip
    ftkit("save", "router", "router.json")
    assert (
        as_json("chat", "router.json", "question 1", "--max-tokens", "3")["text"] == reply["text"]
    )


def test_check_marks_the_trained_tokens_of_a_row(base: str) -> None:
    data = rows_file()
    shown = ftkit("check", data, "--model", base, "--show-mask", "2").stdout
    assert re.search(r"question 1.*\[l", shown, re.DOTALL)
    assert re.search(r"row 2: \d+ of \d+ tokens are trained", shown)
    sequence = as_json("check", data, "--model", base, "--show-mask", "2")["sequences"][0]
    trained = "".join(piece["text"] for piece in sequence if piece["trained"])
    assert trained == "label 1<|im_end|>"
    ftkit("check", data, "--model", base, "--show-mask", "61", code=2)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "No such command"),
        (["check", "missing.jsonl"], 2, "there is no file missing.jsonl"),
        (["check", "broken.jsonl"], 5, "row 2"),
        (["finetune", "broken.jsonl", "--model", "local/x"], 3, "row 2"),
        (["check", "empty.jsonl"], 5, "no rows"),
        (["estimate", "rows.jsonl"], 2, "no model is named"),
        (["estimate", "rows.jsonl", "--model", "locl/x"], 2, "did you mean 'local'"),
        (["estimate", "rows.jsonl", "--model", "local/smolm2-135m"], 2, "smollm2-135m"),
        (["estimate", "rows.jsonl", "--model", "local/./nowhere"], 2, "no such file or folder"),
        (["estimate", "t.csv", "--model", "local/x"], 3, "text, route"),
        (["estimate", "t.csv", "--prompt", "txt", "--completion", "route"], 3, "'text'"),
        (["job", "show", "nobody"], 2, "there is no job 'nobody'"),
        (["chat", "nobody", "q"], 2, "there is no model 'nobody'"),
        (["evaluate", "nobody", "--data", "rows.jsonl"], 2, "there is no model 'nobody'"),
        (["evaluate", "x", "--data", "rows.jsonl", "--require", "good"], 2, "not a verdict"),
        (["split", "rows.jsonl", "--group-by", "custmer"], 3, "custmer"),
        (["finetune", "rows.jsonl", "--model", "local/x", "--max-cost-usd", "lots"], 2, "lots"),
    ],
)
def test_bad_input_is_one_message_and_its_exit_code(
    arguments: list[str], code: int, words: str
) -> None:
    rows_file()
    Path("broken.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a"\n')
    Path("empty.jsonl").write_text("")
    Path("t.csv").write_text("text,route\na,b\n")
    done = ftkit(*arguments, code=code)
    assert words in done.stdout + done.stderr


def test_a_rows_text_cannot_steer_the_terminal() -> None:
    hostile = "\x1b]0;owned\x07\x1b[31m\u202e"
    row = {"prompt": "q", "completion": "a", hostile: 1}
    data = rows_file("hostile.jsonl", [row, row])
    shown = ftkit("check", data)
    wrong = ftkit("split", data, "--group-by", "no", code=3)
    for text in (shown.stdout, wrong.stderr):
        assert "owned" in text
        assert not set(text) & set("\x1b\x07\u202e")


def test_an_error_is_json_where_json_was_asked_for() -> None:
    value = as_json("job", "show", "nobody", code=2)
    assert (value["error"], value["exit_code"]) == ("NotFound", 2)


def test_debug_shows_the_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ftkit.cli", "job", "show", "nobody", "--debug"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in done.stderr


def test_a_typo_in_the_configuration_stops_every_verb() -> None:
    Path("ftkit.toml").write_text("[profiles.default]\nmodl = 'local/a'\n")
    assert "did you mean 'model'" in ftkit("config", "show", code=2).stderr


def test_config_show_names_the_origin_of_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ftkit.toml").write_text('[profiles.default]\nmodel = "local/a"\n')
    monkeypatch.setenv("FTKIT_HOME", "/nowhere/ftkit")
    settings = as_json("config", "show")["settings"]
    assert settings["model"]["value"] == "local/a"
    assert settings["model"]["origin"].endswith("ftkit.toml")
    assert settings["home"] == {"value": "/nowhere/ftkit", "origin": "FTKIT_HOME"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_watching_and_leaves_the_job_running(
    number: int, base: str, home: Path
) -> None:
    data = rows_file()
    terminal, other = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "ftkit.cli", "finetune", data, "--model", base,
         "--max-steps", "100000", "--name", "long"],
        stdin=other, stdout=other, stderr=other, start_new_session=True,
    )  # fmt: skip
    os.close(other)
    seen = ""
    while "training" not in seen:
        seen += os.read(terminal, 4096).decode(errors="replace")
    time.sleep(1)
    child.send_signal(number)
    try:
        while chunk := os.read(terminal, 4096):
            seen += chunk.decode(errors="replace")
    except OSError:  # the terminal closes with its last process
        assert child.wait(30) == 130
    assert child.wait(30) == 130
    job = as_json("job", "show", "long")
    assert job["status"] == "running"
    assert f"job {job['id']}: it goes on; `ftkit job wait" in seen.replace("\r", "")
    ftkit("job", "cancel", "long")
    assert "cancelled" in ftkit("job", "wait", "long", code=1).stderr


def test_exit_codes_of_errors_are_as_documented() -> None:
    codes = {error.__name__: error.exit_code for error in FtkitError.__subclasses__()}
    refused = {
        "DataError", "CapabilityError", "BudgetError", "LifecycleError",
        "AuthError", "NotInstalled", "NotDeployed",
    }  # fmt: skip
    assert {name for name, code in codes.items() if code == 3} == refused
    assert {name for name, code in codes.items() if code == 2} == {"ConfigError", "NotFound"}
    assert OutcomeUnknown.exit_code == 4


def test_nothing_is_written_by_verbs_that_only_look(base: str, home: Path) -> None:
    data = rows_file()
    before = sorted(path.name for path in Path.cwd().iterdir())
    ftkit("check", data, "--model", base)
    ftkit("estimate", data, "--model", base)
    assert sorted(path.name for path in Path.cwd().iterdir()) == before
    assert not (home / "runs").exists()
