"""What is said about a job that failed, beside Google's own words: which row, and what to do now."""

from __future__ import annotations

import re

_ROW = re.compile(r"\b(?:line|row|example)s?(?: number| index)?[ #:]{1,3}(\d{1,9})", re.IGNORECASE)
# of google.rpc.Code
_MEND = {
    3: "mend the rows or the settings that it names, then submit again",
    5: "what it names was not there when the job looked: is the file still in the bucket?",
    7: "the service agent that trains must read the bucket: service-NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com (of open "
    "models ...@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com) needs the role Storage Object Viewer there",
    8: "a quota of the project is used up; wait for a job to end, or ask Google for more",
    13: "it is Google's own fault; submit again",
    14: "Google had no machine for it; submit again",
}
_NAMES = {
    3: "INVALID_ARGUMENT",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    13: "INTERNAL",
    14: "UNAVAILABLE",
}


def explained(code: int | None, message: str | None) -> str | None:
    """Why a job failed, and what to do; None where Google says neither."""
    word = None if code is None else _NAMES.get(code, f"code {code}")
    said = ": ".join(part.strip() for part in (word, message) if part and part.strip())
    if not said:
        return None
    mend = _MEND.get(code or 0)
    row = _ROW.search(message or "") if code == 3 else None
    if row:
        mend = f"mend row {row[1]}, then submit again"
    return f"{said} ({mend})" if mend else said
