"""The conformance suite: sound backends pass it, and each spoiled one is caught by the test that is there for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import capability_page
from tests.wheels import installed, unpacked, wheel

# the way in which the stand-in is spoiled, and the tests of the suite that must fail for it, and no other of these
SEEN_BY = {
    "broken-not": (),
    "broken-two-posts": ("test_a_create_whose_reply_is_lost_is_not_repeated",),
    "broken-foreign-exception": ("test_a_create_whose_reply_is_lost_is_not_repeated",),
    "broken-first-page": ("test_a_job_is_found_behind_many_others",),
    "broken-repeating-events": ("test_events_are_numbered_upward_and_can_be_resumed",),
    "broken-leaking-preview": ("test_a_preview_shows_no_credential_and_sends_nothing",),
    "broken-two-line-rows": ("test_a_row_is_one_line_of_json_that_holds_the_text",),
    "broken-deaf-cancel": ("test_a_running_job_that_is_cancelled_ends_without_a_model",),
    "broken-deaf-pause": ("test_a_job_that_is_paused_stands_still_and_goes_on",),
    "broken-deaf-delete": ("test_a_file_that_is_deleted_is_gone",),
    "broken-deaf-to-time": ("test_a_job_ends_with_a_model_when_its_time_is_up",),
    "broken-impatient-read": ("test_a_busy_provider_is_unavailable_with_its_own_wish[get]",),
    "broken-forgotten-setting": ("test_a_setting_is_honoured_or_refused_by_name[lora_rank]",),
    "broken-deploying-chat": ("test_a_model_that_needs_a_deployment_answers_only_with_one",),
    "broken-stuttering-stream": ("test_the_async_twins_answer_the_same",),
    "broken-two-batches": ("test_a_batch_whose_reply_is_lost_is_not_repeated",),
    "broken-shuffled-batch": ("test_each_question_is_answered_under_its_own_number",),
    "broken-silent": ("test_an_optional_method_is_there_or_declared_missing[training-download]",),
    "broken-boastful": ("test_an_optional_method_is_there_or_declared_missing[training-upload]",),
    "broken-connecting": ("test_opening_uses_no_network_and_no_key",),
    "broken-secretive": ("test_every_credential_is_named",),
}
# Every spoiled backend is put before all of these tests, in one process: what differs is what is seen.
_RUN_ALL = """
import json, os, sys, pytest

class Failed:
    def __init__(self):
        self.names = []
    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.names.append(report.nodeid.rpartition("::")[2])

seen = {}
for way in json.loads(sys.argv[1]):
    os.environ["FTKIT_BROKEN"] = way
    failed = Failed()
    pytest.main(json.loads(sys.argv[2]) + ["--ftkit-backend", way], plugins=[failed])
    seen[way] = failed.names
print("\\n" + json.dumps(seen))
"""


def suite(*options: str) -> list[str]:
    return [
        *("-p", "no:cacheprovider", "-p", "ftkit.testing.conformance", "-q", "--color=no"),
        *("--pyargs", "ftkit.testing.conformance", *options),
    ]


def run(
    arguments: list[str], folder: Path, *paths: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A Python process in a folder of its own, with `paths` before its installed packages."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def judge(backend: str, folder: Path, path: Path | None = None, **environment: str) -> str:
    """Run the suite on a backend; its whole output, after seeing that it passed."""
    paths = [str(path)] if path is not None else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *suite("--ftkit-backend", backend)]
        + ["--ftkit-table", str(folder / "table.md")],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_hosted_stand_in_passes_and_its_table_says_what_it_can(tmp_path: Path) -> None:
    output = judge("fake", tmp_path)
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| training | submit | yes |  |" in table
    assert "| hosting | hosting.find | yes |  |" in table
    assert "| inference | batch | yes |  |" in table
    assert "| training | download | no | the weights stay at the provider |" in table
    assert "FAILS" not in table
    assert "what fake can do" in output


def test_the_stand_in_with_run_folders_passes(tmp_path: Path) -> None:
    judge("fake-runs", tmp_path)
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| training | resume | yes |  |" in table
    assert "| hosting | start | no |" in table


def test_the_stand_in_that_only_answers_passes(tmp_path: Path) -> None:
    judge("fake-answers", tmp_path)
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| inference | chat | yes |  |" in table
    assert "| pricing | pricing | yes |  |" in table
    assert "| training | submit | no | this provider trains no models, it only answers |" in table


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_this_machine_passes_with_a_tiny_model(tmp_path: Path) -> None:
    column = capability_page.is_as_told("local", tmp_path)
    assert column["inference", "score"] == ("yes", "")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The tests that failed, of those named above, for every spoiled backend."""
    folder = tmp_path_factory.mktemp("broken")
    points = {way: f"ftkit_broken:{way.replace('-', '_')}" for way in SEEN_BY}
    path = unpacked(wheel(folder, "ftkit_broken", points, sources=True), folder / "site")
    names = {test.partition("[")[0] for tests in SEEN_BY.values() for test in tests}
    arguments = suite("--ftkit-subject", "ftkit_broken:subject", "-k", " or ".join(sorted(names)))
    done = subprocess.run(
        [sys.executable, "-c", _RUN_ALL, json.dumps([*SEEN_BY]), json.dumps(arguments)],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    return found


@pytest.mark.parametrize("way", SEEN_BY)
def test_a_spoiled_backend_fails_the_test_that_is_there_for_it(
    way: str, seen: dict[str, list[str]]
) -> None:
    wanted = SEEN_BY[way]
    failed = {
        name if name in wanted or name.partition("[")[0] not in wanted else name.partition("[")[0]
        for name in seen[way]
    }
    assert failed == set(wanted)


@pytest.mark.skipif(find_spec("pip") is None, reason="pip is not installed")
def test_a_backend_of_a_third_party_is_installed_and_passes(tmp_path: Path) -> None:
    made = wheel(tmp_path, "ftkit_acme", {"acme": "ftkit_acme:backend"}, sources=True)
    path = installed(made, tmp_path / "site")
    judge("acme", tmp_path, path)
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| training | listing | yes |  |" in table


def test_a_package_that_claims_a_name_of_ours_is_an_error_that_names_both(tmp_path: Path) -> None:
    made = wheel(tmp_path, "ftkit_usurper", {"local": "ftkit_usurper:backend"}, sources=False)
    path = unpacked(made, tmp_path / "site")
    code = "from ftkit.registry import is_backend; is_backend('local')"
    asked = run(["-c", code], tmp_path, str(path))
    assert asked.returncode != 0
    said = asked.stderr.rstrip().rpartition("\n")[2]
    assert "two packages bring a backend named 'local'" in said
    assert {"ftkit", "ftkit-usurper"} <= set(said.replace(";", " ").split())


def test_a_suite_without_a_backend_says_what_is_missing(tmp_path: Path) -> None:
    done = run(["-m", "pytest", *suite("-x")], tmp_path)
    assert done.returncode != 0
    assert "say which backend: --ftkit-backend NAME" in done.stdout + done.stderr
