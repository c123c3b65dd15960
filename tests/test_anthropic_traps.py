"""Each trap of Anthropic's API and of its package that was found in reading, one test each; its name says which.

Prices, caching and retries have tests of their own: test_anthropic_caching, test_anthropic_retries.
"""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest

import ftkit
from ftkit.backend import Call, Inference, LostReply
from ftkit.data.example import Message
from ftkit.errors import CapabilityError, LifecycleError, ProviderError
from ftkit_anthropic.client import Client
from tests.anthropic_desk import ASK, HAIKU, MODEL, OPUS, SONNET, it_is, opened, sent
from tests.emulators.anthropic import AnthropicEmulator
from tests.hostile import command, undisturbed

pytest_plugins = ("tests.anthropic_fixtures",)

ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(12)]
ASKED = (Message("user", "question 1"),)


# --- tuning ---


def test_awss_table_of_tuning_still_lists_claude_3_haiku_and_is_not_believed() -> None:
    with pytest.raises(CapabilityError, match="AWS's own\\s+table of\\s+tuning still lists it"):
        ftkit.estimate(ROWS, MODEL)


def test_the_package_has_no_fine_tuning_whatever_other_libraries_call() -> None:
    """Adapters for an API that does not exist are about; the day this fails there is something to build."""
    names = {name for name in dir(anthropic.Anthropic) if "tun" in name.lower()}
    assert names == set()
    assert opened().training is None


