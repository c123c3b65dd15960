"""Keeping credentials out of everything that is shown, logged or stored.

Two nets: values that are known (environment variables whose names speak of credentials, in every form in which they
travel), and shapes that give a credential away (well-known key formats, labelled values, URLs, headers). Every pattern
is bounded or starts only where its own characters do not precede it, so that time grows with the text and no faster.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from ftkit.errors import AuthError, ConfigError

REDACTED = "[redacted]"
_SHORTEST = 8  # characters; a shorter value is found in too many harmless words

# --- which environment variables hold credentials -----------------------------------------------------------------
_HOLDS = re.compile(
    r"(?:^|[^A-Z0-9])(?:KEY|PASS|PWD|PAT|AUTH|AUTHORIZATION|BEARER|JWT|PASSPHRASE|CREDENTIALS?|SECRETS"
    r"|[A-Z0-9]{0,40}(?:APIKEY|ACCESSKEY|SECRETKEY|TOKEN|SECRET|PASSWORD|PASSWD))(?![A-Z0-9])"
)
# A name that ends so says something about a credential (where it lies, how long it lasts); it does not hold one.
_ABOUT = re.compile(
    r"(?:^|[^A-Z0-9])(?:FILE|PATH|DIR|HOME|SOCK|SOCKET|NAME|URL|URI|HOST|ENDPOINT|TYPE|MODE|METHOD|ALGORITHM"
    r"|LAYOUT|LIMIT|COUNT|SIZE|LENGTH|TTL|EXPIRY|VERSION|PROVIDER|REGION|ENABLED|DISABLED|REQUIRED|INFO)$"
)
_NOT = re.compile(r"(?:OLD)?PWD$|GPG_|PGP_")  # working folders; ids of public keys
_SETTING = re.compile(r"(?i)(?:disabled|enabled|required|optional|anonymous|automatic|password)")
_KEY_LIKE = re.compile(r"(?=.*[0-9])\S{16,}")  # whatever the header is called
_PATH = re.compile(r"(?:/|~[\w.-]*/|\.{1,2}/|[A-Za-z]:[\\/])")


def known_secrets() -> tuple[str, ...]:
    """Values of the environment that are credentials by their variable's name, longest first; read at each call."""
    found = {
        value
        for name, raw in os.environ.items()
        for value in _held(name, raw)
        if _may_be_secret(value)
    }
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def _held(name: str, raw: str) -> Iterator[str]:
    """What a variable holds that is a credential by its name; SDKs take headers, line by line, from *_CUSTOM_HEADERS."""
    if is_credential_name(name):
        yield raw.strip()
    elif name.upper().endswith("_CUSTOM_HEADERS"):
        for line in raw.splitlines():
            header, _, value = (piece.strip() for piece in line.partition(":"))
            if is_credential_name(header) or _KEY_LIKE.fullmatch(value):
                yield value


def is_credential_name(name: str) -> bool:
    """True where what bears this name (a variable, a header, a parameter) is a credential and not about one."""
    upper = name.upper()
    return bool(_HOLDS.search(upper)) and not _NOT.match(upper) and not _ABOUT.search(upper)


def _may_be_secret(value: str) -> bool:
    if len(value) < _SHORTEST or _SETTING.fullmatch(value):
        return False
    if value.isdigit() and len(value) < 12:
        return False  # a limit or a number of seconds
    # A random key can begin with a slash too: a path is one that is there, or that names a kind of file.
    looks_like_path = _PATH.match(value) is not None
    return not (looks_like_path and (os.path.exists(value) or re.search(r"\.\w{1,5}$", value)))


# --- shapes -----------------------------------------------------------------------------------------------------
def _format(prefix: str, rest: str) -> re.Pattern[str]:
    """A key format that begins a run of key characters, also after an escaped line end or a percent-encoded character.

    The look-behinds stand after the prefix: the search for a literal is fast, a look-behind at every place is not.
    """
    return re.compile(
        rf"{prefix}(?:(?<![A-Za-z0-9_-]{prefix})|(?<=\\[nrt]{prefix})|(?<=%[0-9A-Fa-f]{{2}}{prefix})){rest}"
    )


