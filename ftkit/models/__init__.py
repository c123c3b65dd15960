"""Models: the handle, its replies, the file it is saved as, and what is deployed."""

from ftkit.models.batch_settling import cancel_batch, settle_batch
from ftkit.models.batched import Batch, BatchCounts, find_batch, list_batches
from ftkit.models.deploy_plan import DeployPlan, Done, planned_deployment
from ftkit.models.handle import Model
from ftkit.models.hosted import (
    Deployed,
    DeploymentStatus,
    list_deployments,
    settle_deployment,
)
from ftkit.models.left_behind import stop_left_behind
from ftkit.models.questions import Question
from ftkit.models.reply import Reply, Stream
from ftkit.models.undeploying import stop_deployment, undeploy

__all__ = [
    "Batch",
    "BatchCounts",
    "DeployPlan",
    "Deployed",
    "DeploymentStatus",
    "Done",
    "Model",
    "Question",
    "Reply",
    "Stream",
    "cancel_batch",
    "find_batch",
    "list_batches",
    "list_deployments",
    "planned_deployment",
    "settle_batch",
    "settle_deployment",
    "stop_deployment",
    "stop_left_behind",
    "undeploy",
]
