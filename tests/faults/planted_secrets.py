"""Two hundred secrets and personal data, planted in sentences as people write them; nothing here imports ftkit.

Keys have the published shapes and are nobody's: drawn from hashes of their names, the same in every run, and put together
from parts, so that no scanner takes this file for a leak. Numbers with check digits are computed here, by their own rules.
"""

from __future__ import annotations

import base64
import hashlib
import json
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_LETTERS = string.ascii_letters
_ALNUM = string.ascii_letters + string.digits
_URLSAFE = _ALNUM + "-_"
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Planted:
    """One secret in its sentence; `personal` tells personal data from credentials, `kind` is unique in a family."""

    kind: str
    secret: str
    text: str
    personal: bool


def drawn(name: str, alphabet: str, length: int) -> str:
    """Characters that depend on the name alone."""
    digest = hashlib.shake_256(name.encode()).digest(length * 2)
    pairs = zip(digest[::2], digest[1::2], strict=True)
    return "".join(alphabet[(high << 8 | low) % len(alphabet)] for high, low in pairs)


def _key(*parts: str | tuple[str, int]) -> Callable[[str], str]:
    """Fixed pieces, and (alphabet, length) for what is drawn."""

    def make(name: str) -> str:
        made = ""
        for place, part in enumerate(parts):
            made += part if isinstance(part, str) else drawn(f"{name} {place}", *part)
        return made

    return make


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _jwt(name: str) -> str:
    head = _b64(b'{"alg":"RS256","typ":"JWT"}')
    body = _b64(json.dumps({"sub": drawn(name, _ALNUM, 12), "iat": 1790000000}).encode())
    return f"{head}.{body}.{drawn(name + 's', _URLSAFE, 86)}"


def _pem(kind: str) -> Callable[[str], str]:
    def make(name: str) -> str:
        text = drawn(name, _ALNUM + "+/", 64 * 5)
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        label = f"{kind}PRIVATE" + " KEY"
        return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])

    return make


CREDENTIALS: dict[str, Callable[[str], str]] = {
    "openai_project": _key("sk-", "proj-", (_URLSAFE, 74), "T3Blbk", "FJ", (_URLSAFE, 74)),
    "openai_legacy": _key("sk", "-", (_ALNUM, 20), "T3Blbk", "FJ", (_ALNUM, 20)),
    "anthropic": _key("sk-", "ant-", "api03-", (_URLSAFE, 93), "AA"),
    "google": _key("AI", "za", (_URLSAFE, 35)),
    "google_client": _key("GOC", "SPX-", (_URLSAFE, 28)),
    "aws_id": _key("AK", "IA", (string.ascii_uppercase + "234567", 16)),
    "github": _key("gh", "p_", (_ALNUM, 36)),
    "github_fine": _key("github", "_pat_", (_ALNUM, 22), "_", (_ALNUM, 59)),
    "gitlab": _key("gl", "pat-", (_URLSAFE, 20)),
    "slack_bot": _key(
        "xo", "xb-", (string.digits, 12), "-", (string.digits, 12), "-", (_ALNUM, 24)
    ),
    "slack_webhook": _key(
        "https://hooks.slack.com/serv", "ices/T", (_UPPER, 8), "/B", (_UPPER, 8), "/", (_ALNUM, 24)
    ),
    "stripe": _key("sk_", "live_", (_ALNUM, 24)),
    "sendgrid": _key("S", "G.", (_URLSAFE, 22), ".", (_URLSAFE, 43)),
    "twilio": _key("S", "K", (_HEX, 32)),
    "mailgun": _key("ke", "y-", (_HEX, 32)),
    "mailchimp": _key((_HEX, 32), "-", "us14"),
    "npm": _key("np", "m_", (_ALNUM, 36)),
    "pypi": _key("py", "pi-", "AgEIcHlwaS5vcmc", (_URLSAFE, 70)),
    "hugging_face": _key("h", "f_", (_LETTERS, 34)),
    "replicate": _key("r", "8_", (_ALNUM, 37)),
    "groq": _key("gs", "k_", (_ALNUM, 52)),
    "xai": _key("xa", "i-", (_ALNUM, 80)),
    "nvidia": _key("nv", "api-", (_URLSAFE, 64)),
    "fireworks": _key("f", "w_", (_ALNUM, 24)),
    "together": _key("tg", "p_v1_", (_URLSAFE, 43)),
    "databricks": _key("da", "pi", (_HEX, 32)),
    "digitalocean": _key("do", "p_v1_", (_HEX, 64)),
    "telegram": _key("7", (string.digits, 9), ":A", "A", (_URLSAFE, 33)),
    "discord": _key("M", (_ALNUM, 25), ".", (_ALNUM, 6), ".", (_URLSAFE, 38)),
    "shopify": _key("shp", "at_", (_HEX, 32)),
    "azure_ai": _key((_ALNUM, 52), "JQQ", "J99", (_ALNUM, 26)),
    "vault": _key("hv", "s.", (_URLSAFE, 90)),
    "linear": _key("lin", "_api_", (_ALNUM, 40)),
    "pem_rsa": _pem("RSA "),
    "pem_openssh": _pem("OPENSSH "),
    "jwt": _jwt,
    "postgres_url": _key(
        "postgres://app_", (_ALNUM, 4), ":", (_ALNUM, 16), "@db-3.shop.internal:5432/x"
    ),
    "mongo_url": _key("mongodb+srv://svc:", (_ALNUM, 12), "@cluster0.k2x.mongodb.net/orders"),
    "redis_url": _key("redis://:", (_URLSAFE, 22), "@cache.shop.internal:6379/0"),
    "http_url": _key("https://deploy:", (_ALNUM, 14), "@git.shop.internal/api.git"),
    "ado": _key("Server=tcp:db1;Database=crm;User Id=sa;Password=", (_ALNUM, 11), "!9;"),
    "azure_storage": _key(
        "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=", (_ALNUM + "+/", 86), "=="
    ),
    "labelled_hex": _key("api_key = ", (_HEX, 32)),
    "labelled_env": _key("SERVICE_SECRET=", (_ALNUM, 40)),
    "labelled_json": _key('"client_secret": "', (_ALNUM + "~._-", 36), '"'),
    "aws_secret": _key("aws_secret_access_key = ", (_ALNUM + "/+", 40)),
    "bearer": _key("Authorization: Bearer ", (_URLSAFE, 48)),
    "password_short": _key("Password: ", (_LETTERS, 6), "#", (string.digits, 3), (_ALNUM, 2)),
}


