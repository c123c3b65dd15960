"""The ledger of what was paid for in FTKIT_HOME: SQLite, the only room with SQL."""

from ftkit.ledger.expenses import Expense, month_named
from ftkit.ledger.fresh import new_intent, new_job
from ftkit.ledger.rows import BatchRow, HistoryLine, Intent, JobRow, Phase, State, Verb
from ftkit.ledger.store import Ledger
from ftkit.ledger.viewing import Condition, LedgerView, view_of

__all__ = [
    "BatchRow",
    "Condition",
    "Expense",
    "HistoryLine",
    "Intent",
    "JobRow",
    "Ledger",
    "LedgerView",
    "Phase",
    "State",
    "Verb",
    "month_named",
    "new_intent",
    "new_job",
    "view_of",
]
