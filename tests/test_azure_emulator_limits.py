"""How many jobs run, wait and are kept on Azure, and until when a base is trained."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.emulators.azure import AzureEmulator, driving
from tests.emulators.azure.driving import BASE, Time, create, upload

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time


def status(client: openai.OpenAI, id: str) -> str:
    """The job's state now, whatever the SDK's types know of it."""
    return str(client.fine_tuning.jobs.retrieve(id).status)


def refused(client: openai.OpenAI, **fields: Any) -> openai.APIStatusError:
    """The refusal of a create."""
    with pytest.raises(openai.APIStatusError) as raised:
        create(client, **fields)
    return raised.value


def test_three_jobs_run_the_fourth_waits_for_a_place(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(run_s=100)
    file = upload(client)
    made = []
    for _ in range(5):
        made.append(create(client, file).id)
        time.pass_(10)
    assert [status(client, id) for id in made] == ["running"] * 3 + ["queued"] * 2
    time.pass_(50)  # the first is done
    assert [status(client, id) for id in made[3:]] == ["running", "queued"]
    client.fine_tuning.jobs.cancel(made[1])
    assert status(client, made[4]) == "running"
    time.pass_(1000)
    done = client.fine_tuning.jobs.retrieve(made[3])
    assert done.finished_at == done.created_at + 70 + 100


def test_a_test_ends_one_job_and_leaves_the_others_where_they_are(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(run_s=100)
    file = upload(client)
    made = [create(client, file).id for _ in range(4)]
    emulator.patch_job(made[3], status="succeeded")
    assert [status(client, id) for id in made] == ["running"] * 3 + ["succeeded"]


def test_developer_jobs_have_places_of_their_own(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(run_s=100)
    file = upload(client)
    made = [create(client, file, kind="Developer").id for _ in range(6)]
    assert [status(client, id) for id in made] == ["running"] * 5 + ["queued"]
    assert status(client, create(client, file).id) == "running"


def test_the_queue_and_the_resource_are_full_at_some_time(
    client: openai.OpenAI, emulator: AzureEmulator, time: Time
) -> None:
    emulator.set(run_s=100, total_jobs=25)
    emulator.plant(30)  # history does not count
    file = upload(client)
    for _ in range(23):
        create(client, file)
    assert "20 jobs are queued" in str(refused(client, file=file))
    time.pass_(10_000)
    create(client, file)
    create(client, file)
    assert "25 jobs already" in str(refused(client, file=file))


@pytest.mark.parametrize(
    ("day", "existing", "base", "right"),
    [
        ("2027-04-13", True, BASE, True),
        ("2027-04-14", True, BASE, False),
        ("2027-03-31", True, "gpt-4o-2024-08-06", True),
        ("2027-04-01", True, "gpt-4o-2024-08-06", False),
    ],
)
def test_training_ends_at_its_date(
    client: openai.OpenAI,
    emulator: AzureEmulator,
    time: Time,
    day: str,
    existing: bool,
    base: str,
    right: bool,
) -> None:
    time.set(f"{day}T12:00:00+00:00")
    emulator.set(existing_customer=existing)
    file = upload(client)
    if right:
        create(client, file, model=base)
    else:
        assert "retired" in str(refused(client, file=file, model=base))


def test_dates_move_and_new_customers_have_their_own(
    client: openai.OpenAI, emulator: AzureEmulator
) -> None:
    emulator.shift(BASE, new_until="2026-11-24")
    file = upload(client)
    create(client, file)
    emulator.set(existing_customer=False)
    assert "2026-11-24" in str(refused(client, file=file))
    told = client.models.retrieve(BASE).to_dict()
    assert json.loads(json.dumps(told))["deprecation"]["fine_tune"] == 1_807_660_800
