"""The report as text: what is wrong first, then what costs money, then the facts for whoever has to help."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from ftkit.backend import Device
from ftkit.diagnosis.report import Access, Charge, Diagnosis, Group, Level, Provider, Remark
from ftkit.ledger import Condition
from ftkit.secrets import redact

_WIDTH = 96
_HOUR = 3600
_LABEL = 10  # characters of the first column
_TIED = "\u00a0"  # a space at which no line is broken


def in_words(report: Diagnosis) -> str:
    """Sections in the order of what matters; the user's folder is `~`, so that the text can be passed on."""
    sections = [
        "\n".join(_head(report)),
        *("\n".join(_remark(remark)) for remark in report.remarks),
        "\n".join(["costs money now", *_costs(report)]),
        "\n".join(["providers", *_providers(report.providers)]),
        "\n".join(["packages", *_packages(report.installation.groups)]),
        "\n".join(["settings", *_settings(report)]),
        "\n".join(["machine", *_machine(report)]),
    ]
    text = redact("\n\n".join(sections))
    user = str(Path.home())
    return text.replace(user, "~") if len(user) > 1 else text


def _head(report: Diagnosis) -> Iterator[str]:
    installed = report.installation
    yield f"ftkit {installed.version or 'of unknown version'}, Python {installed.python}, {installed.system}"
    counts = [
        f"{len(found)} {level}{'' if len(found) == 1 else 's'}"
        for level, found in ((Level.PROBLEM, report.problems), (Level.NOTICE, report.notices))
        if found
    ]
    yield ", ".join(counts) or "nothing is wrong"


def _remark(remark: Remark) -> Iterator[str]:
    yield from _row(str(remark.level), remark.what, indent="")
    yield from _row("", remark.todo, mark="-> ", indent="")


def _costs(report: Diagnosis) -> Iterator[str]:
    costs = report.costs
    now = datetime.fromisoformat(costs.at)
    for charge in costs.charges:
        yield from _row(charge.kind, _charge(charge, now))
    # what is billed by the hour goes on until somebody stops it, a job ends by itself
    if costs.deployments:
        unknown = sum(charge.usd_per_hour is None for charge in costs.deployments)
        and_more = f", and {unknown} at a price that is not known" if unknown else ""
        stop = "; `ftkit hosting stop PROVIDER/ID` ends one"
        yield from _row("in all", f"{_usd(costs.usd_per_hour)} USD an hour{and_more}{stop}")
    elif not costs.charges:
        yield from _row("nothing", "that this ledger or a provider that was asked knows of")
    if costs.asked:
        yield from _row("asked", ", ".join(costs.asked))
    for instance, reason in costs.not_asked.items():
        yield from _row("not asked", f"{instance}: {reason}")


def _charge(charge: Charge, now: datetime) -> str:
    began = _moment(charge.since)
    where = charge.id if charge.kind == "job" else f"{charge.instance}/{charge.id}"
    words = [f"{where} of {charge.model}"]
    if charge.kind == "job":
        words.append("price not known" if charge.usd is None else f"quoted {_usd(charge.usd)} USD")
    elif charge.usd_per_hour is None:
        words.append("price not known")
    else:
        cost = None if began is None else charge.usd_per_hour * _hours(began, now)
        so_far = "" if cost is None else f", {_usd(cost)} so far"
        words.append(f"{_usd(charge.usd_per_hour)} USD an hour{so_far}")
    since = charge.since if began is None else f"{began:%Y-%m-%d{_TIED}%H:%M{_TIED}UTC}"
    words.append(f"since{_TIED}{since}")
    if charge.source == "ledger":
        words.append("as last seen")
    if not charge.ours:
        words.append("not of this ledger: somebody else may need it")
    return "; ".join(words)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None  # a time that the provider writes in its own way


def _hours(began: datetime, now: datetime) -> Decimal:
    return Decimal(max(0, round((now - began).total_seconds()))) / _HOUR


def _usd(amount: Decimal) -> str:
    """Cents, and small sums with two digits that say something."""
    return f"{amount:.2f}" if amount == 0 or amount >= Decimal("0.01") else f"{float(amount):.2g}"


