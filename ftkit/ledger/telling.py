"""Lines of history, written in the transaction of what they tell."""

from __future__ import annotations

from decimal import Decimal

from ftkit import clock
from ftkit.ledger.sealing import Tables, Value


def tell(tables: Tables, subject: str, what: str, detail: str, usd: Decimal | None) -> None:
    """Add a line to a timeline."""
    line: dict[str, Value] = {
        "seq": next_seq(tables, "history"),
        "subject": subject,
        "at": now(),
        "what": what,
        "detail": detail,
        "usd": None if usd is None else str(usd),
    }
    tables.put("history", line)


def next_seq(tables: Tables, table: str) -> int:
    """The number of the next line of a table."""
    newest = tables.connection.execute(f"SELECT MAX(seq) FROM {table}").fetchone()[0]
    return int(newest or 0) + 1


def now() -> str:
    """This moment as the ledger writes it."""
    return clock.now().isoformat()