_DIGIT_SOON = r"(?=[A-Za-z0-9_-]{0,80}[0-9])"  # words joined by hyphens have none
# a piece that is always there (looked for first: most texts have none), and the pattern
_FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("sk-", _format("sk-", _DIGIT_SOON + r"[A-Za-z0-9_-]{16,}")),  # OpenAI, Anthropic and kin
    ("AIza", _format("AIza", r"[A-Za-z0-9_-]{30,}")),  # Google
    ("GOCSPX-", _format("GOCSPX-", r"[A-Za-z0-9_-]{20,}")),
    ("ya29.", _format(r"ya29\.", r"[A-Za-z0-9_-]{20,}")),
    *(
        (
            piece,
            # the id, then its secret: 40 characters, perhaps with a label between
            _format(
                piece,
                r"[A-Z0-9]{16}(?![A-Za-z0-9])"
                r"(?:[^A-Za-z0-9/+]{1,8}(?:[A-Za-z_ ]{1,40}[^A-Za-z0-9/+]{1,8})?"
                r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+]))?",
            ),
        )
        for piece in ("AKIA", "ASIA")
    ),
    ("hf_", _format("hf_", r"[A-Za-z0-9]{20,}")),
    ("r8_", _format("r8_", r"[A-Za-z0-9]{20,}")),  # Replicate
    ("gh", _format("gh[opusr]_", r"[A-Za-z0-9]{20,}")),  # GitHub
    ("github_pat_", _format("github_pat_", r"[A-Za-z0-9_]{20,}")),
    # Fireworks; one in fifty of its keys has no digit, but letters of both kinds, as no word after a "_" has
    (
        "fw_",
        _format(
            "fw_",
            r"(?=[A-Za-z]{0,80}[0-9]|[a-z]{0,80}[A-Z][A-Za-z]{19}|[A-Z]{1,80}[a-z])[A-Za-z0-9]{16,}",
        ),
    ),
    ("tgp_v1_", _format("tgp_v1_", r"[A-Za-z0-9_-]{20,}")),  # Together
    ("ak-", _format("ak-", r"[A-Za-z0-9]{20,}")),  # Modal: token id and secret
    ("as-", _format("as-", r"(?=[A-Za-z]{0,80}[0-9])[A-Za-z0-9]{20,}")),
    ("tml-", _format("tml-", _DIGIT_SOON + r"[A-Za-z0-9_-]{16,}")),  # Tinker
    ("gsk_", _format("gsk_", r"[A-Za-z0-9]{20,}")),  # Groq
    ("xai-", _format("xai-", r"[A-Za-z0-9]{20,}")),
    ("nvapi-", _format("nvapi-", r"[A-Za-z0-9_-]{20,}")),
    ("rpa_", _format("rpa_", r"[A-Za-z0-9]{20,}")),  # RunPod
    ("dapi", _format("dapi", r"[0-9a-f]{32}")),  # Databricks
    ("xox", _format("xox[abeoprs]-", r"[A-Za-z0-9-]{10,}")),  # Slack
    ("k_live_", _format("[sr]k_live_", r"[A-Za-z0-9]{16,}")),  # Stripe
    ("eyJ", _format("eyJ", r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?")),  # JWT
    (
        "PRIVATE KEY",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
            r"(?:[^-]|-(?!----)){0,20000}(?:-----END [A-Z0-9 ]{0,60}-----)?"
        ),
    ),
)
_SEPARATOR = r"b?\\?[\"']?\s{0,3}(?:[:=,]|=>)\s{0,3}b?\\?[\"']?"
_VALUE = r"[^\s\"',;&\\]"
_NUMBERED = rf"(?={_VALUE}{{0,200}}[0-9])"  # prose has no digit inside a word
# words of which one is always there (in lower case), the pattern, and what stands in its place
_LABELS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = tuple(
    (words, re.compile(pattern, re.IGNORECASE), replacement)
    for words, pattern, replacement in (
        (("://",), r"://[^\s/?#\"'<>]{1,700}@", f"://{REDACTED}@"),
        (
            (
                "key=",
                "token=",
                "secret=",
                "password=",
                "sig=",
                "signature=",
                "credential=",
                "auth=",
            ),
            (
                r"([?&;]|\\u0026)((?:[a-z]{1,20}[_-])?(?:api[_-]?)?(?:key|token|secret|password|sig|signature)"
                r"|x-(?:amz|goog)-(?:signature|credential|security-token)|auth)=[^&\s\"'<>#\\]+"
            ),
            rf"\1\2={REDACTED}",
        ),
        (
            ("authorization",),
            (
                rf"((?:proxy-)?authorization{_SEPARATOR})"
                r"(?:(?:bearer|basic|token|digest|negotiate|key|apikey|aws4-hmac-sha256)\s{1,3}[^\r\n\"'\\]+"
                rf"|{_NUMBERED}{_VALUE}{{8,}})"
            ),
            rf"\1{REDACTED}",
        ),
        (
            ("-key", "-token", "cookie"),
            (
                r"((?:x-api-key|x-goog-api-key|x-auth-token|x-amz-security-token|api-key"
                rf"|ocp-apim-subscription-key|cookie){_SEPARATOR}){_NUMBERED}{_VALUE}{{8,}}"
            ),
            rf"\1{REDACTED}",
        ),
        (
            ("bearer", "basic"),
            r"\b(bearer|basic)(\s{1,3})(?:(?=[a-z._~+/-]{0,200}[0-9=])[a-z0-9._~+/-]{12,}|[a-z0-9._~+/-]{30,})={0,2}",
            rf"\1\2{REDACTED}",
        ),
        (
            ("key", "token", "secret"),
            (
                r"((?:(?:api|access|account|secret|subscription|private|azure|primary|secondary)[ _-]?(?:api[_-]?)?key"
                r"|aws[_-]?secret\w{0,30}|token|secret)\\?[\"']?\s{0,3}(?:[:=]|=>)\s{0,3}\\?[\"']?)"
                rf"{_NUMBERED}(?={_VALUE}{{0,200}}[a-z]){_VALUE}{{16,}}"
            ),
            rf"\1{REDACTED}",
        ),
        (
            ("passw", "passphrase"),
            rf"((?:passw(?:or)?d|passphrase)\\?[\"']?\s{{0,3}}[:=]\s{{0,3}}\\?[\"']?){_NUMBERED}{_VALUE}{{6,}}",
            rf"\1{REDACTED}",
        ),
    )
)


