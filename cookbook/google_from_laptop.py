"""One application for a laptop and for Google: the price, the job, the proof against its base, the answer.

Where it runs is said by the profile, in ftkit.toml:

    profile = "laptop"

    [profiles.laptop]
    model = "local/smollm2-135m"

    [profiles.production]
    model = "google/gemini-3.1-flash-lite"
    max_cost_usd = 5

    gcloud auth application-default login
    export GOOGLE_CLOUD_PROJECT=my-project FTKIT_GOOGLE_BUCKET=my-bucket
    FTKIT_PROFILE=production python cookbook/google_from_laptop.py

The rows go into the bucket, the job runs in us-central1, and the tuned model answers in the location that its name says.
"""

from __future__ import annotations

import json
import sys

import ftkit
import ftkit.types
from ftkit.samples import TICKETS_SYSTEM, tickets_path


def main(rows: int = 300, epochs: int = 2, held_out_rows: int = 60) -> ftkit.types.Report:
    """Tune on `rows` tickets, judge on `held_out_rows` whose wording was never trained on, and ask."""
    tickets = [json.loads(line) for line in tickets_path().read_text().splitlines()][:rows]
    data = ftkit.load(tickets, system=TICKETS_SYSTEM)
    train, held_out = data.split(test=held_out_rows, seed=0, group_by="template")

    quote = ftkit.estimate(train, hyperparameters={"epochs": epochs})
    print(quote)
    job = ftkit.submit(train, plan=quote, name="router")
    print(f"{job.id}: this terminal may be closed now; `ftkit job wait router` goes on")
    model = job.wait().model()

    for event in job.events():
        if event.type == "warning":  # rows that the provider has left out, by their numbers
            print(event.message)
    if quote.usd and job.last_seen.cost_usd is not None:
        print(f"{quote.usd} USD were quoted at most, {job.last_seen.cost_usd} USD were billed")

    report = ftkit.evaluate(model, data=held_out, train=train)
    print(report)
    print(model.chat("Parcel K-1234 never came. I need it by Friday!").text)
    return report


if __name__ == "__main__":
    sys.exit(0 if main().verdict == "better" else 5)
