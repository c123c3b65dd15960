"""The contract of a backend: a frozen record of up to five parts, each a Protocol.

A part that is missing is None; a method or option that is missing is named in `lacks` with a reason, and the core
refuses it by name. The core never asks *which* backend it has: what differs is data or a method.
"""

from ftkit.backend.answers import Answer, Call, CallRates, ModelRecord, Score, Usage
from ftkit.backend.jobs import (
    Base,
    Checkpoint,
    Event,
    Forecast,
    JobStatus,
    Quantity,
    Remote,
    Resolved,
    TrainRequest,
    Upload,
)
from ftkit.backend.outcomes import NotSent, OutcomeUnknown, Refused, Unavailable
from ftkit.backend.parts import (
    OPTIONAL_OF_INFERENCE,
    OPTIONAL_OF_TRAINING,
    Checkpoints,
    Device,
    Download,
    Hosting,
    Inference,
    Installs,
    Listing,
    OwnEstimate,
    Preflight,
    Pricing,
    Resume,
    Running,
    Scores,
    Training,
    Uploads,
)
from ftkit.backend.plugin import Backend, Plugin

__all__ = [
    "OPTIONAL_OF_INFERENCE",
    "OPTIONAL_OF_TRAINING",
    "Answer",
    "Backend",
    "Base",
    "Call",
    "CallRates",
    "Checkpoint",
    "Checkpoints",
    "Device",
    "Download",
    "Event",
    "Forecast",
    "Hosting",
    "Inference",
    "Installs",
    "JobStatus",
    "Listing",
    "ModelRecord",
    "NotSent",
    "OutcomeUnknown",
    "OwnEstimate",
    "Plugin",
    "Preflight",
    "Pricing",
    "Quantity",
    "Refused",
    "Remote",
    "Resolved",
    "Resume",
    "Running",
    "Score",
    "Scores",
    "TrainRequest",
    "Training",
    "Unavailable",
    "Upload",
    "Uploads",
    "Usage",
]
