"""Fine-tuning, deployments and answers at Azure OpenAI in Microsoft Foundry. The entry point names `backend`.

Two planes: the data plane speaks OpenAI's API (the shared classes of `ftkit_openai`), the control plane (ARM) deploys.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from ftkit.backend import Backend, Plugin
from ftkit.catalogue import load_catalogue
from ftkit.secrets import Secret
from ftkit_openai import FamilySettings

_AT_ONCE_BYTES = 100_000_000  # larger files were seen to be taken, and to fail later inside the job
_MOST_AT_ONCE = 512_000_000

_NAME = re.compile(r"[A-Za-z0-9._()-]{1,90}")

_LACKS = {
    "full": "Azure does not say which weights it changes; its supervised tuning is asked for as lora, the default",
    "qlora": "Azure trains on its own machines, in a precision of its own",
    "calling_pairs": "Azure's preference tuning takes answers of text only; both answers of a pair are text",
    "image_rows": "ftkit does not send images of training rows to Azure yet: what it counts for them is not documented",
    "estimate_usd": "Azure prices no request in advance; the quote multiplies tokens by the listed price",
    "download": "Azure gives no weights away",
    "resume": "Azure runs the trainer itself and starts a dead one again by itself",
    "time_limit": "Azure charges tokens, not time",
    "count_tokens": "Azure tells what a question had with its answer; `ftkit check` counts rows with the model's vocabulary",
    "score": "Azure gives no likelihoods of a given answer",
    "folder": "Azure opens no folder of weights",
    "install": "Azure gives no weights away",
    "batch": "Azure answers batches only on deployments of a kind of their own (GlobalBatch), which ftkit does not make yet",
}


class AzureSettings(FamilySettings):
    """Section [providers.NAME] with backend = "azure".

    `endpoint` is https://RESOURCE.openai.azure.com, or that of a project; AZURE_OPENAI_ENDPOINT where it is left out;
    `base_url` is the whole address up to /openai/v1, where another one is needed. `auth`: a key where the variable
    `api_key_env` is set, else an Entra token, from the variable `token_env` or from azure-identity. `subscription`,
    `resource_group` and `account` name the resource for the control plane, which alone deploys (AZURE_SUBSCRIPTION_ID
    and AZURE_RESOURCE_GROUP where they are left out; the account is the resource's name in the address).

    `tier` is how training is bought (global, datazone, standard, standard-swedencentral, developer), `training_type`
    another word for it where Azure wants one. `deployments` names deployments that are there already, by model;
    `deployment_tier` and `capacity` (thousands of tokens a minute) are those of new ones. Times in seconds.
    """

    endpoint: str | None = None
    api_key_env: str = "AZURE_OPENAI_API_KEY"
    token_env: str = "AZURE_OPENAI_AD_TOKEN"
    arm_token_env: str = "AZURE_MANAGEMENT_TOKEN"
    auth: Literal["auto", "key", "entra"] = "auto"
    subscription: str | None = None
    resource_group: str | None = None
    account: str | None = None
    arm_url: str = "https://management.azure.com"
    tier: str | None = None
    training_type: str | None = None
    deployments: dict[str, str] = Field(default_factory=dict)
    deployment_tier: str | None = None
    capacity: int = Field(100, ge=1)
    loading_s: float = Field(1800.0, ge=0)
    max_file_bytes: int = Field(_AT_ONCE_BYTES, ge=1, le=_MOST_AT_ONCE)

    @field_validator("subscription", "resource_group", "account")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        """They stand in an address."""
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("is not a name that Azure has: letters, digits, and - _ . ( )")
        return value


def _open(settings: AzureSettings, home: Path) -> Backend:
    from ftkit_azure.client import AzureClient
    from ftkit_azure.control import Control
    from ftkit_azure.hosting import AzureHosting
    from ftkit_azure.inference import AzureInference
    from ftkit_azure.pricing import AzurePricing
    from ftkit_azure.training import AzureTraining

    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    client = AzureClient(settings)
    control = Control(settings, client)
    hosting = AzureHosting(control, settings, catalogue)
    return Backend(
        name="azure",
        settings=settings,
        catalogue=catalogue,
        scope=client.scope,
        pricing=AzurePricing(catalogue, settings.tier, settings.deployment_tier),
        training=AzureTraining(client, control, settings, catalogue),
        hosting=hosting,
        inference=AzureInference(client, control, hosting, settings, catalogue),
        lacks=_LACKS,
        credentials=tuple(
            Secret(name)
            for name in (
                settings.api_key_env,
                settings.token_env,
                settings.arm_token_env,
                "AZURE_CLIENT_SECRET",
            )
        ),
    )


backend = Plugin("azure", AzureSettings, _open)
