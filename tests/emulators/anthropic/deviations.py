"""Every place where the emulator's answers are not held to the SDK's types. There is no other; a test prints the list."""

from __future__ import annotations

DEVIATIONS = {
    # The types lack these.
    "ping": "the types of a stream have no ping, which the service sends: judged by its form",
    "request_too_large": "413 has an error type that the types lack: judged as an api_error",
    # A test ordered it.
    "fault": "the client was sent what a fault ordered; the real answer below it is judged where there is one",
}

# What is read differently in the types before they can judge.
MENDED = {
    "request types": "let unknown fields pass and read lists lazily: rebuilt closed and eager, without the models of "
    "answers, which no JSON is",
    "answer types": "keep unknown fields: each one is a fault",
    "user_profile_id, workspace_id": "are in the request types, but the package sends them as headers: in a body a fault",
    "sampling": "version 2023-06-01 has temperature, top_p and top_k, which no type has: not judged there",
    "the order of a stream": "is in no type: judged by stream_order.py",
}
