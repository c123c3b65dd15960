"""What `ftkit doctor` tells: facts about this installation, gathered without changing anything, and what they mean.

A module per kind of fact gathers, `judging` draws the conclusions, `wording` writes them down.
"""

from ftkit.diagnosis.examining import diagnose
from ftkit.diagnosis.report import Diagnosis, Level, Remark

__all__ = ["Diagnosis", "Level", "Remark", "diagnose"]
