"""What a provider has kept of a job can be taken home: its words, and its files as they were sent."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ftkit.backend import FileRole, History, Remote, RemoteFile, Training
from ftkit.errors import NotFound
from ftkit.testing.conformance.work import Work

UNKNOWN = "there-is-no-such-thing"


@pytest.mark.judges("history")
def test_a_job_is_told_in_words_that_are_json(training: Training, finished: Remote) -> None:
    """Word for word, beside the same job as `get` gives it, with the rows it was trained on among its files."""
    assert isinstance(training, History)
    told = training.told(finished.id)
    assert told.job == training.get(finished.id)
    assert told.words and json.loads(json.dumps(told.words)) == told.words
    assert finished.id in json.dumps(told.words)
    assert [file.role for file in told.files].count(FileRole.TRAINING) == 1
    assert told.tokens is None or told.tokens > 0


@pytest.mark.judges("history")
def test_the_rows_come_back_as_they_were_sent(
    work: Work, training: Training, finished: Remote, tmp_path: Path
) -> None:
    """Byte by byte."""
    assert isinstance(training, History)
    (rows,) = [file for file in _files(training, finished) if file.role is FileRole.TRAINING]
    training.fetch(rows, tmp_path / "rows")
    assert (tmp_path / "rows").read_bytes() == work.file(training).read_bytes()


@pytest.mark.judges("history")
def test_metrics_come_as_csv_with_a_header(
    training: Training, finished: Remote, tmp_path: Path
) -> None:
    """Whatever the provider packs them into."""
    assert isinstance(training, History)
    found = [file for file in _files(training, finished) if file.role is FileRole.METRICS]
    if not found:
        pytest.skip("the provider keeps no metrics in files")
    training.fetch(found[0], tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and all(None not in row for row in rows)


@pytest.mark.judges("history")
def test_a_job_and_a_file_that_are_gone_are_not_found(training: Training, tmp_path: Path) -> None:
    """NotFound, by which the core tells what is lost from what can be had later."""
    assert isinstance(training, History)
    with pytest.raises(NotFound):
        training.told(UNKNOWN)
    for role in FileRole:
        with pytest.raises(NotFound):
            training.fetch(RemoteFile(UNKNOWN, role), tmp_path / "nothing")


def _files(training: History, finished: Remote) -> tuple[RemoteFile, ...]:
    return training.told(finished.id).files
