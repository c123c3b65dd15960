"""Files and jobs of the in-memory hosted provider: what it refuses, how a job lives by the clock, how it is listed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from ftkit import clock
from ftkit.testing import HostedProvider
from tests import hosted_http
from tests.hosted_http import ROWS, ask, connect, create, get, upload

server, provider = hosted_http.server, hosted_http.provider


# --- files and jobs ------------------------------------------------------------------------------


def test_an_upload_with_another_checksum_is_refused(provider: HostedProvider) -> None:
    path = "/v1/files?purpose=fine-tune"
    answer = ask(provider, "POST", path, ROWS, X_Content_SHA256="0" * 64)
    assert (answer.status, answer.code) == (400, "bad_checksum")
    assert provider.counts()["files"] == 0


def test_an_upload_may_come_in_chunks(provider: HostedProvider) -> None:
    connection = connect(provider)
    named = {"Authorization": "Bearer fake-key"}
    named["X-Content-SHA256"] = hashlib.sha256(ROWS).hexdigest()
    parts = iter([ROWS[:7], ROWS[7:]])
    connection.request("POST", "/v1/files?purpose=fine-tune", parts, named, encode_chunked=True)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert (answer["sha256"], answer["bytes"]) == (named["X-Content-SHA256"], len(ROWS))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"learning_rate": 1}, "unknown_field"),
        ({"model": "large"}, "unknown_model"),
        ({"training_file": "file-99"}, "unknown_file"),
        ({"validation_file": "file-99"}, "unknown_file"),
        ({"method": "magic"}, "unknown_method"),
        ({"hyperparameters": {"epoch": 1}}, "bad_hyperparameters"),
        ({"hyperparameters": {"epochs": 0}}, "bad_hyperparameters"),
        ({"suffix": "a:b"}, "bad_suffix"),
        ({"metadata": {"key": 1}}, "bad_metadata"),
    ],
)
def test_a_create_that_makes_no_sense_is_refused_and_makes_no_job(
    provider: HostedProvider, fields: dict[str, Any], code: str
) -> None:
    answer = create(provider, **fields)
    assert (answer.status, answer.code) == (400, code)
    assert provider.counts()["jobs"] == 0


def test_an_account_that_may_train_no_more_says_so(provider: HostedProvider) -> None:
    provider.set(training_closed=True)
    assert get(provider, "/v1/limits")["training_closed"] is True
    answer = create(provider)
    assert (answer.status, answer.code) == (400, "training_closed")


def test_more_active_jobs_than_allowed_are_refused(provider: HostedProvider) -> None:
    provider.set(max_active_jobs=1)
    assert create(provider).status == 201
    assert get(provider, "/v1/limits")["active_jobs"] == 1
    answer = create(provider)
    assert (answer.status, answer.code) == (429, "too_many_jobs")
    clock.sleep(2)
    assert create(provider).status == 201


def test_a_job_lives_by_the_clock_and_its_cost_grows_with_its_steps(
    provider: HostedProvider,
) -> None:
    provider.set(queue_seconds=10, run_seconds=50)
    file = upload(provider)
    body = {"model": "small", "training_file": file, "hyperparameters": {"epochs": 2}}
    estimate = ask(provider, "POST", "/v1/jobs/estimate", body).json["usd"]
    assert estimate == "0.00128"  # 80 words x 2 epochs x 8 USD per million
    job = create(provider, training_file=file).json
    seen = [(job["status"], job["step"], job["usd"])]
    for seconds in (9, 1, 20, 29, 1):
        clock.sleep(seconds)
        job = get(provider, f"/v1/jobs/{job['id']}")
        seen.append((job["status"], job["step"], job["usd"]))
    assert seen == [
        ("queued", 0, "0"),
        ("queued", 0, "0"),
        ("running", 0, "0"),
        ("running", 2, "0.000512"),
        ("running", 4, "0.001024"),
        ("succeeded", 5, estimate),
    ]
    assert job["finished_at"] == job["created_at"] + 60
    assert job["fine_tuned_model"] == f"ft:small:router:{job['id']}"
    assert provider.counts()["usd"] == estimate


def test_events_grow_and_are_asked_for_from_where_one_stands(provider: HostedProvider) -> None:
    job = create(provider).json["id"]
    clock.sleep(1)
    first = get(provider, f"/v1/jobs/{job}/events")["data"]
    assert [event["type"] for event in first] == ["created", "started", "step", "step"]
    assert [point["step"] for point in get(provider, f"/v1/jobs/{job}/checkpoints")["data"]] == []
    clock.sleep(1)
    rest = get(provider, f"/v1/jobs/{job}/events?after={first[-1]['id']}")["data"]
    assert [event["id"] for event in rest] == [5, 6, 7, 8]
    assert [event["type"] for event in rest] == ["step", "step", "step", "succeeded"]
    assert rest[0]["data"]["step"] == 3
    assert [p["step"] for p in get(provider, f"/v1/jobs/{job}/checkpoints")["data"]] == [3, 5]


def test_cancelling_stops_the_cost_and_a_finished_job_cannot_be_cancelled(
    provider: HostedProvider,
) -> None:
    job = create(provider).json["id"]
    clock.sleep(1)
    answer = ask(provider, "POST", f"/v1/jobs/{job}/cancel")
    assert (answer.json["status"], answer.json["step"]) == ("cancelled", 2)
    clock.sleep(100)
    assert get(provider, f"/v1/jobs/{job}")["usd"] == answer.json["usd"] != "0"
    again = ask(provider, "POST", f"/v1/jobs/{job}/cancel")
    assert (again.status, again.code) == (409, "already_finished")


def test_a_tuned_model_can_be_tuned_again(provider: HostedProvider) -> None:
    first = create(provider, model="dedicated").json["id"]
    clock.sleep(2)
    model = get(provider, f"/v1/jobs/{first}")["fine_tuned_model"]
    second = create(provider, model=model, suffix=None).json["id"]
    clock.sleep(2)
    assert get(provider, f"/v1/models/ft%3Adedicated%3A%3A{second}") == {
        "id": f"ft:dedicated::{second}",
        "base": model,
        "job": second,
        "serving": "dedicated",
    }


def test_a_patched_status_is_shown_verbatim_while_the_job_goes_on(
    provider: HostedProvider,
) -> None:
    job = create(provider).json["id"]
    assert provider.patch_job(job, status="compressing")["status"] == "compressing"
    clock.sleep(2)
    shown = get(provider, f"/v1/jobs/{job}")
    assert (shown["status"], shown["step"]) == ("compressing", 5)
    assert provider.patch_job(job, status=None)["status"] == "succeeded"


def test_a_patched_final_status_ends_the_job_and_frozen_stops_it(provider: HostedProvider) -> None:
    failed, frozen = (create(provider).json["id"] for _ in range(2))
    provider.patch_job(failed, status="failed", error={"code": "bad_row", "row": 3})
    provider.patch_job(frozen, frozen=True)
    clock.sleep(100)
    shown = get(provider, f"/v1/jobs/{failed}")
    assert (shown["status"], shown["usd"], shown["error"]["row"]) == ("failed", "0", 3)
    assert get(provider, f"/v1/jobs/{frozen}")["step"] == 0
    provider.patch_job(frozen, frozen=False)
    assert get(provider, f"/v1/jobs/{frozen}")["status"] == "succeeded"


# --- lists ---------------------------------------------------------------------------------------


def test_a_young_job_is_not_listed_until_the_lag_is_over(provider: HostedProvider) -> None:
    provider.set(listing_lag=30)
    job = create(provider, "k").json["id"]
    assert get(provider, f"/v1/jobs/{job}")["id"] == job
    clock.sleep(29)
    assert get(provider, "/v1/jobs?key=k")["data"] == []
    clock.sleep(1)
    assert [found["id"] for found in get(provider, "/v1/jobs?key=k")["data"]] == [job]
    provider.set(unlisted=True)
    assert get(provider, "/v1/jobs?key=k")["data"] == []


def test_a_full_last_page_says_that_nothing_follows(provider: HostedProvider) -> None:
    provider.set(listing_lag=30)
    provider.foreign(3)  # listed at once, whatever the lag
    assert get(provider, "/v1/jobs?limit=2")["has_more"] is True
    page = get(provider, "/v1/jobs?limit=3")
    assert ([job["id"] for job in page["data"]], page["has_more"]) == (
        ["job-3", "job-2", "job-1"],
        False,
    )


def test_pages_over_250_foreign_jobs_reach_ours_and_no_job_comes_twice(
    provider: HostedProvider,
) -> None:
    ours = create(provider, "k").json["id"]
    provider.foreign(250)
    seen: list[Any] = []
    more = True
    while more:
        after = f"&after={seen[-1]['id']}" if seen else ""
        page = get(provider, f"/v1/jobs?limit=100{after}")
        seen += page["data"]
        more = page["has_more"]
    assert [found["seq"] for found in seen] == sorted((f["seq"] for f in seen), reverse=True)
    assert len({found["id"] for found in seen}) == len(seen) == 251
    assert seen[-1]["id"] == ours
    assert len(get(provider, "/v1/jobs")["data"]) == 20
    assert provider.counts()["jobs"] == 1
    assert [found["id"] for found in get(provider, "/v1/jobs?key=k")["data"]] == [ours]


@pytest.mark.parametrize("query", ["limit=101", "limit=0", "limit=x", "after=job-99"])
def test_a_page_that_makes_no_sense_is_refused(provider: HostedProvider, query: str) -> None:
    assert ask(provider, "GET", f"/v1/jobs?{query}").status == 400
