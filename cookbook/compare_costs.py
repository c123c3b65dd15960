"""What tuning costs on every provider, over a year of use, beside a prompt without tuning. Needs no key: nothing is sent.

python cookbook/compare_costs.py [FOLDER]   # the page is written into FOLDER, or else into a temporary one
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import ftkit
from ftkit.types import PriceTable


def main(calls_per_month: int = 50_000, folder: str | None = None) -> PriceTable:
    """Compare for a small routing task, once for anywhere and once for the European Union."""
    rows = [
        {"prompt": f"Where is parcel {number}? It was due on Monday.", "completion": "shipping"}
        for number in range(500)
    ]
    table = ftkit.compare(rows, calls_per_month=calls_per_month, horizon_months=12)
    print(table)
    cheapest = table.ranked[0]
    print(f"\nthe cheapest of {len(table.ranked)} ways is {cheapest.model}")
    for line in (*cheapest.quote.lines, *cheapest.monthly):
        print(f"  {line.label}: {line.quantity:.3f} {line.unit}, {line.source}, {line.as_of}")

    in_europe = ftkit.compare(rows, calls_per_month=calls_per_month, must={"region": "eu"})
    print(f"in the European Union it is {in_europe.ranked[0].model}")

    for turn in table.turns():
        print(f"{turn.assumption} x {turn.factor:.2f}: {turn.model} before {turn.over}")
    office = ftkit.compare(rows, calls_per_month=calls_per_month, hosting_hours_per_month=160)
    hosted = next(one for one in office.ranked if one.monthly[0].label == "hosting")
    print(f"in office hours {hosted.model} costs {office.total(hosted):.2f} USD")

    page = Path(folder or tempfile.mkdtemp()) / "costs.html"
    print(f"drawn, with each source: {table.html(page, title='Routing parcels')}")
    return table


if __name__ == "__main__":
    main(folder=sys.argv[1] if len(sys.argv) > 1 else None)
