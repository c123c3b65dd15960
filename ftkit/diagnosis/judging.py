"""From facts to remarks: what keeps something from working, what is good to know, and what to do about each.

A rule is a generator over the facts. What is merely not set up (an extra, a key) is a problem only where the model in
force needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ftkit.diagnosis.report import Access, Diagnosis, Level, Remark
from ftkit.ledger import Condition, State, Verb

_SHOWN = 10  # unsettled or unfinished pieces of work, a remark each
_LITTLE_SPACE = 2**30  # bytes
_NOT_SENT = (State.PREPARED, State.UPLOADING)
_OTHER_FOLDER = "or set FTKIT_HOME to another folder"


def remarks(report: Diagnosis, claimed_twice: Sequence[str]) -> list[Remark]:
    """Problems first, each thing once."""
    found = [_problem(claim, "uninstall one of them") for claim in claimed_twice]
    for rule in _RULES:
        found += rule(report)
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda remark: remark.level is Level.NOTICE)


def _problem(what: str, todo: str) -> Remark:
    return Remark(Level.PROBLEM, what, todo)


def _notice(what: str, todo: str) -> Remark:
    return Remark(Level.NOTICE, what, todo)


def _configuration(report: Diagnosis) -> Iterator[Remark]:
    if report.setup.trouble:
        yield _problem(
            f"the configuration cannot be read: {report.setup.trouble}",
            "mend that file; what follows was found with the defaults",
        )
    if report.setup.clock is not None:
        yield _notice(
            f"FTKIT_NOW sets the clock to {report.setup.clock}; prices, dates and waits follow it",
            "unset FTKIT_NOW outside of tests",
        )


def _packages(report: Diagnosis) -> Iterator[Remark]:
    if report.installation.version is None:
        yield _problem(
            "ftkit was not installed as a package: its backends and requirements are not known",
            "pip install ftkit",
        )
    for group in report.installation.groups:
        who = "ftkit" if group.extra is None else f"ftkit[{group.extra}]"
        if group.extra is None and group.missing:
            names = ", ".join(package.name for package in group.missing)
            yield _problem(f"ftkit needs {names}, which is not installed", group.command)
        for package in group.clashes:
            what = f"{package.name} {package.installed} is installed, {who} needs {package.needed}"
            # an extra of which packages are missing is not in use
            kind = _problem if group.extra is None or not group.missing else _notice
            yield kind(what, f"pip install '{package.name}{package.needed}'")


def _providers(report: Diagnosis) -> Iterator[Remark]:
    instance, slash, _ = (report.setup.model or "").partition("/")
    for told in report.providers:
        in_force = f"the model in force, {report.setup.model}, needs {told.instance}"
        if told.access is Access.BROKEN:
            yield _problem(
                f"{told.instance} cannot be opened: {told.trouble}",
                f"mend [providers.{told.instance}] in the configuration"
                if told.configured
                else f"pip uninstall {(told.package or told.backend).partition(' ')[0]}, or install it anew",
            )
        for one in told.credentials:
            if one.trouble:
                yield _problem(f"{told.instance}: {one.trouble}", f"export {one.variable} again")
        if told.instance != instance or told.access is Access.BROKEN:
            continue
        if told.access is Access.NOT_INSTALLED:
            yield _problem(in_force, told.trouble)
        elif not told.has_credential:
            names = " or ".join(one.variable for one in told.credentials)
            yield _problem(f"{in_force}, and {told.lacks_credential}", f"export {names}")
    known = {told.instance for told in report.providers}
    if slash and known and instance not in known:
        yield _problem(
            f"the model in force, {report.setup.model}, names a provider that is not there",
            "see `ftkit config show` for where it is set, and the list of providers below",
        )


def _ledger(report: Diagnosis) -> Iterator[Remark]:
    ledger, path = report.ledger, report.ledger.path
    match ledger.condition:
        case Condition.DAMAGED:
            yield _problem(
                f"the ledger {path} is damaged: {ledger.reason}",
                "copy the folder first if you want to report it; the next command, such as `ftkit jobs`, "
                "sets it aside and keeps what can be read",
            )
        case Condition.UNREADABLE:
            yield _problem(
                f"the ledger {path} cannot be read: {ledger.reason}",
                f"make the folder and the files in it readable for you, {_OTHER_FOLDER}",
            )
        case Condition.NEWER:
            yield _problem(
                f"the ledger was written by a newer ftkit (schema {ledger.schema}) and is only read",
                f"pip install --upgrade ftkit, {_OTHER_FOLDER}",
            )
        case Condition.OLDER:
            yield _notice(
                f"the ledger has the older schema {ledger.schema}",
                "nothing: the next command brings it up and keeps a copy; then run this again",
            )
        case Condition.BUSY:
            yield _notice(
                f"the ledger is being written to, or a change was interrupted: {ledger.reason}",
                "run `ftkit jobs`, then this again",
            )
        case _:
            pass
    if ledger.rebuilt_at is not None:
        yield _notice(
            f"the ledger was damaged and rebuilt on {ledger.rebuilt_at[:10]}; something may be missing in it",
            "ftkit jobs import PROVIDER takes up jobs that it does not know",
        )
    if ledger.on_network:
        yield _notice(
            f"FTKIT_HOME is on a network file system ({ledger.file_system}): slower, and safe from one machine "
            "at a time",
            "set FTKIT_HOME to a local disk",
        )


def _disk(report: Diagnosis) -> Iterator[Remark]:
    if not report.disk.writable:
        yield _problem(
            f"{report.setup.home} is not writable for you",
            f"make the folder and the files in it writable, {_OTHER_FOLDER}",
        )
    if report.disk.free is not None and report.disk.free < _LITTLE_SPACE:
        yield _notice(
            f"only {report.disk.free / 2**20:.0f} MiB are free where FTKIT_HOME is",
            f"make space, {_OTHER_FOLDER}",
        )


def _unsettled(report: Diagnosis) -> Iterator[Remark]:
    found = [intent for intent in report.ledger.intents if intent.state.open]
    for intent in found[:_SHOWN]:
        what, settle = f"{intent.verb} of {intent.subject}", "the same call looks for it again"
        price = "" if intent.usd is None else f" ({intent.usd} USD)"
        if intent.verb is Verb.CREATE:
            what, settle = f"job {intent.key}", f"ftkit job settle {intent.key}"
        elif intent.verb is Verb.DEPLOY:
            what = f"the deployment of {intent.subject}"
            settle = f"ftkit hosting settle {intent.key}"
            price = price.replace(" USD)", " USD an hour)")
        elif intent.verb is Verb.BATCH:
            what = f"batch {intent.key}"
            settle = f"ftkit batches settle {intent.key}"
            price = price.replace("(", "(at most ")
        yield _notice(
            f"{what} was sent to {intent.instance} and the answer was lost: it may be billed{price}",
            settle,
        )
    if len(found) > _SHOWN:
        yield _notice(
            f"and {len(found) - _SHOWN} more calls whose answer was lost",
            "`ftkit jobs`, `ftkit hosting` and `ftkit batches` list them",
        )


def _prepared(report: Diagnosis) -> Iterator[Remark]:
    found = [
        intent
        for intent in report.ledger.intents
        if intent.verb is Verb.CREATE and intent.state in _NOT_SENT
    ]
    for intent in found[:_SHOWN]:
        yield _notice(
            f"job {intent.key} at {intent.instance} was prepared and not sent: nothing was paid",
            f"ftkit job go-on {intent.key} finishes it",
        )
    if len(found) > _SHOWN:
        yield _notice(
            f"and {len(found) - _SHOWN} more prepared jobs", "`ftkit jobs` lists all jobs"
        )


def _devices(report: Diagnosis) -> Iterator[Remark]:
    for trouble in report.machine.trouble:
        yield _problem(
            f"the devices of this machine cannot be listed: {trouble}",
            "mend or reinstall it, then run this again",
        )
    for device in report.machine.devices:
        if device.trouble:
            yield _notice(f"{device.name} is not used", device.trouble)


def _not_asked(report: Diagnosis) -> Iterator[Remark]:
    told = {one.instance: one for one in report.providers}
    for instance, reason in report.costs.not_asked.items():
        if reason != "offline" and told[instance].has_credential:
            yield _notice(
                f"{instance} could not be asked what runs there: {reason}",
                "run this again, or look at the provider",
            )


_RULES: tuple[Callable[[Diagnosis], Iterator[Remark]], ...] = (
    _configuration,
    _packages,
    _providers,
    _ledger,
    _disk,
    _unsettled,
    _prepared,
    _devices,
    _not_asked,
)
