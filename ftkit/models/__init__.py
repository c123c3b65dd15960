"""Models: the handle, its replies, the file it is saved as, and what is deployed."""

from ftkit.models.handle import Model
from ftkit.models.hosted import Deployed, list_deployments, settle_deployment, stop_deployment
from ftkit.models.questions import Question
from ftkit.models.reply import Reply, Stream

__all__ = [
    "Deployed",
    "Model",
    "Question",
    "Reply",
    "Stream",
    "list_deployments",
    "settle_deployment",
    "stop_deployment",
]
