"""A paid job whose answer is lost is found again, not started twice.

Runs against the stand-in provider of ftkit.testing, which counts what it was asked for: python cookbook/paid_calls.py
"""

from __future__ import annotations

import os

import ftkit
from ftkit.testing import HostedProvider


def main() -> None:
    """Submit while the provider drops its answer, submit again, and count."""
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(10)]
    with HostedProvider() as provider:
        os.environ["FTKIT_FAKE_URL"] = provider.url
        os.environ["FTKIT_FAKE_API_KEY"] = provider.api_key
        print(ftkit.estimate(rows, "fake/small"))
        provider.fault("POST /v1/jobs", "close", process=True)  # taken, and never answered
        job = ftkit.submit(rows, "fake/small", name="router", max_cost_usd=1)
        again = ftkit.submit(rows, "fake/small", name="router", max_cost_usd=1)
        assert again.id == job.id
        for line in job.history():
            print(line.at[11:19], line.what, line.detail)
        print(f"jobs at the provider: {provider.counts()['jobs']}")
        assert provider.counts()["jobs"] == 1


if __name__ == "__main__":
    main()
