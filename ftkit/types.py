"""The public types: what verbs take and return. Nothing is defined here."""

from ftkit.backend import (
    Checkpoint,
    Event,
    Forecast,
    JobStatus,
    ModelRecord,
    Resolved,
    Score,
    Usage,
)
from ftkit.cost import Quote, QuoteLine
from ftkit.data import CheckReport, Dataset, Example, Finding, Image, Message, Severity, ToolCall
from ftkit.diagnosis import Diagnosis, Remark
from ftkit.evaluation import AnswerMetric, Comparison, Metric, Report, Verdict
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.ledger import HistoryLine, Phase
from ftkit.models import Deployed, Model, Reply, Stream
from ftkit.rescuing import Missing, Rescue
from ftkit.submission import DryRun, Job

__all__ = [
    "AnswerMetric",
    "CheckReport",
    "Checkpoint",
    "Comparison",
    "Dataset",
    "Deployed",
    "Diagnosis",
    "DryRun",
    "Event",
    "Example",
    "Finding",
    "Forecast",
    "HistoryLine",
    "Hyperparameters",
    "Image",
    "Job",
    "JobStatus",
    "Message",
    "Method",
    "Metric",
    "Missing",
    "Model",
    "ModelRecord",
    "Phase",
    "Quote",
    "QuoteLine",
    "Remark",
    "Reply",
    "Report",
    "Rescue",
    "Resolved",
    "Score",
    "Severity",
    "Stream",
    "ToolCall",
    "Usage",
    "Verdict",
]
