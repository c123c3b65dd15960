"""Judges what rows mean, after `load` has judged their shape: a module per family of rules, a function per rule."""

from __future__ import annotations

from ftkit.data.checks.own_rules import CheckRule, check_rule
from ftkit.data.checks.portrait import Portrait
from ftkit.data.checks.report import (
    NEVER,
    CheckReport,
    Finding,
    Severity,
    Skipped,
    report_of_faults,
)
from ftkit.data.checks.rules import RULES, check
from ftkit.data.checks.view import DataView, RowView

__all__ = [
    "NEVER",
    "RULES",
    "CheckReport",
    "CheckRule",
    "DataView",
    "Finding",
    "Portrait",
    "RowView",
    "Severity",
    "Skipped",
    "check",
    "check_rule",
    "report_of_faults",
]
