"""The ledger of what was paid for in FTKIT_HOME: SQLite, the only room with SQL."""

from ftkit.ledger.expenses import Expense, month_named
from ftkit.ledger.fresh import new_intent, new_job
from ftkit.ledger.glance import deployments_at
from ftkit.ledger.rows import (
    BatchRow,
    DeploymentRow,
    HistoryLine,
    Intent,
    JobRow,
    Lasting,
    Phase,
    State,
    Verb,
)
from ftkit.ledger.store import Ledger
from ftkit.ledger.viewing import Condition, LedgerView, view_of

__all__ = [
    "BatchRow",
    "Condition",
    "DeploymentRow",
    "Expense",
    "HistoryLine",
    "Intent",
    "JobRow",
    "Lasting",
    "Ledger",
    "LedgerView",
    "Phase",
    "State",
    "Verb",
    "deployments_at",
    "month_named",
    "new_intent",
    "new_job",
    "view_of",
]
