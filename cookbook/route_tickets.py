"""Route support tickets: from a list of dicts to a tuned model that beats its base.

python cookbook/route_tickets.py                 # tunes SmolLM2-135M, some minutes on two cores
FTKIT_MODEL=local/./my-model python cookbook/route_tickets.py
"""

from __future__ import annotations

import json
import os
import sys

import ftkit
import ftkit.types
from ftkit.samples import TICKETS_SYSTEM, tickets_path

MODEL = os.environ.get("FTKIT_MODEL", "local/smollm2-135m")


def main(rows: int = 600, epochs: float = 2, held_out_rows: int = 100) -> ftkit.types.Report:
    """Tune on `rows` tickets and judge on `held_out_rows` whose wording was never trained on."""
    tickets = [json.loads(line) for line in tickets_path().read_text().splitlines()][:rows]

    data = ftkit.load(tickets, system=TICKETS_SYSTEM)
    train, held_out = data.split(test=held_out_rows, seed=0, group_by="template")
    print(ftkit.check(train, model=MODEL))

    quote = ftkit.estimate(train, model=MODEL, hyperparameters={"epochs": epochs})
    print(quote)

    job = ftkit.submit(train, plan=quote, name="ticket-router")
    model = job.wait().model()

    report = ftkit.evaluate(model, data=held_out, train=train, also=["json_equal"])
    print(report)
    report.html("ticket-router.html", metrics=job.metrics())

    model.save("ticket-router.json")
    router = ftkit.model("ticket-router.json")
    print(router.chat("Parcel K-1234 never came. I need it by Friday!").text)
    return report


if __name__ == "__main__":
    sys.exit(0 if main().verdict == "better" else 5)
