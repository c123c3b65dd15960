"""A tuning job's life on the emulator's clock, its lists, its data, its money, and what a test may order it to show."""

from __future__ import annotations

import math
import warnings
from decimal import Decimal
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.emulators.google import EmulatorError, GoogleEmulator, driving
from tests.emulators.google.driving import (
    BASE,
    CREATE,
    LIST,
    OPEN_BASE,
    Time,
    ask,
    connect,
    create,
    get,
    jsonl,
    pair,
    path,
    row,
    rows,
    tuned,
)

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time
bucket = driving.bucket


def words(job: types.TuningJob) -> tuple[str, str | None]:
    """Its two states, in short."""
    assert job.state
    more = job.tuning_job_state
    return (
        job.state.value.removeprefix("JOB_STATE_"),
        more.value.removeprefix("TUNING_JOB_STATE_") if more else None,
    )


def stats(client: genai.Client, job: types.TuningJob) -> types.SupervisedTuningDataStats:
    """What was found in its data."""
    found = get(client, job).tuning_data_stats
    assert found and found.supervised_tuning_data_stats
    return found.supervised_tuning_data_stats


def failure(client: genai.Client, job: types.TuningJob) -> tuple[int | None, str]:
    """The code and the text with which it failed."""
    found = get(client, job)
    assert words(found) == ("FAILED", None)
    assert found.error
    return found.error.code, str(found.error.message)


