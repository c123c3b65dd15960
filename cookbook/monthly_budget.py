"""A month has a budget: what was spent counts against it, what does not fit any more is refused before anything is sent.

Runs against the stand-in provider of ftkit.testing: python cookbook/monthly_budget.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import ftkit
from ftkit.errors import BudgetError
from ftkit.testing import HostedProvider

TICKETS = [{"prompt": f"Where is parcel {n}?", "completion": "shipping"} for n in range(40)]
INVOICES = [{"prompt": f"What is invoice {n} for?", "completion": "billing"} for n in range(40)]


def main() -> None:
    """Train one router, be refused a second one, and read what the month has cost."""
    with HostedProvider() as provider, tempfile.TemporaryDirectory() as folder:
        os.environ["FTKIT_FAKE_URL"] = provider.url
        os.environ["FTKIT_FAKE_API_KEY"] = provider.api_key
        configuration = Path(folder) / "ftkit.toml"
        configuration.write_text('monthly_budget_usd = "0.005"\n')
        os.environ["FTKIT_CONFIG"] = str(configuration)
        try:
            ftkit.submit(TICKETS, "fake/small").wait(60)
            print(ftkit.estimate(INVOICES, "fake/small"))
            ftkit.submit(INVOICES, "fake/small")
        except BudgetError as error:
            print(error)
        finally:
            print(ftkit.spent())
            del os.environ["FTKIT_CONFIG"]


if __name__ == "__main__":
    main()
