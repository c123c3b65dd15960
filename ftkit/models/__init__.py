"""Models: the handle, its replies, the file it is saved as, and what is deployed."""

from ftkit.models.batch_settling import cancel_batch, settle_batch
from ftkit.models.batched import Batch, BatchCounts, find_batch, list_batches
from ftkit.models.handle import Model
from ftkit.models.hosted import Deployed, list_deployments, settle_deployment, stop_deployment
from ftkit.models.questions import Question
from ftkit.models.reply import Reply, Stream

__all__ = [
    "Batch",
    "BatchCounts",
    "Deployed",
    "Model",
    "Question",
    "Reply",
    "Stream",
    "cancel_batch",
    "find_batch",
    "list_batches",
    "list_deployments",
    "settle_batch",
    "settle_deployment",
    "stop_deployment",
]
