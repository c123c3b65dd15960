"""A model that costs money by the hour is up for as long as it is used, or as was stated; what was left behind is stopped.

Runs against the stand-in provider of ftkit.testing: python cookbook/hosting.py
"""

from __future__ import annotations

import logging
import os

import ftkit
from ftkit.errors import NotDeployed, ProviderError
from ftkit.testing import HostedProvider


def main() -> None:
    """Ask a model that needs a deployment, deploy it for a length, leave one running, and see it stopped."""
    logging.basicConfig(format="%(message)s")  # what ftkit stops by itself it says here
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

        kept = ftkit.deploy(model, hours=2, max_cost_usd=10)  # outlives this process
        print(f"{kept.id} costs {kept.usd_per_hour} USD an hour until {kept.until}")
        with model.deployed() as deployed:  # uses it, and leaves it running
            print(deployed.chat("And my invoice?").text)
        longer = ftkit.deploy(model, hours=3, extend=True)
        print(f"the same {longer.id} now until {longer.until}")
        print(f"stopped, it has cost {ftkit.undeploy(model).cost_usd:.4f} USD")

        provider.fault("DELETE /v1/deployments/ID", "reply", status=400)  # its end goes wrong
        try:
            with model.deployed(max_cost_usd=5):
                pass
        except ProviderError as error:
            print(error)
        (left,) = ftkit.hosting("fake")
        print(f"{left.model} runs since {left.since}: {left.status}")
        ftkit.model("fake/small").map(["any verb that pays, and every ftkit command"])
        assert provider.counts()["running_deployments"] == 0
        print(f"{left.model}, {left.usd_per_hour} USD an hour: stopped")


if __name__ == "__main__":
    main()
