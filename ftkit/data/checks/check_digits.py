"""Numbers that carry their own proof: check digits of payment cards, bank accounts and national ids, by their published rules."""

from __future__ import annotations

from datetime import date

# ISO 13616: the length of an IBAN by country
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
_CARDS = (
    (("4",), (13, 16, 19)),  # Visa
    (tuple(map(str, range(51, 56))), (16,)),  # Mastercard
    (tuple(map(str, range(2221, 2721))), (16,)),
    (("34", "37"), (15,)),  # American Express
    (("6011", "65", *map(str, range(644, 650))), (16, 19)),  # Discover
    (tuple(map(str, range(3528, 3590))), (16, 19)),  # JCB
    (("36", "38", *map(str, range(300, 306))), (14,)),  # Diners Club
    (("62",), (16, 17, 18, 19)),  # UnionPay
)


def is_card(digits: str) -> bool:
    """Digits of a payment card: an issuer's beginning and length, and Luhn's check digit."""
    known = any(len(digits) in lengths and digits.startswith(first) for first, lengths in _CARDS)
    return known and luhn(digits)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: every second digit from the right is doubled."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_in(text: str) -> str | None:
    """The IBAN that letters and digits (no spaces) begin with: the country's length, and ISO 7064 mod 97."""
    text = text.upper()
    length = _IBAN_LENGTHS.get(text[:2], 0)
    if not length or len(text) < length or not text[2:4].isdigit():
        return None
    turned = text[4:length] + text[:4]
    return text[:length] if int("".join(str(int(c, 36)) for c in turned)) % 97 == 1 else None


def is_ssn(text: str) -> bool:
    """United States, written 123-45-6789: it has no check digit, but numbers that are never given out."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_dni(text: str) -> bool:
    """Spain, DNI and NIE: a letter that is the number modulo 23."""
    number = text[:-1].upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1].upper()


def is_cpf(text: str) -> bool:
    """Brazil, written 123.456.789-09: two check digits modulo 11."""
    digits = [int(c) for c in text if c.isdigit()]
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        total = sum(digit * (length + 1 - at) for at, digit in enumerate(digits[:length]))
        if total * 10 % 11 % 10 != digits[length]:
            return False
    return True


def is_codice_fiscale(text: str) -> bool:
    """Italy: 16 characters, the last a check letter over tables for odd and even places."""
    odd = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", _ODD, strict=True))
    text = text.upper()
    total = sum(
        odd[c] if at % 2 == 0 else int(c, 36) - (0 if c.isdigit() else 10)
        for at, c in enumerate(text[:15])
    )
    return chr(ord("A") + total % 26) == text[15]


_ODD = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
)  # fmt: skip


def is_nir(digits: str) -> bool:
    """France, 15 digits: sex and month of birth, and 97 less the first 13 modulo 97."""
    month = int(digits[3:5])
    right = 97 - int(digits[:13]) % 97 == int(digits[13:])
    return digits[0] in "12" and (1 <= month <= 12 or 20 <= month <= 42) and right


def is_chinese_id(text: str) -> bool:
    """China, 18 characters: a date of birth, and ISO 7064 mod 11-2."""
    weights = [2**power % 11 for power in range(17, 0, -1)]
    total = sum(int(c) * weight for c, weight in zip(text[:17], weights, strict=True))
    return _is_date(text[6:14]) and "10X98765432"[total % 11] == text[17].upper()


def is_aadhaar(digits: str) -> bool:
    """India, written 1234 5678 9012: Verhoeff's check digit."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _TURN[value]
        check = _DIHEDRAL[check][value]
    return check == 0 and digits[0] in "23456789"


_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_DIHEDRAL = tuple(
    tuple(
        (a + b) % 5 if a < 5 and b < 5
        else 5 + (a + b - 5) % 5 if a < 5
        else 5 + (a - 5 - b) % 5 if b < 5
        else (a - b) % 5
        for b in range(10)
    )
    for a in range(10)
)  # fmt: skip


def is_pesel(digits: str) -> bool:
    """Poland, 11 digits: a date of birth with the century in the month, and weights 1, 3, 7, 9."""
    century = {0: 1900, 2: 2000, 4: 2100, 6: 2200, 8: 1800}.get(int(digits[2]) // 2 * 2)
    if century is None:
        return False
    born = f"{century + int(digits[:2])}{int(digits[2:4]) % 20:02d}{digits[4:6]}"
    total = sum(int(c) * (1, 3, 7, 9)[at % 4] for at, c in enumerate(digits[:10]))
    return _is_date(born) and -total % 10 == int(digits[10])


def is_bsn(digits: str) -> bool:
    """Netherlands, 9 digits: the test of eleven. One number in eleven passes it by chance."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    total = sum(int(c) * weight for c, weight in zip(digits, weights, strict=True))
    return total % 11 == 0 and len(set(digits)) > 2


def is_tax_id(digits: str) -> bool:
    """Germany, Steuer-ID of 11 digits: ISO 7064 mod 11,10."""
    product = 10
    for c in digits[:10]:
        total = (int(c) + product) % 10 or 10
        product = total * 2 % 11
    return digits[0] != "0" and (11 - product) % 10 == int(digits[10])


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
