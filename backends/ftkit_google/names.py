"""Google's resource names, and the host of each location.

A name holds the location of what it names; the SDK takes the host from its client's location instead, so that a name
sent by the wrong client ends in a 404.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(
    r"projects/(?P<project>[\w.:-]{1,60})/locations/(?P<location>[a-z0-9-]{1,40})"
    r"/(?P<kind>tuningJobs|endpoints|models)/(?P<id>[\w-]{1,80})(?:@(?P<version>[\w.-]{1,80}))?"
)
_OBJECT = re.compile(r"gs://(?P<bucket>[a-z0-9._-]{3,222})/(?P<object>[!-\[\]-~]{1,900})")
_MANY_REGIONS = ("us", "eu")


@dataclass(frozen=True, slots=True)
class Resource:
    """A job, an endpoint or a model. `project` may be an id or a number, and both name the same project."""

    project: str
    location: str
    kind: Literal["tuningJobs", "endpoints", "models"]
    id: str
    version: str | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """What is the same whether the project is written as an id or as a number."""
        return self.location, self.kind, self.id


def parsed(name: str) -> Resource | None:
    """The pieces of a name, None where it is none."""
    found = _NAME.fullmatch(name)
    return None if found is None else Resource(**found.groupdict())  # type: ignore[arg-type]


def parsed_object(uri: str) -> tuple[str, str] | None:
    """Bucket and object of a gs:// address."""
    found = _OBJECT.fullmatch(uri)
    return None if found is None else (found["bucket"], found["object"])


def host_of(location: str) -> str:
    """Where a location is reached, as google-genai has it too."""
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _MANY_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"
