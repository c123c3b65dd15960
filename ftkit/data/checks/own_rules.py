"""Rules of a project or of another package, with codes of their own; `FT` is ftkit's.

A project decorates a function with `check_rule`; a package names one in the entry-point group `ftkit.checks`. What goes
wrong inside such a rule becomes FT901, never a traceback: a stranger's mistake must not stop what has nothing to do with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from threading import Lock

from ftkit.data.checks.report import Finding, Severity, Skipped
from ftkit.data.checks.view import DataView
from ftkit.errors import ConfigError

GROUP = "ftkit.checks"
_CODE = re.compile(r"[A-Z][A-Z_]{1,15}[0-9]{1,5}")

RuleFunction = Callable[[DataView], Iterator[Finding | Skipped]]


@dataclass(frozen=True, slots=True)
class CheckRule:
    """A rule that is not ftkit's: its code, such as ACME001, and a generator of findings with this code."""

    code: str
    look: RuleFunction

    @property
    def name(self) -> str:
        """Where it is from, for messages."""
        return f"{self.look.__module__}.{self.look.__qualname__}"

    def __call__(self, data: DataView) -> Iterator[Finding | Skipped]:
        return self.look(data)


_decorated: dict[str, CheckRule] = {}
_lock = Lock()


def check_rule(code: str) -> Callable[[RuleFunction], CheckRule]:
    """Decorator: make a function a rule of every check in this process.

    `code` is letters and a number, such as ACME001. Raises ConfigError for a code of ftkit's own, for one that is
    misshapen, and for one that another function has; the same function may be decorated again, as a notebook does.
    """
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ConfigError(
            f"the code of a rule is capital letters and a number, such as ACME001; got {code!r}"
        )
    if re.fullmatch(r"FT[0-9]+", code):
        raise ConfigError(f"{code}: codes that begin with FT are ftkit's; take letters of your own")

    def register(look: RuleFunction) -> CheckRule:
        rule = CheckRule(code, look)
        with _lock:
            other = _decorated.get(code)
            if other is not None and other.name != rule.name:
                raise ConfigError(
                    f"{code} is the code of {other.name} already; {rule.name} needs another"
                )
            _decorated[code] = rule
        return rule

    return register


def own_rules(data: DataView) -> Iterator[Finding | Skipped]:
    """FT901: what rules of others found, and which of them could not do their work."""
    found = _installed()
    # importing a package decorates its rules: those of the process are read afterwards
    for point, rule in found:
        if isinstance(rule, CheckRule):
            yield from _results(rule, data)
        else:
            yield _failed(f"{point.name} of the package {_package(point)}", rule)
    installed = {rule.name for _, rule in found if isinstance(rule, CheckRule)}
    with _lock:
        decorated = [rule for rule in _decorated.values() if rule.name not in installed]
    for rule in decorated:
        yield from _results(rule, data)


def _results(rule: CheckRule, data: DataView) -> Iterator[Finding | Skipped]:
    try:
        for result in rule(data):
            if isinstance(result, Finding) and result.code != rule.code:
                yield _failed(
                    rule.name, f"it gives the code {result.code!r}; its own is {rule.code}"
                )
            elif isinstance(result, Finding | Skipped):
                str(result), hash(result)  # one that cannot be printed fails here
                yield result
            else:
                yield _failed(rule.name, f"it gives {type(result).__name__}, not a Finding")
    except Exception as error:  # noqa: BLE001 - whatever a stranger's code does
        yield _failed(rule.name, f"{type(error).__name__}: {_said(error)}")


def _said(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:200]
    except Exception:  # noqa: BLE001 - any __str__ may fail
        return "(its message cannot be read)"


def _failed(rule: str, why: str) -> Finding:
    return Finding.on(
        [],
        "FT901",
        Severity.WARNING,
        f"the rule {rule} failed",
        detail=why,
        why="what it should look for was not looked for; the rule is not part of ftkit",
        mend="mend the rule, or uninstall the package that brings it",
    )


def _installed() -> list[tuple[EntryPoint, CheckRule | str]]:
    """Every rule that a package brings, or why it cannot be had."""
    found: list[tuple[EntryPoint, CheckRule | str]] = []
    for point in entry_points(group=GROUP):
        try:
            rule = point.load()
        except Exception as error:  # noqa: BLE001 - whatever a stranger's module does when it is imported
            found.append((point, f"{type(error).__name__}: {_said(error)}"))
            continue
        if isinstance(rule, CheckRule):
            found.append((point, rule))
        else:
            found.append(
                (
                    point,
                    f"the entry point names {type(rule).__name__}, not a function with @check_rule",
                )
            )
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