def _providers(providers: Sequence[Provider]) -> Iterator[str]:
    if not providers:
        yield from _row("none", "can be opened, see above")
    for told in providers:
        match told.access:
            case Access.READY if told.parts == ("pricing",):
                words = ["prices only, jobs cannot be submitted there yet"]
            case Access.READY:
                words = [", ".join(told.parts), _credentials(told)]
            case Access.NOT_INSTALLED:
                words = [told.trouble]
            case Access.BROKEN:
                words = ["see above"]
        package = (told.package or "no package that is installed").replace(" ", _TIED)
        backend = "" if told.instance == told.backend else f"backend {told.backend}, "
        yield from _row(told.instance, "; ".join([told.access, *words, f"{backend}from {package}"]))


def _credentials(told: Provider) -> str:
    if not told.credentials:
        return "no credential looked for"
    return ", ".join(
        f"{one.variable} is {'set' if one.found else 'of no use' if one.trouble else 'not set'}"
        for one in told.credentials
    )


def _packages(groups: Sequence[Group]) -> Iterator[str]:
    for group in groups:
        found = [f"{p.name}{_TIED}{p.installed}" for p in group.packages if p.installed is not None]
        label = group.extra or "ftkit"
        if not group.missing:
            state = "clash" if group.clashes else "complete"
            yield from _row(label, f"{state}: {', '.join(found)}")
            continue
        missing = ", ".join(package.name for package in group.missing)
        yield from _row(label, f"missing: {missing}")
        yield from _row("", group.command, mark="-> ")
        if found:
            yield from _row("", f"there: {', '.join(found)}")


def _settings(report: Diagnosis) -> Iterator[str]:
    setup, ledger, disk = report.setup, report.ledger, report.disk
    yield from _row("files", ", ".join(map(str, setup.files)) or "none")
    yield from _row("profile", f"{setup.profile}{_origin(setup.profile_from)}")
    model = "none" if setup.model is None else f"{setup.model}{_origin(setup.model_from)}"
    yield from _row("model", model)
    state = "" if disk.exists else "; not there yet"
    free = "" if disk.free is None else f"; {_gib(disk.free)} free"
    kind = "" if ledger.file_system is None else f" on {ledger.file_system}"
    yield from _row("home", f"{setup.home}{_origin(setup.home_from)}{state}{free}{kind}")
    yield from _row("ledger", _ledger(report))
    yield from _row("python", report.installation.executable)


def _origin(place: str) -> str:
    return "" if place == "default" else f" (from {place})"


def _ledger(report: Diagnosis) -> str:
    ledger = report.ledger
    if ledger.condition is Condition.ABSENT:
        return "none yet"
    words = [str(ledger.condition)]
    if ledger.schema is not None:
        words.append(f"schema {ledger.schema}")
    if ledger.jobs is not None:
        words.append(f"{ledger.jobs:,} job{'' if ledger.jobs == 1 else 's'}")
    words.append(f"{ledger.size / 2**20:.1f} MiB")
    if ledger.write_ahead_log is not None:
        words.append("write-ahead log" if ledger.write_ahead_log else "rollback journal")
    return ", ".join(words)


def _machine(report: Diagnosis) -> Iterator[str]:
    machine = report.machine
    memory = "" if machine.memory is None else f", {_gib(machine.memory)} of memory"
    yield from _row("processor", f"{machine.cores} cores{memory}")
    for device in machine.devices:
        yield from _row("device", _device(device))


def _device(device: Device) -> str:
    words = [device.name]
    if device.memory is not None:
        words.append(f"{_gib(device.memory)} of memory")
    if device.memory_free is not None:
        words.append(f"{_gib(device.memory_free)} free")
    if device.trouble:
        words.append("not used")
    return ", ".join(words)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _row(label: str, text: str, *, mark: str = "", indent: str = "  ") -> Iterator[str]:
    """A label and its text, wrapped under itself; a longer label pushes its own line only."""
    first = f"{indent}{label:<{_LABEL}} {mark}"
    later = " " * (len(indent) + _LABEL + 1 + len(mark))
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (line.replace(_TIED, " ") for line in lines)
