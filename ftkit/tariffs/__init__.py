"""Room of the bills that need no provider's code: what its catalogue says is enough to know what a job costs.

A provider that ftkit cannot submit to yet is opened by `priced_only`: it is quoted and compared, and nothing else.
"""

from __future__ import annotations

from ftkit.tariffs.gpu_time import GpuTariff
from ftkit.tariffs.priced_only import PricedSettings, priced_only
from ftkit.tariffs.settings import resolved_settings
from ftkit.tariffs.tokens import TokenTariff

__all__ = ["GpuTariff", "PricedSettings", "TokenTariff", "priced_only", "resolved_settings"]