def test_a_job_moves_by_the_clock_alone(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    emulator.set(pending_s=10, dataset_s=10, capacity_s=20, run_s=30, post_s=10)
    job = create(emulator, client)
    seen = []
    for _ in range(9):
        seen.append(words(get(client, job)))
        time.pass_(10)
    running = ["PROCESSING_DATASET", *2 * ["WAITING_FOR_CAPACITY"], *3 * ["TUNING"]]
    assert seen == [
        ("PENDING", None),
        *(("RUNNING", word) for word in [*running, "POST_PROCESSING"]),
        ("SUCCEEDED", None),
    ]
    done = get(client, job)
    assert done.create_time and done.start_time and done.end_time
    assert (done.start_time - done.create_time).total_seconds() == 10
    assert (done.end_time - done.create_time).total_seconds() == 80


def test_a_job_that_nobody_looked_at_has_lived_all_the_same(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    emulator.set(run_s=60, post_s=5)
    job = create(emulator, client)
    time.pass_(10_000)
    done = get(client, job)
    assert done.create_time and done.end_time
    assert (done.end_time - done.create_time).total_seconds() == 65


def test_one_job_of_a_project_runs_and_the_others_wait_for_quota(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    emulator.set(run_s=60)
    uri = emulator.put_object("train.jsonl", rows())
    europe = connect(emulator, "europe-west4")
    first = create(emulator, client, uri=uri)
    second = create(emulator, europe, uri=uri)  # the quota is one for all regions
    assert words(get(client, first)) == ("RUNNING", "TUNING")
    assert words(get(europe, second)) == ("RUNNING", "WAITING_FOR_QUOTA")
    time.pass_(60)
    assert words(get(client, first)) == ("SUCCEEDED", None)
    assert words(get(europe, second)) == ("RUNNING", "TUNING")
    time.pass_(500)
    done = get(europe, second)
    assert done.create_time and done.end_time
    assert (done.end_time - done.create_time).total_seconds() == 120


def test_progress_while_it_runs_and_what_a_cancelled_one_costs(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    emulator.set(run_s=100)
    job = create(emulator, client, epoch_count=4)
    time.pass_(50)
    running = get(client, job)
    assert running.tuning_job_metadata
    assert running.tuning_job_metadata.completed_epoch_count == 2
    assert running.tuning_job_metadata.completed_step_count == 4
    assert running.tuned_model is None
    client.tunings.cancel(name=str(job.name))
    time.pass_(50)
    ended = get(client, job)
    assert (words(ended), ended.error and ended.error.code) == (("CANCELLED", None), 1)
    full = 12 * 6 * 4 * Decimal(10) / 1_000_000
    assert Decimal(emulator.counts()["usd"]) == full / 2  # what was done is billed, and no more


def test_a_cancel_may_take_its_time_and_is_not_repeated(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    emulator.set(run_s=100, cancelling_s=10)
    job = create(emulator, client)
    client.tunings.cancel(name=str(job.name))
    assert words(get(client, job)) == ("CANCELLING", None)
    time.pass_(10)
    assert words(get(client, job)) == ("CANCELLED", None)
    with pytest.raises(errors.ClientError, match="FAILED_PRECONDITION"):
        client.tunings.cancel(name=str(job.name))


@pytest.mark.parametrize("model", [BASE, "gemini-3.1-flash-lite", "gemini-2.5-pro"])
def test_a_job_costs_its_tokens_times_its_epochs(
    client: genai.Client, emulator: GoogleEmulator, model: str
) -> None:
    price = {BASE: 10, "gemini-3.1-flash-lite": 3, "gemini-2.5-pro": 25}[model]
    job = create(emulator, client, base=model, epoch_count=2)
    assert stats(client, job).total_billable_token_count == 72
    assert Decimal(emulator.counts()["usd"]) == Decimal(72 * 2 * price) / 1_000_000


def test_epochs_left_out_become_forty(client: genai.Client, emulator: GoogleEmulator) -> None:
    create(emulator, client, epoch_count=None)
    assert Decimal(emulator.counts()["usd"]) == Decimal(72 * 40 * 10) / 1_000_000


@pytest.mark.parametrize(
    ("region", "serving", "base"),
    [
        ("us-central1", "us", BASE),
        ("europe-west4", "eu", BASE),
        ("us-central1", "us-central1", "gemini-2.5-flash"),
    ],
)
def test_a_model_is_served_where_its_family_is(
    emulator: GoogleEmulator, region: str, serving: str, base: str
) -> None:
    client = connect(emulator, region)
    model = tuned(client, create(emulator, client, base=base))
    number = emulator.project_number
    assert str(model.model).startswith(f"projects/{number}/locations/{serving}/models/")
    assert str(model.model).endswith("@1")
    assert str(model.endpoint).startswith(f"projects/{number}/locations/{serving}/endpoints/")


@pytest.mark.parametrize(
    ("epochs", "kept"), [(1, [1]), (3, [1, 2, 3]), (20, list(range(2, 21, 2)))]
)
def test_a_checkpoint_of_each_epoch_has_an_endpoint_of_its_own(
    client: genai.Client, emulator: GoogleEmulator, epochs: int, kept: list[int]
) -> None:
    model = tuned(client, create(emulator, client, epoch_count=epochs))
    found = model.checkpoints or []
    assert [one.epoch for one in found] == kept
    assert [one.step for one in found] == [2 * epoch for epoch in kept]
    assert len({one.endpoint for one in found}) == len(kept)
    assert found[-1].endpoint == model.endpoint


def test_only_the_last_is_kept_where_so_asked(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    model = tuned(client, create(emulator, client, export_last_checkpoint_only=True))
    assert (model.checkpoints, bool(model.endpoint)) == (None, True)


def test_rows_that_are_left_out_are_named_from_one(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    emulator.set(max_row_tokens=20)
    lines = [row("a", "b") for _ in range(5)]
    lines[1] = row("a", "word " * 30)
    lines[3] = row("a", "")
    job = create(emulator, client, jsonl(lines))
    found = stats(client, job)
    assert found.tuning_dataset_example_count == 5
    assert found.truncated_example_indices == [2, 4]
    assert found.total_truncated_example_count == 2
    reasons = found.dropped_example_reasons or []
    assert ["limit of 20" in reasons[0], "no response" in reasons[1]] == [True, True]
    assert found.total_billable_token_count == 3 * 4
    emulator.set(long_rows="truncated", shown_indices=1)
    cut = stats(client, create(emulator, client, jsonl(lines)))
    assert cut.total_billable_token_count == 3 * 4 + 20
    assert cut.truncated_example_indices == [2]  # a partial sample


BAD_ROWS = {
    "no JSON": "{",
    "messages of another provider": jsonl([{"messages": [{"role": "user", "content": "x"}]}]),
    "no turn of the model": jsonl([{"contents": [driving.turn("user", "x")]}]),
    "a role of another provider": jsonl([{"contents": [driving.turn("assistant", "x")]}]),
    "a turn without parts": jsonl([{"contents": [{"role": "user", "parts": []}]}]),
    "an unknown field": jsonl([{**row("a", "b"), "weight": 1}]),
    "nothing": "",
}


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_bad_data_makes_the_job_fail_and_not_the_create(
    client: genai.Client, emulator: GoogleEmulator, bad: str
) -> None:
    job = create(emulator, client, (rows(2) if bad != "nothing" else "") + BAD_ROWS[bad])
    code, text = failure(client, job)
    assert code == 3
    assert text.startswith("Invalid training dataset.")
    if bad != "nothing":
        assert "Row: 3." in text
    assert emulator.counts()["usd"] == "0"


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("gs://acme-bucket/no-such.jsonl", 5),
        ("gs://no-such-bucket/train.jsonl", 5),
        ("gs://other-bucket/train.jsonl", 7),
        ("gs://acme-closed-bucket/train.jsonl", 7),
    ],
)
def test_data_that_cannot_be_read_makes_the_job_fail(
    client: genai.Client, emulator: GoogleEmulator, uri: str, code: int
) -> None:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if name == "train.jsonl" and bucket != "no-such-bucket":
        emulator.put_object(name, rows(), bucket)
    assert failure(client, create(emulator, client, uri=uri))[0] == code


@pytest.mark.parametrize(
    ("training", "validation", "fails"),
    [
        (10, 1000, False),
        (3400, 1001, False),
        (3300, 1001, True),
        (20_000, 5001, True),
    ],
)
def test_validation_over_a_thousand_rows_is_thirty_percent_at_most(
    client: genai.Client, emulator: GoogleEmulator, training: int, validation: int, fails: bool
) -> None:
    held_out = emulator.put_object("valid.jsonl", rows(validation))
    job = create(
        emulator,
        client,
        rows(training),
        epoch_count=1,
        validation_dataset=types.TuningValidationDataset(gcs_uri=held_out),
    )
    assert words(get(client, job))[0] == ("FAILED" if fails else "SUCCEEDED")


def test_preferences_are_learned_by_the_older_family(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    text = jsonl(pair(f"question {n}", f"right {n}", f"wrong {n} x") for n in range(4))
    asked: dict[str, Any] = {"method": "PREFERENCE_TUNING", "beta": 0.1}
    job = create(emulator, client, text, base="gemini-2.5-flash", **asked)
    done = get(client, job)
    assert done.tuning_data_stats and done.tuning_data_stats.preference_optimization_data_stats
    found = done.tuning_data_stats.preference_optimization_data_stats
    assert found.total_billable_token_count == 4 * (3 + 3 + 4)
    said = client.models.generate_content(
        model=str(tuned(client, job).endpoint), contents="question 2"
    )
    assert said.text == "right 2"
    with pytest.raises(errors.ClientError, match="does not support preference tuning"):
        create(emulator, client, text, base=BASE, **asked)
    failure(client, create(emulator, client, rows(), base="gemini-2.5-flash", **asked))


def test_an_open_model_leaves_its_adapter_in_the_bucket(
    client: genai.Client, emulator: GoogleEmulator, bucket: Any
) -> None:
    lines = jsonl({"prompt": f"q {n}", "completion": f"a {n}"} for n in range(8))
    asked: dict[str, Any] = {"learning_rate": 1e-4, "tuning_mode": "TUNING_MODE_PEFT_ADAPTER"}
    with pytest.raises(errors.ClientError, match="output_uri is required"):
        create(emulator, client, lines, base=OPEN_BASE, **asked)
    out = f"gs://{emulator.bucket}/tuned/gemma"
    job = create(emulator, client, lines, base=OPEN_BASE, output_uri=out, epoch_count=2, **asked)
    done = get(client, job)
    assert (words(done)[0], done.tuned_model, done.output_uri) == ("SUCCEEDED", None, out)
    place = "tuned/gemma/postprocess/node-0/checkpoints/final"
    assert {one["name"] for one in emulator.objects() if place in one["name"]} == {
        f"{place}/adapter_config.json",
        f"{place}/adapter_model.safetensors",
        f"{place}/tokenizer_config.json",
    }
    assert Decimal(emulator.counts()["usd"]) == 8 * 6 * 2 * Decimal("1.14") / 1_000_000


def test_a_tuned_model_is_tuned_on(client: genai.Client, emulator: GoogleEmulator) -> None:
    first = tuned(client, create(emulator, client, tuned_model_display_name="router"))
    uri = emulator.put_object("more.jsonl", rows(16))
    more = create(
        emulator, client, base=str(first.model), uri=uri, pre_tuned_model_checkpoint_id="2"
    )
    assert more.pre_tuned_model and more.pre_tuned_model.checkpoint_id == "2"
    assert tuned(client, more).model == str(first.model).replace("@1", "@2")
    renamed = create(
        emulator, client, base=str(first.model), uri=uri, tuned_model_display_name="other"
    )
    assert str(tuned(client, renamed).model).endswith("@1")
    with pytest.raises(errors.ClientError, match="no checkpoint"):
        create(emulator, client, base=str(first.model), pre_tuned_model_checkpoint_id="7")


def test_a_dict_as_config_drops_the_checkpoint_without_a_word(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    first = tuned(client, create(emulator, client))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tuning is experimental
        client.tunings.tune(
            base_model=str(first.model),
            training_dataset=types.TuningDataset(gcs_uri="gs://acme-bucket/train.jsonl"),
            config={"pre_tuned_model_checkpoint_id": "2", "epoch_count": 1},
        )
    asked = [one["json"] for one in emulator.log() if one["route"] == CREATE][-1]
    assert list(asked["preTunedModel"]) == ["tuned_model_name"]


REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "nowhere": ("not supported in location global", "global", {}),
    "another region": ("not supported in location us-east1", "us-east1", {}),
    "a base that is not tuned": (
        "not supported for tuning",
        "us-central1",
        {"base": "gemini-3.8-flash"},
    ),
    "a base that there is not": ("not supported for tuning", "us-central1", {"base": "gemini-1"}),
    "an adapter too large": (
        "Adapter size 16",
        "us-central1",
        {"base": "gemini-2.5-pro", "adapter_size": "ADAPTER_SIZE_SIXTEEN"},
    ),
    "a batch size": ("only supported for open source", "us-central1", {"batch_size": 4}),
    "a label in capitals": ("lower-case", "us-central1", {"labels": {"key": "ABC"}}),
    "a long label": ("at most 64", "us-central1", {"labels": {"key": "a" * 65}}),
    "a long name": ("at most 128", "us-central1", {"tuned_model_display_name": "n" * 129}),
    "too many labels": (
        "At most 64 labels",
        "us-central1",
        {"labels": {f"k{n}": "v" for n in range(65)}},
    ),
    "no place of data": ("not a Cloud Storage path", "us-central1", {"uri": "/train.jsonl"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_create_against_the_rules_is_refused_before_a_job_is_made(
    emulator: GoogleEmulator, case: str
) -> None:
    text, location, asked = REFUSED[case]
    client = connect(emulator, location)
    with pytest.raises(errors.ClientError, match=text) as raised:
        create(emulator, client, **asked)
    assert (raised.value.code, raised.value.status) == (400, "INVALID_ARGUMENT")
    assert emulator.counts()["jobs"] == 0


def test_a_family_ends_for_new_projects_and_then_for_all(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    create(emulator, client, base="gemini-2.5-flash")
    emulator.set(new_project=True)
    with pytest.raises(errors.ClientError, match="no longer available"):
        create(emulator, client, base="gemini-2.5-flash")
    time.set("2027-04-01T00:00:00+00:00")
    emulator.set(new_project=False)
    with pytest.raises(errors.ClientError, match="not supported for tuning"):
        create(emulator, client, base="gemini-2.5-flash")


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_pages_hold_every_job_once_newest_first(
    client: genai.Client, emulator: GoogleEmulator, size: int
) -> None:
    uri = emulator.put_object("train.jsonl", rows())
    made = [create(emulator, client, uri=uri).name for _ in range(5)]
    found = client.tunings.list(config={"page_size": size})
    assert [job.name for job in found] == made[::-1]
    assert emulator.counts()["requests"][LIST] == math.ceil(5 / size)


@pytest.mark.parametrize("form", ["labels.key={}", 'labels.key="{}"', "labels.key:{}"])
def test_the_filter_by_label_finds_exactly_one(
    client: genai.Client, emulator: GoogleEmulator, form: str
) -> None:
    uri = emulator.put_object("train.jsonl", rows())
    made = {
        key: create(emulator, client, uri=uri, labels={"key": key, "team": "a"}).name
        for key in ("one", "two")
    }
    create(emulator, client, uri=uri)

    def names(text: str) -> list[str | None]:
        return [job.name for job in client.tunings.list(config={"filter": text})]

    assert names(form.format("two")) == [made["two"]]
    assert len(names("labels.team:*")) == 2
    assert names("labels.key=one AND labels.team=b") == []
    assert len(names('state="JOB_STATE_SUCCEEDED"')) == 3
    with pytest.raises(errors.ClientError, match="Invalid filter"):
        names("label.key=one")
    assert emulator.counts()["labels"] == {"key": {"one": 1, "two": 1}, "team": {"a": 2}}


def test_a_new_job_is_listed_late_and_read_at_once(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    emulator.set(listing_lag_s=30)
    job = create(emulator, client)
    assert get(client, job).name == job.name
    time.pass_(29.9)
    assert list(client.tunings.list()) == []
    time.pass_(0.1)
    assert [one.name for one in client.tunings.list()] == [job.name]


def test_a_job_is_not_found_from_another_region_or_project(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    europe = connect(emulator, "europe-west4")
    job = create(emulator, europe)
    assert list(client.tunings.list()) == []
    name = str(job.name)
    stranger = connect(emulator, "europe-west4", emulator.other_project)
    for somebody, asked in (
        (client, name),  # the right name at the wrong host
        (client, name.replace("europe-west4", "us-central1")),  # no such name there
        (stranger, name.replace(emulator.project_number, emulator.other_project)),
    ):
        with pytest.raises(errors.ClientError, match="404 NOT_FOUND"):
            somebody.tunings.get(name=asked)
    with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED"):
        stranger.tunings.get(name=name)
    assert europe.tunings.get(name=name).name == name


@pytest.mark.parametrize("named", ["number", "id"])
def test_a_project_goes_by_its_number_or_its_name(
    client: genai.Client, emulator: GoogleEmulator, named: str
) -> None:
    emulator.set(named=named)
    job = create(emulator, client)
    text = emulator.project_number if named == "number" else emulator.project
    assert str(job.name).startswith(f"projects/{text}/")
    for other in (emulator.project_number, emulator.project):
        assert client.tunings.get(name=str(job.name).replace(text, other)).name == job.name


STATES = ["QUEUED", "PENDING", "PAUSED", "EXPIRED", "UPDATING", "PARTIALLY_SUCCEEDED"]


@pytest.mark.parametrize("state", [*STATES, "UNSPECIFIED"])
def test_every_state_can_be_shown(
    client: genai.Client, emulator: GoogleEmulator, time: Time, state: str
) -> None:
    emulator.set(run_s=10)
    job = create(emulator, client)
    emulator.patch_job(str(job.name), state=f"JOB_STATE_{state}")
    assert words(get(client, job))[0] == state
    time.pass_(10)
    emulator.patch_job(str(job.name), state=None)
    ended = state in ("EXPIRED", "PARTIALLY_SUCCEEDED")
    assert words(get(client, job))[0] == (state if ended else "SUCCEEDED")


def test_a_test_ends_stops_and_loses_jobs(
    client: genai.Client, emulator: GoogleEmulator, time: Time
) -> None:
    emulator.set(run_s=10, concurrent_jobs=9)
    uri = emulator.put_object("train.jsonl", rows())
    for end in ("SUCCEEDED", "FAILED", "CANCELLED"):
        job = create(emulator, client, uri=uri)
        emulator.patch_job(
            str(job.name), state=end, error={"code": "RESOURCE_EXHAUSTED", "message": "no"}
        )
        found = get(client, job)
        assert words(found)[0] == end
        assert (found.error and found.error.code) == (None if end == "SUCCEEDED" else 8)
    stopped = create(emulator, client, uri=uri)
    emulator.patch_job(str(stopped.name), frozen=True)
    time.pass_(100)
    assert words(get(client, stopped)) == ("RUNNING", "TUNING")
    emulator.patch_job(str(stopped.name), frozen=False)
    time.pass_(10)
    assert words(get(client, stopped))[0] == "SUCCEEDED"
    emulator.lose_job(str(stopped.name))
    with pytest.raises(errors.ClientError, match="404"):
        get(client, stopped)
    assert emulator.counts()["jobs"] == 4


def test_a_job_fails_half_way(client: genai.Client, emulator: GoogleEmulator) -> None:
    emulator.set(job_error="INTERNAL")
    job = create(emulator, client, epoch_count=2)
    code, text = failure(client, job)
    assert (code, "Internal error" in text) == (13, True)
    assert Decimal(emulator.counts()["usd"]) == Decimal(72 * 2 * 10) / 2 / 1_000_000


def test_a_planted_history_is_listed_whole_and_never_counted(
    client: genai.Client, emulator: GoogleEmulator
) -> None:
    names = emulator.plant(30, failed_every=10, delete_files_every=7)
    mine = create(emulator, client).name
    jobs = list(client.tunings.list(config={"page_size": 9}))
    assert [job.name for job in jobs] == [mine, *names[::-1]]
    counts = emulator.counts()
    assert (counts["jobs"], counts["objects"]) == (1, 0)
    old = jobs[:0:-1]
    assert [words(job)[0] == "FAILED" for job in old] == [n % 10 == 0 for n in range(1, 31)]
    kept = {one["name"] for one in emulator.objects()}
    assert [f"history/train-{n}.jsonl" in kept for n in range(1, 31)] == [
        n % 7 != 0 for n in range(1, 31)
    ]
    model = tuned(client, old[3])
    said = connect(emulator, "us")
    assert said.models.generate_content(
        model=str(model.endpoint), contents="question 4-2?"
    ).text == ("answer 4-2")


def test_nonsense_is_refused_by_the_handle(emulator: GoogleEmulator) -> None:
    for wrong in ({"sped": 1}, {"run_s": "fast"}, {"json_mode": "maybe"}, {"now": "noon"}):
        with pytest.raises(EmulatorError):
            emulator.set(**wrong)
    with pytest.raises(EmulatorError):
        emulator.fault("GET nothing", "close")
    with pytest.raises(EmulatorError):
        emulator.fault(LIST, "explode")
    with pytest.raises(EmulatorError):
        emulator.refuse(LIST, "TIRED")
    assert ask(emulator, "GET", path(emulator, "tuningJobs")).json == {}
