"""FT402, FT403: personal data that is certain by its shape. Names and addresses are not looked for: no pattern finds them.

A finding shows the kind and the length, never the value. Every pattern is bounded, and starts where its own characters do not
precede it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from ftkit.data.checks import check_digits
from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.sighting import Sighting
from ftkit.data.checks.told import Told
from ftkit.data.checks.view import DataView

_SHOWN = 5
_DIGIT = re.compile(r"\d")
# looked for first: without so many digits near each other there is no number of these kinds
_DENSE = re.compile(r"\d(?:[ ./()-]{0,3}\d){6}")

_CARD = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){12,18}(?![\w]|[.,-]\d)")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
# kind, pattern, proof, and words of which one must stand near where the proof alone proves little
_IDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool], re.Pattern[str] | None], ...] = (
    (
        "US social security number",
        re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])"),
        check_digits.is_ssn,
        None,
    ),
    (
        "Spanish DNI or NIE",
        re.compile(r"(?<![\w.-])(?:\d{8}|[XYZ]\d{7})-?[A-HJ-NP-TV-Z](?![\w-])"),
        check_digits.is_dni,
        None,
    ),
    (
        "Brazilian CPF",
        re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])"),
        check_digits.is_cpf,
        None,
    ),
    (
        "Italian codice fiscale",
        re.compile(
            r"(?<!\w)[A-Za-z]{6}\d{2}[A-EHLMPR-Ta-ehlmpr-t]\d{2}[A-Za-z]\d{3}[A-Za-z](?!\w)"
        ),
        check_digits.is_codice_fiscale,
        None,
    ),
    (
        "French NIR",
        re.compile(r"(?<![\w.,-])[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}(?![\w-])"),
        check_digits.is_nir,
        None,
    ),
    (
        "Chinese resident id",
        re.compile(r"(?<![\w.,-])[1-8]\d{5}(?:19|20)\d{9}[\dXx](?!\w)"),
        check_digits.is_chinese_id,
        None,
    ),
    (
        "Indian Aadhaar number",
        re.compile(r"(?<![\w.,-])[2-9]\d{3} \d{4} \d{4}(?![\w-]| \d)"),
        check_digits.is_aadhaar,
        None,
    ),
    (
        "British national insurance number",
        re.compile(
            r"(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"
        ),
        lambda text: True,
        None,
    ),
    (
        "Polish PESEL",
        re.compile(r"(?<![\w.,-])\d{11}(?![\w-])"),
        check_digits.is_pesel,
        re.compile(r"(?i)pesel"),
    ),
    (
        "German tax id",
        re.compile(r"(?<![\w.,-])\d{2} ?\d{3} ?\d{3} ?\d{3}(?![\w-])"),
        check_digits.is_tax_id,
        re.compile(r"(?i)steuer|tax.?id|\bidnr"),
    ),
    (
        "Dutch BSN",
        re.compile(r"(?<![\w.,-])\d{9}(?![\w-])"),
        check_digits.is_bsn,
        re.compile(r"(?i)\bbsn\b|burgerservice"),
    ),
)

_SPARSE = ("Italian codice fiscale", "British national insurance number", "Spanish DNI or NIE")

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9-])"
)
# RFC 2606 and RFC 6761: for manuals and tests, nobody's
_NOBODYS = re.compile(
    r"(?i)(?:^|\.)example\.(?:com|org|net|edu)$|\.(?:example|test|invalid|localhost|local)$"
)
_IPV4 = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_VERSION = re.compile(r"(?i)(?:\bv|version|release|firmware|build|§|section|chapter)[ .:]{0,3}$")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){2,7}(?![\w:])")

_PHONE = re.compile(
    r"(?<![\w.,/:+#$€£=-])(?<!\d )(?:"
    # country code first
    r"(?:\+|00)[1-9]\d{0,2}(?:[ ./-]{0,2}(?:\(0?\d{0,4}\)|\d{1,12})){1,6}"
    # North America; the first digits of area and exchange are 2 to 9
    r"|(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}"
    # a trunk 0 and groups
    r"|\(?0[1-9]\d{0,4}\)?(?:[ /-]{1,3}\d{2,8}){1,5}"
    r")(?![\w]|[.,/:-]\d)"
)
_CALLED = re.compile(
    r"(?i)(?:tel(?:efon|ephone|\.)?|phone|mobile|cell|fax|call(?: me| us)?(?: on| at)?|whatsapp|sms|text me(?: on| at)?|handy|nummer|number|"
    r"téléphone|teléfono|telefono|móvil|rufnummer)(?: is| ist| est| es)?[ :.#-]{1,4}(\+?\d[\d ./()-]{5,18}\d)(?!\d)"
)


def numbers_of_people(data: DataView) -> Iterator[Finding]:
    """FT402: payment cards, bank accounts and national ids whose check digits are right."""
    yield from _finding(
        data,
        masked_numbers,
        "FT402",
        "rows hold numbers of cards, bank accounts or persons",
        "a model repeats rare strings that it was trained on; these name a person or pay for things, and laws protect them",
    )


def contacts(data: DataView) -> Iterator[Finding]:
    """FT403: e-mail addresses, phone numbers and IP addresses."""
    yield from _finding(
        data,
        masked_contacts,
        "FT403",
        "rows hold e-mail addresses, phone numbers or IP addresses",
        "a model repeats rare strings that it was trained on, and a provider gets them by upload",
    )


def masked_numbers(text: str) -> list[str]:
    """Each number with a proof, as its kind and length."""
    return [one.mask for one in numbers_in(text)]


def masked_contacts(text: str) -> list[str]:
    """Each address, as its kind and length."""
    return [one.mask for one in contacts_in(text)]


def numbers_in(text: str) -> list[Sighting]:
    """Each number with a proof and where it stands."""
    found: list[Sighting] = []
    told = Told(text)
    for match in _IBAN.finditer(text):
        plain = re.sub("[ -]", "", match.group())
        number = check_digits.iban_in(plain)
        if number is not None and told.take(match.span()):
            found.append(
                Sighting(*match.span(), f"IBAN of {number[:2]} ({len(number)} characters)")
            )
    dense = _DENSE.search(text) is not None
    for match in _CARD.finditer(text) if dense else ():
        digits = re.sub("[ -]", "", match.group())
        if check_digits.is_card(digits) and told.take(match.span()):
            found.append(Sighting(*match.span(), f"payment card ({len(digits)} digits)"))
    for kind, pattern, proof, words in _IDS:
        if not dense and kind not in _SPARSE or words is not None and not words.search(text):
            continue
        for match in pattern.finditer(text):
            value = match.group()
            value = value if kind.startswith("US") else re.sub("[ -]", "", value)
            if proof(value) and told.take(match.span()):
                found.append(Sighting(*match.span(), kind))
    return found


def contacts_in(text: str) -> list[Sighting]:
    """Each address and where it stands."""
    found: list[Sighting] = []
    if "@" in text:
        for match in _EMAIL.finditer(text):
            # a name and a password in front of a host look like one
            in_address = "://" in _before(text, match)
            if not in_address and not _NOBODYS.search(match.group(1)):
                found.append(
                    Sighting(*match.span(), f"e-mail address ({len(match.group())} characters)")
                )
    told = Told(text)
    for match in _IPV4.finditer(text) if text.count(".") > 2 else ():
        before = text[max(0, match.start() - 12) : match.start()]
        if _is_public(match.group()) and not _VERSION.search(before) and told.take(match.span()):
            found.append(Sighting(*match.span(), "IP address"))
    for match in _IPV6.finditer(text) if text.count(":") > 2 else ():
        if _is_public(match.group()):
            found.append(Sighting(*match.span(), "IP address"))
    for pattern in (_PHONE, _CALLED) if _DENSE.search(text) else ():
        for match in pattern.finditer(text):
            group = pattern.groups
            digits = len(_DIGIT.findall(match.group(group)))
            if _is_phone(match.group(group), digits) and told.take(match.span()):
                found.append(Sighting(*match.span(), f"phone number ({digits} digits)"))
    return found


def _is_phone(text: str, digits: int) -> bool:
    if not 7 <= digits <= 15:
        return False
    # what begins with a plain 0 is a phone number only if it is as long as one, and no date or time
    if text.lstrip("(").startswith("0") and not text.startswith("00"):
        return digits >= 9
    return digits >= 8 or not text.startswith("+")


def _is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _before(text: str, match: re.Match[str]) -> str:
    """What stands in front of the match up to white space."""
    return re.split(r"\s", text[max(0, match.start() - 200) : match.start()])[-1]


def _finding(
    data: DataView, look: Callable[[str], list[str]], code: str, title: str, why: str
) -> Iterator[Finding]:
    rows: list[int] = []
    shown: list[str] = []
    for row in data.rows:
        masks = [mask for text in row.texts for mask in look(text)]
        if masks:
            rows.append(row.number)
            if len(shown) < _SHOWN:
                shown.append(f"row {row.number}: {', '.join(masks[:3])}")
    if rows:
        yield Finding.on(
            rows,
            code,
            Severity.WARNING,
            title,
            detail="\n".join(shown),
            why=why,
            mend="replace them by made-up ones or placeholders, unless they are public and meant to be learned",
        )