def redact(text: str, also: Iterable[str] = ()) -> str:
    """The text with every credential replaced by `[redacted]`; labels, hashes and prose stay.

    `also`: values known to the caller to be secret, such as the headers of the request that the text answers.
    """
    secrets = {*known_secrets(), *(value for value in also if len(value) >= _SHORTEST)}
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=_longest_first):
        if form in text:
            text = text.replace(form, REDACTED)
    for piece, pattern in _FORMATS:
        if piece in text:
            text = pattern.sub(REDACTED, text)
    lowered = text.lower()
    for words, pattern, replacement in _LABELS:
        if any(word in lowered for word in words):
            text = pattern.sub(replacement, text)
    return text


def redact_all(value: Any) -> Any:
    """The value of JSON with every text in it redacted, at any depth; numbers and names of fields stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: redact_all(inner) for name, inner in value.items()}
    return [redact_all(inner) for inner in value] if isinstance(value, list | tuple) else value


def _longest_first(form: str) -> tuple[int, str]:
    return -len(form), form


def _forms(secret: str) -> Iterator[str]:
    """The secret as it is, in a URL, in JSON or a `repr`, and in base64 at each of the three places it can begin."""
    for safe in ("/", ""):
        yield quote(secret, safe=safe, errors="replace")
    yield from (secret, quote_plus(secret, errors="replace"))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield repr(secret)[1:-1]
    data = secret.encode("utf-8", "replace")
    for before, unsure in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(b"\0" * before + data).decode()
        inner = whole.rstrip("=")[:-1] if whole.endswith("=") else whole
        for form in (whole[unsure:], inner[unsure:]):
            if len(form) >= _SHORTEST:
                yield form
                yield form.translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")


# --- where they would show ----------------------------------------------------------------------------------------
_PLAIN_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class RedactingFilter(logging.Filter):
    """Redacts each record that passes: message, arguments, traceback, stack and the texts of `extra`.

    Add it to a handler of `ftkit`: a filter on a logger does not see what its children pass up. The exception itself is
    taken off the record, as some handlers print the local variables of its frames; its redacted traceback stays.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - any __str__ may fail, and a log call must not fail with it
            message = f"{record.msg!r} (its arguments could not be formatted)"
        record.msg, record.args = redact(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        record.exc_text = redact(record.exc_text) if record.exc_text else None
        record.stack_info = redact(record.stack_info) if record.stack_info else None
        for name, value in list(vars(record).items()):
            if isinstance(value, str) and name not in _PLAIN_RECORD:
                setattr(record, name, redact(value))
        return True


# Whoever listens to our logger sees redacted records, the command or a program.
logging.getLogger("ftkit").addFilter(RedactingFilter())

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# Keys of some providers are letters and digits only, as names are: no long name mixes all, or lacks a "_".
_DRAWN = re.compile(r"(?=.{20})(?=.*[0-9])(?:[A-Za-z0-9]+|(?=.*[a-z])(?=.*[A-Z]).*)")


def may_name_a_variable(text: str) -> bool:
    """False where the text cannot be the name of an environment variable, or may be a credential instead of one."""
    named = _ENV_NAME.fullmatch(text) and not _DRAWN.fullmatch(text)
    return bool(named) and redact(text) == text


@dataclass(frozen=True, slots=True, init=False)
class Secret:
    """The name of an environment variable that holds a credential; the value is read at use and kept nowhere.

    Printed, formatted, pickled or stored, it is the name only.
    """

    env_name: str

    def __init__(self, env_name: str) -> None:
        object.__setattr__(self, "env_name", "")
        if not may_name_a_variable(env_name):
            del env_name  # frames of a traceback are printed with their variables
            raise ConfigError(
                "a credential is given by the name of its environment variable, such as OPENAI_API_KEY; "
                "what was given is no such name (it is not shown here in case it is the credential)"
            )
        object.__setattr__(self, "env_name", env_name)

    def reveal(self) -> str:
        """The value, white space around it removed.

        Raises AuthError, which names the variable, where it is unset or cannot be part of an HTTP header.
        """
        value = os.environ.get(self.env_name, "").strip()
        if not value:
            raise AuthError(f"{self.env_name} is not set; export it before the command runs")
        if not (value.isascii() and value.isprintable()):
            del value  # frames of a traceback are printed with their variables
            raise AuthError(f"{self.env_name} holds characters that no key has; copy the key again")
        return value

    def __repr__(self) -> str:
        return f"Secret({self.env_name})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)
