"""Talking to a provider through its own SDK, where that sits on httpx2: the same outcomes as over plain HTTP.

Who lives here: the client that a backend derives its own from (`client`), what stands between the SDK and the wire
(`hooks`), an answer as a value (`seeing`). No SDK is imported here: the backend names its own.
"""

from ftkit.http.sdk.client import Call, SdkClient

__all__ = ["Call", "SdkClient"]
