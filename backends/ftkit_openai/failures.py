"""What is said about a job that failed or was refused, beside OpenAI's own words: which row, what to do now, what lies there.

OpenAI uses one code for a row that it cannot read, for a special token in a text, and for moderation: its words tell them
apart. A row's number counts the rows as they were sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ftkit.backend import TrainRequest

_ROW = re.compile(r"\b(?:example|line|row) (\d[\d,]*)", re.IGNORECASE)
_TOKEN = re.compile(r"<\|\w{1,40}\|>")
_BLOCKED = re.compile(r"moderation|usage policies|unsafe", re.IGNORECASE)
_FILES = {"invalid_training_file": "training", "invalid_validation_file": "validation"}

_MEND = {
    "exceeded_quota": "the account's limit is reached; raise it on {title}'s billing page, then submit again",
    "insufficient_quota": "the account has no credit left; add some on {title}'s billing page, then submit again",
    "invalid_n_examples": "{title} wants 10 rows or more",
    "moderation": "the model did not pass the checks that {title} makes after the training and cannot be used; events of the "
    "job name the categories: take out the rows that teach them, then submit again",
}


def explained(code: str | None, message: str | None, title: str = "OpenAI") -> str | None:
    """Why a job failed, and what to do; None where neither a code nor a message says anything."""
    said = ": ".join(part.strip() for part in (code, message) if part and part.strip())
    if not said:
        return None
    mend = _mend(code or "", message or "", title)
    return f"{said} ({mend})" if mend else said


def failed_checks(data: Mapping[str, Any]) -> str:
    """The categories that the checks after a training found, of an event's data; "" where it passed."""
    results = data.get("results")
    found = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    named = [str(one.get("category")) for one in found if one.get("flagged") is True]
    return ", ".join(named) or ("no category is named" if data.get("blocked") is True else "")


def left_behind(request: TrainRequest, title: str) -> str:
    """What a refused create leaves at the provider, and the command that deletes it."""
    uploads = [one.id for one in (request.train_upload, request.validation_upload) if one]
    if not uploads:
        return ""
    many = len(set(uploads)) > 1
    return (
        f". Nothing was started; the file{'s' * many} {' and '.join(dict.fromkeys(uploads))} stay{'s' * (not many)} at {title} "
        f"and would be used again; `ftkit job delete-files {request.key}` deletes {'them' if many else 'it'}"
    )


def _mend(code: str, message: str, title: str) -> str | None:
    role = _FILES.get(code)
    if role is None:
        return _MEND[code].format(title=title) if code in _MEND else None
    if _BLOCKED.search(message):
        return (
            f"{title}'s moderation blocked the {role} rows as a whole and names none: mend the rows that its usage policies "
            "forbid, then submit again"
        )
    row, token = _ROW.search(message), _TOKEN.search(message)
    place = f"row {row[1]} of the {role} rows" if row else f"a row of the {role} rows"
    if token:
        return (
            f"{place} holds {token[0]}, which {title} takes for a sign of its own and not for text: take it out or spell it "
            "in another way, then submit again"
        )
    return f"mend {place}, then submit again"