def luhn(digits: str) -> str:
    """The digits with their check digit behind them."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def iban(country: str, account: str) -> str:
    """An IBAN with right check digits (ISO 13616: mod 97)."""
    number = "".join(str(int(c, 36)) for c in f"{account}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{account}"


def _groups(text: str, *sizes: int, by: str = " ") -> str:
    parts, at = [], 0
    while at < len(text):
        size = sizes[min(len(parts), len(sizes) - 1)]
        parts.append(text[at : at + size])
        at += size
    return by.join(parts)


def _digits(name: str, length: int, first: str = "") -> str:
    return first + drawn(name, string.digits, length - len(first))


def _nonzero(name: str, length: int) -> str:
    return drawn(name, "23456789", length)


def _dni(name: str) -> str:
    number = _digits(name, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _cpf(name: str) -> str:
    digits = _nonzero(name, 9)
    for length in (10, 11):
        total = sum(int(d) * (length - at) for at, d in enumerate(digits))
        digits += str(total * 10 % 11 % 10)
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


def _ssn(name: str) -> str:
    return f"5{_nonzero(name, 2)}-{_nonzero(name + 'b', 2)}-{_nonzero(name + 'c', 4)}"


_WORD = string.ascii_lowercase
PERSONAL: dict[str, Callable[[str], str]] = {
    "visa": lambda n: _groups(luhn(_digits(n, 15, "4")), 4),
    "mastercard": lambda n: luhn(_digits(n, 15, "53")),
    "amex": lambda n: _groups(luhn(_digits(n, 14, "37")), 4, 6, 5),
    "card_hyphens": lambda n: _groups(luhn(_digits(n, 15, "6011")), 4, by="-"),
    "iban_de": lambda n: iban("DE", _digits(n, 18)),
    "iban_gb": lambda n: _groups(
        iban("GB", drawn(n, string.ascii_uppercase, 4) + _digits(n, 14)), 4
    ),
    "iban_fr": lambda n: _groups(iban("FR", _digits(n, 10) + drawn(n, _UPPER, 11) + "42"), 4),
    "iban_nl": lambda n: iban("NL", drawn(n, string.ascii_uppercase, 4) + _digits(n, 10)),
    "email": lambda n: (
        f"{drawn(n, _WORD, 6)}.{drawn(n + 'b', _WORD, 8)}@{drawn(n + 'c', _WORD, 7)}.com"
    ),
    "email_tag": lambda n: (
        f"{drawn(n, _WORD, 5)}+shop{_digits(n, 2)}@mail.{drawn(n, _WORD, 6)}.co.uk"
    ),
    "email_caps": lambda n: f"{drawn(n, _WORD, 7).upper()}@{drawn(n, _WORD, 6).upper()}.DE",
    "phone_e164": lambda n: "+1" + _nonzero(n, 10),
    "phone_us": lambda n: f"({_nonzero(n, 3)}) {_nonzero(n + 'b', 3)}-{_digits(n, 4)}",
    "phone_us_dots": lambda n: f"{_nonzero(n, 3)}.{_nonzero(n + 'b', 3)}.{_digits(n, 4)}",
    "phone_us_hyphens": lambda n: f"1-{_nonzero(n, 3)}-{_nonzero(n + 'b', 3)}-{_digits(n, 4)}",
    "phone_de": lambda n: f"+49 (0)30 {_nonzero(n, 4)} {_digits(n, 3)}",
    "phone_de_zeros": lambda n: f"0049 171 {_nonzero(n, 7)}",
    "phone_de_slash": lambda n: f"0{_nonzero(n, 3)}/{_nonzero(n + 'b', 7)}",
    "phone_uk": lambda n: f"+44 20 {_nonzero(n, 4)} {_digits(n, 4)}",
    "phone_uk_mobile": lambda n: f"07{_nonzero(n, 3)} {_digits(n, 6)}",
    "phone_fr": lambda n: "06 " + _groups(_digits(n, 8), 2),
    "phone_in": lambda n: f"+91-9{_nonzero(n, 4)}-{_digits(n, 5)}",
    "ssn": _ssn,
    "dni": _dni,
    "cpf": _cpf,
    "ipv4": lambda n: (
        f"8{int(_digits(n, 1)) % 8}.{int(_digits(n, 3)) % 256}.7.{1 + int(_digits(n, 2))}"
    ),
    "ipv6": lambda n: (
        f"2a02:8{drawn(n, _HEX, 3)}:{drawn(n + 'b', _HEX, 4)}::{drawn(n + 'c', _HEX, 4)}"
    ),
}

_SENTENCES = (
    "Please use {} for the next call.",
    "I already sent it to you: {}",
    "The ticket says {}, is that right?",
    "{} is what I have on file",
    "customer wrote: '{}' and wants an answer today.",
    '{{"note": "{}"}}',
    "see below\n{}\nthanks",
)


def planted(count: int = 200) -> list[Planted]:
    """`count` of them, every kind at least twice; PEM blocks and JSON stand in sentences that hold them whole."""
    made = [*_of(CREDENTIALS, personal=False), *_of(PERSONAL, personal=True)]
    assert len(made) >= count
    step = len(made) / count
    return [made[int(at * step)] for at in range(count)]


def _of(kinds: dict[str, Callable[[str], str]], *, personal: bool) -> Iterator[Planted]:
    for number, (kind, make) in enumerate(kinds.items()):
        for again in range(3):
            secret = make(f"{kind} {again}")
            sentence = _SENTENCES[(number + 3 * again) % len(_SENTENCES)]
            if '"' in secret or "\n" in secret:
                sentence = "see below\n{}\nthanks"
            yield Planted(kind, secret, sentence.format(secret), personal)


def clean_lines() -> tuple[str, ...]:
    """Near misses: what looks like a secret or like personal data, and is none."""
    return (
        "The commit is 3f786850e387550fdab836ed7e6dc881de23001b, from Tuesday.",
        "Order id 550e8400-e29b-41d4-a716-446655440000 has shipped.",
        "Set OPENAI_API_KEY=YOUR_API_KEY_GOES_HERE first.",
        "export TOKEN=<your-token>",
        "sk-learn-pipelines-and-transformers-today",
        "Use password: ******** in the form, as usual.",
        "postgres://user:password@localhost:5432/db is the default",
        "AK" + "IAIOSFODNN7EXAMPLE stands in the manual",
        "The answer is 4111 1111 1111 1112 after all steps.",
        "Part number DE89 3704 0044 0532 0130 01 is out of stock.",
        "Write to help@example.com or info@shop.example for a test.",
        "She ran 1,234,567 steps in 2019-2020, from 10:30:15 to 11:45.",
        "Version 10.0.0.1 listens on 127.0.0.1 and 192.168.1.20.",
        "Upgrade from v8.8.4.4 to version 9.1.2.3 now.",
        "SELECT * FROM t WHERE id = 12345678 AND total > 1000000",
        "The sum of 415 and 555 is 970, of 2671 and 4 is 2675.",
        "ISBN 978-3-16-148410-0 costs 19.99 since 2021-03-04.",
        "getUserAccountDetailsByCustomerIdentifierAndRegion2",
        "https://shop.example.org/products/12345678901234567890/reviews?page=2",
        "GPS 52.520008, 13.404954; MAC 00:1b:44:11:3a:b7",
        "Rooms 010 to 030 / 040 are on floors 1-3, 5 and 7.",
        "000-12-3456 and 666-12-3456 were never given out.",
    )
