"""A tuned model at Azure costs by the hour while it is deployed: how much is known first, and it is stopped in the end.

    [providers.azure]                     # in your user configuration
    endpoint = "https://RESOURCE.openai.azure.com"
    subscription = "..."
    resource_group = "..."

With AZURE_OPENAI_API_KEY and an Entra login: python cookbook/azure_deployment.py
"""

from __future__ import annotations

import ftkit
from ftkit.errors import NotDeployed

ROWS = [
    {"prompt": f"Ticket {n}: where is my parcel?", "completion": ("shipping", "billing")[n % 2]}
    for n in range(40)
]


def main(model: str = "azure/gpt-4.1-mini", max_cost_usd: int = 5) -> str:
    """Train, look at the price of an hour, deploy for as long as it is used, and see that nothing is left."""
    quote = ftkit.estimate(ROWS, model)
    print(quote)
    job = ftkit.submit(ROWS, plan=quote, name="router", max_cost_usd=max_cost_usd)
    router = job.wait(timeout_s=24 * 3600).model()
    try:
        router.chat(ROWS[0]["prompt"])
    except NotDeployed as error:  # nothing is deployed because somebody asked
        print(error)
    with router.deployed(max_cost_usd=max_cost_usd) as there:
        said = there.chat(ROWS[0]["prompt"]).text
        for one in ftkit.hosting("azure"):
            print(f"{one.id} runs since {one.since}: {one.usd_per_hour} USD an hour")
    left = [one for one in ftkit.hosting("azure") if one.key is not None]
    print(f"{said}; left running: {left}")
    return said


if __name__ == "__main__":
    main()