def test_a_platforms_dates_are_not_the_providers(
    claude: AnthropicEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A date that moves is a line of the user's configuration, and the refusal says so."""
    path = tmp_path / "user.toml"
    path.write_text(f"[catalogue.anthropic.models.{HAIKU}]\nshutdown = 2026-11-01\n")
    monkeypatch.setenv("FTKIT_CONFIG", str(path))
    assert opened().catalogue.models[HAIKU].shutdown == date(2026, 11, 1)
    with pytest.raises(LifecycleError, match="2026-11-01.*user.toml"):
        ftkit.model(MODEL).chat("question 1")
    assert claude.counts()["messages"] == 0


# --- models that end ---


def test_a_retired_model_is_told_as_such_and_not_as_a_typing_mistake(
    claude: AnthropicEmulator, tmp_path: Path
) -> None:
    assert ftkit.model("anthropic/claude-sonnet-4-5").chat("hello").text
    it_is("2026-12-01T12:00:00+00:00", tmp_path)
    with pytest.raises(LifecycleError, match="retired.*2026-11-30.*claude-haiku-5-5"):
        ftkit.model("anthropic/claude-sonnet-4-5")


def test_the_packages_own_warning_about_a_model_is_nothing_that_a_user_sees_as_ours(
    claude: AnthropicEmulator,
) -> None:
    model = ftkit.model("anthropic/claude-sonnet-4-5")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        model.chat("hello")
    assert all(issubclass(one.category, DeprecationWarning) for one in told)


# --- the package ---


def test_it_sits_on_httpx2_so_what_watches_httpx_sees_nothing(
    claude: AnthropicEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise AssertionError("this is the other library")

    monkeypatch.setattr(httpx.Client, "send", stop)
    assert ftkit.model(MODEL).chat("question 1").text == "You said: question 1"


def test_its_own_retries_are_off(claude: AnthropicEmulator, claude_inference: Inference) -> None:
    claude.refuse(ASK, "api_error", times=None)
    with pytest.raises(LostReply):
        list(claude_inference.stream(claude_inference.record(HAIKU), Call(ASKED)))
    assert claude.counts()["requests"][ASK] == 1


def test_its_own_retries_would_be_seen(
    claude: AnthropicEmulator, claude_inference: Inference, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Client._options
    monkeypatch.setattr(Client, "_options", lambda self: {**own(self), "max_retries": 1})
    claude.refuse(ASK, "api_error", times=None)
    with pytest.raises(ProviderError):
        list(claude_inference.stream(claude_inference.record(HAIKU), Call(ASKED)))
    assert claude.counts()["requests"][ASK] == 2


def test_a_long_answer_is_not_refused_by_the_package_for_not_being_streamed(
    claude_inference: Inference,
) -> None:
    """It raises ValueError before it sends anything where an answer could take ten minutes."""
    answer = claude_inference.chat(claude_inference.record(HAIKU), Call(ASKED, max_tokens=128_000))
    assert answer.text == "You said: question 1"


def test_it_sends_the_key_as_a_bearer_token_and_a_version_of_the_api_of_its_own(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude_inference.chat(claude_inference.record(HAIKU), Call(ASKED))
    headers = {name.lower(): value for name, value in claude.log()[-1]["headers"].items()}
    assert headers["anthropic-version"] == "2026-10-21"
    assert "x-api-key" not in headers


# --- what a question may hold ---


@pytest.mark.parametrize("option", [{"temperature": 0.0}, {"top_p": 0.9}, {"seed": 7}])
def test_sampling_was_taken_out_of_the_api_and_is_refused_by_name(
    option: dict[str, Any], claude: AnthropicEmulator
) -> None:
    with pytest.raises(CapabilityError, match=next(iter(option))):
        ftkit.model(MODEL).chat("question 1", **option)
    assert claude.counts()["requests"] == {}


def test_a_call_that_names_no_sampling_sends_none(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    claude_inference.chat(claude_inference.record(HAIKU), Call(ASKED))
    assert {"temperature", "top_p", "top_k"}.isdisjoint(sent(claude))
    with pytest.raises(CapabilityError, match="temperature"):
        claude_inference.chat(claude_inference.record(HAIKU), Call(ASKED, temperature=0.5))


@pytest.mark.parametrize("name", [HAIKU, SONNET, OPUS])
def test_a_beginning_of_the_answer_is_not_taken_any_more(
    name: str, claude: AnthropicEmulator
) -> None:
    question = [
        {"role": "user", "content": "question 1"},
        {"role": "assistant", "content": "The answer is"},
    ]
    with pytest.raises(CapabilityError, match="prefill.*schema="):
        ftkit.model(f"anthropic/{name}").chat(question)
    assert claude.counts()["requests"] == {}


def test_thinking_is_on_unless_it_is_turned_off_in_each_models_own_words(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    """It counts towards max_tokens and is billed as output; a wrong word for "off" is refused with 400."""
    asked = {}
    for name in (HAIKU, SONNET, OPUS):
        claude_inference.chat(claude_inference.record(name), Call(ASKED))
        body = sent(claude)
        asked[name] = body.get("thinking"), body.get("output_config")
    assert asked == {
        HAIKU: ({"type": "disabled"}, None),
        SONNET: ({"type": "between_tools"}, None),
        OPUS: (None, {"effort": "low"}),
    }


def test_a_system_message_behind_a_turn_and_a_name_are_refused_by_name(
    claude: AnthropicEmulator, claude_inference: Inference
) -> None:
    record = claude_inference.record(HAIKU)
    late = (*ASKED, Message("assistant", "yes"), Message("system", "Now be rude."), *ASKED)
    with pytest.raises(CapabilityError, match="system message"):
        claude_inference.chat(record, Call(late))
    with pytest.raises(CapabilityError, match="'name'"):
        claude_inference.chat(record, Call((Message("user", "hello", name="ann"),)))
    assert claude.counts()["requests"] == {}


def test_input_tokens_are_only_those_that_no_cache_had_to_do_with(
    claude: AnthropicEmulator,
) -> None:
    """Who adds up `input_tokens` alone sees a long prompt as a few tokens."""
    model = ftkit.model(MODEL)
    question = [
        {"role": "system", "content": "rule " * 2000},
        {"role": "user", "content": "question 1"},
    ]
    model.chat(question)
    reply = model.chat(question)
    assert reply.raw["usage"]["input_tokens"] < 20
    assert reply.usage.input_tokens > 2000


# --- batches ---


def test_a_running_batch_shows_nothing_by_which_a_lost_one_could_be_found(
    claude: AnthropicEmulator,
) -> None:
    """Why a lost start stays unsettled: no key, no questions, only counts and a time, until it has ended.

    test_anthropic_batch_starts has what follows from it.
    """
    claude.set(batch_s=3600.0)

    def row(key: str) -> Any:
        params = {"model": HAIKU, "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
        return {"custom_id": key, "params": params}

    with anthropic.Anthropic(base_url=claude.base_url, api_key=claude.api_key) as sdk:
        made = [sdk.messages.batches.create(requests=[row(key)]) for key in ("ftkours1", "theirs")]
        shown = [one.to_dict() for one in sdk.messages.batches.list()]
    assert {str(one["id"]) for one in shown} == {one.id for one in made}
    assert "ftkours1" not in str(shown)
    told = ({k: v for k, v in one.items() if k not in ("id",) and "_at" not in k} for one in shown)
    assert len({str(one) for one in told}) == 1


def test_the_packages_results_lie_where_a_reply_says_and_not_at_the_address_that_was_set(
    claude: AnthropicEmulator,
) -> None:
    """Whoever stands between could have the answers fetched from elsewhere; ftkit does not follow it."""
    claude.set(batch_s=0.0)
    params: Any = {"model": HAIKU, "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    with anthropic.Anthropic(
        base_url=claude.base_url, api_key=claude.api_key, max_retries=0
    ) as sdk:
        made = sdk.messages.batches.create(requests=[{"custom_id": "a-0", "params": params}])
        claude.fault(
            "GET /v1/messages/batches/ID",
            "patch",
            fields={"results_url": "http://127.0.0.1:9/results"},
        )
        with pytest.raises(anthropic.APIConnectionError):
            sdk.messages.batches.results(made.id)
    claude.take_violations()


# --- Claude in an evaluation ---


def test_claude_is_a_baseline_though_it_knows_no_temperature(claude: AnthropicEmulator) -> None:
    """Nothing in an evaluation names a temperature of its own, or every Claude would be refused."""
    claude.reply_with(*(["answer 1"] * 24))
    rows = ftkit.load([{"prompt": f"question {n}", "completion": "answer 1"} for n in range(12)])
    report = ftkit.evaluate(
        ftkit.model(MODEL),
        against=[ftkit.model(f"anthropic/{SONNET}")],
        data=rows,
        metric="exact_match",
    )
    assert report.verdict


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_the_command_names_no_temperature_either(
    more: tuple[str, ...], claude: AnthropicEmulator
) -> None:
    with undisturbed():
        assert "You said: question 1" in command("chat", MODEL, "question 1", *more).text
