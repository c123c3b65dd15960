"""The suite's tests of `history` pass for a sound backend, and each sees the fault that it is there for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_conformance import _RUN_ALL, suite

ROOT = Path(__file__).parents[1]
SEEN_BY = {
    "": [],
    "cut rows": ["test_the_rows_come_back_as_they_were_sent"],
    "packed metrics": ["test_metrics_come_as_csv_with_a_header"],
    "refusing": ["test_a_job_and_a_file_that_are_gone_are_not_found"],
    "forgetful": [
        "test_a_job_is_told_in_words_that_are_json",
        "test_the_rows_come_back_as_they_were_sent",
    ],
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The tests that failed for each way, all in one process."""
    folder = tmp_path_factory.mktemp("spoiled")
    arguments = suite("--ftkit-subject", "tests.spoiled_history:subject", "-k", "test_history")
    code = _RUN_ALL.replace('["--ftkit-backend", way]', '["--ftkit-backend", "openai"]')
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([*SEEN_BY]), json.dumps(arguments)],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    return found


@pytest.mark.parametrize("way", SEEN_BY)
def test_a_spoiled_history_fails_the_tests_that_are_there_for_it(
    way: str, seen: dict[str, list[str]]
) -> None:
    assert seen[way] == SEEN_BY[way]
