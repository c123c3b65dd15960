"""Fine-tuning and answering on this machine, with PyTorch and PEFT. The entry point names `backend`."""

from __future__ import annotations

import logging
import os
import platform
import sys
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ftkit.backend import Backend, Device, Plugin
from ftkit.catalogue import Catalogue, load_catalogue
from ftkit.errors import NotInstalled

_NEEDS = ("torch", "transformers", "peft", "safetensors", "gguf", "psutil")
_LACKS = {
    "image_rows": "only text is trained on this machine",
    "weighted_rows": "turns are chosen by train_on; remove the weights",
    "named_rows": "chat templates have no place for names; write them into the text",
    "tools": "tool calls of local models are not built yet",
    "images": "only text is read on this machine",
    "batch": "answers of this machine cost nothing less tomorrow; map answers many questions together now",
    "schema": "structured output of local models is not built yet; ask for JSON in the prompt and check it",
    "upload": "rows are read from this machine's disk",
    "delete_upload": "rows are read from this machine's disk",
    "preflight": "there is no account that could refuse",
    "estimate_usd": "nobody sends a bill for this machine",
    "checkpoints": "a run's checkpoints are there to go on from, and no models that answer",
    "download": "the weights are on this machine already: the model's record names their folder",
    "history": "the runs and their rows are on this machine's disk already",
    "hosting": "a local model answers in this process; there is nothing to deploy",
}


class LocalSettings(BaseModel):
    """Section [providers.NAME] with backend = "local": what an hour of the machine costs, else its time is not priced.

    `usd_per_hour` is a rent. A machine of one's own has `watts` under load at `usd_per_kwh`, and may be paid off: it cost
    `machine_usd` and works for `machine_hours` in its life. After every `checkpoint_steps` steps, or else once a minute, a run
    keeps a state that it goes on from when it was killed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd_per_hour: Decimal | None = Field(None, ge=0)
    watts: Decimal | None = Field(None, gt=0)
    usd_per_kwh: Decimal | None = Field(None, ge=0)
    machine_usd: Decimal | None = Field(None, ge=0)
    machine_hours: Decimal | None = Field(None, gt=0)
    checkpoint_steps: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _in_pairs(self) -> LocalSettings:
        for one, other in (("watts", "usd_per_kwh"), ("machine_usd", "machine_hours")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"{one} and {other} go together; set both or none")
        if self.usd_per_hour is not None and (self.watts or self.machine_hours):
            raise ValueError("usd_per_hour is a rent; leave it out, or watts and machine_usd")
        return self

    def hour(self) -> tuple[Decimal, str] | None:
        """(USD of an hour, where it comes from); None where nothing prices it."""
        if self.usd_per_hour is not None:
            return self.usd_per_hour, "the user's configuration"
        parts = []
        if self.watts is not None and self.usd_per_kwh is not None:
            usd = self.watts / 1000 * self.usd_per_kwh
            parts.append((usd, f"{self.watts} W at {self.usd_per_kwh} USD a kWh"))
        if self.machine_usd is not None and self.machine_hours is not None:
            usd = self.machine_usd / self.machine_hours
            parts.append((usd, f"{self.machine_usd} USD over {self.machine_hours:,} hours"))
        if not parts:
            return None
        words = ", ".join(word for _, word in parts)
        return sum((usd for usd, _ in parts), Decimal(0)), f"the user's configuration: {words}"


def _open(settings: LocalSettings, home: Path) -> Backend:
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise NotInstalled(
            f"models on this machine need {', '.join(missing)}: pip install 'ftkit[local]'"
        )
    from ftkit_local.inference import LocalInference
    from ftkit_local.pricing import LocalPricing
    from ftkit_local.threads import spinning_limit
    from ftkit_local.training import LocalTraining

    if "torch" not in sys.modules:
        os.environ.update(spinning_limit(os.environ))
    # PEFT imports bitsandbytes where it is installed, which warns then that a kernel of the hub is not there; none is wanted.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    catalogue = _catalogue(settings)
    return Backend(
        name="local",
        settings=settings,
        catalogue=catalogue,
        scope=lambda: f"local|{platform.node()}",
        pricing=LocalPricing(home, catalogue),
        training=LocalTraining(home, catalogue, settings.checkpoint_steps),
        inference=LocalInference(home, catalogue),
        lacks=_LACKS | _not_installed(),
    )


def _not_installed() -> dict[str, str]:
    if find_spec("bitsandbytes") is not None:
        return {}
    return {"qlora": "4-bit training needs bitsandbytes: pip install 'ftkit[qlora]'"}


def _catalogue(settings: LocalSettings) -> Catalogue:
    catalogue = load_catalogue(Path(__file__).parent / "catalogue.toml")
    hour = settings.hour()
    if hour is None:
        return catalogue
    usd, source = hour
    rate = catalogue.rates["machine-hour"].model_copy(update={"usd": usd, "source": source})
    return catalogue.model_copy(update={"rates": {**catalogue.rates, "machine-hour": rate}})


def _devices() -> list[Device]:
    from ftkit_local.hardware import devices

    return devices()


backend = Plugin("local", LocalSettings, _open, devices=_devices)
