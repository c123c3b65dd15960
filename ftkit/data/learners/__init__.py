"""Small models of words, trained in a second: what a tuned model has to beat, and a second opinion on labels."""

from __future__ import annotations

from ftkit.data.learners.doubts import Doubt, doubts
from ftkit.data.learners.features import features, most_words
from ftkit.data.learners.logistic import Logistic, can_be_trained
from ftkit.data.learners.naive_bayes import NaiveBayes

__all__ = [
    "Doubt",
    "Logistic",
    "NaiveBayes",
    "can_be_trained",
    "doubts",
    "features",
    "most_words",
]
