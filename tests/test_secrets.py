"""Credentials are taken out of texts, log records and objects; prose, hashes and job ids stay."""

from __future__ import annotations

import base64
import io
import json
import logging
import pickle
from urllib.parse import quote

import pytest

from ftkit.errors import AuthError, ConfigError
from ftkit.secrets import REDACTED, RedactingFilter, Secret, known_secrets, redact

CANARY = "Zq8/canary+Value=77xW"


@pytest.fixture(autouse=True)
def only_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"PATH": "/usr/bin", "HOME": "/home/someone"})


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "npm_config__authToken",
        "GOOGLE_CREDENTIALS",
        "MYAPIKEY",
        "PROXY_PASS",
        "KEY",
    ],
)
def test_a_variable_named_like_a_credential_is_known(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, CANARY)
    assert known_secrets() == (CANARY,)
    monkeypatch.delenv(name)
    assert known_secrets() == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEYBOARD_LAYOUT", "de-latin1-nodeadkeys"),
        ("LAYOUT_KEY", "short"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-abcdef/agent.1234"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/someone/key.json"),
        ("API_KEY_FILE", "/run/secrets/openai"),
        ("GPG_KEY", "7169605F62C751356D054A26A821E680E5FA6305"),
        ("PWD", "/home/someone/project"),
        ("MAX_TOKENS", "1234567890123456"),
        ("TOKENIZERS_PARALLELISM", "a-long-harmless-value"),
        ("TOKEN_LIMIT", "123456789012345"),
        ("CACHE_TOKEN", "86400000"),
        ("MONKEY", "chimpanzee-and-friends"),
        ("GIT_AUTHOR_NAME", "Somebody Somewhere"),
        ("PROXY_AUTH", "required"),
    ],
)
def test_a_variable_that_only_sounds_like_one_is_not(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert known_secrets() == ()


def test_a_key_that_begins_like_a_path_is_still_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "/Tn2Fxyz/abcdefghijKLMNOPqrstuvwxyz012345")
    assert "Tn2F" not in redact("key /Tn2Fxyz/abcdefghijKLMNOPqrstuvwxyz012345 was used")


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY),
        quote(CANARY, safe=""),
        json.dumps(CANARY),
        base64.b64encode(CANARY.encode()).decode(),
        base64.b64encode(b"user:" + CANARY.encode()).decode(),
        base64.b64encode(b"someone:" + CANARY.encode()).decode(),
        base64.urlsafe_b64encode(b"me:" + CANARY.encode() + b"\n").decode(),
    ],
)
def test_a_known_secret_is_found_in_every_form_in_which_it_travels(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", CANARY)
    shown = redact(f"before {form} after")
    assert REDACTED in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    # a base64 form may leave a character or two of what stood before or behind the secret
    assert len(shown) <= len(f"before {REDACTED} after") + 14
    assert form not in shown


def test_a_secret_with_quotes_and_line_ends_is_found_in_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = 'top"secret\nvalue\\here'
    monkeypatch.setenv("SOME_SECRET", secret)
    assert redact(json.dumps({"a": secret})) == json.dumps({"a": REDACTED})


def test_bytes_in_the_environment_that_are_no_text_break_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_SECRET", "abc\udcffdefgh")
    assert redact("x abc\udcffdefgh y") == f"x {REDACTED} y"


def test_a_value_that_only_the_caller_knows_is_redacted_too() -> None:
    assert redact("the token opaque-word is bad", also=["opaque-word"]) == (
        f"the token {REDACTED} is bad"
    )


KEYS = {
    "OpenAI": "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT",
    "OpenAI, old": "sk-" + "aB3dE6gH9jK2mN5pQ8sTaB3dE6gH9jK2",
    "Anthropic": "sk-ant-api03-" + "aB3d_E6gH9j-K2mN5pQ8sTuV",
    "Google": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6q",
    "AWS id": "AKIA" + "IOSFODNN7EXAMPLE",
    "Hugging Face": "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",
    "Replicate": "r8_" + "aB3dE6gH9jK2mN5pQ8sTaB3dE6gH9jK2mN5pQ",
    "GitHub": "ghp_" + "aB3dE6gH9jK2mN5pQ8sTaB3dE6gH9jK2mN5p",
    "Fireworks": "fw_" + "3ZaB3dE6gH9jK2mN5pQ8sT",
    "Together": "tgp_v1_" + "aB3dE6gH9jK2mN5pQ8sT_aB3dE6gH9jK2mN5",
    "Modal id": "ak-" + "aB3dE6gH9jK2mN5pQ8sTuV",
    "Modal secret": "as-" + "aB3dE6gH9jK2mN5pQ8sTuV",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("around", ["{}", "a {} b", "k={}", '"{}"', "\\n{}", "x%20{}", "<{}>"])
def test_a_well_known_key_format_is_redacted_without_being_known(key: str, around: str) -> None:
    assert redact(around.format(key)) == around.format(REDACTED)


def test_an_aws_secret_after_its_id_goes_with_it() -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for between in (" ", ":", '", "secret": "', "\nAWS_SECRET="):
        assert secret not in redact(f"AKIAIOSFODNN7EXAMPLE{between}{secret} end")


def test_a_pem_block_is_redacted_also_cut_or_escaped() -> None:
    for kind in ("", "RSA ", "ENCRYPTED "):
        whole = f"-----BEGIN {kind}PRIVATE KEY-----\nMIIEabc-DEF\n-----END {kind}PRIVATE KEY-----"
        assert redact(f"a {whole} b") == f"a {REDACTED} b"
        assert "MIIE" not in redact(whole[:50])
        assert "MIIE" not in redact(json.dumps(whole))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pa55@host/x", "https://[redacted]@host/x"),
        ("https://t0ken@host/x", "https://[redacted]@host/x"),
        ("postgres://u:p@ss@db:5432/x", "postgres://[redacted]@db:5432/x"),
        ("/a?key=abc&page=2", "/a?key=[redacted]&page=2"),
        ("/a?page=2&api_key=abc", "/a?page=2&api_key=[redacted]"),
        ("/a?x=1&X-Amz-Signature=0a1b&y=2", "/a?x=1&X-Amz-Signature=[redacted]&y=2"),
        ("/a?sv=1&sig=a%2Fb%3D", "/a?sv=1&sig=[redacted]"),
        ("/a?access_token=abc", "/a?access_token=[redacted]"),
        ("Authorization: Bearer abcdef", "Authorization: [redacted]"),
        ("{'authorization': 'Bearer abcdef'}", "{'authorization': '[redacted]'}"),
        ("(b'Authorization', b'Token abcdef')", "(b'Authorization', b'[redacted]')"),
        ("Bearer abc123def456ghi7", "Bearer [redacted]"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic [redacted]"),
        ('"x-api-key": "abc123def456"', '"x-api-key": "[redacted]"'),
        ("api-key: 0123456789abcdef0123456789abcdef", "api-key: [redacted]"),
        (
            "AZURE_OPENAI_API_KEY=0123456789abcdef0123456789abcdef",
            "AZURE_OPENAI_API_KEY=[redacted]",
        ),
        ("api_key='" + "Ab3" * 28 + "'", "api_key='[redacted]'"),
        ("password: hunter2", "password: [redacted]"),
    ],
)
def test_what_a_label_gives_away_is_redacted_and_the_label_stays(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "The basic understanding of authorization: see the documentation of your provider.",
        "Bearer authentication is required; the token is missing. Password: required.",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        '{"id": "ftjob-abc123DEF456ghi789", "key": "ftkabcdefgh23456712", "n_tokens": 123456789012}',
        "ftkabcdefgh2345671 is queued as projects/12/locations/europe-west4/tuningJobs/4611686018427387904",
        "0123456789abcdef0123456789abcdef",
        "sk-learn-is-a-library-for-machine-learning",
        "https://api.example.com/v1/jobs?after=ftjob-12&limit=100 or mail me@example.com",
        "fw_cuda_kernel_name as-is ak-47 hf_transformers",
        "max_tokens: 4096, tokens: 1234567890, time per token: 0.0123456789012345",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_prose_hashes_and_ids_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


HOSTILE = [
    "eyJ-",
    "eyJaaaaaaaaa.",
    "sk-",
    "sk-a-",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN RSA ",
    "://a",
    "://a@",
    "&key=",
    "?a_",
    "authorization: ",
    "basic ",
    "api_key = ",
    "token",
    "aws_secret",
    "password:",
    "AKIAABCDEFGHIJKLMNOP ",
    "aA/",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_text_of_many_half_keys_is_done_as_its_pieces_are(piece: str) -> None:
    """No pattern looks far ahead from each place: 5 MB would otherwise not end while anybody waits."""
    small, large = (redact(piece * (size // len(piece)) + "\n.") for size in (50_000, 5_000_000))
    ratio = len(large) / len(small)
    # each outcome grows with its text, or is one redaction in both
    assert 50 < ratio < 150 or len(large) < 100


def record_of(logger: logging.Logger) -> tuple[logging.Handler, io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        logging.Formatter("%(message)s %(extra_note)s", defaults={"extra_note": ""})
    )
    handler.addFilter(RedactingFilter())
    logger.addHandler(handler)
    return handler, out


def test_log_records_are_redacted_with_arguments_traceback_and_extras(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_TOKEN", CANARY)
    logger = logging.getLogger("ftkit.test_secrets")
    handler, out = record_of(logging.getLogger("ftkit"))
    seen: list[logging.LogRecord] = []
    handler.addFilter(lambda record: seen.append(record) or True)  # type: ignore[func-returns-value]
    try:
        try:
            raise ValueError(f"bad {CANARY}")
        except ValueError:
            logger.exception(
                "sent %s", [CANARY], extra={"extra_note": f"n {CANARY}"}, stack_info=True
            )
        logger.error("%d tokens", "many")
        logger.error("plain %s", 7)
    finally:
        logging.getLogger("ftkit").removeHandler(handler)
    text = out.getvalue()
    assert CANARY not in text
    assert f"sent ['{REDACTED}'] n {REDACTED}" in text
    assert f"ValueError: bad {REDACTED}" in text
    assert "could not be formatted" in text
    assert "plain 7" in text
    assert seen[0].exc_info is None
    assert CANARY not in repr([vars(record) for record in seen])


def test_a_secret_shows_its_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", CANARY)
    secret = Secret("SOME_API_KEY")
    assert secret.reveal() == CANARY
    shown = [
        repr(secret),
        str(secret),
        f"{secret:>30}",
        f"{secret}",
        json.dumps({"key": secret}, default=str),
        repr(pickle.dumps(secret)),
        repr([secret]),
    ]
    assert all("SOME_API_KEY" in text and CANARY not in text for text in shown)
    assert repr(secret) == "Secret(SOME_API_KEY)"
    assert pickle.loads(pickle.dumps(secret)) == secret


def test_a_secret_is_read_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret("SOME_API_KEY")
    with pytest.raises(AuthError, match="SOME_API_KEY is not set"):
        secret.reveal()
    monkeypatch.setenv("SOME_API_KEY", "  ")
    with pytest.raises(AuthError, match="SOME_API_KEY is not set"):
        secret.reveal()
    monkeypatch.setenv("SOME_API_KEY", f"{CANARY}\n")
    assert secret.reveal() == CANARY


@pytest.mark.parametrize("value", ["abc\ndef-12345", "schlüssel-12345"])
def test_a_secret_that_no_header_can_carry_is_refused_by_name(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", value)
    with pytest.raises(AuthError, match="SOME_API_KEY holds characters") as caught:
        Secret("SOME_API_KEY").reveal()
    assert value not in str(caught.value)


@pytest.mark.parametrize("given", ["sk-proj-aB3dE6gH9jK2mN5pQ8sT", KEYS["Hugging Face"], "", "A B"])
def test_a_key_given_in_place_of_a_name_is_refused_unseen(given: str) -> None:
    with pytest.raises(ConfigError, match="name of its environment variable") as caught:
        Secret(given)
    assert not given or given not in str(caught.value)
