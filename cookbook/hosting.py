"""A model that costs money by the hour is up for as long as it is used, and what was left running is found and stopped.

Runs against the stand-in provider of ftkit.testing: python cookbook/hosting.py
"""

from __future__ import annotations

import os

import ftkit
from ftkit.errors import NotDeployed, ProviderError
from ftkit.testing import HostedProvider


def main() -> None:
    """Ask a model that needs a deployment, leave one running, and clean up."""
    with HostedProvider() as provider:
        os.environ["FTKIT_FAKE_URL"] = provider.url
        os.environ["FTKIT_FAKE_API_KEY"] = provider.api_key
        model = ftkit.model("fake/dedicated")
        try:
            model.chat("Where is my parcel?")
        except NotDeployed as error:
            print(error)
        with model.deployed(max_cost_usd=5) as deployed:
            print(deployed.chat("Where is my parcel?").text)

        provider.fault("DELETE /v1/deployments/ID", "reply", status=400)  # its end goes wrong
        try:
            with model.deployed(max_cost_usd=5):
                pass
        except ProviderError as error:
            print(error)
        for left in ftkit.hosting("fake"):
            print(f"{left.model} runs since {left.since}, {left.usd_per_hour} USD an hour: stopped")
            left.stop()
        assert provider.counts()["running_deployments"] == 0


if __name__ == "__main__":
    main()
