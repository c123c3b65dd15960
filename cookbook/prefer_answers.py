"""Prefer one way of answering: from pairs of a better and a worse answer to a model that leans towards the better ones.

python cookbook/prefer_answers.py                # tunes SmolLM2-135M, a few minutes on two cores
FTKIT_MODEL=local/./my-model python cookbook/prefer_answers.py
"""

from __future__ import annotations

import os
from typing import Any

import ftkit
import ftkit.types

MODEL = os.environ.get("FTKIT_MODEL", "local/smollm2-135m")
SYSTEM = "You answer customers of a parcel service."
PLACES = ("Berlin", "Lyon", "Porto", "Turin", "Ghent", "Malmo")
TOPICS = {
    "Where is parcel {n} to {place}?": "Parcel {n} is on its way to {place}. Track it at parcels.example/{n}.",
    "Parcel {n} to {place} arrived broken.": "I am sorry. Send a photo of parcel {n} to claims@parcels.example.",
    "Can I change the address of parcel {n} to {place}?": "Yes, until it is loaded: parcels.example/{n}/address.",
}


def pairs(count: int) -> list[dict[str, Any]]:
    """The short answer with the next step in it is preferred to the one that puts the customer off."""
    rows = []
    topics = list(TOPICS.items())
    for number in range(count):
        asked, answer = topics[number % len(topics)]
        words = {"n": f"{4000 + 7 * number}", "place": PLACES[number % len(PLACES)]}
        worse = "Thank you for your message, it is important to us. Please be patient, a colleague will look at it."
        rows.append(
            {
                "prompt": [
                    {"role": "system", "content": SYSTEM},
                    {"role": "user", "content": asked.format(**words)},
                ],
                "chosen": [{"role": "assistant", "content": answer.format(**words)}],
                "rejected": [{"role": "assistant", "content": worse}],
            }
        )
    return rows


def main(count: int = 120, epochs: float = 2) -> ftkit.types.Model:
    """Tune on most of the pairs, and watch the rest: how often is the better answer ahead, and by how much?"""
    train, held_out = ftkit.load(pairs(count)).split(test=0.2, seed=0)
    settings = {"epochs": epochs, "beta": 0.1}
    quote = ftkit.estimate(
        train, MODEL, method="dpo", hyperparameters=settings, validation=held_out
    )
    print(quote)

    job = ftkit.submit(train, plan=quote, name="preferred-answers", validation=held_out)
    model = job.wait().model()
    for event in job.events():
        if event.type == "validation":
            told = event.data
            print(
                f"step {told['step']}: of the held-out pairs the better answer is ahead in "
                f"{told['accuracy']:.0%}, by {told['margin']:.2f} on average"
            )
    print(model.chat("Where is parcel 9001 to Lyon?", max_tokens=48).text)
    return model


if __name__ == "__main__":
    main()
