"""The emulator is honest: each request and each answer is held to the discovery documents, and the judge is shown to see.

Where google-api-python-client is not installed nothing can be judged, and what is tested here is skipped.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from google import genai

from tests.emulators.google import ContractViolation, GoogleEmulator, driving
from tests.emulators.google.bodies import camel, plain
from tests.emulators.google.deviations import DEVIATIONS, MENDED
from tests.emulators.google.discovery import folder, snake
from tests.emulators.google.driving import BASE, CREATE, GENERATE, READ, ask, create, path, rows

server, emulator, client = driving.server, driving.emulator, driving.client
bucket = driving.bucket

judged = pytest.mark.skipif(
    folder() is None, reason="the discovery documents are not at hand (google-api-python-client)"
)
STREAM = "POST publishers/google/models/ID:streamGenerateContent"
COUNT = "POST publishers/google/models/ID:countTokens"
BATCH = "GET batchPredictionJobs/ID"

# name: route, what is laid over its answer, what is taken out of it
ALTERATIONS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a job has a state that there is not": (READ, {"state": "JOB_STATE_THINKING"}, []),
    "a job has no state": (READ, {}, ["state"]),
    "a job's time is a number": (CREATE, {"createTime": 1795521600}, []),
    "a job's time lacks its zone": (READ, {"createTime": "2026-11-24 12:00:00"}, []),
    "a job has a field of its own": (READ, {"progress": 0.5}, []),
    "epochs are a number": (
        READ,
        {"supervisedTuningSpec.hyperParameters.epochCount": 3},
        [],
    ),
    "tokens are a number": (
        READ,
        {"tuningDataStats.supervisedTuningDataStats.totalBillableTokenCount": 72},
        [],
    ),
    "a checkpoint's step is a word": (READ, {"tunedModel.checkpoints.0.step": "two"}, []),
    "a tuned model has no endpoint": (READ, {}, ["tunedModel.endpoint"]),
    "a list's job is text": ("GET tuningJobs", {"tuningJobs.0": "a job"}, []),
    "the next page is a number": ("GET tuningJobs", {"nextPageToken": 2}, []),
    "an object lacks its sum": ("GET objects/ID", {}, ["md5Hash"]),
    "an object's size is a number": ("GET objects/ID", {"size": 12}, []),
    "a bucket lies nowhere": ("GET bucket", {}, ["location"]),
    "an error has no code": ("GET models/ID", {}, ["error.code"]),
    "an error's status is small": ("GET models/ID", {"error.status": "not found"}, []),
    "an answer ends for a reason of its own": (
        GENERATE,
        {"candidates.0.finishReason": "BORED"},
        [],
    ),
    "usage is text": (GENERATE, {"usageMetadata.totalTokenCount": "ten"}, []),
    "a piece of a stream is none": (STREAM, {"0.candidates.0.content.parts.0.word": "x"}, []),
    "a count counts nothing": (COUNT, {}, ["totalTokens"]),
    "a batch thinks": (BATCH, {"state": "JOB_STATE_THINKING"}, []),
}


def _every_route(emulator: GoogleEmulator) -> None:
    """Ask each route that an alteration concerns once, and do not look at what it says."""
    uri = emulator.put_object("train.jsonl", rows())
    body = {"baseModel": BASE, "supervisedTuningSpec": _spec(uri)}
    job = ask(emulator, "POST", path(emulator, "tuningJobs"), body).json["name"]
    ask(emulator, "GET", path(emulator, f"tuningJobs/{job.rpartition('/')[2]}"))
    ask(emulator, "GET", path(emulator, "tuningJobs"))
    ask(emulator, "GET", path(emulator, "models/7"))
    ask(emulator, "GET", f"/storage/v1/b/{emulator.bucket}")
    ask(emulator, "GET", f"/storage/v1/b/{emulator.bucket}/o/train.jsonl")
    hello = {"contents": [driving.turn("user", "hello")]}
    model = path(emulator, f"publishers/google/models/{BASE}")
    ask(emulator, "POST", f"{model}:generateContent", hello)
    ask(emulator, "POST", f"{model}:streamGenerateContent?alt=sse", hello)
    ask(emulator, "POST", f"{model}:countTokens", hello)
    order = {
        "displayName": "batch",
        "model": f"publishers/google/models/{BASE}",
        "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": [uri]}},
        "outputConfig": {
            "predictionsFormat": "jsonl",
            "gcsDestination": {"outputUriPrefix": f"gs://{emulator.bucket}/out"},
        },
    }
    batch = ask(emulator, "POST", path(emulator, "batchPredictionJobs"), order).json["name"]
    ask(emulator, "GET", path(emulator, f"batchPredictionJobs/{batch.rpartition('/')[2]}"))


def _spec(uri: str = "gs://acme-bucket/train.jsonl", **more: Any) -> dict[str, Any]:
    return {"trainingDatasetUri": uri, "hyperParameters": {"epochCount": 3}, **more}


@judged
@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_answer_is_caught(emulator: GoogleEmulator, alteration: str) -> None:
    route, fields, remove = ALTERATIONS[alteration]
    emulator.fault(route, "patch", fields=fields, remove=remove, judged=True)
    _every_route(emulator)
    assert [(one["what"], one["route"]) for one in emulator.take_violations()] == [
        ("answer", route)
    ]


@judged
def test_unaltered_answers_are_not(emulator: GoogleEmulator) -> None:
    _every_route(emulator)
    assert emulator.violations() == []


JOB = {"baseModel": BASE, "supervisedTuningSpec": _spec()}
WRONG_REQUESTS: dict[str, tuple[str, str, Any]] = {
    "an unknown field": ("POST", "tuningJobs", {**JOB, "suffix": "router"}),
    "an unknown field within": (
        "POST",
        "tuningJobs",
        {**JOB, "supervisedTuningSpec": {**_spec(), "nEpochs": 3}},
    ),
    "no training data": ("POST", "tuningJobs", {"baseModel": BASE, "supervisedTuningSpec": {}}),
    "epochs in words": (
        "POST",
        "tuningJobs",
        {
            **JOB,
            "supervisedTuningSpec": {**_spec(), "hyperParameters": {"epochCount": "three"}},
        },
    ),
    "an adapter of seven": (
        "POST",
        "tuningJobs",
        {
            **JOB,
            "supervisedTuningSpec": {
                **_spec(),
                "hyperParameters": {"adapterSize": "ADAPTER_SIZE_SEVEN"},
            },
        },
    ),
    "a number as a label": ("POST", "tuningJobs", {**JOB, "labels": {"key": 7}}),
    "a state of one's own": ("POST", "tuningJobs", {**JOB, "state": "JOB_STATE_SUCCEEDED"}),
    "a query that there is not": ("GET", "tuningJobs?limit=10", None),
    "a size in words": ("GET", "tuningJobs?pageSize=ten", None),
    "no contents": ("POST", f"publishers/google/models/{BASE}:generateContent", {}),
    "messages": (
        "POST",
        f"publishers/google/models/{BASE}:generateContent",
        {"messages": [{"role": "user", "content": "hello"}]},
    ),
    "a level of thinking that there is not": (
        "POST",
        f"publishers/google/models/{BASE}:generateContent",
        {
            "contents": [driving.turn("user", "hello")],
            "generationConfig": {"thinkingConfig": {"thinkingLevel": "OFF"}},
        },
    ),
    "a method that there is not": ("POST", "tuningJobs/1:pause", {}),
    "a path that there is not": ("GET", "finetunes", None),
    "a body where there is none": ("GET", "tuningJobs", {"filter": "x"}),
}


@judged
@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_a_wrong_request_is_caught(emulator: GoogleEmulator, wrong: str) -> None:
    method, what, body = WRONG_REQUESTS[wrong]
    ask(emulator, method, path(emulator, what), body)
    (found,) = emulator.take_violations()
    assert found["what"] == "request"


@judged
@pytest.mark.parametrize(
    ("what", "body", "wrong"),
    [
        ("uploadType=resumable", {"name": "a", "colour": "red"}, 1),
        ("uploadType=resumable", {"name": "a", "metadata": {"key": 7}}, 1),
        ("uploadType=resumable&colour=red", {"name": "a"}, 1),
        ("uploadType=resumable&ifGenerationMatch=none", {"name": "a"}, 1),
        ("uploadType=resumable&ifGenerationMatch=0", {"name": "a", "metadata": {"k": "v"}}, 0),
    ],
)
def test_what_is_said_of_an_upload_is_judged(
    emulator: GoogleEmulator, what: str, body: Any, wrong: int
) -> None:
    ask(emulator, "POST", f"/upload/storage/v1/b/{emulator.bucket}/o?{what}", body)
    assert len(emulator.take_violations()) == wrong


@judged
def test_a_field_may_go_by_its_own_name_and_a_number_as_text(emulator: GoogleEmulator) -> None:
    uri = emulator.put_object("train.jsonl", rows())
    spec = {"training_dataset_uri": uri, "hyper_parameters": {"epoch_count": "2"}}
    body = {"base_model": BASE, "supervised_tuning_spec": spec}
    job = ask(emulator, "POST", path(emulator, "tuningJobs"), body).json
    assert job["supervisedTuningSpec"]["hyperParameters"] == {"epochCount": "2"}


def test_the_names_that_a_user_gave_are_left_alone() -> None:
    schema = {"properties": {"first_name": {"min_items": 1}}, "property_ordering": ["first_name"]}
    asked = {"labels": {"my_key": "a_b"}, "generation_config": {"response_schema": schema}}
    assert plain(asked) == {
        "labels": {"my_key": "a_b"},
        "generationConfig": {
            "responseSchema": {
                "properties": {"first_name": {"minItems": 1}},
                "propertyOrdering": ["first_name"],
            }
        },
    }
    for name in ("preTunedModelCheckpointId", "labels", "topP"):
        assert camel(snake(name)) == name


def test_a_job_without_the_label_that_it_needs_is_caught(
    emulator: GoogleEmulator, client: genai.Client
) -> None:
    emulator.set(label="ftkit_key", concurrent_jobs=2)
    create(emulator, client, labels={"ftkit_key": "one"})
    assert emulator.violations() == []
    create(emulator, client, labels={"team": "a"})
    (found,) = emulator.take_violations()
    assert (found["route"], "ftkit_key" in found["wrong"]) == (CREATE, True)


@judged
def test_the_rows_of_a_batch_are_judged_like_requests(
    emulator: GoogleEmulator, client: genai.Client
) -> None:
    emulator.set(batch_s=0)
    request = {"contents": [driving.turn("user", "hello")], "temperature": 0}
    uri = emulator.put_object("batch.jsonl", driving.jsonl([{"request": request}]))
    client.batches.create(model=BASE, src=uri, config={"dest": f"gs://{emulator.bucket}/out"})
    ask(emulator, "GET", path(emulator, "batchPredictionJobs"))
    (found,) = emulator.take_violations()
    assert (found["what"], "temperature" in found["wrong"]) == ("request", True)


@judged
def test_a_violation_that_nobody_took_fails_the_test() -> None:
    with pytest.raises(ContractViolation, match="suffix"), GoogleEmulator() as emulator:
        ask(emulator, "POST", path(emulator, "tuningJobs"), {**JOB, "suffix": "x"})


@judged
def test_a_reset_does_not_swallow_a_violation(emulator: GoogleEmulator) -> None:
    ask(emulator, "POST", path(emulator, "tuningJobs"), {**JOB, "suffix": "x"})
    with pytest.raises(ContractViolation):
        emulator.reset()


def test_without_the_documents_it_runs_and_says_that_nothing_is_judged() -> None:
    with GoogleEmulator(contract=False) as emulator:
        assert not emulator.validated
        assert ask(emulator, "POST", path(emulator, "tuningJobs"), {"suffix": "x"}).status == 400
        assert emulator.violations() == []


def test_every_deviation_is_in_one_list(emulator: GoogleEmulator) -> None:
    about = emulator.about()
    assert (about["deviations"], about["mended"]) == (DEVIATIONS, MENDED)
    print("where the Google emulator is not held to the documents (pytest -rP shows this):")
    for name, why in (DEVIATIONS | MENDED).items():
        print(f"  {name}: {why}")


def test_deviations_are_counted(
    emulator: GoogleEmulator, client: genai.Client, bucket: Any
) -> None:
    job = create(emulator, client)
    emulator.patch_job(str(job.name), state="JOB_STATE_CONTEMPLATING")
    with pytest.warns(UserWarning, match="CONTEMPLATING"):
        driving.get(client, job)
    bucket.blob("train.jsonl").download_as_bytes()
    assert ask(emulator, "GET", path(emulator, "models/7")).status == 404
    emulator.refuse("GET bucket", "UNAVAILABLE")
    assert ask(emulator, "GET", f"/storage/v1/b/{emulator.bucket}").status == 503
    assert emulator.counts()["deviations"] == {
        "patched job": 1,
        "media": 1,
        "errors": 2,
        "fault": 1,
    }


def test_it_imports_nothing_that_it_judges(emulator: GoogleEmulator) -> None:
    _every_route(emulator)
    modules = emulator.about()["modules"]
    assert "starlette.routing" in modules
    tops = {name.partition(".")[0] for name in modules}
    assert not [name for name in tops if name.startswith("ftkit")]
    assert "google.genai" not in modules and "google.cloud.storage" not in modules


def test_a_fault_of_its_own_is_reported_as_one(emulator: GoogleEmulator) -> None:
    emulator.reply_with({"tool_calls": [{"no": "name"}]})
    hello = {"contents": [driving.turn("user", "hello")]}
    model = path(emulator, f"publishers/google/models/{BASE}")
    assert ask(emulator, "POST", f"{model}:generateContent", hello).status == 500
    (found,) = emulator.take_violations()
    assert found["what"] == "emulator"
    assert "KeyError" in found["wrong"]
    json.dumps(found)
