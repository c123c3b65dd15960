"""Deployments in ARM: PUT, GET, list, DELETE. A PUT that repeats what stands there starts nothing."""

from __future__ import annotations

from typing import Any

from ..serving.exchange import Call, Reply, answer
from . import arm
from .book import Book
from .deployment_rules import Asked, read, refuse_by_quota
from .deployments import Deployment
from .refusals import Refusal


def put(book: Book, call: Call) -> Reply:
    """PUT deployments/NAME: 201 with one that is Creating, 200 where it stood there before."""
    name = call.ids["name"]
    asked = read(book, name, call.json(), call.now)
    standing = book.live(call.now).get(name)
    if standing is None or (standing.ended is None and standing.state(call.now) == "Failed"):
        refuse_by_quota(book, name, asked, call.now)
        if standing is not None:
            _remove(book, standing, call)
        return _made(book, call, _start(book, name, asked, call))
    if standing.ended is not None:
        raise _busy(name, "Deleting")
    if _same(standing, asked):
        return answer(shown(book, standing, call))
    if standing.state(call.now) == "Creating":
        raise _busy(name, "Creating")
    refuse_by_quota(book, name, asked, call.now)
    _change(book, standing, asked, call)
    return answer(shown(book, standing, call))


def get(book: Book, call: Call) -> Reply:
    """GET deployments/NAME"""
    return answer(shown(book, _standing(book, call), call))


def listing(book: Book, call: Call) -> Reply:
    """GET deployments, by name."""
    found = sorted(book.live(call.now).values(), key=lambda one: one.name)
    return arm.listed(book, call, [shown(book, one, call) for one in found])


def delete(book: Book, call: Call) -> Reply:
    """DELETE deployments/NAME: 202 and its operation, 204 where there is none."""
    standing = book.live(call.now).get(call.ids["name"])
    if standing is None:
        return Reply(204, body=b"")
    if standing.ended is None:
        _remove(book, standing, call)
    return Reply(202, body=b"", headers=_operation(book, call, standing.name))


def operation(book: Book, call: Call) -> Reply:
    """GET operations/ID: how far a PUT or a DELETE is."""
    name = call.ids["operation"]
    standing = book.live(call.now).get(name)
    state = standing.state(call.now) if standing else "Succeeded"
    status = state if state in ("Succeeded", "Failed") else "InProgress"
    return answer({"id": call.path, "name": name, "status": status})


def shown(book: Book, one: Deployment, call: Call, state: str | None = None) -> dict[str, Any]:
    """As ARM shows it."""
    return {
        "id": f"{book.site.account_id}/deployments/{one.name}",
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "name": one.name,
        "sku": {"name": one.sku, "capacity": one.capacity},
        **({"tags": one.tags} if one.tags is not None else {}),
        "properties": {
            "model": {**one.model, "version": one.model.get("version") or _version(one)},
            **one.others,
            "provisioningState": state or one.state(call.now),
            "currentCapacity": one.capacity,
        },
        "systemData": arm.system_data(one.created, one.changed),
        "etag": f'"{one.name}-{one.revision}"',
    }


def _start(book: Book, name: str, asked: Asked, call: Call) -> Deployment:
    settings = book.settings
    one = Deployment(
        name=name,
        sku=asked.sku,
        capacity=asked.capacity,
        model=asked.model,
        others=asked.others,
        tags=asked.tags,
        base=asked.base,
        served=asked.served,
        job=asked.job,
        created=call.now,
        takes_s=settings.deploy_s,
        fails=settings.deploy_fails,
        since=call.now,
        changed=call.now,
    )
    one.since = one.ready
    book.deployments[name] = one
    book.starts[name] += 1
    return one


def _change(book: Book, one: Deployment, asked: Asked, call: Call) -> None:
    """Let it stand for something else from now on; a change is no start, and hosting goes on."""
    one.settle(call.now)
    one.takes_s = book.settings.deploy_s if asked.served != one.served else 0.0
    one.sku, one.capacity, one.model = asked.sku, asked.capacity, asked.model
    one.others, one.tags = asked.others, asked.tags
    one.base, one.served, one.job = asked.base, asked.served, asked.job
    one.changed = call.now
    one.revision += 1


def _remove(book: Book, one: Deployment, call: Call) -> None:
    one.end(call.now, "deleted")
    book.live(call.now)


def _made(book: Book, call: Call, one: Deployment) -> Reply:
    """201; the service has not begun yet, however fast it is."""
    state = shown(book, one, call, state="Creating")
    return Reply(201, state, headers=_operation(book, call, one.name))


def _operation(book: Book, call: Call, name: str) -> dict[str, str]:
    site = book.site
    path = (
        f"/subscriptions/{site.subscription}/providers/Microsoft.CognitiveServices"
        f"/locations/{site.location}/operationResults/{name}"
    )
    return {"azure-asyncoperation": arm.link(book, call, path), "retry-after": "1"}


def _same(one: Deployment, asked: Asked) -> bool:
    return (one.sku, one.capacity, one.model, one.others, one.tags) == (
        asked.sku,
        asked.capacity,
        asked.model,
        asked.others,
        asked.tags,
    )


def _standing(book: Book, call: Call) -> Deployment:
    found = book.live(call.now).get(call.ids["name"])
    if found is None:
        raise Refusal(
            404,
            f"The Resource 'Microsoft.CognitiveServices/accounts/{book.site.account}/deployments/{call.ids['name']}' "
            f"under resource group '{book.site.resource_group}' was not found.",
            code="ResourceNotFound",
        )
    return found


def _version(one: Deployment) -> str:
    return "1" if one.job is not None else one.base.version


def _busy(name: str, state: str) -> Refusal:
    return Refusal(
        409, f"Another operation is in progress: '{name}' is {state}.", code="RequestConflict"
    )
