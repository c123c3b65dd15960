"""Models: the handle, its replies, and the file it is saved as."""

from ftkit.models.handle import Model
from ftkit.models.questions import Question
from ftkit.models.reply import Reply, Stream

__all__ = ["Model", "Question", "Reply", "Stream"]
