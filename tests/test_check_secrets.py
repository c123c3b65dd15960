"""FT401 to FT404 against two hundred planted secrets and personal data, near misses, and published data without any."""

from __future__ import annotations

import json

import pytest

from ftkit.data import CheckReport, Dataset, Severity, check, load
from ftkit.data.checks import check_digits
from ftkit.data.checks.leaked_keys import leaked_keys, masked, random_looking
from ftkit.data.checks.personal import masked_contacts, masked_numbers
from tests.faults.planted_secrets import (
    CREDENTIALS,
    PERSONAL,
    Planted,
    clean_lines,
    drawn,
    iban,
    luhn,
    planted,
)
from tests.published_data import banking77, e2e, gsm8k, needs_published
from tests.secret_pieces import shown_of

PLANTED = planted()
CODES = ("FT401", "FT402", "FT403", "FT404")


def prompts(*texts: str, fill: int = 60) -> Dataset:
    good = [f"What is the answer to question {n} of the list?" for n in range(fill)]
    return load(
        [{"prompt": t, "completion": f"Answer {n}."} for n, t in enumerate([*texts, *good])]
    )


def found(report: CheckReport, *codes: str) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    wanted = codes or CODES
    return {f.code: (f.severity, f.rows) for f in report.findings if f.code in wanted}


def seen(one: Planted) -> bool:
    if one.personal:
        return bool(masked_numbers(one.text) or masked_contacts(one.text))
    return bool(masked(one.text))


def test_of_two_hundred_planted_at_least_ninety_five_in_a_hundred_are_found() -> None:
    assert len(PLANTED) == 200 and len({one.kind for one in PLANTED}) == len(CREDENTIALS) + len(
        PERSONAL
    )
    missed = [one.kind for one in PLANTED if not seen(one)]
    assert len(missed) <= 10, missed


@pytest.mark.parametrize("kind", [*CREDENTIALS, *PERSONAL])
def test_every_kind_is_found(kind: str) -> None:
    assert all(seen(one) for one in PLANTED if one.kind == kind)


def test_the_rows_are_named_by_the_code_of_their_kind() -> None:
    report = check(prompts(*(one.text for one in PLANTED)))
    where = found(report)
    credentials = {n for n, one in enumerate(PLANTED, 1) if not one.personal}
    personal = {n for n, one in enumerate(PLANTED, 1) if one.personal}
    assert where["FT401"][0] is Severity.ERROR
    assert where["FT402"][0] is where["FT403"][0] is Severity.WARNING
    assert set(where["FT401"][1]) == credentials
    assert set(where["FT402"][1]) | set(where["FT403"][1]) >= personal
    # a password before an @ can look like an address; beside that nobody is named for a key
    assert len((set(where["FT402"][1]) | set(where["FT403"][1])) - personal) <= 4


def test_nothing_planted_is_shown_in_a_report() -> None:
    for start in range(0, 200, 5):
        some = PLANTED[start : start + 5]
        report = check(prompts(*(one.text for one in some)))
        for text in (str(report), repr(report), json.dumps(report.to_dict())):
            for one in some:
                assert shown_of(one, text) is None, one.kind


@pytest.mark.parametrize("line", clean_lines())
def test_near_misses_are_left_alone(line: str) -> None:
    assert found(check(prompts(line))) == {}


@needs_published
@pytest.mark.parametrize("name", ["banking77", "gsm8k", "e2e"])
def test_published_data_without_secrets_raises_no_alarm(name: str) -> None:
    rows = {"banking77": banking77, "gsm8k": gsm8k, "e2e": e2e}[name]()
    texts = [text for pair in rows for text in pair]
    looks = (masked, random_looking, masked_numbers, masked_contacts)
    alarms = sum(any(look(text) for look in looks) for text in texts)
    assert alarms <= 0.01 * len(rows)


def test_a_secret_is_found_in_every_place_of_a_row() -> None:
    key = "sk_" + "live_" + drawn("place", "abcdefghijkmnpqrstuvwxyz23456789", 24)
    user, answer = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "t", "arguments": json.dumps({"k": f"x\n{key}"})},
    }
    tool = {"type": "function", "function": {"name": "t", "description": f"use {key}"}}
    result = {"role": "tool", "tool_call_id": "1", "content": key}
    calls = {"role": "assistant", "content": None, "tool_calls": [call]}
    rows = [
        {"messages": [{"role": "system", "content": key}, user, answer]},
        {"messages": [user, {"role": "assistant", "content": key}]},
        {"messages": [user, calls]},
        {"messages": [user, answer], "tools": [tool]},
        {"messages": [user, {**calls, "tool_calls": [{**call, "function": {"name": "t", "arguments": "{}"}}]}, result, answer]},
        {"messages": [user, answer]},
    ]  # fmt: skip
    assert found(check(load(rows)), "FT401")["FT401"][1] == (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    "value",
    [
        "hunter2",
        "correct horse battery",
        "swordfish",
        "11111111",
        "your-password-1A",
        "P@ssw0rd-example",
    ],
)
def test_ft401_leaves_words_beside_the_word_password_alone(value: str) -> None:
    assert masked(f"password: {value}") == []


