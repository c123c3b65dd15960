"""The examination: gather every fact without changing anything, ask at most what may be asked, and judge."""

from __future__ import annotations

from dataclasses import replace

from ftkit.diagnosis.asking import Asked
from ftkit.diagnosis.costs import costs, reasons_not_to_ask
from ftkit.diagnosis.installation import installation
from ftkit.diagnosis.judging import remarks
from ftkit.diagnosis.machine import machine
from ftkit.diagnosis.providers import claimed_twice, devices_of, providers
from ftkit.diagnosis.report import Diagnosis
from ftkit.diagnosis.setup import disk, settings_or_defaults, setup
from ftkit.ledger import view_of

NETWORK_LIMIT_S = 5.0
DEVICE_LIMIT_S = 60.0  # importing PyTorch from a cold disk


def diagnose(*, offline: bool = False) -> Diagnosis:
    """Everything that a bug report needs. Raises nothing for what it finds; `offline` asks no provider."""
    settings, trouble = settings_or_defaults()
    found = providers(settings)
    not_asked = reasons_not_to_ask(found, offline=offline)
    devices = Asked(devices_of(found))
    running = Asked(
        {
            looked.provider.instance: looked.backend.hosting.running
            for looked in found
            if looked.backend is not None
            and looked.backend.hosting is not None
            and looked.provider.instance not in not_asked
        }
    )
    ledger = view_of(settings.home)
    report = Diagnosis(
        remarks=(),
        installation=installation(),
        providers=tuple(looked.provider for looked in found),
        setup=setup(settings, trouble),
        disk=disk(settings.home),
        ledger=ledger,
        costs=costs(running.answers(NETWORK_LIMIT_S), not_asked, found, ledger),
        machine=machine(devices.answers(DEVICE_LIMIT_S)),
    )
    return replace(report, remarks=tuple(remarks(report, claimed_twice())))
