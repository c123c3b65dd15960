"""One application for a laptop and for OpenAI: the price, the job, the proof against its base, the answer.

Where it runs is said by the profile, in ftkit.toml:

    profile = "laptop"

    [profiles.laptop]
    model = "local/smollm2-135m"

    [profiles.production]
    model = "openai/gpt-4.1-mini"
    allow_retiring = true       # it answers until 2027-01-13
    max_cost_usd = 5

    python cookbook/openai_from_laptop.py                                       # some minutes on two cores
    FTKIT_PROFILE=production OPENAI_API_KEY=... python cookbook/openai_from_laptop.py

OpenAI takes new jobs from its active customers until 2027-01-05, and from nobody after that. Set base_url or
OPENAI_BASE_URL to try it against a server of your own.
"""

from __future__ import annotations

import json
import sys

import ftkit
import ftkit.types
from ftkit.errors import BudgetError
from ftkit.samples import TICKETS_SYSTEM, tickets_path


def main(rows: int = 300, epochs: int = 1, held_out_rows: int = 60) -> ftkit.types.Report:
    """Tune on `rows` tickets, judge on `held_out_rows` whose wording was never trained on, and ask."""
    tickets = [json.loads(line) for line in tickets_path().read_text().splitlines()][:rows]
    data = ftkit.load(tickets, system=TICKETS_SYSTEM)
    train, held_out = data.split(test=held_out_rows, seed=0, group_by="template")

    quote = ftkit.estimate(train, hyperparameters={"epochs": epochs})
    print(quote)
    if quote.usd:
        try:
            ftkit.submit(train, plan=quote, name="router", max_cost_usd=quote.usd / 2)
        except BudgetError as error:
            print(f"refused, and nothing was sent: {error}")

    job = ftkit.submit(train, plan=quote, name="router")
    print(f"{job.id}: this terminal may be closed now; `ftkit job wait router` goes on")
    model = job.wait().model()

    report = ftkit.evaluate(model, data=held_out, train=train)
    print(report)
    print(model.chat("Parcel K-1234 never came. I need it by Friday!").text)
    if model.ends_on is not None:
        print(f"{model.id} answers until the day before {model.ends_on}")
    return report


if __name__ == "__main__":
    sys.exit(0 if main().verdict == "better" else 5)
