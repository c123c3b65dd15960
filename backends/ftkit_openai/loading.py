"""A tuned model is not found for minutes after its job has succeeded: OpenAI says 404 while it loads.

The same 404 means a name that is wrong, and that must not be waited for: only a model that is new may be loading.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ftkit import clock
from ftkit.backend import ModelRecord
from ftkit.errors import NotFound
from ftkit.http.replies import number
from ftkit.patience import patiently
from ftkit_openai.client import Client

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 15.0


class Loading:
    """One answer's patience with one model. `gone` raises where the model was switched off."""

    def __init__(
        self,
        client: Client,
        record: ModelRecord,
        loading_s: float,
        gone: Callable[[str, str, NotFound], None],
    ) -> None:
        self._client = client
        self._record = record
        self._loading_s = loading_s
        self._gone = gone
        self._until: datetime | None = None
        self._pause_s = _FIRST_PAUSE_S

    def pause_s(self, error: NotFound) -> float:
        """Seconds until the model may answer; raises where there is nothing to wait for (any more)."""
        record = self._record
        self._gone(record.native, record.base, error)
        if not record.tuned:
            raise error
        if self._until is None:
            self._until = self._made_at(error) + timedelta(seconds=self._loading_s)
        left = (self._until - clock.now()).total_seconds()
        if left <= 0:
            raise NotFound(
                f"{record.id} is not found by OpenAI, and is not new, so it is not loading: was it deleted, or does it "
                f"belong to another project? ({error})"
            ) from error
        pause, self._pause_s = self._pause_s, min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return min(pause, left)

    def _made_at(self, error: NotFound) -> datetime:
        """When the model was made, as its list of models says."""
        native = self._record.native
        try:
            model = patiently(
                self._record.instance,
                lambda: self._client.read(
                    "GET /models/ID", lambda sdk: sdk.models.with_raw_response.retrieve(native)
                ),
            )
        except NotFound:
            raise error from None
        return datetime.fromtimestamp(number(model, "created"), UTC)
