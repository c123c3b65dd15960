"""Split by time: the latest rows are held out, and what was known before is no news."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from ftkit.data import Dataset, load
from ftkit.errors import DataError


def dated(times: list[Any], **groups: int) -> Dataset:
    """A row a time; `groups` are the rows, counted from 0, that share one."""
    return load(
        [
            {
                "prompt": f"q{i}",
                "completion": "a",
                "at": at,
                "group": "g" if i in groups.values() else "",
            }
            for i, at in enumerate(times)
        ]
    )


DAYS = [f"2024-{month:02}-{day:02}" for month in range(1, 11) for day in range(1, 11)]


@pytest.mark.parametrize(
    "times",
    [
        DAYS,
        list(range(100)),
        [str(n) for n in range(100)],
        [n / 3 for n in range(100)],
        [f"{day}T12:00:00Z" for day in DAYS],
        [f"{day} 12:00:00.25+02:00" for day in DAYS],
    ],
)
def test_the_latest_rows_are_held_out(times: list[Any]) -> None:
    order = list(range(100))
    random.Random(1).shuffle(order)
    split = dated([times[i] for i in order]).split(test=0.1, time_by="at")
    assert sorted(order[row.number - 1] for row in split.held_out.rows) == list(range(90, 100))
    assert split.notes == ("adding rows may move old ones: the latest are always held out",)


def test_a_number_is_no_text() -> None:
    assert dated(["9", "10", "100", "8"]).split(test=1, time_by="at")[1].values("at") == ["100"]


def test_zones_are_told_apart_and_none_means_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    times = ["2024-05-01T12:00:00+05:00", "2024-05-01T08:00:00", "2024-05-01T07:30:00+00:00"]
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        held = dated(times).split(test=1, time_by="at").held_out
        monkeypatch.undo()
        time.tzset()
        assert [row.number for row in held.rows] == [2]


def test_what_hangs_together_with_an_old_row_is_trained_on() -> None:
    split = dated(DAYS, early=3, late=99).split(test=10, time_by="at", group_by="group")
    assert [row.number for row in split.held_out.rows] == list(range(90, 100))
    assert "1 rows later than 2024-09-10" in split.notes[0]


def test_a_group_of_late_rows_is_held_out_whole() -> None:
    for test, expected in ((12, range(89, 101)), (10, range(90, 100))):
        split = dated(DAYS, one=88, other=99).split(test=test, time_by="at", group_by="group")
        assert [row.number for row in split.held_out.rows] == list(expected)


def test_no_held_out_row_is_older_than_a_trained_one_that_is_alone() -> None:
    times = [random.Random(2).randrange(30) for _ in range(200)]
    split = dated(times).split(test=0.2, time_by="at")
    assert max(split.train.values("at")) <= min(split.held_out.values("at"))


def test_rows_of_one_time_on_both_sides_are_counted() -> None:
    split = dated([1] * 50 + [2] * 50).split(test=0.2, time_by="at")
    assert "30 rows of 2 are trained on while others of that time are held out" in split.notes[0]


def test_rows_without_a_time_are_one_error_that_names_them() -> None:
    with pytest.raises(DataError, match="3 rows have no time to split by") as caught:
        dated(["2024-01-01", "", "soon", None, *DAYS]).split(time_by="at")
    assert [(fault.row, fault.field) for fault in caught.value.faults] == [
        (2, "at"),
        (3, "at"),
        (4, "at"),
    ]
    assert "'soon' is neither a number nor an ISO date" in str(caught.value)


@pytest.mark.parametrize("odd", [True, {"y": 2024}, [2024], "9" * 40])
def test_what_is_no_time_is_none(odd: Any) -> None:
    with pytest.raises(DataError, match="1 row has no time"):
        dated([odd, *DAYS]).split(time_by="at")


def test_numbers_and_dates_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="1714555000 cannot be compared with the dates"):
        dated([1714555000, *DAYS]).split(time_by="at")


def test_one_component_cannot_be_split() -> None:
    with pytest.raises(DataError, match="all 2 rows hang together"):
        dated([1, 2], one=0, other=1).split(test=1, time_by="at", group_by="group")
