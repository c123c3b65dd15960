"""The mending room: what `check` finds and can be put right without a guess is put right in a new file, and logged.

Each mend is a function of a text (`mends` lists them). Nothing here changes what a row means, and no row is dropped unless
that was asked for.
"""

from __future__ import annotations

from ftkit.data.mending.fixed import Fixed
from ftkit.data.mending.fixing import mend_file
from ftkit.data.mending.mends import MENDS, Mend
from ftkit.data.mending.notes import Change

__all__ = ["MENDS", "Change", "Fixed", "Mend", "mend_file"]
