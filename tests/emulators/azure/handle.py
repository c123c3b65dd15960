"""`AzureEmulator`: the handle that steers and questions the emulator."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, ClassVar

from ..openai.handle import OpenAIEmulator
from ..serving import Emulator
from .records import Site


class AzureEmulator(OpenAIEmulator):
    """An Azure OpenAI resource on a loopback port, with ARM and Entra; `settings` are `records.Settings`, and `now`.

    `site` says whose resource it is, with its keys; `arm_token` and `data_token` are good for ever, others are asked
    of Entra. `contract=False` runs it without a judge.
    """

    module: ClassVar[str] = "tests.emulators.azure"

    def __init__(self, *, site: Site | None = None, contract: bool = True, **settings: Any) -> None:
        self.site = site or Site()
        self.api_key = self.site.api_key
        options = [f"--site={json.dumps(asdict(self.site))}"]
        Emulator.__init__(self, [*options, *([] if contract else ["--no-contract"])], settings)

    @property
    def base_url(self) -> str:
        """The data plane: what AZURE_OPENAI_BASE_URL would hold."""
        return f"{self.url}/openai/v1"

    @property
    def arm_url(self) -> str:
        """The control plane: in place of https://management.azure.com."""
        return self.url

    @property
    def arm_token(self) -> str:
        """A bearer for ARM."""
        return self.site.arm_token

    @property
    def data_token(self) -> str:
        """A bearer for the data plane."""
        return self.site.data_token

    @property
    def subscription(self) -> str:
        """The resource's subscription."""
        return self.site.subscription

    @property
    def resource_group(self) -> str:
        """Its resource group."""
        return self.site.resource_group

    @property
    def account(self) -> str:
        """Its name."""
        return self.site.account

    @property
    def location(self) -> str:
        """Its region."""
        return self.site.location

    def counts(self) -> dict[str, Any]:
        """What OpenAI's tells; and of deployments (a start is a PUT that made one, or a failed one anew):

        `deployments`, `deploy_starts` by name: started in all; `deployment_names`, `running`: there now; `vanished`: by
        name, why; `hosting_usd`, which is in `usd`. Also `suffixes`, `training_types` by spelling, `bom_files`.
        """
        return super().counts()

    def shift(self, base: str, **dates: str | None) -> None:
        """Move dates of a base: shutdown, closed_from (new jobs), tuned_end, new_until (jobs of new customers)."""
        self.ask("PATCH", f"bases/{base}", dates)

    def lose_deployment(self, name: str) -> None:
        """Let a deployment vanish without a DELETE; what it cost stays counted."""
        self.ask("DELETE", f"deployments/{name}")
