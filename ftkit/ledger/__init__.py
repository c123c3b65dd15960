"""The ledger of jobs in FTKIT_HOME: SQLite, the only room with SQL."""

from ftkit.ledger.store import JobRow, Ledger, Phase

__all__ = ["JobRow", "Ledger", "Phase"]
