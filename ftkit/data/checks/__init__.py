"""Judges what rows mean, after `load` has judged their shape: a module per family of rules, a function per rule."""

from __future__ import annotations

from ftkit.data.checks.report import CheckReport, Finding, Severity, report_of_faults
from ftkit.data.checks.rules import RULES, check

__all__ = ["RULES", "CheckReport", "Finding", "Severity", "check", "report_of_faults"]
