"""The catalogue: schema, loading and overriding of the facts that each backend's folder brings; code only, no figures."""

from ftkit.catalogue.overriding import Figure, Overrides
from ftkit.catalogue.schema import (
    Catalogue,
    ImageFacts,
    ModelFacts,
    PackagedFile,
    Rate,
    load_catalogue,
)

__all__ = [
    "Catalogue",
    "Figure",
    "ImageFacts",
    "ModelFacts",
    "Overrides",
    "PackagedFile",
    "Rate",
    "load_catalogue",
]
