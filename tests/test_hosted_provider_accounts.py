"""The in-memory hosted provider knows a key by its organisation and shows each organisation its own only."""

from __future__ import annotations

from ftkit import clock
from ftkit.testing import HostedProvider
from tests import hosted_http
from tests.hosted_http import OTHER_KEY, ask, create, get, upload

server, provider = hosted_http.server, hosted_http.provider


def test_a_wrong_key_is_refused(provider: HostedProvider) -> None:
    answer = ask(provider, "GET", "/v1/account", key="nobody")
    assert (answer.status, answer.code) == (401, "invalid_api_key")
    assert "nobody" not in answer.body.decode()


def test_another_organisation_sees_nothing_of_ours(provider: HostedProvider) -> None:
    file = upload(provider)
    job = create(provider, training_file=file).json["id"]
    clock.sleep(2)
    model = get(provider, f"/v1/jobs/{job}")["fine_tuned_model"]
    deployment = ask(provider, "POST", "/v1/deployments", {"model": model}).json["id"]
    for path in (
        f"/v1/jobs/{job}",
        f"/v1/jobs/{job}/events",
        f"/v1/files/{file}",
        f"/v1/models/{model}",
        f"/v1/deployments/{deployment}",
    ):
        assert ask(provider, "GET", path).status == 200
        assert ask(provider, "GET", path, key=OTHER_KEY).status == 404, path
    for path in ("/v1/jobs", "/v1/deployments"):
        assert ask(provider, "GET", path, key=OTHER_KEY).json["data"] == []
    body = {"model": "small", "training_file": file}
    assert ask(provider, "POST", "/v1/jobs", body, OTHER_KEY).code == "unknown_file"
    assert ask(provider, "GET", "/v1/account", key=OTHER_KEY).json["organisation"] == "org-2"
