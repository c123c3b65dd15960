"""Which rows are held out: rows that know each other form a component, and a component never parts.

`links` finds what rows share, `components` joins them, the other modules each choose components in a way of their own.
"""

from ftkit.data.splitting.folds import in_folds
from ftkit.data.splitting.parting import part
from ftkit.data.splitting.rules import Duplicates, GroupBy, Near, Rules
from ftkit.data.splitting.sides import MovedRow, Split
from ftkit.data.splitting.subsets import nested

__all__ = [
    "Duplicates",
    "GroupBy",
    "MovedRow",
    "Near",
    "Rules",
    "Split",
    "in_folds",
    "nested",
    "part",
]