@pytest.mark.parametrize(
    ("value", "told"), [("Winter2031", 1), ("winter2031", 0), ("winter-2031", 1), ("WinterSun", 0)]
)
def test_ft401_a_short_password_has_digits_and_two_other_kinds_of_characters(
    value: str, told: int
) -> None:
    assert len(masked(f"my password is {value}")) == told


def test_ft401_finds_one_secret_once() -> None:
    url = "postgres://app:" + drawn("once", "abcdefgh23456789", 16) + "@db.shop.internal/x"
    assert len(masked(f"DATABASE_PASSWORD url {url}")) == 1


def test_ft404_long_random_strings_are_a_warning_and_say_nothing_of_themselves() -> None:
    value = drawn("random", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", 44)
    report = check(prompts("a", f"it is {value} here"))
    assert found(report) == {"FT404": (Severity.WARNING, (2,))}
    assert value[:10] not in str(report)


def test_ft404_is_silent_where_a_shape_has_named_the_string() -> None:
    key = "sk-" + drawn("shape", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", 44)
    assert set(found(check(prompts(f"it is {key} here")))) == {"FT401"}


@pytest.mark.parametrize("wrong", range(1, 10))
def test_ft402_needs_right_check_digits(wrong: int) -> None:
    def spoiled(text: str) -> str:
        return text[:-1] + str((int(text[-1]) + wrong) % 10)

    assert not masked_numbers(f"card {spoiled(luhn('453201511283036'))}")
    assert not masked_numbers(f"account {spoiled(iban('DE', '370400440532013000'))}")


def test_ft402_proofs_agree_with_published_examples() -> None:
    # the examples of the issuers' own documents
    assert check_digits.iban_in("GB82WEST12345698765432") and check_digits.iban_in(
        "NO9386011117947"
    )
    assert check_digits.is_card("4111111111111111") and check_digits.is_card("378282246310005")
    assert check_digits.is_codice_fiscale("RSSMRA85T10A562S")
    assert check_digits.is_nir("255081416802538")
    assert check_digits.is_chinese_id("11010519491231002X")
    assert check_digits.is_pesel("44051401359")
    assert check_digits.is_bsn("111222333")
    assert check_digits.is_tax_id("86095742719")
    assert check_digits.is_dni("12345678Z") and check_digits.is_dni("X1234567L")
    assert check_digits.is_cpf("529.982.247-25")
    assert check_digits.is_aadhaar("999941057058")
    assert not check_digits.is_card("4111111111111112") and not check_digits.is_aadhaar(
        "999941057059"
    )
    assert not check_digits.is_codice_fiscale("RSSMRA85T10A562T") and not check_digits.is_dni(
        "12345678A"
    )
    assert not check_digits.is_chinese_id("110105194912310021") and not check_digits.is_cpf(
        "529.982.247-26"
    )
    assert not check_digits.is_pesel("44051401358") and not check_digits.is_tax_id("86095742718")
    assert not check_digits.is_bsn("111222334") and not check_digits.is_nir("255081416802539")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("write to anna.b@shop-berlin.de or +49 30 9876543", 2),
        ("from 8.8.4.4 and 2606:4700:4700::1111", 2),
        ("on 2024-05-06 at 10:30, 12.05.2024, 3.14159 and 1,000,000", 0),
        ("write to test@example.org from 192.168.0.1 or fe80::1", 0),
        ("the score was 415-555, page 12-15, size 10 x 20 x 30", 0),
        ("tel: 4155552671", 1),
        ("4155552671 items", 0),
    ],
)
def test_ft403_addresses_and_what_looks_like_them(text: str, count: int) -> None:
    assert len(masked_contacts(text)) == count


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000, "1" * 1_000_000, "a1B-" * 250_000, "password: " * 100_000, "sk-" * 333_333],
)
def test_a_hostile_text_of_a_megabyte_is_read_once(text: str) -> None:
    # a pattern that backtracks would not come back within the life of this test
    for look in (masked, random_looking, masked_numbers, masked_contacts):
        look(text)


def test_a_rule_that_looks_at_prompts_only_would_be_seen() -> None:
    """The judge judged: without answers, calls and tools the planted key of an answer is missed."""
    data = load([{"prompt": "a", "completion": one.text} for one in PLANTED if not one.personal])
    from ftkit.data.checks.view import view

    whole = next(leaked_keys(view(data, None, None)))
    assert whole.count == len(data)
    assert not list(leaked_keys(view(data.map(_without_answer), None, None)))


def _without_answer(example):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(
        example, messages=(example.messages[0], replace(example.messages[1], content="b"))
    )
