"""Whose resource the emulator is, and the settings by which it behaves beyond OpenAI's."""

from __future__ import annotations

from dataclasses import dataclass

from ..openai import records as openai

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Site:
    """One Azure OpenAI resource with its keys, and the application that may ask Entra for tokens."""

    subscription: str = "00000000-1111-2222-3333-444444444444"
    resource_group: str = "rg-emulated"
    account: str = "acme-tuning"
    location: str = "swedencentral"
    tenant: str = "55555555-6666-7777-8888-999999999999"
    client_id: str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    client_secret: str = "emulated-client-secret"
    api_key: str = "azure-emulated-key"
    arm_token: str = "emulated-arm-token"
    data_token: str = "emulated-data-token"

    @property
    def account_id(self) -> str:
        """The resource's id in ARM."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.CognitiveServices/accounts/{self.account}"
        )


@dataclass(frozen=True, slots=True)
class Settings(openai.Settings):
    """What Azure adds; seconds are on the emulator's clock.

    Data plane: `statuses` spells the states of jobs as v1 or as the dated API does. What is not verified can be had
    both ways: `keeps_metadata`, `filters_metadata`, `echoes_suffix`, `shows_method` (live answers of 2025 had neither
    suffix nor method). `uploads` is off on the endpoints of projects. A file is pending for `file_pending_s`, and in
    the answer to its upload always; `file_error` lets the check of every file fail.
    Control plane: a deployment is Creating for `deploy_s` (in the answer to its PUT always), then Succeeded, or Failed
    with `deploy_fails`; it answers `ready_lag_s` later still, and until then with `not_ready_status`. One that is
    deleted is Deleting for `deleting_s`; its quota is free after `quota_lag_s`. `capacity_quota` is in thousands of
    tokens a minute over all deployments. A deployment takes as many requests a minute as it has capacity, unless
    `rate_limited` is off. `page_size` is that of ARM's lists. `https_host` is the address at which `doors.py` lets TLS
    in: links in answers to requests for it are https.
    """

    statuses: str = "v1"
    keeps_metadata: bool = True
    filters_metadata: bool = False
    echoes_suffix: bool = False
    shows_method: bool = False
    existing_customer: bool = True
    pausing_s: float = 0.0
    canceling_s: float = 0.0
    uploads: bool = True
    file_pending_s: float = 0.0
    file_error: bool = False
    max_files: int = 100
    max_total_bytes: int = GIB
    running_jobs: int = 3
    developer_jobs: int = 5
    queued_jobs: int = 20
    total_jobs: int = 100
    deploy_s: float = 0.0
    deploy_fails: bool = False
    ready_lag_s: float = 0.0
    not_ready_status: int = 404
    deleting_s: float = 0.0
    quota_lag_s: float = 15.0
    tuned_deployments: int = 10
    capacity_quota: int = 1000
    rate_limited: bool = True
    idle_days: float | None = 15.0
    developer_hours: float = 24.0
    page_size: int = 50
    token_life_s: float = 3600.0
    https_host: str | None = None


CHOICES = {**openai.CHOICES, "statuses": ("v1", "dated")}
