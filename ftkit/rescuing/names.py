"""A provider's id as the name of a file: a stranger's text never chooses a folder, a hidden name or a device.

An id that is a harmless name is taken as it is; any other one is spelled out as far as it is harmless, with a hash behind
a "~", which no harmless name has: two ids never meet in one file.
"""

from __future__ import annotations

import hashlib
import re

_HARMLESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9])){0,99}")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_REST = re.compile(r"[^A-Za-z0-9_-]+")
_SPELLED = 80


def file_name(id: str) -> str:
    """One component of a path, the same for the same id."""
    if _HARMLESS.fullmatch(id) and not _DEVICE.fullmatch(id):
        return id
    spelled = _REST.sub("_", id)[:_SPELLED].strip("_-") or "id"
    return f"{spelled}~{hashlib.sha256(id.encode(errors='surrogatepass')).hexdigest()[:12]}"
