"""Every place where the emulator's answers are not held to the discovery documents; a test prints the list."""

from __future__ import annotations

DEVIATIONS = {
    # The discovery documents lack these.
    "errors": "no document describes errors: judged by google.rpc.Status in Google's JSON form, or Cloud Storage's",
    "oauth": "the token endpoint is in no discovery document: judged by the rules in oauth_routes.py",
    "assertion times": "a signed assertion carries the client's real clock, the emulator's may be virtual: only its "
    "length of life is looked at",
    "upload session": "the documents say how an upload begins, not how its session goes on: judged by uploads.py",
    "media": "the bytes of an object are described by no schema",
    "misnamed model": "models/ID:generateContent is no method, yet the service explains itself (python-genai#1679)",
    "unknown route": "an unknown path is answered as any error, and is a violation of its own",
    # A test ordered these.
    "patched job": "a test laid fields over a job (an unknown state, say): judged without them",
    "fault": "the client was sent what a fault ordered; the real answer below it is judged where there is one",
}

# What is read differently in the documents before a validator can use them, or is added to them.
MENDED = {
    "names": "a request may write a field's own name (checkpoint_id) for its JSON name, as protobuf's JSON allows",
    "int64": "a request may write a whole number as a number or as text; an answer writes text only",
    "required": "a field is required in a request where its description begins with 'Required.'",
    "output only": "a readOnly field in a request counts as unknown: the service would ignore it without a word",
    "always there": "fields without which an answer means nothing are required in it, see ALWAYS in contract.py",
    "query": "`upload_id` and `uploadType` belong to the upload protocol, which the documents name only in passing",
}
