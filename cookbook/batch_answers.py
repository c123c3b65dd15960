"""Many answers at half price: told what they cost at most, made once, fetched later, and the missing ones asked for.

Runs against the stand-in provider of ftkit.testing, which counts what it was asked for: python cookbook/batch_answers.py
"""

from __future__ import annotations

import os
from pathlib import Path

import ftkit
from ftkit.errors import BudgetError, Unanswered
from ftkit.testing import HostedProvider


def main() -> None:
    """Refused by a budget, started while its answer is lost, attached to, expired with a part, and finished by map."""
    questions = [f"Which team handles ticket {n}?" for n in range(20)]
    answers = Path("answers.jsonl")
    with HostedProvider() as provider:
        os.environ["FTKIT_FAKE_URL"] = provider.url
        os.environ["FTKIT_FAKE_API_KEY"] = provider.api_key
        model = ftkit.model("fake/small")
        try:
            model.batch(questions, max_tokens=30, max_cost_usd="0.0001")
        except BudgetError as error:
            print(error)
        assert provider.counts()["requests"] == {}  # it was refused here

        provider.fault("POST /v1/batches", "close", process=True)  # taken, and never answered
        provider.set(batch_answers=15)  # the day is over before the last five are answered
        batch = model.batch(questions, max_tokens=30, max_cost_usd=1)
        again = model.batch(questions, max_tokens=30, max_cost_usd=1)
        assert again.key == batch.key
        print(f"{batch.key} costs at most {batch.max_cost_usd} USD")

        later = ftkit.batch(batch.key)  # in any later process
        later.wait(timeout_s=60)
        try:
            later.replies()
        except Unanswered as error:
            print(error)
        later.save(answers)
        replies = model.map(questions, out=answers, max_tokens=30)
        print(f"{sum(reply.replayed for reply in replies)} of {len(replies)} from the batch")
        print(f"it has cost {later.cost_usd} USD, at most {later.max_cost_usd} were said")
        print(f"batches at the provider: {provider.counts()['batches']}")
        assert provider.counts()["batches"] == 1


if __name__ == "__main__":
    main()
