"""The emulator's errors and ordered faults, seen through the real SDK and as they come over the wire."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import anthropic
import httpx2
import pytest

from tests.emulators.anthropic import AnthropicEmulator, driving
from tests.emulators.anthropic.driving import MESSAGES, Time, ask, body, connect
from tests.emulators.anthropic.refusals import STATUSES

server, emulator, client, time = driving.server, driving.emulator, driving.client, driving.time

CLASSES: dict[str, type[anthropic.APIStatusError]] = {
    "invalid_request_error": anthropic.BadRequestError,
    "authentication_error": anthropic.AuthenticationError,
    "billing_error": anthropic.PaymentRequiredError,
    "permission_error": anthropic.PermissionDeniedError,
    "not_found_error": anthropic.NotFoundError,
    "request_too_large": anthropic.ContentTooLargeError,
    "rate_limit_error": anthropic.RateLimitError,
    "api_error": anthropic.InternalServerError,
    "timeout_error": anthropic.GatewayTimeoutError,
    "overloaded_error": anthropic.OverloadedError,
}


@pytest.mark.parametrize("code", STATUSES)
def test_each_error_of_the_provider_can_be_ordered(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, code: str
) -> None:
    emulator.refuse(MESSAGES, code)
    with pytest.raises(CLASSES[code]) as raised:
        client.messages.create(**body())
    error: Any = raised.value
    assert (error.status_code, error.type) == (STATUSES[code][0], code)
    assert error.body["request_id"] == error.request_id
    assert error.request_id.startswith("req_")
    assert emulator.counts()["messages"] == 0
    assert client.messages.create(**body())


RETRIED = ["rate_limit_error", "api_error", "timeout_error", "overloaded_error"]


@pytest.mark.parametrize("code", STATUSES)
def test_the_sdk_repeats_by_itself_what_may_pass(emulator: AnthropicEmulator, code: str) -> None:
    emulator.refuse(MESSAGES, code, retry_after=0.01, times=None)
    with connect(emulator, retries=2) as client, pytest.raises(anthropic.APIStatusError):
        client.messages.create(**body())
    assert emulator.counts()["requests"][MESSAGES] == (3 if code in RETRIED else 1)


def test_a_message_whose_replies_are_lost_is_paid_three_times_by_default(
    emulator: AnthropicEmulator,
) -> None:
    emulator.fault(MESSAGES, "close", process=True, times=None)
    for retries, paid in ((2, 3), (0, 1)):
        before = emulator.counts()["messages"]
        with (
            connect(emulator, retries=retries) as client,
            pytest.raises(anthropic.APIConnectionError),
        ):
            client.messages.create(**body())
        assert emulator.counts()["messages"] - before == paid


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        ({}, 401, "x-api-key header is required"),
        ({"x-api-key": "wrong"}, 401, "invalid x-api-key"),
        ({"x-api-key": "wrong", "Authorization": "Bearer sk-ant-emulated"}, 401, "invalid"),
        ({"Authorization": "Basic sk-ant-emulated"}, 401, "x-api-key header is required"),
        ({"Authorization": "Bearer sk-ant-emulated"}, 200, ""),
        ({"x-api-key": "sk-ant-emulated"}, 200, ""),
    ],
)
def test_a_key_comes_in_one_of_two_headers_and_x_api_key_counts(
    emulator: AnthropicEmulator, headers: dict[str, str], status: int, why: str
) -> None:
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"))
    connection.request("GET", "/v1/models", headers={"anthropic-version": "2026-10-21", **headers})
    answer = connection.getresponse()
    assert answer.status == status
    assert why in answer.read().decode()
    connection.close()


def test_a_request_names_a_version_that_there_is(emulator: AnthropicEmulator) -> None:
    seen = ask(emulator, "GET", "/v1/models", version=None)
    assert (seen.status, seen.why) == (400, "anthropic-version: header is required")
    (found,) = emulator.take_violations()
    assert found["what"] == "request"
    seen = ask(emulator, "GET", "/v1/models", version="2026-01-01")
    assert (seen.status, "not a valid version" in seen.why) == (400, True)


def test_a_minute_has_so_many_requests_and_says_what_is_left(
    emulator: AnthropicEmulator, time: Time
) -> None:
    emulator.set(requests_per_minute=2)
    time.pass_(20)
    left = []
    for _ in range(2):
        seen = ask(emulator, "POST", "/v1/messages", body("hi"))
        left.append(seen.headers["anthropic-ratelimit-requests-remaining"])
    assert left == ["1", "0"]
    assert seen.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert seen.headers["anthropic-ratelimit-requests-reset"] == "2026-11-24T12:01:00.000000Z"
    assert seen.headers["anthropic-organization-id"] == "org-acme"
    refused = ask(emulator, "POST", "/v1/messages", body("hi"))
    assert (refused.status, refused.json["error"]["type"]) == (429, "rate_limit_error")
    assert refused.headers["retry-after"] == "40"
    assert ask(emulator, "POST", "/v1/messages/count_tokens", _counted()).status == 200
    time.pass_(40)
    assert ask(emulator, "POST", "/v1/messages", body("hi")).status == 200


def _counted() -> dict[str, Any]:
    asks = body()
    del asks["max_tokens"]
    return asks


def test_retry_after_comes_as_seconds_and_as_a_date(emulator: AnthropicEmulator) -> None:
    until = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
    emulator.refuse(MESSAGES, "rate_limit_error", retry_after=7)
    emulator.refuse(MESSAGES, "overloaded_error", retry_after=until)
    first, second = (ask(emulator, "POST", "/v1/messages", body()) for _ in range(2))
    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert second.status == 529
    assert parsedate_to_datetime(second.headers["Retry-After"]) == until


def test_an_account_without_funds_is_told_so(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    emulator.set(funds="empty")
    with pytest.raises(anthropic.PaymentRequiredError):
        client.messages.create(**body())
    with pytest.raises(anthropic.PaymentRequiredError):
        client.messages.batches.create(requests=[{"custom_id": "1", "params": body()}])
    assert client.messages.count_tokens(**_counted()).input_tokens == 4


def test_a_body_over_the_limit_is_refused(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    emulator.set(max_request_bytes=500, max_batch_bytes=2000)
    with pytest.raises(anthropic.ContentTooLargeError):
        client.messages.create(**body("x" * 500))
    with pytest.raises(anthropic.ContentTooLargeError):
        client.messages.count_tokens(model=driving.HAIKU, messages=driving.asked("x" * 500))
    rows: Any = [{"custom_id": "1", "params": body("x" * 1000)}]
    assert client.messages.batches.create(requests=rows)
    with pytest.raises(anthropic.ContentTooLargeError):
        client.messages.batches.create(requests=[{"custom_id": "1", "params": body("x" * 2000)}])


@pytest.mark.parametrize("code", ["overloaded_error", "api_error"])
@pytest.mark.parametrize("after", [1, 7])
def test_an_error_in_the_middle_of_a_stream_ends_it(
    client: anthropic.Anthropic, emulator: AnthropicEmulator, code: str, after: int
) -> None:
    emulator.reply_with({"content": "one two three", "breaks": {"after": after, "code": code}})
    seen = []
    with pytest.raises(anthropic.APIStatusError) as raised:
        for event in client.messages.create(**body(), stream=True):
            seen.append(event.type)
    assert raised.value.type == code
    assert raised.value.status_code == 200  # the answer had begun
    assert seen[0] == "message_start" and "message_stop" not in seen
    assert emulator.counts()["messages"] == 1


def test_the_same_script_is_an_error_where_nothing_is_streamed(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    broken = {"content": "one", "breaks": {"after": 1, "code": "overloaded_error"}}
    emulator.reply_with(broken, broken)
    with pytest.raises(anthropic.OverloadedError):
        client.messages.create(**body())
    batch = client.messages.batches.create(requests=[{"custom_id": "1", "params": body()}])
    (row,) = client.messages.batches.results(batch.id)
    assert row.result.type == "errored"
    assert row.result.error.error.type == "overloaded_error"


def test_half_a_stream_breaks_off_with_an_error_that_is_not_the_sdks(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    emulator.fault(MESSAGES, "half")
    words = []
    with pytest.raises(httpx2.RemoteProtocolError):
        for event in client.messages.create(**body("many words are said"), stream=True):
            words.append(event.type)
    assert words and "message_stop" not in words
    assert emulator.counts()["messages"] == 1


def test_half_a_body_breaks_off(emulator: AnthropicEmulator) -> None:
    emulator.fault(MESSAGES, "half")
    with pytest.raises((http.client.IncompleteRead, OSError)):
        ask(emulator, "POST", "/v1/messages", body())
    assert emulator.counts()["messages"] == 1


def test_a_hanging_answer_runs_into_the_clients_own_limit(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    emulator.fault(MESSAGES, "hang", process=True)
    with pytest.raises(anthropic.APITimeoutError):
        client.with_options(timeout=0.3).messages.create(**body())
    assert emulator.counts()["messages"] == 1


def test_any_status_is_ordered_with_headers_and_body(emulator: AnthropicEmulator) -> None:
    emulator.fault(
        MESSAGES,
        "reply",
        status=502,
        headers={"Content-Type": "text/html", "X-Proxy": "edge"},
        body="<html>Bad Gateway</html>",
    )
    seen = ask(emulator, "POST", "/v1/messages", body())
    assert (seen.status, seen.body) == (502, b"<html>Bad Gateway</html>")
    assert seen.headers["X-Proxy"] == "edge"


def test_a_patch_is_laid_over_the_real_answer(
    client: anthropic.Anthropic, emulator: AnthropicEmulator
) -> None:
    emulator.fault(MESSAGES, "patch", fields={"stop_reason": "bored"}, remove=["usage"])
    seen = ask(emulator, "POST", "/v1/messages", body()).json
    assert seen["stop_reason"] == "bored" and "usage" not in seen
    assert emulator.violations() == []  # what lies below is in order


def test_an_unknown_path_is_not_found(emulator: AnthropicEmulator) -> None:
    for method, path in (("POST", "/v1/complete"), ("PUT", "/v1/models"), ("GET", "/v1/messages")):
        seen = ask(emulator, method, path)
        assert (seen.status, seen.json["error"]["type"]) == (404, "not_found_error")
    assert emulator.counts()["requests"] == {"unknown": 3}
