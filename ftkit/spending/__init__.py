"""Spending: the one gate that every paid call goes through, and what happens when its outcome is not known."""

from ftkit.spending.accounts import same_account, scope_of
from ftkit.spending.answers import Meter, metered
from ftkit.spending.budget import Limit, affordable, tightest
from ftkit.spending.call_prices import CallPrices
from ftkit.spending.gate import Purchase, Search, adopt, look, settle, spend, unknown
from ftkit.spending.keys import attempt_key, digest, parsed_key, stem_of
from ftkit.spending.locks import held_for_life, if_nobody_does, in_use, one_at_a_time
from ftkit.spending.monthly import MonthlyBudget
from ftkit.spending.statement import Spent, spent

__all__ = [
    "CallPrices",
    "Limit",
    "Meter",
    "MonthlyBudget",
    "Purchase",
    "Search",
    "Spent",
    "adopt",
    "affordable",
    "attempt_key",
    "digest",
    "held_for_life",
    "if_nobody_does",
    "in_use",
    "look",
    "metered",
    "one_at_a_time",
    "parsed_key",
    "same_account",
    "scope_of",
    "settle",
    "spend",
    "spent",
    "stem_of",
    "tightest",
    "unknown",
]
