"""Cost: the quote of a run, as an executable plan, and the table of everything that could be trained instead."""

from ftkit.cost.calibration import Calibration, calibrations
from ftkit.cost.candidates import Candidate, PassedOver
from ftkit.cost.planning import chosen_model, model_renderer, parsed_method, parsed_settings, plan
from ftkit.cost.price_list import Price, SecondOpinion, price_list, second_opinions
from ftkit.cost.price_table import PriceTable, price_table
from ftkit.cost.quote import Quote, QuoteLine, priced
from ftkit.cost.right_answers import RightAnswer, report_values
from ftkit.cost.sensitivity import Turn
from ftkit.cost.without_data import Amounts, amounts, quote_without_data

__all__ = [
    "Amounts",
    "Calibration",
    "Candidate",
    "PassedOver",
    "Price",
    "PriceTable",
    "Quote",
    "QuoteLine",
    "RightAnswer",
    "SecondOpinion",
    "Turn",
    "amounts",
    "calibrations",
    "chosen_model",
    "model_renderer",
    "parsed_method",
    "parsed_settings",
    "plan",
    "price_list",
    "price_table",
    "priced",
    "quote_without_data",
    "report_values",
    "second_opinions",
]
